#include "stacks/stacks_api.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "stacks/stacks_wire.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr std::string_view kStacksPath = "/_hearth/stacks";
constexpr std::string_view kArtifactsPath = "/_hearth/artifacts/";

void AnswerNotAllowed(aws::Call call, std::string_view allowed) {
  const std::string method = call.request.method;
  AnswerErrors(std::move(call), 405,
               {{{}, fmt::format("{} is not served here; served: {}", method, allowed)}});
}

// "shop" of "/_hearth/stacks/shop", "" of "/_hearth/stacks".
std::string Below(std::string_view path, std::string_view prefix) {
  path.remove_prefix(std::min(prefix.size(), path.size()));
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return io::PercentDecode(path);
}

}  // namespace

base::Result<std::unique_ptr<StacksApi>> StacksApi::Create(StacksApiOptions options,
                                                           store::Database& database,
                                                           io::Offload& writer) {
  auto stacks = TRY(StackStore::Load(database, writer));
  return std::unique_ptr<StacksApi>(new StacksApi(std::move(options), std::move(stacks)));
}

DeploymentHost StacksApi::host(std::string address) {
  return {.control = options_.control,
          .registry = options_.registry,
          .code = options_.code,
          .disk = options_.disk,
          .stacks = *stacks_,
          .clock = options_.clock,
          .destinations = options_.destinations,
          .account = options_.account,
          .queues = options_.queues,
          .mappings = options_.mappings,
          .objects = options_.objects,
          .buses = options_.buses,
          .archives = options_.archives,
          .schedules = options_.schedules,
          .address = std::move(address)};
}

AttachmentHost StacksApi::attachments() const {
  return {options_.registry, options_.mappings,     options_.disk,
          options_.clock,    options_.destinations, options_.account};
}

EventHost StacksApi::events() const {
  return {options_.buses, options_.archives, options_.schedules,
          options_.disk,  options_.clock,    options_.account};
}

void StacksApi::Register(aws::Gateway& gateway) {
  gateway.RegisterOwn(std::string(kStacksPath),
                      [this](aws::Call call) { Handle(std::move(call)); });
  gateway.RegisterOwn(std::string(kArtifactsPath),
                      [this](aws::Call call) { Handle(std::move(call)); });
}

void StacksApi::Handle(aws::Call call) {
  const std::string path(call.request.path());
  const std::string& method = call.request.method;
  if (path.starts_with(kArtifactsPath)) {
    HandleArtifact(std::move(call), Below(path, kArtifactsPath));
    return;
  }
  std::string name = Below(path, kStacksPath);
  if (!path.starts_with(kStacksPath) ||
      (path.size() > kStacksPath.size() && path[kStacksPath.size()] != '/')) {
    AnswerErrors(std::move(call), 404, {{{}, fmt::format("no such path: {}", path)}});
  } else if (name.empty()) {
    if (method == "GET") {
      List(std::move(call));
    } else {
      AnswerNotAllowed(std::move(call), "GET");
    }
  } else if (name.ends_with("/plan") && method == "POST") {
    name.resize(name.size() - 5);
    AnswerPlan(std::move(call), name);
  } else {
    HandleStack(std::move(call), name);
  }
}

void StacksApi::HandleStack(aws::Call call, const std::string& name) {
  const std::string method = call.request.method;
  if (method == "GET") {
    Describe(std::move(call), name);
  } else if (method == "POST") {
    Deploy(std::move(call), name);
  } else if (method == "DELETE") {
    Delete(std::move(call), name);
  } else {
    AnswerNotAllowed(std::move(call), "GET, POST, DELETE");
  }
}

void StacksApi::HandleArtifact(aws::Call call, const std::string& digest) {
  const bool is_lower_hex = std::ranges::all_of(
      digest, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (digest.size() != 64 || !is_lower_hex) {
    AnswerErrors(std::move(call), 400,
                 {{{},
                   fmt::format("'{}' is no SHA-256: 64 lower-case hexadecimal digits",
                               digest.substr(0, 80))}});
    return;
  }
  auto shared = std::make_shared<aws::Call>(std::move(call));
  if (shared->request.method == "HEAD") {
    options_.disk.Run([&code = options_.code, digest] { return code.Has(digest); },
                      [shared](bool has) { Answer(std::move(*shared), has ? 200 : 404, nullptr); });
    return;
  }
  if (shared->request.method != "PUT") {
    AnswerNotAllowed(std::move(*shared), "HEAD, PUT");
    return;
  }
  if (shared->request.body.size() > limits::kMaxZippedUpload.count()) {
    AnswerErrors(std::move(*shared), 413,
                 {{{},
                   fmt::format("{} bytes: an artifact has at most {}", shared->request.body.size(),
                               limits::kMaxZippedUpload.count())}});
    return;
  }
  options_.disk.Run(
      [&code = options_.code, digest,
       zip = std::move(shared->request.body)]() -> base::Result<layers::StoredCode> {
        const std::string actual = base::ToHex(base::Sha256Of(zip));
        if (actual != digest) {
          return base::Invalid("store artifact",
                               fmt::format("the body's SHA-256 is {}, not {}", actual, digest));
        }
        return code.Put(zip);
      },
      [shared](base::Result<layers::StoredCode> stored) {
        if (!stored) {
          AnswerErrors(std::move(*shared), StatusOf(stored.error()),
                       {{{}, stored.error().ToString()}});
          return;
        }
        Answer(std::move(*shared), 200,
               {{"sha256", stored->digest},
                {"zipped", stored->zipped.count()},
                {"unzipped", stored->unzipped.count()}});
      });
}

void StacksApi::List(aws::Call call) {
  Json stacks = Json::array();
  for (const auto& [name, record] : stacks_->stacks()) {
    stacks.push_back({{"name", name},
                      {"id", record.id},
                      {"description", record.description},
                      {"updated", record.updated},
                      {"status", busy_.contains(name) ? "changing" : "deployed"},
                      {"resources", record.resources.size()}});
  }
  Answer(std::move(call), 200, {{"stacks", std::move(stacks)}});
}

void StacksApi::Describe(aws::Call call, const std::string& name) {
  const StackRecord* record = stacks_->Find(name);
  if (record == nullptr) {
    AnswerErrors(std::move(call), 404, {{{}, fmt::format("there is no stack '{}'", name)}});
    return;
  }
  Json body = ToJson(*record);
  body["status"] = busy_.contains(name)                ? "changing"
                   : stacks_->intents().contains(name) ? "rollback failed"
                                                       : "deployed";
  Answer(std::move(call), 200, body);
}

void StacksApi::WithRecovered(const std::string& name, std::function<void(bool)> then) {
  if (!stacks_->intents().contains(name)) {
    then(true);
    return;
  }
  Deployment::Recover(
      host(), name, [](const Json&) {},
      [then = std::move(then)](DeploymentStatus status, const std::string&) {
        then(status != DeploymentStatus::kRollbackFailed);
      });
}

void StacksApi::Recover(std::function<void(std::vector<std::string>)> done) {
  struct Pending {
    std::vector<std::string> report;
    size_t left = 0;
    std::function<void(std::vector<std::string>)> done;
  };
  auto pending = std::make_shared<Pending>();
  pending->done = std::move(done);
  std::vector<std::string> names;
  for (const auto& [name, changes] : stacks_->intents()) names.push_back(name);
  // One more than there are, for the call below: with no stack `done` runs all the same.
  pending->left = names.size() + 1;
  const auto finish = [pending] {
    if (--pending->left == 0) pending->done(std::move(pending->report));
  };
  for (const auto& name : names) {
    busy_[name];
    const auto& changes = stacks_->intents().at(name);
    const char* good =
        !changes.empty() && changes.front().is_due ? "what was left to do is done" : "rolled back";
    WithRecovered(name, [this, name, pending, finish, good](bool is_clean) {
      busy_.erase(name);
      pending->report.push_back(
          fmt::format("the stack '{}' was being changed when the host stopped: {}", name,
                      is_clean ? good : "rolling it back failed; deploy it again"));
      finish();
    });
  }
  options_.disk.Run([] { return true; }, [finish](bool) { finish(); });
}

std::set<std::string> StacksApi::CodeInUse() const {
  std::set<std::string> digests;
  const auto add = [&digests](const std::optional<FunctionState>& state) {
    if (!state) return;
    digests.insert(state->code_digest);
    for (const auto& layer : state->settings.known_layers) digests.insert(layer.code_digest);
  };
  for (const auto& [name, codes] : code_in_use_) digests.insert(codes.begin(), codes.end());
  for (const auto& [name, changes] : stacks_->intents()) {
    for (const auto& change : changes) {
      add(change.before);
      add(change.after);
    }
  }
  return digests;
}

}  // namespace hearth::stacks
