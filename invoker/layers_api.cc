#include "invoker/layers_api.h"

#include <algorithm>
#include <charconv>

#include "invoker/api_call.h"
#include "invoker/api_errors.h"
#include "invoker/uploaded_code.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr std::string_view kVersions = "versions";
constexpr char kNoSuchResource[] = "The resource you requested does not exist.";

// A list of texts of the body; absent and null leave `into` as it is.
std::optional<aws::ApiError> ReadTexts(const Json& body, const char* member,
                                       std::vector<std::string>& into) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null()) return std::nullopt;
  const bool is_right = found->is_array() && std::ranges::all_of(*found, [](const Json& one) {
                          return one.is_string();
                        });
  if (!is_right) return WrongType(member, "a list of strings");
  into = found->get<std::vector<std::string>>();
  return std::nullopt;
}

std::expected<uint64_t, aws::ApiError> ReadNumber(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::unexpected(ValidationError(text, "versionNumber", "Member must be a number"));
  }
  if (number < 1) return std::unexpected(InvalidParameter("Layer Version Cannot be less than 1"));
  return static_cast<uint64_t>(number);
}

// What a list is narrowed to.
struct Filter {
  std::string runtime, architecture;  // Empty: any.

  bool Fits(const LayerVersion& layer) const {
    const auto has = [](const std::vector<std::string>& list, const std::string& wanted) {
      return wanted.empty() || std::ranges::find(list, wanted) != list.end();
    };
    return has(layer.runtimes, runtime) && has(layer.architectures, architecture);
  }
};

std::expected<Filter, aws::ApiError> ReadFilter(const aws::Call& call) {
  const auto runtime = io::QueryParameter(call.request.query(), "CompatibleRuntime");
  const auto architecture = io::QueryParameter(call.request.query(), "CompatibleArchitecture");
  const auto listed = [](const io::QueryValue& value) {
    return value.found ? std::vector<std::string>{value.value} : std::vector<std::string>();
  };
  if (auto refusal = CheckCompatible(listed(runtime), listed(architecture), "compatibleRuntime",
                                     "compatibleArchitecture")) {
    return std::unexpected(std::move(*refusal));
  }
  return Filter{runtime.value, architecture.value};
}

}  // namespace

bool LayersApi::Handle(aws::Call& call) {
  std::string_view path = call.request.path().substr(kPath.size());
  const std::string& method = call.request.method;
  if (path.empty() || path == "/") {
    if (method != "GET") return false;
    const auto find = io::QueryParameter(call.request.query(), "find");
    find.value == "LayerVersion" ? GetByArn(std::move(call)) : List(std::move(call));
    return true;
  }
  if (path.front() != '/') return false;
  path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return false;
  std::string_view part = path.substr(slash + 1);
  if (!part.starts_with(kVersions)) return false;
  part.remove_prefix(kVersions.size());
  if (!part.empty() && part.front() != '/') return false;
  const auto name = ParseLayerName(parts_.account, io::PercentDecode(path.substr(0, slash)));
  if (!name) {
    Refuse(call, name.error());
    return true;
  }
  if (!part.empty()) return HandleVersion(call, *name, part.substr(1));
  if (method != "POST" && method != "GET") return false;
  method == "POST" ? Publish(std::move(call), *name) : ListVersions(std::move(call), *name);
  return true;
}

// `part`: "3", "3/policy", "3/policy/statement".
bool LayersApi::HandleVersion(aws::Call& call, const LayerName& name, std::string_view part) {
  constexpr std::string_view kPolicy = "/policy";
  const std::string method = call.request.method;
  const std::string_view digits = part.substr(0, part.find('/'));
  std::string_view rest = part.substr(digits.size());
  const bool is_policy = rest.starts_with(kPolicy);
  if (is_policy) rest.remove_prefix(kPolicy.size());
  const bool has_statement = is_policy && rest.size() > 1 && rest.front() == '/';
  if (!rest.empty() && !has_statement) return false;
  const auto number = ReadNumber(io::PercentDecode(digits));
  if (!number) {
    Refuse(call, number.error());
    return true;
  }
  LayerName version = name;
  version.number = *number;
  if (has_statement) {
    if (method != "DELETE") return false;
    const std::string id = io::PercentDecode(rest.substr(1));
    RemovePermission(std::move(call), version, id);
  } else if (method == "GET") {
    is_policy ? GetPolicy(std::move(call), version) : Get(std::move(call), version);
  } else if (is_policy && method == "POST") {
    AddPermission(std::move(call), version);
  } else if (!is_policy && method == "DELETE") {
    Delete(std::move(call), version);
  } else {
    return false;
  }
  return true;
}

LayerRef LayersApi::Find(const LayerName& name) const {
  const bool is_ours =
      name.account.id == parts_.account.id && name.account.region == parts_.account.region;
  return is_ours ? parts_.layers.Find(name.name, *name.number) : nullptr;
}

aws::ApiError LayersApi::NotFound(const LayerName& name, std::string message) const {
  if (name.account.id == parts_.account.id) {
    return {.status = 404, .type = "ResourceNotFoundException", .message = std::move(message)};
  }
  return {.status = 403,
          .type = "AccessDeniedException",
          .message = "User: arn:aws:iam::" + parts_.account.id +
                     ":root is not authorized to perform this operation on resource: " +
                     LayerArn(name.account, name.name)};
}

Json LayersApi::Listed(const LayerVersion& layer) const {
  Json out{{"LayerVersionArn", LayerVersionArn(parts_.account, layer)},
           {"Version", layer.number},
           {"Description", layer.description},
           {"CreatedDate", layer.created}};
  if (!layer.runtimes.empty()) out["CompatibleRuntimes"] = layer.runtimes;
  if (!layer.architectures.empty()) out["CompatibleArchitectures"] = layer.architectures;
  if (!layer.license.empty()) out["LicenseInfo"] = layer.license;
  return out;
}

Json LayersApi::Shown(const aws::Call& call, const LayerVersion& layer) const {
  Json content{{"CodeSha256", layer.code_sha256}, {"CodeSize", layer.code_size}};
  if (parts_.downloads != nullptr) {
    content["Location"] =
        parts_.downloads->Location(call.request.headers.Get("Host"), layer.code_digest);
  }
  Json out = Listed(layer);
  out["LayerArn"] = LayerArn(parts_.account, layer.name);
  out["Content"] = std::move(content);
  return out;
}

void LayersApi::Publish(aws::Call call, const LayerName& name) {
  if (name.account.id != parts_.account.id || name.account.region != parts_.account.region) {
    return Refuse(call, NotFound(name, kNoSuchResource));
  }
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  std::optional<std::string> description, license;
  LayerVersion layer;
  layer.name = name.name;
  for (auto refusal :
       {ReadText(*body, "Description", description), ReadText(*body, "LicenseInfo", license),
        ReadTexts(*body, "CompatibleRuntimes", layer.runtimes),
        ReadTexts(*body, "CompatibleArchitectures", layer.architectures)}) {
    if (refusal) return Refuse(call, *refusal);
  }
  layer.description = description.value_or("");
  layer.license = license.value_or("");
  layer.created = base::FormatLambdaTime(parts_.clock.WallNow());
  if (auto refusal = CheckLayer(layer)) return Refuse(call, *refusal);
  const auto held = std::make_shared<aws::Call>(std::move(call));
  TakeZip(parts_.fetch_code, body->value("Content", Json()), "Content",
          "Please provide a source for the layer's content.",
          [this, held,
           layer = std::move(layer)](std::expected<std::string, aws::ApiError> zip) mutable {
            if (!zip) return Refuse(*held, zip.error());
            if (auto refusal = CheckZip(*zip)) return Refuse(*held, *refusal);
            Store(held, std::move(layer), std::move(*zip));
          });
}

void LayersApi::Store(const std::shared_ptr<aws::Call>& held, LayerVersion layer, std::string zip) {
  const auto published = [this, held](const std::expected<LayerRef, aws::ApiError>& result) {
    if (!result) return Refuse(*held, result.error());
    held->responder.Send(aws::RestJsonAnswer(201, Shown(*held, **result), held->request_id));
  };
  parts_.disk.Run([&code = parts_.code, zip = std::move(zip)] { return code.Put(zip); },
                  [this, held, layer = std::move(layer),
                   published](const base::Result<layers::StoredCode>& stored) mutable {
                    if (!stored) return Refuse(*held, CodeError(stored.error()));
                    layer.code_digest = stored->digest;
                    layer.code_sha256 = CodeSha256(stored->digest);
                    layer.code_size = stored->zipped.count();
                    parts_.layers.Publish(std::move(layer), published);
                  });
}

void LayersApi::Get(aws::Call call, const LayerName& name) {
  const LayerRef layer = Find(name);
  if (layer == nullptr) return Refuse(call, NotFound(name, kNoSuchResource));
  call.responder.Send(aws::RestJsonAnswer(200, Shown(call, *layer), call.request_id));
}

void LayersApi::GetByArn(aws::Call call) {
  const std::string arn = io::QueryParameter(call.request.query(), "Arn").value;
  const auto name = ParseLayerVersionArn(arn);
  if (!name) {
    return Refuse(call, ValidationError(arn, "arn",
                                        "Member must satisfy regular expression pattern: "
                                        "arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:"
                                        "[a-zA-Z0-9-_]+:[0-9]+"));
  }
  Get(std::move(call), *name);
}

void LayersApi::List(aws::Call call) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const auto filter = ReadFilter(call);
  if (!filter) return Refuse(call, filter.error());
  ListPage list(*page);
  const auto& all = parts_.layers.layers();
  for (auto at = all.upper_bound(page->after); at != all.end(); ++at) {
    const auto& [name, versions] = *at;
    const auto newest = std::find_if(versions.rbegin(), versions.rend(),
                                     [&](const auto& one) { return filter->Fits(*one.second); });
    if (newest == versions.rend()) continue;
    const bool fits = list.Add(name, {{"LayerName", name},
                                      {"LayerArn", LayerArn(parts_.account, name)},
                                      {"LatestMatchingVersion", Listed(*newest->second)}});
    if (!fits) break;
  }
  call.responder.Send(aws::RestJsonAnswer(200, list.Take("Layers"), call.request_id));
}

// The newest first. The marker is a number.
void LayersApi::ListVersions(aws::Call call, const LayerName& name) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const auto filter = ReadFilter(call);
  if (!filter) return Refuse(call, filter.error());
  if (name.account.id != parts_.account.id) return Refuse(call, NotFound(name, ""));
  uint64_t before = UINT64_MAX;
  if (!page->after.empty()) {
    const char* end = page->after.data() + page->after.size();
    const auto [stop, error] = std::from_chars(page->after.data(), end, before);
    if (error != std::errc() || stop != end) {
      return Refuse(call, InvalidParameter("Invalid pagination token."));
    }
  }
  ListPage list(*page);
  const auto found = parts_.layers.layers().find(name.name);
  if (found != parts_.layers.layers().end() && name.account.region == parts_.account.region) {
    for (auto at = found->second.rbegin(); at != found->second.rend(); ++at) {
      if (at->first >= before || !filter->Fits(*at->second)) continue;
      if (!list.Add(std::to_string(at->first), Listed(*at->second))) break;
    }
  }
  call.responder.Send(aws::RestJsonAnswer(200, list.Take("LayerVersions"), call.request_id));
}

// One that is not there is as good as deleted.
void LayersApi::Delete(aws::Call call, const LayerName& name) {
  if (Find(name) == nullptr && name.account.id != parts_.account.id) {
    return Refuse(call, NotFound(name, kNoSuchResource));
  }
  // Another region's has no such number here.
  const uint64_t number = name.account.region == parts_.account.region ? *name.number : UINT64_MAX;
  parts_.layers.Change(
      name.name, number, [](const LayerRef&) { return LayerRef(); },
      AnswersNothing(std::move(call)));
}

}  // namespace hearth::invoker
