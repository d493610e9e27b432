#include "invoker/resource_policy.h"

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "aws/policy_document.h"
#include "base/limits.h"
#include "invoker/api_call.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {
namespace {

using base::Json;

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Text that a statement may carry, and how it is stored.
constexpr std::array<std::pair<const char*, std::string PolicyStatement::*>, 8> kTexts = {{
    {"id", &PolicyStatement::id},
    {"action", &PolicyStatement::action},
    {"principal", &PolicyStatement::principal},
    {"organization", &PolicyStatement::organization},
    {"source_account", &PolicyStatement::source_account},
    {"source_arn", &PolicyStatement::source_arn},
    {"event_source_token", &PolicyStatement::event_source_token},
    {"url_auth_type", &PolicyStatement::url_auth_type},
}};

// (lambda:[*]|lambda:[a-zA-Z]+|[*])
bool IsAction(std::string_view text) {
  if (text == "*" || text == "lambda:*") return true;
  constexpr std::string_view kLambda = "lambda:";
  return text.starts_with(kLambda) && text.size() > kLambda.size() &&
         std::ranges::all_of(text.substr(kLambda.size()), IsAlpha);
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// [^\s]+
bool IsWord(std::string_view text) { return !text.empty() && std::ranges::none_of(text, IsSpace); }

// arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)
bool IsArn(std::string_view text) {
  const auto arn = aws::ParseArn(text);
  return arn && arn->partition.starts_with("aws") &&
         (arn->account.empty() || aws::IsAccountId(arn->account)) &&
         (arn->region.empty() || aws::IsNameWord(arn->region));
}

bool IsToken(std::string_view text) {
  return text.size() <= 256 && std::ranges::all_of(text, [](char c) {
           return IsAlpha(c) || IsDigit(c) || c == '.' || c == '_' || c == '-';
         });
}

bool IsUrlAuthType(std::string_view text) { return text == "NONE" || text == "AWS_IAM"; }

// As a policy names it; empty where it can be nobody.
std::string PrincipalText(const std::string& principal) {
  if (principal == "*") return "\"*\"";
  if (aws::IsAccountId(principal)) {
    return R"({"AWS":"arn:aws:iam::)" + principal + R"(:root"})";
  }
  if (principal.starts_with("arn:")) {
    return IsArn(principal) ? "{\"AWS\":" + base::JsonQuote(principal) + "}" : "";
  }
  const bool is_service =
      principal.ends_with(".amazonaws.com") || principal.ends_with(".amazon.com") ||
      principal.ends_with(".amazonaws.com.cn") || principal.ends_with(".alexa.com");
  return is_service ? "{\"Service\":" + base::JsonQuote(principal) + "}" : "";
}

std::string ConditionText(const PolicyStatement& s) {
  std::string equals;
  const auto add = [](std::string& to, const char* key, const std::string& value) {
    if (value.empty()) return;
    to += (to.empty() ? "\"" : ",\"") + std::string(key) + "\":" + base::JsonQuote(value);
  };
  add(equals, "lambda:FunctionUrlAuthType", s.url_auth_type);
  add(equals, "aws:PrincipalOrgID", s.organization);
  add(equals, "AWS:SourceAccount", s.source_account);
  add(equals, "lambda:EventSourceToken", s.event_source_token);
  std::string like, boolean, out;
  add(like, "AWS:SourceArn", s.source_arn);
  add(boolean, "lambda:InvokedViaFunctionUrl", s.via_url ? "true" : "");
  for (const auto& [name, text] : {std::pair("StringEquals", &equals), std::pair("Bool", &boolean),
                                   std::pair("ArnLike", &like)}) {
    if (!text->empty())
      out += (out.empty() ? "\"" : ",\"") + std::string(name) + "\":{" + *text + "}";
  }
  return out;
}

struct Member {
  const char* name;   // In the body.
  const char* shown;  // In a refusal.
  std::string PolicyStatement::* into;
  bool is_required;
  bool (*check)(std::string_view);
  const char* constraint;
};

constexpr std::array<Member, 8> kMembers = {{
    {"StatementId", "statementId", &PolicyStatement::id, true, IsStatementId, "([a-zA-Z0-9-_]+)"},
    {"Action", "action", &PolicyStatement::action, true, IsAction,
     "(lambda:[*]|lambda:[a-zA-Z]+|[*])"},
    {"Principal", "principal", &PolicyStatement::principal, true, IsWord, "[^\\s]+"},
    {"SourceArn", "sourceArn", &PolicyStatement::source_arn, false, IsArn,
     "arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)"},
    {"SourceAccount", "sourceAccount", &PolicyStatement::source_account, false, aws::IsAccountId,
     "\\d{12}"},
    {"EventSourceToken", "eventSourceToken", &PolicyStatement::event_source_token, false, IsToken,
     "[a-zA-Z0-9._\\-]+"},
    {"PrincipalOrgID", "principalOrgID", &PolicyStatement::organization, false, IsOrganization,
     "o-[a-z0-9]{10,32}"},
    {"FunctionUrlAuthType", "functionUrlAuthType", &PolicyStatement::url_auth_type, false,
     IsUrlAuthType, nullptr},
}};

}  // namespace

bool IsStatementId(std::string_view text) { return text.size() <= 100 && aws::IsNameWord(text); }

bool IsOrganization(std::string_view text) {
  if (!text.starts_with("o-") || text.size() < 12 || text.size() > 34) return false;
  return std::ranges::all_of(text.substr(2),
                             [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c); });
}

aws::ApiError NoPolicy() {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "No policy is associated with the given resource."};
}

std::string StatementText(const PolicyStatement& statement, const std::string& resource) {
  std::string out = "{\"Sid\":" + base::JsonQuote(statement.id) +
                    ",\"Effect\":\"Allow\",\"Principal\":" + PrincipalText(statement.principal) +
                    ",\"Action\":" + base::JsonQuote(statement.action) +
                    ",\"Resource\":" + base::JsonQuote(resource);
  const std::string condition = ConditionText(statement);
  if (!condition.empty()) out += ",\"Condition\":{" + condition + "}";
  return out + "}";
}

std::string PolicyText(const PolicyStatements& statements, const std::string& resource) {
  std::string out = R"({"Version":"2012-10-17","Id":"default","Statement":[)";
  for (const PolicyStatement& one : statements) {
    if (!out.ends_with('[')) out += ',';
    out += StatementText(one, resource);
  }
  return out + "]}";
}

std::optional<aws::ApiError> AddStatement(PolicyStatements& policy, PolicyStatement statement,
                                          const std::string& resource) {
  if (std::ranges::find(policy, statement.id, &PolicyStatement::id) != policy.end()) {
    return Conflict("The statement id (" + statement.id +
                    ") provided already exists. Please provide a new statement id, or remove the "
                    "existing statement.");
  }
  policy.push_back(std::move(statement));
  const size_t size = PolicyText(policy, resource).size();
  if (size <= limits::kMaxPolicy) return std::nullopt;
  return aws::ApiError{.status = 400,
                       .type = "PolicyLengthExceededException",
                       .message = "The final policy size (" + std::to_string(size) +
                                  ") is bigger than the limit (" +
                                  std::to_string(limits::kMaxPolicy) + ")."};
}

std::optional<aws::ApiError> RemoveStatement(PolicyStatements& policy, const std::string& id) {
  if (std::erase_if(policy, [&](const PolicyStatement& one) { return one.id == id; }) > 0) {
    return std::nullopt;
  }
  return aws::ApiError{.status = 404,
                       .type = "ResourceNotFoundException",
                       .message = "Statement " + id + " is not found in resource policy."};
}

bool LetsInvoke(const PolicyStatements& policy, std::string_view service,
                std::string_view source_arn, std::string_view source_account) {
  return std::ranges::any_of(policy, [&](const PolicyStatement& one) {
    return (one.principal == service || one.principal == "*") &&
           (one.action == "*" || one.action == "lambda:*" ||
            one.action == "lambda:InvokeFunction") &&
           one.organization.empty() && one.event_source_token.empty() &&
           one.url_auth_type.empty() && !one.via_url &&
           (one.source_account.empty() || one.source_account == source_account) &&
           (one.source_arn.empty() || aws::IsLike(one.source_arn, source_arn));
  });
}

std::expected<PolicyStatement, aws::ApiError> ReadPermission(const Json& body) {
  PolicyStatement out;
  for (const Member& member : kMembers) {
    std::optional<std::string> text;
    if (auto refusal = ReadText(body, member.name, text)) return std::unexpected(*refusal);
    if (!text && member.is_required) return std::unexpected(MissingMember(member.shown));
    if (!text || (text->empty() && !member.is_required)) continue;
    if (!member.check(*text)) {
      const std::string constraint =
          member.constraint == nullptr
              ? "Member must satisfy enum value set: [NONE, AWS_IAM]"
              : std::string("Member must satisfy regular expression pattern: ") + member.constraint;
      return std::unexpected(ValidationError(*text, member.shown, constraint));
    }
    out.*member.into = *std::move(text);
  }
  const Json via_url = body.value("InvokedViaFunctionUrl", Json());
  if (!via_url.is_null() && !via_url.is_boolean()) {
    return std::unexpected(WrongType("InvokedViaFunctionUrl", "a boolean"));
  }
  out.via_url = via_url == true;
  if (PrincipalText(out.principal).empty()) {
    return std::unexpected(InvalidParameter(
        "The provided principal was invalid. Please check the principal and try again."));
  }
  return out;
}

Json PermissionJson(const PolicyStatement& statement) {
  Json out = Json::object();
  for (const Member& member : kMembers) {
    if (!(statement.*member.into).empty()) out[member.name] = statement.*member.into;
  }
  if (statement.via_url) out["InvokedViaFunctionUrl"] = true;
  return out;
}

Json ToStored(const PolicyStatements& policy) {
  Json out = Json::array();
  for (const PolicyStatement& statement : policy) {
    Json one = Json::object();
    for (const auto& [name, text] : kTexts) {
      if (!(statement.*text).empty()) one[name] = statement.*text;
    }
    if (statement.via_url) one["via_url"] = true;
    out.push_back(std::move(one));
  }
  return out;
}

PolicyStatements PolicyFromStored(const Json& stored) {
  PolicyStatements out;
  for (const Json& one : stored) {
    PolicyStatement statement;
    for (const auto& [name, text] : kTexts) statement.*text = one.value(name, "");
    statement.via_url = one.value("via_url", false);
    out.push_back(std::move(statement));
  }
  return out;
}

}  // namespace hearth::invoker
