// A resource's own policy: who else may do what with it. Of a function, a version, an alias or a
// layer version; kept and shown in AWS's words. Nobody is kept out by it: authorisation is off.
//
// Values, and pure rules. Source: Lambda API, AddPermission, AddLayerVersionPermission and their
// like; statements and error texts as recorded on AWS.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"

namespace hearth::invoker {

// Effect Allow. What is empty is no condition.
struct PolicyStatement {
  std::string id;
  std::string action;
  std::string principal;     // A service, an account's number, an ARN, or "*".
  std::string organization;  // aws:PrincipalOrgID
  std::string source_account;
  std::string source_arn;
  std::string event_source_token;
  std::string url_auth_type;
  bool via_url = false;  // Only calls through the function's URL.
  bool operator==(const PolicyStatement&) const = default;
};
using PolicyStatements = std::vector<PolicyStatement>;

// As Statement and Policy show them: JSON text, its members in AWS's order.
std::string StatementText(const PolicyStatement& statement, const std::string& resource);
std::string PolicyText(const PolicyStatements& statements, const std::string& resource);

// Why the statement cannot be added: its id is there, or the policy would be longer than 20 KB.
std::optional<aws::ApiError> AddStatement(PolicyStatements& policy, PolicyStatement statement,
                                          const std::string& resource);
std::optional<aws::ApiError> RemoveStatement(PolicyStatements& policy, const std::string& id);

// Whether some statement lets a service invoke the function on behalf of `source_arn`.
bool LetsInvoke(const PolicyStatements& policy, std::string_view service,
                std::string_view source_arn, std::string_view source_account);

// AddPermission's body, checked member by member.
std::expected<PolicyStatement, aws::ApiError> ReadPermission(const base::Json& body);

// The body that ReadPermission would make this statement of.
base::Json PermissionJson(const PolicyStatement& statement);

// [a-zA-Z0-9-_]+, at most 100 characters.
bool IsStatementId(std::string_view text);
// o-[a-z0-9]{10,32}
bool IsOrganization(std::string_view text);

aws::ApiError NoPolicy();

base::Json ToStored(const PolicyStatements& policy);
// Throws as nlohmann does.
PolicyStatements PolicyFromStored(const base::Json& stored);

}  // namespace hearth::invoker
