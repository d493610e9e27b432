#include "triggers/events/members.h"

#include <algorithm>
#include <cmath>

#include "aws/arn.h"
#include "base/limits.h"
#include "triggers/events/errors.h"

namespace hearth::events {
namespace {

using base::Json;

// Of a value that is shown in an error.
constexpr size_t kMaxShown = 4096;
constexpr size_t kMaxTagKey = 128;    // AWS.
constexpr size_t kMaxTagValue = 256;  // AWS.

bool IsBusName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c == '/' || c == '.' || aws::IsNameWord({&c, 1});
  });
}

bool IsBusNameOrArn(std::string_view text) {
  if (!text.starts_with("arn:")) return IsBusName(text);
  const auto arn = aws::ParseArn(text);
  constexpr std::string_view kKind = "event-bus/";
  return arn && arn->service == "events" && aws::IsAccountId(arn->account) &&
         arn->resource.starts_with(kKind) && IsBusName(arn->resource.substr(kKind.size()));
}

std::string Quoted(std::string_view value) {
  return "Value '" + std::string(value.substr(0, kMaxShown)) + "'";
}

}  // namespace

const TextRule kRuleName{1, 64, kNamePattern, IsName};
const TextRule kBusName{1, 256, "[/\\.\\-_A-Za-z0-9]+", IsBusName};
const TextRule kBusNameOrArn{
    1, 1600,
    "(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+",
    IsBusNameOrArn};
const TextRule kArn{1, 1600};
const TextRule kText512{0, 512};
const TextRule kAnyText{};

bool IsName(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c == '.' || aws::IsNameWord({&c, 1}); });
}

std::optional<aws::ApiError> Faults::Take() {
  if (constraints.empty()) return other;
  std::string message = std::to_string(constraints.size()) + " validation error" +
                        (constraints.size() == 1 ? "" : "s") + " detected: ";
  for (size_t i = 0; i < constraints.size(); ++i) {
    message += (i == 0 ? "" : "; ") + constraints[i];
  }
  return Invalid(std::move(message));
}

Members::Members(const Json& json, Faults& faults, std::string path)
    : json_(json), faults_(faults), path_(std::move(path)) {}

std::string Members::PathOf(std::string_view name) const {
  std::string out = path_ + std::string(name);
  char& first = out[path_.size()];
  if (first >= 'A' && first <= 'Z') first = static_cast<char>(first - 'A' + 'a');
  return out;
}

void Members::Violates(std::string_view value, std::string_view name, std::string_view constraint) {
  // A request of thousands of wrong members gets an answer of a bearable size.
  if (faults_.constraints.size() >= 100) return;
  faults_.constraints.push_back(std::string(value) + " at '" + PathOf(name) +
                                "' failed to satisfy constraint: " + std::string(constraint));
}

void Members::WrongType(std::string_view name, std::string_view wanted) {
  faults_.Refuse(
      {400, "SerializationException", PathOf(name) + " is to be " + std::string(wanted)});
}

const Json* Members::Any(std::string_view name) {
  known_.emplace(name);
  if (!json_.is_object()) return nullptr;
  const auto at = json_.find(name);
  return at == json_.end() || at->is_null() ? nullptr : &*at;
}

void Members::Require(std::string_view name) {
  if (Any(name) == nullptr) Violates("Value null", name, "Member must not be null");
}

std::optional<std::string> Members::Text(std::string_view name, const TextRule& rule) {
  const Json* const value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    WrongType(name, "a string");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > rule.most) {
    Violates(Quoted(text), name,
             "Member must have length less than or equal to " + std::to_string(rule.most));
  }
  if (text.size() < rule.least) {
    Violates(Quoted(text), name,
             "Member must have length greater than or equal to " + std::to_string(rule.least));
  }
  if (rule.fits != nullptr && !rule.fits(text)) {
    Violates(Quoted(text), name,
             "Member must satisfy regular expression pattern: " + std::string(rule.pattern));
  }
  return text;
}

std::string Members::RequiredText(std::string_view name, const TextRule& rule) {
  Require(name);
  return Text(name, rule).value_or("");
}

std::string Members::OneOf(std::string_view name, const std::vector<std::string>& allowed,
                           std::string otherwise) {
  auto text = Text(name, kAnyText);
  if (!text) return otherwise;
  if (std::ranges::find(allowed, *text) == allowed.end()) {
    std::string set;
    for (const std::string& each : allowed) set += (set.empty() ? "" : ", ") + each;
    Violates(Quoted(*text), name, "Member must satisfy enum value set: [" + set + "]");
  }
  return *text;
}

std::optional<int64_t> Members::Number(std::string_view name, int64_t least, int64_t most) {
  const Json* const value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    WrongType(name, "a whole number");
    return std::nullopt;
  }
  const bool is_huge = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  const int64_t number = is_huge ? INT64_MAX : value->get<int64_t>();
  if (number < least) {
    Violates(Quoted(base::ToJsonText(*value)), name,
             "Member must have value greater than or equal to " + std::to_string(least));
  }
  if (number > most) {
    Violates(Quoted(base::ToJsonText(*value)), name,
             "Member must have value less than or equal to " + std::to_string(most));
  }
  return std::clamp(number, least, most);
}

bool Members::Flag(std::string_view name) {
  const Json* const value = Any(name);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  WrongType(name, "true or false");
  return false;
}

std::optional<int64_t> Members::Moment(std::string_view name) {
  const Json* const value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    WrongType(name, "a number of seconds since 1970");
    return std::nullopt;
  }
  const double seconds = value->get<double>();
  // From the year 1970 to 9999: what the text of an event can tell.
  if (!(seconds >= 0 && seconds < 253402300800.0)) {
    WrongType(name, "a number of seconds since 1970, before the year 10000");
    return std::nullopt;
  }
  return static_cast<int64_t>(std::llround(seconds * 1000));
}

const Json* Members::List(std::string_view name, size_t least, size_t most) {
  const Json* const value = Any(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    WrongType(name, "a list");
    return nullptr;
  }
  if (value->size() < least) {
    Violates(Quoted(base::ToJsonText(*value)), name,
             "Member must have length greater than or equal to " + std::to_string(least));
  }
  if (value->size() > most) {
    Violates(Quoted(base::ToJsonText(*value)), name,
             "Member must have length less than or equal to " + std::to_string(most));
    return nullptr;
  }
  return value;
}

const Json* Members::Object(std::string_view name) {
  const Json* const value = Any(name);
  if (value == nullptr || value->is_object()) return value;
  WrongType(name, "an object");
  return nullptr;
}

std::vector<std::string> Members::Texts(std::string_view name, size_t least, size_t most) {
  std::vector<std::string> out;
  const Json* const list = List(name, least, most);
  if (list == nullptr) return out;
  for (const Json& each : *list) {
    if (!each.is_string()) {
      WrongType(name, "a list of strings");
      return {};
    }
    out.push_back(each.get<std::string>());
  }
  return out;
}

std::map<std::string, std::string> Members::Tags(std::string_view name) {
  std::map<std::string, std::string> out;
  const Json* const list = List(name, 0, SIZE_MAX);
  if (list == nullptr) return out;
  for (size_t i = 0; i < list->size(); ++i) {
    Members tag((*list)[i], faults_, PathOf(name) + "." + std::to_string(i + 1) + ".member.");
    std::string key = tag.RequiredText("Key", {1, kMaxTagKey});
    tag.Require("Value");
    std::string value = tag.Text("Value", {0, kMaxTagValue}).value_or("");
    tag.Done();
    out.insert_or_assign(std::move(key), std::move(value));
  }
  return out;
}

void Members::RefuseMember(std::string_view name) {
  if (Any(name) == nullptr) return;
  faults_.Refuse(NotServed("the parameter '" + PathOf(name) + "'"));
}

void Members::Done() {
  if (!json_.is_object()) return faults_.Refuse({400, "SerializationException", "no JSON object"});
  for (const auto& [name, value] : json_.items()) {
    if (known_.contains(name) || value.is_null()) continue;
    return faults_.Refuse(NotServed("the parameter '" + path_ + name.substr(0, 200) + "'"));
  }
}

std::optional<aws::ApiError> CheckTags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > limits::kMaxTags) {
    return LimitExceeded("A resource can have at most " + std::to_string(limits::kMaxTags) +
                         " tags.");
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > kMaxTagKey || value.size() > kMaxTagValue) {
      return Invalid("A tag's key has 1 to 128 characters, and its value at most 256.");
    }
  }
  return std::nullopt;
}

std::optional<aws::ApiError> CheckClientsTags(const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : tags) {
    if (key.starts_with("aws:")) {
      return Invalid("aws: prefixed tag key names are not allowed for external use.");
    }
  }
  return CheckTags(tags);
}

}  // namespace hearth::events
