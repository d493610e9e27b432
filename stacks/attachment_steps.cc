#include "stacks/attachment_steps.h"

#include <algorithm>

#include "invoker/event_invoke_api.h"
#include "invoker/function_url_api.h"
#include "invoker/policy_api.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr char kUrlId[] = "id";  // Beside the members of a request's body.

std::optional<aws::ApiError> AnyDestination(const std::string&) { return std::nullopt; }

const invoker::FunctionUrl* FindUrl(const invoker::FunctionRecord& record,
                                    const invoker::FunctionName& name) {
  const auto found = record.urls.find(invoker::QualifierKey(name));
  return found == record.urls.end() ? nullptr : &found->second;
}

const invoker::EventInvokeConfig* FindSettings(const invoker::FunctionRecord& record,
                                               const invoker::FunctionName& name) {
  const auto found = record.event_invoke.find(invoker::QualifierKey(name));
  return found == record.event_invoke.end() ? nullptr : &found->second;
}

const invoker::PolicyStatement* FindStatement(const invoker::FunctionRecord& record,
                                              const AttachmentKey& key) {
  const auto policy = record.policies.find(key.name.qualifier);
  if (policy == record.policies.end()) return nullptr;
  const auto found = std::ranges::find(policy->second, key.which, &invoker::PolicyStatement::id);
  return found == policy->second.end() ? nullptr : &*found;
}

}  // namespace

AttachmentKey KeyOf(const Change& change) {
  const Json& told = change.told_after ? *change.told_after : *change.told_before;
  return {.kind = change.kind, .name = {change.function, change.alias}, .which = WhichOf(told)};
}

std::optional<Json> CurrentAttachment(const AttachmentHost& host, const AttachmentKey& key) {
  if (key.kind == ResourceKind::kMapping) {
    return CurrentMapping(host.mappings, {key.name, key.which});
  }
  const auto record = host.registry.Record(key.name.name);
  if (record == nullptr) return std::nullopt;
  if (key.kind == ResourceKind::kUrl) {
    const auto* url = FindUrl(*record, key.name);
    return url == nullptr ? std::nullopt : std::optional(invoker::ToStored(*url));
  }
  if (key.kind == ResourceKind::kEventInvoke) {
    const auto* settings = FindSettings(*record, key.name);
    return settings == nullptr ? std::nullopt
                               : std::optional(invoker::EventInvokeJson("", *settings));
  }
  const auto* statement = FindStatement(*record, key);
  return statement == nullptr ? std::nullopt : std::optional(invoker::PermissionJson(*statement));
}

std::optional<aws::ApiError> CheckAttachment(ResourceKind kind, const Json& told) {
  const auto refusal = [](const auto& result) -> std::optional<aws::ApiError> {
    return result ? std::nullopt : std::optional(result.error());
  };
  if (kind == ResourceKind::kMapping) return std::nullopt;
  if (kind == ResourceKind::kUrl) return refusal(invoker::ApplyFunctionUrl(nullptr, told));
  if (kind == ResourceKind::kPermission) return refusal(invoker::ReadPermission(told));
  return refusal(invoker::ApplyEventInvoke({}, told, AnyDestination));
}

bool IsAttached(const AttachmentHost& host, const AttachmentKey& key,
                const std::optional<Json>& told) {
  if (key.kind == ResourceKind::kMapping) {
    return IsMapped(host.mappings, {key.name, key.which}, told);
  }
  if (!told) return !CurrentAttachment(host, key);
  const auto record = host.registry.Record(key.name.name);
  if (record == nullptr) return false;
  if (key.kind == ResourceKind::kUrl) {
    const auto* actual = FindUrl(*record, key.name);
    auto wanted = invoker::ApplyFunctionUrl(nullptr, *told);
    if (actual == nullptr || !wanted) return false;
    wanted->id = actual->id;
    wanted->created = actual->created;
    wanted->last_modified = actual->last_modified;
    return *wanted == *actual;
  }
  if (key.kind == ResourceKind::kEventInvoke) {
    const auto* actual = FindSettings(*record, key.name);
    auto wanted = invoker::ApplyEventInvoke({}, *told, AnyDestination);
    if (actual == nullptr || !wanted) return false;
    wanted->last_modified_ms = actual->last_modified_ms;
    return *wanted == *actual;
  }
  const auto* actual = FindStatement(*record, key);
  const auto wanted = invoker::ReadPermission(*told);
  return actual != nullptr && wanted && *wanted == *actual;
}

void BringAttachment(const AttachmentHost& host, const AttachmentKey& key,
                     const std::optional<Json>& told,
                     std::function<void(std::expected<void, std::string>)> done) {
  if (IsAttached(host, key, told)) {
    return host.disk.Run([] { return true; }, [done = std::move(done)](bool) { done({}); });
  }
  if (key.kind == ResourceKind::kMapping) {
    return BringMapping({host.mappings, host.disk, host.clock}, {key.name, key.which}, told,
                        std::move(done));
  }
  const auto finish = [done = std::move(done)](const invoker::Registry::Edited& changed) {
    if (changed) {
      done({});
    } else {
      done(std::unexpected(changed.error().message));
    }
  };
  auto& registry = host.registry;
  switch (key.kind) {
    case ResourceKind::kUrl:
      if (!told) return invoker::DeleteFunctionUrl(registry, key.name, finish);
      return invoker::PutFunctionUrl(registry, host.clock, host.account, key.name,
                                     invoker::UrlChange::kReplace, *told, told->value(kUrlId, ""),
                                     finish);
    case ResourceKind::kEventInvoke:
      if (!told) return invoker::DeleteEventInvoke(registry, host.account, key.name, finish);
      return invoker::PutEventInvoke(registry, host.destinations, host.clock, host.account,
                                     key.name, invoker::EventInvokeChange::kPut, *told, finish);
    default:
      break;
  }
  if (!told) {
    return invoker::RemovePermission(registry, host.account, key.name, key.which, {}, finish);
  }
  auto statement = invoker::ReadPermission(*told);
  if (!statement) {
    return host.disk.Run([] { return true; }, [finish, refusal = std::move(statement).error()](
                                                  bool) { finish(std::unexpected(refusal)); });
  }
  invoker::ReplacePermission(registry, host.account, key.name, *std::move(statement), finish);
}

}  // namespace hearth::stacks
