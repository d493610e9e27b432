#include "logs/members.h"

#include <algorithm>

#include "aws/arn.h"
#include "base/limits.h"
#include "invoker/log_group.h"

namespace hearth::logs {
namespace {

std::string Shown(std::string_view value) { return std::string(value.substr(0, 300)); }

}  // namespace

aws::ApiError InvalidParameter(std::string message) {
  return {400, "InvalidParameterException", std::move(message)};
}

const Members::TextRule kGroupName{.least = 1,
                                   .most = limits::kMaxLogGroupName,
                                   .allows = invoker::IsLogGroupName,
                                   .pattern = R"([\.\-_/#A-Za-z0-9]+)"};
const Members::TextRule kStreamName{.least = 1,
                                    .most = 512,
                                    .allows =
                                        [](std::string_view text) {
                                          // Control bytes would end a line or a field of a group's
                                          // file.
                                          return std::ranges::none_of(text, [](unsigned char c) {
                                            return c == ':' || c == '*' || c < 0x20 || c == 0x7f;
                                          });
                                        },
                                    .pattern = "[^:*]*"};

void Members::Refuse(aws::ApiError error) {
  if (!error_) error_ = std::move(error);
}

void Members::Violates(std::string_view value, std::string_view name, std::string_view constraint) {
  aws::ApiError error = aws::ValidationError(Shown(value), name, constraint);
  error.type = "InvalidParameterException";
  Refuse(std::move(error));
}

void Members::Check(std::string_view value, std::string_view name, const TextRule& rule) {
  if (value.size() < rule.least) {
    return Violates(
        value, name,
        "Member must have length greater than or equal to " + std::to_string(rule.least));
  }
  if (value.size() > rule.most) {
    return Violates(value, name,
                    "Member must have length less than or equal to " + std::to_string(rule.most));
  }
  if (rule.allows != nullptr && !rule.allows(value)) {
    Violates(value, name,
             "Member must satisfy regular expression pattern: " + std::string(rule.pattern));
  }
}

const base::Json* Members::Any(std::string_view name) {
  known_.emplace(name);
  const auto at = input_.find(name);
  return at == input_.end() || at->is_null() ? nullptr : &*at;
}

void Members::Require(std::string_view name) {
  if (Any(name) != nullptr) return;
  Refuse(InvalidParameter("1 validation error detected: Value null at '" + std::string(name) +
                          "' failed to satisfy constraint: Member must not be null"));
}

std::optional<std::string> Members::Text(std::string_view name, const TextRule& rule) {
  const base::Json* value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Refuse({400, "SerializationException", std::string(name) + " is to be a string"});
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  Check(text, name, rule);
  return text;
}

std::string Members::RequiredText(std::string_view name, const TextRule& rule) {
  Require(name);
  return Text(name, rule).value_or("");
}

std::vector<std::string> Members::Texts(std::string_view name, size_t least, size_t most,
                                        const TextRule& rule) {
  std::vector<std::string> out;
  const base::Json* value = Any(name);
  if (value == nullptr) return out;
  if (!value->is_array() ||
      !std::ranges::all_of(*value, [](const base::Json& each) { return each.is_string(); })) {
    Refuse({400, "SerializationException", std::string(name) + " is to be a list of strings"});
    return out;
  }
  if (value->size() < least || value->size() > most) {
    Violates(Shown(base::ToJsonText(*value)), name,
             value->size() < least
                 ? "Member must have length greater than or equal to " + std::to_string(least)
                 : "Member must have length less than or equal to " + std::to_string(most));
    return out;
  }
  for (const base::Json& each : *value) {
    out.push_back(each.get<std::string>());
    Check(out.back(), name, rule);
  }
  return out;
}

std::optional<int64_t> Members::Number(std::string_view name, int64_t least, int64_t most) {
  const base::Json* value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    Refuse({400, "SerializationException", std::string(name) + " is to be a whole number"});
    return std::nullopt;
  }
  const bool huge = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  const int64_t number = huge ? INT64_MAX : value->get<int64_t>();
  if (number < least) {
    Violates(std::to_string(number), name,
             "Member must have value greater than or equal to " + std::to_string(least));
  } else if (number > most) {
    Violates(std::to_string(number), name,
             "Member must have value less than or equal to " + std::to_string(most));
  }
  return number;
}

bool Members::Flag(std::string_view name) {
  const base::Json* value = Any(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    Refuse({400, "SerializationException", std::string(name) + " is to be true or false"});
    return false;
  }
  return value->get<bool>();
}

std::map<std::string, std::string> Members::Tags(std::string_view name) {
  std::map<std::string, std::string> out;
  const base::Json* value = Any(name);
  if (value == nullptr) return out;
  if (!value->is_object()) {
    Refuse({400, "SerializationException", std::string(name) + " is to be an object"});
    return out;
  }
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string()) {
      Refuse({400, "SerializationException", "a tag's value is to be a string"});
      return out;
    }
    Check(key, name, {.least = 1, .most = limits::kMaxTagKey});
    Check(text.get_ref<const std::string&>(), name, {.most = limits::kMaxTagValue});
    out.emplace(key, text.get<std::string>());
  }
  if (out.size() > limits::kMaxTags) {
    Violates(std::to_string(out.size()) + " tags", name,
             "Member must have length less than or equal to " + std::to_string(limits::kMaxTags));
  }
  return out;
}

std::optional<aws::ApiError> Members::Finish() {
  if (error_) return error_;
  for (const auto& [name, value] : input_.items()) {
    if (known_.contains(name) || value.is_null()) continue;
    return InvalidParameter("Hearth does not serve the member '" + Shown(name) + "'");
  }
  return std::nullopt;
}

}  // namespace hearth::logs
