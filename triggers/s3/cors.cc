#include "triggers/s3/cors.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "triggers/s3/words.h"
#include "triggers/s3/xml_input.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {
namespace {

constexpr size_t kMaxRules = 100;  // AWS.
constexpr size_t kMaxId = 255;     // AWS.

std::unexpected<ApiError> Malformed() { return std::unexpected(Refusal("MalformedXML")); }

std::unexpected<ApiError> Invalid(std::string message) {
  return std::unexpected(RefusalBecause("InvalidRequest", std::move(message)));
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

// `pattern` has at most one '*'.
bool Matches(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  return text.size() + 1 >= pattern.size() && text.starts_with(pattern.substr(0, star)) &&
         text.ends_with(pattern.substr(star + 1));
}

std::expected<void, ApiError> CheckRule(const CorsRule& rule) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "PUT", "POST", "DELETE", "HEAD"};
  if (rule.origins.empty() || rule.methods.empty()) return Malformed();
  if (rule.id.size() > kMaxId) return Invalid("The ID of a CORS rule cannot exceed 255 characters");
  for (const std::string& method : rule.methods) {
    if (std::ranges::find(kMethods, method) == kMethods.end()) {
      return Invalid("Found unsupported HTTP method in CORS config. Unsupported method is " +
                     method);
    }
  }
  for (const std::string& origin : rule.origins) {
    if (std::ranges::count(origin, '*') > 1) {
      return Invalid("AllowedOrigin \"" + origin + "\" can not have more than one wildcard.");
    }
  }
  for (const std::string& header : rule.headers) {
    if (std::ranges::count(header, '*') > 1) {
      return Invalid("AllowedHeader \"" + header + "\" can not have more than one wildcard.");
    }
  }
  for (const std::string& header : rule.exposed) {
    if (header.find('*') != std::string::npos) {
      return Invalid("ExposeHeader \"" + header +
                     "\" contains wildcard. We currently do not support wildcard for "
                     "ExposeHeader.");
    }
    if (!std::ranges::all_of(header, [](char c) { return c > ' ' && c < 0x7f && c != ','; })) {
      return Invalid("ExposeHeader \"" + header + "\" contains invalid character.");
    }
  }
  return {};
}

std::expected<CorsRule, ApiError> ReadRule(const aws::XmlElement& element) {
  if (auto error = RefuseOthers(element, {"ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader",
                                          "ExposeHeader", "MaxAgeSeconds"})) {
    return std::unexpected(*error);
  }
  CorsRule rule;
  for (const aws::XmlElement& child : element.children()) {
    const std::string_view name = child.name();
    std::string text = child.text();
    if (name == "ID") {
      rule.id = std::move(text);
    } else if (name == "AllowedOrigin") {
      rule.origins.push_back(std::move(text));
    } else if (name == "AllowedMethod") {
      rule.methods.push_back(std::move(text));
    } else if (name == "AllowedHeader") {
      rule.headers.push_back(std::move(text));
    } else if (name == "ExposeHeader") {
      rule.exposed.push_back(std::move(text));
    } else {
      int32_t seconds = 0;
      const char* const last = text.data() + text.size();
      const auto [end, error] = std::from_chars(text.data(), last, seconds);
      if (error != std::errc() || end != last || seconds < 0) return Malformed();
      rule.max_age_s = seconds;
    }
  }
  if (auto checked = CheckRule(rule); !checked) return std::unexpected(checked.error());
  return rule;
}

// The pattern by which a rule allows all of it; nullptr: it does not.
const std::string* Allows(const CorsRule& rule, std::string_view origin, std::string_view method,
                          std::string_view asked_headers) {
  if (std::ranges::find(rule.methods, method) == rule.methods.end()) return nullptr;
  while (!asked_headers.empty()) {
    const size_t comma = asked_headers.find(',');
    const std::string header = LowerCase(Trimmed(asked_headers.substr(0, comma)));
    asked_headers =
        comma == std::string_view::npos ? std::string_view() : asked_headers.substr(comma + 1);
    if (header.empty()) continue;
    if (std::ranges::none_of(rule.headers, [&](const std::string& each) {
          return Matches(LowerCase(each), header);
        })) {
      return nullptr;
    }
  }
  const auto found = std::ranges::find_if(
      rule.origins, [&](const std::string& each) { return Matches(each, origin); });
  return found == rule.origins.end() ? nullptr : &*found;
}

}  // namespace

std::expected<CorsRules, ApiError> ReadCors(std::string_view body) {
  const auto document = ReadXml(body, "CORSConfiguration");
  if (!document) return std::unexpected(document.error());
  if (auto error = RefuseOthers(document->root(), {"CORSRule"})) return std::unexpected(*error);
  CorsRules out;
  for (const aws::XmlElement& child : document->root().children()) {
    if (out.size() == kMaxRules) {
      return Invalid("The number of CORS rules should not exceed allowed limit of 100 rules.");
    }
    auto rule = ReadRule(child);
    if (!rule) return std::unexpected(rule.error());
    out.push_back(std::move(*rule));
  }
  if (out.empty()) return Malformed();
  return out;
}

std::string CorsXml(const CorsRules& rules) {
  XmlWriter xml;
  xml.Open("CORSConfiguration");
  for (const CorsRule& rule : rules) {
    xml.Open("CORSRule");
    if (!rule.id.empty()) xml.Element("ID", rule.id);
    for (const std::string& each : rule.headers) xml.Element("AllowedHeader", each);
    for (const std::string& each : rule.methods) xml.Element("AllowedMethod", each);
    for (const std::string& each : rule.origins) xml.Element("AllowedOrigin", each);
    for (const std::string& each : rule.exposed) xml.Element("ExposeHeader", each);
    if (rule.max_age_s) xml.Element("MaxAgeSeconds", *rule.max_age_s);
    xml.Close();
  }
  return xml.Take();
}

CorsCache::CorsCache()
    : TextCache("cors", [](const BucketRecord& bucket) -> Ref {
        auto rules = ReadCors(bucket.Text("cors"));
        return rules ? std::make_shared<const CorsRules>(std::move(*rules)) : nullptr;
      }) {}

std::optional<io::HttpHeaders> CorsAnswer(const CorsRules& rules, std::string_view origin,
                                          std::string_view method, std::string_view asked_headers) {
  if (origin.empty()) return std::nullopt;
  for (const CorsRule& rule : rules) {
    const std::string* const pattern = Allows(rule, origin, method, asked_headers);
    if (pattern == nullptr) continue;
    io::HttpHeaders out;
    // Any page may have it: then none brings its credentials.
    out.Add("Access-Control-Allow-Origin", *pattern == "*" ? "*" : origin);
    out.Add("Access-Control-Allow-Methods", Joined(rule.methods));
    if (!asked_headers.empty()) out.Add("Access-Control-Allow-Headers", LowerCase(asked_headers));
    if (!rule.exposed.empty()) out.Add("Access-Control-Expose-Headers", Joined(rule.exposed));
    if (rule.max_age_s) out.Add("Access-Control-Max-Age", std::to_string(*rule.max_age_s));
    if (*pattern != "*") out.Add("Access-Control-Allow-Credentials", "true");
    out.Add("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    return out;
  }
  return std::nullopt;
}

std::expected<io::HttpHeaders, ApiError> PreflightAnswer(const CorsRules* rules,
                                                         const io::HttpHeaders& request,
                                                         bool is_object) {
  const std::string_view origin = request.Get("Origin");
  const std::string_view method = request.Get("Access-Control-Request-Method");
  const auto bad = [](std::string message) {
    return std::unexpected(RefusalBecause("BadRequest", std::move(message)));
  };
  if (origin.empty()) return bad("Insufficient information. Origin request header needed.");
  if (method.empty()) return bad("Invalid Access-Control-Request-Method: null");
  const auto forbidden = [&](std::string message) {
    ApiError error = RefusalBecause(
        "AccessForbidden", std::move(message),
        {{"Method", std::string(method)}, {"ResourceType", is_object ? "OBJECT" : "BUCKET"}});
    error.status = 403;
    return std::unexpected(std::move(error));
  };
  if (rules == nullptr) return forbidden("CORSResponse: CORS is not enabled for this bucket.");
  auto answer = CorsAnswer(*rules, origin, method, request.Get("Access-Control-Request-Headers"));
  if (answer) return std::move(*answer);
  // AWS's own spelling.
  return forbidden(
      "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
      "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers "
      "are not whitelisted by the resource's CORS spec.");
}

}  // namespace hearth::s3
