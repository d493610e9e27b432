#include "aws/arn.h"

#include <algorithm>
#include <vector>

#include "base/limits.h"

namespace hearth::aws {
namespace {

constexpr std::string_view kFunctionNamePattern =
    R"((arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:)?(\d{12}:)?)"
    R"((function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?)";
constexpr size_t kMaxNamespacedName = 140;  // AWS: a partial ARN; a full one is at most 170.
constexpr size_t kMaxFullArn = 170;

bool IsWord(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_';
  });
}

bool IsAccount(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

std::string Arn::ToString() const {
  return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
}

base::Result<Arn> ParseArn(std::string_view text) {
  const auto bad = [&](const char* why) {
    return base::Invalid("read ARN", "'" + std::string(text.substr(0, 200)) + "' " + why);
  };
  std::string_view rest = text;
  std::string_view parts[5];
  for (std::string_view& part : parts) {
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos) {
      return bad("is not arn:partition:service:region:account:resource");
    }
    part = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn") return bad("does not start with 'arn:'");
  if (parts[1].empty() || parts[2].empty()) return bad("names no partition or service");
  if (rest.empty()) return bad("names no resource");
  return Arn{std::string(parts[1]), std::string(parts[2]), std::string(parts[3]),
             std::string(parts[4]), std::string(rest)};
}

bool IsFunctionName(std::string_view text) {
  return text.size() <= limits::kMaxFunctionName && IsWord(text);
}

bool IsQualifier(std::string_view text) {
  return text == "$LATEST" || (text.size() <= 128 && IsWord(text));
}

ApiError ValidationError(std::string_view value, std::string_view member,
                         std::string_view constraint) {
  return {400, "ValidationException",
          "1 validation error detected: Value '" + std::string(value) + "' at '" +
              std::string(member) + "' failed to satisfy constraint: " + std::string(constraint)};
}

std::expected<FunctionName, ApiError> ParseFunctionName(std::string_view text) {
  const auto refuse = [&] {
    return std::unexpected(
        ValidationError(text.substr(0, 300), "functionName",
                        "Member must satisfy regular expression pattern: " +
                            std::string(kFunctionNamePattern)));
  };
  FunctionName out;
  auto parts = Split(text, ':');
  if (text.starts_with("arn:")) {
    // arn:aws:lambda:region:account:function:name[:qualifier]
    if (text.size() > kMaxFullArn) return refuse();
    if (parts.size() < 7 || parts.size() > 8 || !parts[1].starts_with("aws") ||
        parts[2] != "lambda" || !IsWord(parts[3]) || !IsAccount(parts[4]) ||
        parts[5] != "function") {
      return refuse();
    }
    out.region = parts[3];
    out.account = parts[4];
    parts.erase(parts.begin(), parts.begin() + 6);
  } else {
    if (text.size() > kMaxNamespacedName) return refuse();
    if (parts.size() >= 3 && IsAccount(parts[0]) && parts[1] == "function") {
      out.account = parts[0];
      parts.erase(parts.begin(), parts.begin() + 2);
    }
  }
  if (parts.empty() || parts.size() > 2 || !IsFunctionName(parts[0])) return refuse();
  out.name = parts[0];
  if (parts.size() == 2) {
    if (!IsQualifier(parts[1])) return refuse();
    out.qualifier = parts[1];
  }
  return out;
}

}  // namespace hearth::aws
