#include "triggers/s3/post_policy.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/digest.h"
#include "base/json.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

using base::Json;

ApiError InvalidPolicy(std::string_view what) {
  return RefusalBecause("InvalidPolicyDocument", "Invalid Policy: " + std::string(what));
}

ApiError Denied(std::string_view what) {
  return RefusalBecause("AccessDenied", "Invalid according to Policy: " + std::string(what));
}

std::optional<uint64_t> Size(const Json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (!value.is_string()) return std::nullopt;
  return ReadNumber(value.get_ref<const std::string&>());
}

// Whether a field is what a condition says. A list of types begins as each of it does.
bool Holds(std::string_view operation, const std::string& name, std::string_view value,
           std::string_view wanted) {
  if (operation == "eq") return value == wanted;
  if (name != "content-type") return value.starts_with(wanted);
  while (value.starts_with(wanted)) {
    const size_t comma = value.find(',');
    if (comma == std::string_view::npos) return true;
    value = value.substr(comma + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
  }
  return false;
}

class PolicyReader {
 public:
  PolicyReader(const PostFields& fields, std::string_view bucket)
      : fields_(fields), bucket_(bucket) {}

  std::optional<ApiError> Read(const Json& condition) {
    if (condition.is_object()) {
      if (condition.size() != 1) {
        return InvalidPolicy(
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property "
            "specified.");
      }
      const auto only = condition.begin();
      if (!only->is_string()) {
        return InvalidPolicy("Invalid Simple-Condition: value must be a string.");
      }
      return Check("eq", only.key(), only->get_ref<const std::string&>());
    }
    if (!condition.is_array() || condition.size() != 3 || !condition[0].is_string()) {
      return InvalidPolicy("Invalid Condition: it must be an object, or an array of three.");
    }
    const std::string operation = LowerCase(condition[0].get_ref<const std::string&>());
    if (operation == "content-length-range") return ReadSizes(condition);
    if (operation != "eq" && operation != "starts-with") {
      return InvalidPolicy("Invalid Condition: unknown operation '" + operation + "'.");
    }
    if (!condition[1].is_string() || !condition[2].is_string() ||
        !condition[1].get_ref<const std::string&>().starts_with('$')) {
      return InvalidPolicy("Invalid Condition: it must name a field, as '$key', and a text.");
    }
    return Check(operation, std::string_view(condition[1].get_ref<const std::string&>()).substr(1),
                 condition[2].get_ref<const std::string&>());
  }

  // A field that no condition is about; empty: there is none.
  std::string Uncovered() const {
    constexpr std::array<std::string_view, 5> kFree = {"x-amz-signature", "file", "policy",
                                                       "awsaccesskeyid", "signature"};
    for (const auto& [name, _] : fields_) {
      if (std::ranges::find(kFree, name) != kFree.end() || name.starts_with("x-ignore-")) continue;
      if (!covered_.contains(name)) return name;
    }
    return {};
  }

  const PostSizes& sizes() const { return sizes_; }

 private:
  std::optional<ApiError> ReadSizes(const Json& condition) {
    const auto least = Size(condition[1]);
    const auto most = Size(condition[2]);
    if (!least || !most) {
      return InvalidPolicy("Invalid content-length-range: its bounds must be sizes in bytes.");
    }
    sizes_.least = std::max(sizes_.least, *least);
    sizes_.most = std::min(sizes_.most, *most);
    return std::nullopt;
  }

  std::optional<ApiError> Check(std::string_view operation, std::string_view field,
                                const std::string& wanted) {
    const std::string name = LowerCase(field);
    covered_.insert(name);
    const auto found = fields_.find(name);
    const bool holds =
        name == "bucket" ? Holds(operation, name, bucket_, wanted)
                         : found != fields_.end() && Holds(operation, name, found->second, wanted);
    if (holds) return std::nullopt;
    return Denied("Policy Condition failed: [" + base::JsonQuote(operation) + ", " +
                  base::JsonQuote("$" + std::string(field)) + ", " + base::JsonQuote(wanted) + "]");
  }

  const PostFields& fields_;
  std::string_view bucket_;
  std::set<std::string, std::less<>> covered_;
  PostSizes sizes_;
};

std::expected<Json, ApiError> Decode(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });
  const auto decoded = base::Base64Decode(text);
  if (!decoded) return std::unexpected(InvalidPolicy("Invalid base64 encoding."));
  auto json = base::ParseJson(*decoded);
  if (!json || !json->is_object()) return std::unexpected(InvalidPolicy("Invalid JSON."));
  return std::move(*json);
}

}  // namespace

std::expected<PostSizes, ApiError> ReadPostPolicy(const PostFields& fields, std::string_view bucket,
                                                  int64_t now_ms) {
  const auto text = fields.find("policy");
  if (text == fields.end()) return PostSizes{};
  const auto policy = Decode(text->second);
  if (!policy) return std::unexpected(policy.error());
  const auto expiration = policy->find("expiration");
  if (expiration == policy->end() || !expiration->is_string()) {
    return std::unexpected(InvalidPolicy("Policy missing expiration."));
  }
  const auto& when = expiration->get_ref<const std::string&>();
  const auto expires_ms = ParseIsoTime(when);
  if (!expires_ms) {
    return std::unexpected(InvalidPolicy("Invalid 'expiration' value: '" + when + "'"));
  }
  const auto conditions = policy->find("conditions");
  if (conditions == policy->end() || !conditions->is_array()) {
    return std::unexpected(InvalidPolicy("Policy missing conditions."));
  }
  if (now_ms >= *expires_ms) return std::unexpected(Denied("Policy expired."));
  PolicyReader reader(fields, bucket);
  for (const Json& condition : *conditions) {
    if (auto error = reader.Read(condition)) return std::unexpected(*error);
  }
  if (const std::string name = reader.Uncovered(); !name.empty()) {
    return std::unexpected(Denied("Extra input fields: " + name));
  }
  return reader.sizes();
}

std::optional<ApiError> CheckPostSize(const PostSizes& sizes, uint64_t size) {
  if (size < sizes.least) {
    return Refusal("EntityTooSmall", {{"ProposedSize", size}, {"MinSizeAllowed", sizes.least}});
  }
  if (size > sizes.most) {
    return Refusal("EntityTooLarge", {{"ProposedSize", size}, {"MaxSizeAllowed", sizes.most}});
  }
  return std::nullopt;
}

std::optional<ApiError> CheckPostPolicy(const PostFields& fields, std::string_view bucket,
                                        uint64_t size, int64_t now_ms) {
  const auto sizes = ReadPostPolicy(fields, bucket, now_ms);
  if (!sizes) return sizes.error();
  return CheckPostSize(*sizes, size);
}

}  // namespace hearth::s3
