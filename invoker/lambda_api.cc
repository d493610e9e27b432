#include "invoker/lambda_api.h"

#include <algorithm>

#include "invoker/api_call.h"
#include "invoker/concurrency_api.h"
#include "invoker/event_invoke_api.h"
#include "invoker/event_source_api.h"
#include "invoker/function_controls_api.h"
#include "invoker/function_json.h"
#include "invoker/function_name.h"
#include "invoker/function_url_api.h"
#include "invoker/invoke_api.h"
#include "invoker/layers_api.h"
#include "invoker/policy_api.h"
#include "invoker/tags_api.h"
#include "invoker/uploaded_code.h"
#include "invoker/versions_api.h"

namespace hearth::invoker {
namespace {

using base::Json;

aws::ApiError NotImplemented(const aws::Call& call) {
  return {.status = 501,
          .type = "NotImplementedException",
          .message = "Hearth does not serve " + call.request.method + " " +
                     std::string(call.request.path()) + " yet"};
}

// "/Hello/concurrency" of "/2017-10-31/functions/Hello/concurrency"; nothing where the path is
// another. Each operation has the date of the day when it came; what is below says which it is.
std::optional<std::string_view> BelowFunctions(std::string_view path) {
  constexpr std::string_view kPattern = "/dddd-dd-dd/functions";
  if (path.size() < kPattern.size()) return std::nullopt;
  const bool is_dated = std::ranges::equal(
      path.substr(0, kPattern.size()), kPattern,
      [](char c, char pattern) { return pattern == 'd' ? c >= '0' && c <= '9' : c == pattern; });
  if (!is_dated) return std::nullopt;
  return path.substr(kPattern.size());
}

constexpr char kNoSource[] = "Please provide a source for function code.";

std::optional<aws::ApiError> CheckUpdateCodeMembers(const Json& body,
                                                    const FunctionVersion& current) {
  for (const auto& [member, value] : body.items()) {
    if (value.is_null() || value == false || member == "ZipFile" || member.starts_with("S3") ||
        member == "ImageUri" || member == "SourceKMSKeyArn") {
      continue;
    }
    if (member == "DryRun" || member == "Publish" || member == "RevisionId") {
      if (member == "RevisionId" ? value.is_string() : value.is_boolean()) continue;
    } else if (member == "Architectures" && value == Json::array({current.architecture})) {
      continue;
    }
    return InvalidParameter("Hearth does not serve " + member + " " + base::ToJsonText(value) +
                            " in UpdateFunctionCode yet; leave the member out.");
  }
  return std::nullopt;
}

// After the function's own name, before those of functions whose names begin with it.
std::string VersionKey(const std::string& function, uint64_t number) {
  const std::string digits = std::to_string(number);
  return function + '\n' + std::string(20 - digits.size(), '0') + digits;
}

class LambdaApi final : public aws::Service {
 public:
  LambdaApi(ControlPlane& control, Registry& registry, Invoker& invoker, layers::CodeStore& code,
            io::Offload& disk, const io::Loop& loop, LambdaApiOptions options, AsyncQueue* events,
            CodeDownload* downloads, EventSourceMappings* mappings)
      : control_(control),
        registry_(registry),
        options_(std::move(options)),
        downloads_(downloads),
        versions_(control.versions(), registry, options_.account),
        concurrency_(control.versions(), registry, control.layers(), options_.account),
        policies_(registry, options_.account),
        tags_(registry, options_.account),
        controls_(registry, options_.account),
        layers_({control.layers(), code, disk, loop.service_clock(), options_.account, downloads,
                 options_.fetch_code}),
        urls_(registry, loop.service_clock(), options_.account),
        invoke_(registry, invoker, loop.clock(), options_.account, events) {
    if (mappings != nullptr)
      mappings_.emplace(*mappings, registry, loop.service_clock(), options_.account);
    if (events == nullptr) return;
    event_invoke_.emplace(registry, events->destinations(), loop.service_clock(), options_.account);
  }

  std::string_view name() const override { return "lambda"; }

  void Handle(aws::Call call) override {
    std::string_view path = call.request.path();
    if (path.starts_with(LayersApi::kPath)) {
      if (!layers_.Handle(call)) Refuse(call, NotImplemented(call));
      return;
    }
    if (mappings_ && path.starts_with(EventSourceApi::kPath)) {
      if (!mappings_->Handle(call)) Refuse(call, NotImplemented(call));
      return;
    }
    if (path.starts_with(TagsApi::kPath)) {
      if (!tags_.Handle(call)) Refuse(call, NotImplemented(call));
      return;
    }
    const std::string method = call.request.method;
    // Older clients write "/account-settings/".
    if (path.ends_with('/')) path.remove_suffix(1);
    if (path == ConcurrencyApi::kAccountPath && method == "GET") {
      return concurrency_.GetAccountSettings(std::move(call));
    }
    const auto below = BelowFunctions(path);
    if (!below) return Refuse(call, NotImplemented(call));
    path = *below;
    if (path.empty() || path == "/") {
      if (method == "POST") return Create(std::move(call));
      if (method == "GET") return List(std::move(call));
      return Refuse(call, NotImplemented(call));
    }
    if (path.front() != '/') return Refuse(call, NotImplemented(call));
    path.remove_prefix(1);
    const size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    const std::string part(slash == std::string_view::npos ? "" : path.substr(slash + 1));
    if (part == "invocations" && method == "POST") return invoke_.Handle(std::move(call), name);
    if (part == "invoke-async" && method == "POST") {
      call.request.headers.Set("X-Amz-Invocation-Type", "Event");
      return invoke_.Handle(std::move(call), name);
    }
    if (part == "response-streaming-invocations" && method == "POST") {
      return invoke_.Handle(std::move(call), name, InvokeApi::Answer::kStream);
    }
    Route(std::move(call), method, name, part);
  }

 private:
  void Route(aws::Call call, const std::string& method, const std::string& encoded_name,
             const std::string& part) {
    const auto name =
        ParseFunctionName(options_.account, io::PercentDecode(encoded_name),
                          io::QueryParameter(call.request.query(), "Qualifier").value);
    if (!name) return Refuse(call, name.error());
    const bool is_read = (part.empty() || part == "configuration") && method == "GET";
    const bool is_update = (part == "configuration" || part == "code") && method == "PUT";
    if (is_read) return Get(std::move(call), *name, part);
    if (is_update) return Update(std::move(call), *name, part);
    if (part.empty() && method == "DELETE") return Delete(std::move(call), *name);
    if (concurrency_.Handle(call, *name, part) || policies_.Handle(call, *name, part) ||
        controls_.Handle(call, *name, part) || urls_.Handle(call, *name, part)) {
      return;
    }
    if (event_invoke_ && event_invoke_->Handle(call, *name, part)) return;
    if (!versions_.Handle(call, *name, part)) Refuse(call, NotImplemented(call));
  }

  ControlPlane::Done Answer(aws::Call call, int status) {
    auto held = std::make_shared<aws::Call>(std::move(call));
    return [this, held, status](std::expected<FunctionRef, aws::ApiError> result) {
      if (!result) return Refuse(*held, result.error());
      held->responder.Send(aws::RestJsonAnswer(
          status, FunctionConfigurationJson(options_.account, **result), held->request_id));
    };
  }

  void Create(aws::Call call) {
    auto body = ReadBody(call);
    if (!body) return Refuse(call, body.error());
    auto settings = ApplyMembers({}, *body, SettingsMembers::kCreate);
    if (!settings) return Refuse(call, settings.error());
    const auto name = ParseFunctionName(options_.account, settings->name, {});
    if (!name) return Refuse(call, name.error());
    settings->name = name->name;
    if (auto refusal = CheckUsersTags(settings->tags)) return Refuse(call, *refusal);
    auto held = std::make_shared<aws::Call>(std::move(call));
    const auto made = [this, held](const std::expected<FunctionRef, aws::ApiError>& result) {
      if (!result) return Refuse(*held, result.error());
      Json answer = FunctionConfigurationJson(options_.account, **result);
      // As AWS: the version that Publish made, under the name of the function.
      answer["FunctionArn"] = FunctionArn(options_.account, (*result)->name);
      held->responder.Send(aws::RestJsonAnswer(201, answer, held->request_id));
    };
    TakeZip(options_.fetch_code, body->value("Code", Json()), "Code", kNoSource,
            [this, held, made, settings = std::move(*settings), publication = PublicationOf(*body)](
                std::expected<std::string, aws::ApiError> zip) mutable {
              if (!zip) return Refuse(*held, zip.error());
              control_.Create(std::move(settings), std::move(*zip), publication, made);
            });
  }

  static Publication PublicationOf(const Json& body) {
    return body.value("Publish", Json()) == true ? Publication::kVersion : Publication::kNone;
  }

  void Update(aws::Call call, const FunctionName& name, const std::string& part) {
    const FunctionRef function = registry_.Find(name.name);
    if (function == nullptr || (!name.qualifier.empty() && name.qualifier != "$LATEST")) {
      return Refuse(call, FunctionNotFound(options_.account, name));
    }
    auto body = ReadBody(call);
    if (!body) return Refuse(call, body.error());
    if (part == "configuration") {
      return control_.UpdateConfiguration(name.name, *body, Answer(std::move(call), 200));
    }
    if (auto refusal = CheckUpdateCodeMembers(*body, *function)) return Refuse(call, *refusal);
    const Json revision = body->value("RevisionId", Json());
    CodeUpdate update{
        .zip = "",
        .expected_revision_id = revision.is_string() ? revision.get<std::string>() : "",
        .dry_run = body->value("DryRun", Json()) == true,
        .publication = PublicationOf(*body)};
    TakeZip(
        options_.fetch_code, *body, "Code", kNoSource,
        [this, name = name.name, update = std::move(update), done = Answer(std::move(call), 200)](
            std::expected<std::string, aws::ApiError> zip) mutable {
          if (!zip) return done(std::unexpected(std::move(zip).error()));
          update.zip = std::move(*zip);
          control_.UpdateCode(name, std::move(update), std::move(done));
        });
  }

  void Get(aws::Call call, const FunctionName& name, const std::string& part) {
    const RecordRef record = registry_.Record(name.name);
    const FunctionRef found =
        record == nullptr ? nullptr : ResolveForReading(*record, name.qualifier);
    if (found == nullptr) return Refuse(call, FunctionNotFound(options_.account, name));
    const FunctionVersion& function = *found;
    Json configuration = FunctionConfigurationJson(options_.account, function);
    configuration["FunctionArn"] = FunctionArn(options_.account, name.name, name.qualifier);
    if (part == "configuration") {
      return call.responder.Send(aws::RestJsonAnswer(200, configuration, call.request_id));
    }
    Json code{{"RepositoryType", "S3"}};
    if (downloads_ != nullptr) {
      code["Location"] =
          downloads_->Location(call.request.headers.Get("Host"), function.code_digest);
    }
    Json answer{{"Configuration", std::move(configuration)}, {"Code", std::move(code)}};
    if (const auto& reserved = record->latest->reserved) {
      answer["Concurrency"] = {{"ReservedConcurrentExecutions", *reserved}};
    }
    if (!record->latest->tags.empty()) answer["Tags"] = record->latest->tags;
    call.responder.Send(aws::RestJsonAnswer(200, answer, call.request_id));
  }

  void Delete(aws::Call call, const FunctionName& name) {
    if (!name.qualifier.empty()) return versions_.DeleteVersion(std::move(call), name);
    control_.Delete(name.name, AnswersNothing(std::move(call)));
  }

  void List(aws::Call call) {
    const auto page = ReadPage(call);
    if (!page) return Refuse(call, page.error());
    const auto all = io::QueryParameter(call.request.query(), "FunctionVersion");
    if (all.found && all.value != "ALL") {
      return Refuse(call, ValidationError(all.value, "functionVersion",
                                          "Member must satisfy enum value set: [ALL]"));
    }
    ListPage list(*page);
    // False: the page is full.
    const auto add = [&](const std::string& key, Json one) {
      return key <= page->after || list.Add(key, std::move(one));
    };
    const std::string begin = page->after.substr(0, page->after.find('\n'));
    bool has_room = true;
    for (const FunctionRef& latest : registry_.List()) {
      if (!has_room) break;
      if (latest->name < begin) continue;
      Json one = ListedConfigurationJson(options_.account, *latest);
      if (!all.found) one["FunctionArn"] = FunctionArn(options_.account, latest->name);
      has_room = add(latest->name, std::move(one));
      if (!all.found) continue;
      for (const auto& [number, version] : registry_.Record(latest->name)->versions) {
        has_room = has_room && add(VersionKey(latest->name, number),
                                   ListedConfigurationJson(options_.account, *version));
      }
    }
    call.responder.Send(aws::RestJsonAnswer(200, list.Take("Functions"), call.request_id));
  }

  ControlPlane& control_;
  Registry& registry_;
  const LambdaApiOptions options_;
  CodeDownload* const downloads_;
  VersionsApi versions_;
  ConcurrencyApi concurrency_;
  PolicyApi policies_;
  TagsApi tags_;
  FunctionControlsApi controls_;
  std::optional<EventInvokeApi> event_invoke_;
  std::optional<EventSourceApi> mappings_;
  LayersApi layers_;
  FunctionUrlApi urls_;
  InvokeApi invoke_;
};

}  // namespace

std::unique_ptr<aws::Service> MakeLambdaApi(ControlPlane& control, Registry& registry,
                                            Invoker& invoker, layers::CodeStore& code,
                                            io::Offload& disk, const io::Loop& loop,
                                            LambdaApiOptions options, AsyncQueue* events,
                                            CodeDownload* downloads,
                                            EventSourceMappings* mappings) {
  return std::make_unique<LambdaApi>(control, registry, invoker, code, disk, loop,
                                     std::move(options), events, downloads, mappings);
}

}  // namespace hearth::invoker
