#include "triggers/sqs/message_filter.h"

#include <algorithm>
#include <optional>

#include "invoker/filter_pattern.h"

namespace hearth::sqs {
namespace {

using base::Json;

// A record, and what its body is: JSON (an object or a list) or a text.
struct Record {
  Json json;
  std::optional<Json> body;  // nullopt: a text.
};

bool MatchesRecord(const Json& pattern, const Record& record) {
  for (const auto& [key, rule] : pattern.items()) {
    if (key == "$or") {
      if (std::ranges::none_of(
              rule, [&record](const Json& each) { return MatchesRecord(each, record); })) {
        return false;
      }
      continue;
    }
    const auto found = record.json.find(key);
    const Json* field = found == record.json.end() ? nullptr : &*found;
    if (key == "body") {
      if (rule.is_object() != record.body.has_value()) return false;
      if (record.body) field = &*record.body;
    }
    if (!invoker::MatchesField(rule, field)) return false;
  }
  return true;
}

}  // namespace

MessageFilter::MessageFilter(const std::vector<std::string>& patterns) {
  for (const std::string& text : patterns) {
    // One that no longer reads lets nothing through, rather than everything.
    patterns_.push_back(base::ParseJson(text).value_or(Json::array()));
  }
}

bool MessageFilter::Takes(const std::string& record) const {
  if (patterns_.empty()) return true;
  auto parsed = base::ParseJson(record);
  if (!parsed) return false;
  Record read{.json = *std::move(parsed), .body = std::nullopt};
  if (const auto body = base::ParseJson(read.json.at("body").get_ref<const std::string&>());
      body && body->is_structured()) {
    read.body = *body;
  }
  return std::ranges::any_of(patterns_, [&read](const Json& pattern) {
    return pattern.is_object() && MatchesRecord(pattern, read);
  });
}

}  // namespace hearth::sqs
