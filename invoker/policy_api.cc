#include "invoker/policy_api.h"

#include "base/id.h"
#include "invoker/api_call.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Edited = Registry::Edited;

// Why a policy of what `name` means cannot be read; nothing: there is such a function, version or
// alias.
std::optional<aws::ApiError> CheckTarget(const Account& account, const FunctionRecord* record,
                                         const FunctionName& name) {
  if (record == nullptr) return FunctionNotFound(account, {name.name, {}});
  if (name.qualifier.empty() || ResolveForReading(*record, name.qualifier) != nullptr) {
    return std::nullopt;
  }
  return IsAliasName(name.qualifier) ? AliasNotFound(account, name)
                                     : FunctionNotFound(account, name);
}

// What is shown as the RevisionId of what the target is: an alias's, a version's, or the
// function's.
std::string RevisionOf(const FunctionRecord& record, const std::string& qualifier) {
  const auto alias = record.aliases.find(qualifier);
  if (alias != record.aliases.end()) return alias->second.revision_id;
  return ShownRevision(*ResolveForReading(record, qualifier));
}

// The policy has changed.
void Touch(FunctionRecord& record, const std::string& qualifier) {
  const auto alias = record.aliases.find(qualifier);
  if (alias != record.aliases.end()) {
    alias->second.revision_id = base::NewUuid();
    return;
  }
  FunctionVersion next = *ResolveForReading(record, qualifier);
  next.shown_revision = base::NewUuid();
  ReplaceVersion(record, std::make_shared<const FunctionVersion>(std::move(next)));
}

// `name` is `done`'s to answer for: the target is there when `edit` runs, and touched afterwards.
void ChangePolicy(Registry& registry, const Account& account, const FunctionName& name,
                  const std::string& expected_revision,
                  std::function<std::optional<aws::ApiError>(PolicyStatements& policy)> edit,
                  Registry::Done done) {
  registry.Change(
      name.name,
      [account, name, expected_revision,
       edit = std::move(edit)](const RecordRef& current) -> Edited {
        if (auto refusal = CheckTarget(account, current.get(), name)) {
          return std::unexpected(std::move(*refusal));
        }
        if (!expected_revision.empty() &&
            expected_revision != RevisionOf(*current, name.qualifier)) {
          return std::unexpected(StaleRevision());
        }
        FunctionRecord next = *current;
        PolicyStatements& policy = next.policies[name.qualifier];
        if (auto refusal = edit(policy)) return std::unexpected(std::move(*refusal));
        if (policy.empty()) next.policies.erase(name.qualifier);
        Touch(next, name.qualifier);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

}  // namespace

void AddPermission(Registry& registry, const Account& account, const FunctionName& name,
                   PolicyStatement statement, const std::string& expected_revision,
                   Registry::Done done) {
  ChangePolicy(
      registry, account, name, expected_revision,
      [arn = FunctionArn(account, name.name, name.qualifier), statement = std::move(statement)](
          PolicyStatements& policy) { return AddStatement(policy, statement, arn); },
      std::move(done));
}

void ReplacePermission(Registry& registry, const Account& account, const FunctionName& name,
                       PolicyStatement statement, Registry::Done done) {
  ChangePolicy(
      registry, account, name, {},
      [arn = FunctionArn(account, name.name, name.qualifier),
       statement = std::move(statement)](PolicyStatements& policy) {
        std::erase_if(policy, [&](const PolicyStatement& one) { return one.id == statement.id; });
        return AddStatement(policy, statement, arn);
      },
      std::move(done));
}

void RemovePermission(Registry& registry, const Account& account, const FunctionName& name,
                      const std::string& id, const std::string& expected_revision,
                      Registry::Done done) {
  ChangePolicy(
      registry, account, name, expected_revision,
      [id](PolicyStatements& policy) -> std::optional<aws::ApiError> {
        if (policy.empty()) return NoPolicy();
        return RemoveStatement(policy, id);
      },
      std::move(done));
}

bool PolicyApi::Handle(aws::Call& call, const FunctionName& name, const std::string& part) {
  constexpr std::string_view kStatement = "policy/";
  const std::string& method = call.request.method;
  if (part == "policy" && method == "POST") {
    Add(std::move(call), name);
  } else if (part == "policy" && method == "GET") {
    Get(std::move(call), name);
  } else if (part.starts_with(kStatement) && method == "DELETE") {
    Remove(std::move(call), name, io::PercentDecode(part.substr(kStatement.size())));
  } else {
    return false;
  }
  return true;
}

void PolicyApi::Add(aws::Call call, FunctionName name) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  if (name.qualifier == "$LATEST") {
    return Refuse(call,
                  InvalidParameter("We currently do not support adding policies for $LATEST."));
  }
  const auto statement = ReadPermission(*body);
  if (!statement) return Refuse(call, statement.error());
  std::optional<std::string> expected;
  if (auto refusal = ReadText(*body, "RevisionId", expected)) return Refuse(call, *refusal);
  auto held = std::make_shared<aws::Call>(std::move(call));
  const std::string shown =
      StatementText(*statement, FunctionArn(account_, name.name, name.qualifier));
  AddPermission(
      registry_, account_, name, *statement, expected.value_or(""),
      [held, shown](const Edited& changed) {
        if (!changed) return Refuse(*held, changed.error());
        held->responder.Send(aws::RestJsonAnswer(201, {{"Statement", shown}}, held->request_id));
      });
}

void PolicyApi::Remove(aws::Call call, const FunctionName& name, const std::string& id) {
  if (registry_.Find(name.name) == nullptr) {
    return Refuse(call, {.status = 404,
                         .type = "ResourceNotFoundException",
                         .message = "No policy found for: " + FunctionArn(account_, name.name)});
  }
  const std::string expected = io::QueryParameter(call.request.query(), "RevisionId").value;
  RemovePermission(registry_, account_, name, id, expected, AnswersNothing(std::move(call)));
}

void PolicyApi::Get(aws::Call call, const FunctionName& name) {
  const RecordRef record = registry_.Record(name.name);
  if (auto refusal = CheckTarget(account_, record.get(), name)) return Refuse(call, *refusal);
  // $LATEST has none of its own.
  const std::string key = name.qualifier == "$LATEST" ? "" : name.qualifier;
  const auto found = record->policies.find(key);
  if (found == record->policies.end()) {
    return Refuse(call, {.status = 404,
                         .type = "ResourceNotFoundException",
                         .message = "The resource you requested does not exist."});
  }
  const std::string policy = PolicyText(found->second, FunctionArn(account_, name.name, key));
  call.responder.Send(aws::RestJsonAnswer(
      200, {{"Policy", policy}, {"RevisionId", RevisionOf(*record, key)}}, call.request_id));
}

}  // namespace hearth::invoker
