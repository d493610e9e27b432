// VersionsApi: provisioned concurrency.
#include "invoker/api_call.h"
#include "invoker/versions_api.h"

namespace hearth::invoker {
namespace {

using base::Json;

Json StateJson(const ProvisionedState& state) {
  const bool is_ready = state.ready >= state.config.requested;
  return {{"RequestedProvisionedConcurrentExecutions", state.config.requested},
          {"AvailableProvisionedConcurrentExecutions", state.ready},
          {"AllocatedProvisionedConcurrentExecutions", state.ready},
          {"Status", is_ready ? "READY" : "IN_PROGRESS"},
          {"LastModified", state.config.last_modified}};
}

}  // namespace

void VersionsApi::HandleProvisioned(aws::Call call, const FunctionName& name) {
  const std::string method = call.request.method;
  if (method == "GET" && io::QueryParameter(call.request.query(), "List").value == "ALL") {
    return ListProvisioned(std::move(call), name);
  }
  if (method == "PUT") return PutProvisioned(std::move(call), name);
  if (name.qualifier.empty() || name.qualifier == "$LATEST") {
    return Refuse(call, InvalidParameter("The function resource provided must be an alias or a "
                                         "published version."));
  }
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr || ResolveForReading(*record, name.qualifier) == nullptr) {
    return Refuse(call,
                  IsAliasName(name.qualifier) ? AliasNotFound(account_, name) : NotFound(name));
  }
  if (method == "GET") return GetProvisioned(std::move(call), name, *record);
  versions_.DeleteProvisioned(name, AnswersNothing(std::move(call)));
}

void VersionsApi::PutProvisioned(aws::Call call, const FunctionName& name) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  const Json asked = body->value("ProvisionedConcurrentExecutions", Json());
  if (!asked.is_number_integer()) {
    return Refuse(call, MissingMember("provisionedConcurrentExecutions"));
  }
  const auto requested = asked.get<int64_t>();
  if (requested < 1) {
    return Refuse(call,
                  ValidationError(std::to_string(requested), "provisionedConcurrentExecutions",
                                  "Member must have value greater than or equal to 1"));
  }
  if (name.qualifier.empty() || name.qualifier == "$LATEST") {
    return Refuse(call, InvalidParameter("Provisioned Concurrency Configs cannot be applied to "
                                         "unpublished function versions."));
  }
  constexpr int64_t kMost = UINT32_MAX / 2;  // Far above every account's limit.
  auto held = std::make_shared<aws::Call>(std::move(call));
  versions_.PutProvisioned(
      name, static_cast<uint32_t>(std::min(requested, kMost)),
      [held](const std::expected<ProvisionedState, aws::ApiError>& state) {
        if (!state) return Refuse(*held, state.error());
        held->responder.Send(aws::RestJsonAnswer(202, StateJson(*state), held->request_id));
      });
}

void VersionsApi::GetProvisioned(aws::Call call, const FunctionName& name,
                                 const FunctionRecord& record) {
  const auto states = versions_.Provisioned(record);
  const auto found = states.find(name.qualifier);
  if (found == states.end()) {
    return Refuse(call, {.status = 404,
                         .type = "ProvisionedConcurrencyConfigNotFoundException",
                         .message = "No Provisioned Concurrency Config found for this function"});
  }
  call.responder.Send(aws::RestJsonAnswer(200, StateJson(found->second), call.request_id));
}

void VersionsApi::ListProvisioned(aws::Call call, const FunctionName& name) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) {
    return Refuse(call, NotFound({.name = name.name, .qualifier = {}}));
  }
  ListPage list(*page);
  const auto states = versions_.Provisioned(*record);
  for (auto at = states.upper_bound(page->after); at != states.end(); ++at) {
    Json one = StateJson(at->second);
    one["FunctionArn"] = FunctionArn(account_, name.name, at->first);
    if (!list.Add(at->first, std::move(one))) break;
  }
  call.responder.Send(
      aws::RestJsonAnswer(200, list.Take("ProvisionedConcurrencyConfigs"), call.request_id));
}

}  // namespace hearth::invoker
