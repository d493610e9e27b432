#include "invoker/function_url.h"

#include <algorithm>
#include <utility>

#include "invoker/api_errors.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Refusal = std::optional<aws::ApiError>;

constexpr int64_t kMaxAge = 86400;  // AWS: MaxAge.

struct ListRule {
  const char* member;      // Of Cors.
  const char* constraint;  // What AWS's model calls it.
  size_t most;             // Items.
  size_t longest;          // Of an item.
  std::vector<std::string> UrlCors::* into;
};

constexpr ListRule kLists[] = {
    {"AllowHeaders", "cors.allowHeaders", 100, 1024, &UrlCors::allow_headers},
    {"AllowMethods", "cors.allowMethods", 6, 6, &UrlCors::allow_methods},
    {"AllowOrigins", "cors.allowOrigins", 100, 253, &UrlCors::allow_origins},
    {"ExposeHeaders", "cors.exposeHeaders", 100, 1024, &UrlCors::expose_headers}};

Refusal ReadList(const Json& cors, const ListRule& rule, UrlCors& into) {
  const Json given = cors.value(rule.member, Json());
  if (given.is_null()) return std::nullopt;
  if (!given.is_array()) return WrongType(std::string("Cors.") + rule.member, "a list of strings");
  if (given.size() > rule.most) {
    return ValidationError(
        base::ToJsonText(given), rule.constraint,
        "Member must have length less than or equal to " + std::to_string(rule.most));
  }
  for (const Json& item : given) {
    if (!item.is_string())
      return WrongType(std::string("Cors.") + rule.member, "a list of strings");
    auto text = item.get<std::string>();
    if (text.empty() || text.size() > rule.longest) {
      return ValidationError(text, rule.constraint,
                             "Member must satisfy constraint: [Member must have length less than "
                             "or equal to " +
                                 std::to_string(rule.longest) +
                                 ", Member must have length greater than or equal to 1]");
    }
    (into.*rule.into).push_back(std::move(text));
  }
  return std::nullopt;
}

std::expected<UrlCors, aws::ApiError> ReadCors(const Json& given) {
  if (!given.is_object()) return std::unexpected(WrongType("Cors", "an object"));
  UrlCors cors;
  for (const ListRule& rule : kLists) {
    if (auto refusal = ReadList(given, rule, cors)) return std::unexpected(*refusal);
  }
  const Json credentials = given.value("AllowCredentials", Json());
  if (!credentials.is_null() && !credentials.is_boolean()) {
    return std::unexpected(WrongType("Cors.AllowCredentials", "a boolean"));
  }
  cors.allow_credentials = credentials == true;
  const Json age = given.value("MaxAge", Json());
  if (age.is_null()) return cors;
  if (!age.is_number_integer()) return std::unexpected(WrongType("Cors.MaxAge", "an integer"));
  cors.max_age_s = age.get<int64_t>();
  if (*cors.max_age_s < 0 || *cors.max_age_s > kMaxAge) {
    return std::unexpected(ValidationError(
        std::to_string(*cors.max_age_s), "cors.maxAge",
        *cors.max_age_s < 0 ? "Member must have value greater than or equal to 0"
                            : "Member must have value less than or equal to 86400"));
  }
  return cors;
}

Json CorsJson(const UrlCors& cors) {
  Json out = Json::object();
  if (cors.allow_credentials) out["AllowCredentials"] = true;
  for (const ListRule& rule : kLists) {
    if (!(cors.*rule.into).empty()) out[rule.member] = cors.*rule.into;
  }
  if (cors.max_age_s) out["MaxAge"] = *cors.max_age_s;
  return out;
}

// One of two words; `into` is whether it is the second.
Refusal ReadWord(const Json& body, const char* member, const char* constraint, const char* first,
                 const char* second, bool& into) {
  const Json given = body.value(member, Json());
  if (given.is_null()) return std::nullopt;
  if (!given.is_string()) return WrongType(member, "a string");
  const auto text = given.get<std::string>();
  if (text != first && text != second) {
    return ValidationError(
        text, constraint,
        std::string("Member must satisfy enum value set: [") + first + ", " + second + "]");
  }
  into = text == second;
  return std::nullopt;
}

bool IsHostName(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

bool IsPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::expected<FunctionUrl, aws::ApiError> ApplyFunctionUrl(const FunctionUrl* current,
                                                           const Json& body) {
  if (current == nullptr && body.value("AuthType", Json()).is_null()) {
    return std::unexpected(MissingMember("authType"));
  }
  FunctionUrl url = current == nullptr ? FunctionUrl() : *current;
  if (auto refusal = ReadWord(body, "AuthType", "authType", "NONE", "AWS_IAM", url.needs_iam)) {
    return std::unexpected(*refusal);
  }
  if (auto refusal =
          ReadWord(body, "InvokeMode", "invokeMode", "BUFFERED", "RESPONSE_STREAM", url.streams)) {
    return std::unexpected(*refusal);
  }
  const Json given = body.value("Cors", Json());
  if (given.is_null()) return url;
  auto cors = ReadCors(given);
  if (!cors) return std::unexpected(std::move(cors).error());
  url.cors = *cors == UrlCors() ? std::nullopt : std::optional(*std::move(cors));
  return url;
}

std::string UrlText(const FunctionUrl& url, const Account& account, std::string_view host) {
  std::string_view name = host;
  std::string_view port;
  if (const size_t colon = host.rfind(':');
      colon != std::string_view::npos && IsPort(host.substr(colon + 1))) {
    name = host.substr(0, colon);
    port = host.substr(colon + 1);
  }
  const bool is_number = name.find_first_not_of("0123456789.") == std::string_view::npos;
  if (is_number || !IsHostName(name) || name.ends_with(".amazonaws.com")) name = "localhost";
  std::string out = "http://" + url.id + ".lambda-url." + account.region + ".";
  out += name;
  if (!port.empty()) out.append(":").append(port);
  return out + "/";
}

Json FunctionUrlJson(const FunctionUrl& url, const std::string& text, const std::string& arn) {
  Json out{{"FunctionUrl", text},
           {"FunctionArn", arn},
           {"AuthType", url.needs_iam ? "AWS_IAM" : "NONE"},
           {"InvokeMode", url.streams ? "RESPONSE_STREAM" : "BUFFERED"},
           {"CreationTime", url.created},
           {"LastModifiedTime", url.last_modified}};
  if (url.cors) out["Cors"] = CorsJson(*url.cors);
  return out;
}

Json ToStored(const FunctionUrl& url) {
  Json out{{"id", url.id},
           {"AuthType", url.needs_iam ? "AWS_IAM" : "NONE"},
           {"InvokeMode", url.streams ? "RESPONSE_STREAM" : "BUFFERED"},
           {"created", url.created},
           {"last_modified", url.last_modified}};
  if (url.cors) out["Cors"] = CorsJson(*url.cors);
  return out;
}

base::Result<FunctionUrl> FunctionUrlFromStored(const Json& stored) {
  const auto bad = [&stored] {
    return base::Invalid("read function URL", base::ToJsonText(stored));
  };
  if (!stored.is_object()) return bad();
  auto url = ApplyFunctionUrl(nullptr, stored);
  if (!url) return bad();
  for (const auto& [member, into] : {std::pair("id", &url->id), std::pair("created", &url->created),
                                     std::pair("last_modified", &url->last_modified)}) {
    const Json value = stored.value(member, Json());
    if (!value.is_string()) return bad();
    *into = value.get<std::string>();
  }
  return *std::move(url);
}

}  // namespace hearth::invoker
