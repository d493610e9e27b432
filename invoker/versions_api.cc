#include "invoker/versions_api.h"

#include "invoker/api_call.h"
#include "invoker/function_json.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr std::string_view kAlias = "aliases/";

}  // namespace

bool VersionsApi::Handle(aws::Call& call, const FunctionName& name, const std::string& part) {
  const std::string& method = call.request.method;
  if (part == "versions" && method == "POST") {
    Publish(std::move(call), name);
  } else if (part == "versions" && method == "GET") {
    ListVersions(std::move(call), name);
  } else if (part == "aliases" && method == "POST") {
    CreateAlias(std::move(call), name);
  } else if (part == "aliases" && method == "GET") {
    ListAliases(std::move(call), name);
  } else if (part.starts_with(kAlias) &&
             (method == "GET" || method == "PUT" || method == "DELETE")) {
    HandleAlias(std::move(call), name, io::PercentDecode(part.substr(kAlias.size())));
  } else if (part == "provisioned-concurrency" &&
             (method == "GET" || method == "PUT" || method == "DELETE")) {
    HandleProvisioned(std::move(call), name);
  } else {
    return false;
  }
  return true;
}

void VersionsApi::DeleteVersion(aws::Call call, const FunctionName& name) {
  versions_.DeleteVersion(name.name, name.qualifier, AnswersNothing(std::move(call)));
}

void VersionsApi::Publish(aws::Call call, const FunctionName& name) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  PublishSettings settings;
  std::optional<std::string> code_sha256, revision_id;
  for (const auto& [member, into] :
       {std::pair("CodeSha256", &code_sha256), std::pair("RevisionId", &revision_id),
        std::pair("Description", &settings.description)}) {
    if (auto refusal = ReadText(*body, member, *into)) return Refuse(call, *refusal);
  }
  settings.expected_code_sha256 = code_sha256.value_or("");
  settings.expected_revision_id = revision_id.value_or("");
  // An empty one is none: clients that fill in every member send it.
  if (settings.description == "") settings.description.reset();
  auto held = std::make_shared<aws::Call>(std::move(call));
  versions_.Publish(name.name, std::move(settings),
                    [this, held](const std::expected<FunctionRef, aws::ApiError>& result) {
                      if (!result) return Refuse(*held, result.error());
                      held->responder.Send(aws::RestJsonAnswer(
                          201, FunctionConfigurationJson(account_, **result), held->request_id));
                    });
}

void VersionsApi::ListVersions(aws::Call call, const FunctionName& name) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) {
    return Refuse(call, NotFound({.name = name.name, .qualifier = {}}));
  }
  // $LATEST, then the published ones, oldest first. The marker is a number; $LATEST's is 0.
  std::optional<uint64_t> after;
  if (page->after == "0") {
    after = 0;
  } else if (!page->after.empty()) {
    after = VersionNumber(page->after);
    if (!after) return Refuse(call, InvalidParameter("Invalid pagination token."));
  }
  Json versions = Json::array();
  std::string last = "0";
  if (!after) versions.push_back(ListedConfigurationJson(account_, *record->latest));
  auto at = record->versions.upper_bound(after.value_or(0));
  for (; at != record->versions.end() && versions.size() < page->count; ++at) {
    versions.push_back(ListedConfigurationJson(account_, *at->second));
    last = std::to_string(at->first);
  }
  Json answer{{"Versions", std::move(versions)}};
  if (at != record->versions.end()) answer["NextMarker"] = MarkerOf(last);
  call.responder.Send(aws::RestJsonAnswer(200, answer, call.request_id));
}

}  // namespace hearth::invoker
