#include "aws/arn.h"

#include <algorithm>

#include "base/limits.h"

namespace hearth::aws {
namespace {

constexpr std::string_view kFunctionNamePattern =
    R"((arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?)"
    R"((function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?)";
constexpr size_t kMaxNamespacedName = 140;  // AWS: a partial ARN; a full one is at most 170.
constexpr size_t kMaxFullArn = 170;

}  // namespace

bool IsNameWord(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool IsAccountId(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

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
  return text.size() <= limits::kMaxFunctionName && IsNameWord(text);
}

bool IsQualifier(std::string_view text) {
  return text == "$LATEST" || (text.size() <= 128 && IsNameWord(text));
}

ApiError ValidationError(std::string_view value, std::string_view member,
                         std::string_view constraint) {
  return {400, "ValidationException",
          "1 validation error detected: Value '" + std::string(value) + "' at '" +
              std::string(member) + "' failed to satisfy constraint: " + std::string(constraint)};
}

std::expected<FunctionName, ApiError> ParseFunctionName(std::string_view text) {
  const auto refuse = [&](const std::string& constraint) {
    return std::unexpected(ValidationError(text.substr(0, 300), "functionName", constraint));
  };
  const auto malformed = [&] {
    return refuse("Member must satisfy regular expression pattern: " +
                  std::string(kFunctionNamePattern));
  };
  FunctionName out;
  std::string_view rest = text;
  constexpr std::string_view kFunction = "function:";
  if (text.starts_with("arn:")) {
    // arn:aws:lambda:region:account:function:name[:qualifier]
    const auto arn = ParseArn(text);
    if (text.size() > kMaxFullArn || !arn || !arn->partition.starts_with("aws") ||
        arn->service != "lambda" || !IsNameWord(arn->region) || !IsAccountId(arn->account) ||
        !arn->resource.starts_with(kFunction)) {
      return malformed();
    }
    out.region = arn->region;
    out.account = arn->account;
    rest = text.substr(text.size() - arn->resource.size() + kFunction.size());
  } else {
    if (text.size() > kMaxNamespacedName) return malformed();
    if (text.size() > 13 && text[12] == ':' && IsAccountId(text.substr(0, 12)) &&
        text.substr(13).starts_with(kFunction)) {
      out.account = text.substr(0, 12);
      rest.remove_prefix(13);
    }
    if (rest.starts_with(kFunction)) rest.remove_prefix(kFunction.size());
  }
  const size_t colon = rest.find(':');
  out.name = rest.substr(0, colon);
  if (!IsNameWord(out.name)) return malformed();
  if (out.name.size() > limits::kMaxFunctionName) {
    return refuse("Member must have length less than or equal to " +
                  std::to_string(limits::kMaxFunctionName));
  }
  if (colon != std::string_view::npos) {
    out.qualifier = rest.substr(colon + 1);
    if (!IsQualifier(out.qualifier)) return malformed();
  }
  return out;
}

}  // namespace hearth::aws
