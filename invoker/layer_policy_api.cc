// LayersApi: who may use a layer version. Kept and shown; there is one account here, which may use
// everything of its own.
#include <algorithm>

#include "base/id.h"
#include "invoker/api_call.h"
#include "invoker/api_errors.h"
#include "invoker/layers_api.h"

namespace hearth::invoker {
namespace {

using base::Json;

// \d{12}|\*|arn:(aws[a-zA-Z-]*):iam::\d{12}:root
bool IsPrincipal(std::string_view text) {
  if (text == "*" || aws::IsAccountId(text)) return true;
  const size_t iam = text.find(":iam::");
  if (!text.starts_with("arn:aws") || iam == std::string_view::npos || !text.ends_with(":root")) {
    return false;
  }
  std::string_view account = text.substr(iam + 6);
  account.remove_suffix(std::min<size_t>(account.size(), 5));
  return aws::IsAccountId(account);
}

std::expected<PolicyStatement, aws::ApiError> ReadStatement(const Json& body) {
  constexpr std::string_view kPattern = "Member must satisfy regular expression pattern: ";
  std::optional<std::string> id, action, principal, organization;
  for (const auto& [member, into] :
       {std::pair("StatementId", &id), std::pair("Action", &action),
        std::pair("Principal", &principal), std::pair("OrganizationId", &organization)}) {
    if (auto refusal = ReadText(body, member, *into)) return std::unexpected(std::move(*refusal));
  }
  if (!id) return std::unexpected(MissingMember("statementId"));
  if (!action) return std::unexpected(MissingMember("action"));
  if (!principal) return std::unexpected(MissingMember("principal"));
  const auto refuse = [&](const std::string& value, const char* member, const char* pattern) {
    return std::unexpected(ValidationError(value, member, std::string(kPattern) + pattern));
  };
  if (*action != kLayerAction) return refuse(*action, "action", kLayerAction);
  if (!IsStatementId(*id)) return refuse(*id, "statementId", "([a-zA-Z0-9-_]+)");
  if (!IsPrincipal(*principal)) {
    return refuse(*principal, "principal", "\\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root");
  }
  if (organization && !IsOrganization(*organization)) {
    return refuse(*organization, "organizationId", "o-[a-z0-9]{10,32}");
  }
  PolicyStatement out;
  out.id = *id;
  out.action = *action;
  out.principal = *principal;
  out.organization = organization.value_or("");
  return out;
}

aws::ApiError StalePolicy() {
  return {.status = 412,
          .type = "PreconditionFailedException",
          .message =
              "The Revision Id provided does not match the latest Revision Id. Call the "
              "GetLayerPolicy API to retrieve the latest Revision Id"};
}

aws::ApiError Missing(std::string message) {
  return {.status = 404, .type = "ResourceNotFoundException", .message = std::move(message)};
}

std::string NoSuchVersion(const LayerName& name) {
  return "Layer version " + LayerArn(name.account, name.name, std::to_string(*name.number)) +
         " does not exist.";
}

}  // namespace

void LayersApi::GetPolicy(aws::Call call, const LayerName& name) {
  const LayerRef layer = Find(name);
  if (layer == nullptr) return Refuse(call, NotFound(name, NoSuchVersion(name)));
  if (layer->statements.empty()) return Refuse(call, NoPolicy());
  const std::string policy = PolicyText(layer->statements, LayerVersionArn(parts_.account, *layer));
  call.responder.Send(aws::RestJsonAnswer(
      200, {{"Policy", policy}, {"RevisionId", layer->policy_revision}}, call.request_id));
}

void LayersApi::AddPermission(aws::Call call, const LayerName& name) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  const auto statement = ReadStatement(*body);
  if (!statement) return Refuse(call, statement.error());
  if (Find(name) == nullptr) return Refuse(call, NotFound(name, NoSuchVersion(name)));
  const std::string expected = io::QueryParameter(call.request.query(), "RevisionId").value;
  auto held = std::make_shared<aws::Call>(std::move(call));
  parts_.layers.Change(
      name.name, *name.number,
      [name, expected, account = parts_.account,
       statement = *statement](const LayerRef& current) -> std::expected<LayerRef, aws::ApiError> {
        if (current == nullptr) return std::unexpected(Missing(NoSuchVersion(name)));
        if (!expected.empty() && expected != current->policy_revision) {
          return std::unexpected(StalePolicy());
        }
        LayerVersion next = *current;
        const std::string arn = LayerVersionArn(account, next);
        if (auto refusal = AddStatement(next.statements, statement, arn)) {
          return std::unexpected(std::move(*refusal));
        }
        next.policy_revision = base::NewUuid();
        return std::make_shared<const LayerVersion>(std::move(next));
      },
      [this, held](const std::expected<LayerRef, aws::ApiError>& result) {
        if (!result) return Refuse(*held, result.error());
        const LayerVersion& layer = **result;
        const std::string shown =
            StatementText(layer.statements.back(), LayerVersionArn(parts_.account, layer));
        held->responder.Send(aws::RestJsonAnswer(
            201, {{"Statement", shown}, {"RevisionId", layer.policy_revision}}, held->request_id));
      });
}

void LayersApi::RemovePermission(aws::Call call, const LayerName& name, const std::string& id) {
  if (Find(name) == nullptr) return Refuse(call, NotFound(name, NoSuchVersion(name)));
  const std::string expected = io::QueryParameter(call.request.query(), "RevisionId").value;
  parts_.layers.Change(
      name.name, *name.number,
      [name, expected, id](const LayerRef& current) -> std::expected<LayerRef, aws::ApiError> {
        if (current == nullptr) return std::unexpected(Missing(NoSuchVersion(name)));
        if (!expected.empty() && expected != current->policy_revision) {
          return std::unexpected(StalePolicy());
        }
        LayerVersion next = *current;
        if (auto refusal = RemoveStatement(next.statements, id)) {
          return std::unexpected(std::move(*refusal));
        }
        next.policy_revision = base::NewUuid();
        return std::make_shared<const LayerVersion>(std::move(next));
      },
      AnswersNothing(std::move(call)));
}

}  // namespace hearth::invoker
