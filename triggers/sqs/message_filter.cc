#include "triggers/sqs/message_filter.h"

#include <algorithm>

namespace hearth::sqs {
namespace {

using base::Json;
using expressions::EventPattern;

// Whether an alternative asks for a body of the other form than the record's.
bool AsksForOther(const EventPattern& pattern, const EventPattern::Alternative& alternative,
                  bool is_json) {
  return std::ranges::any_of(alternative, [&](uint32_t index) {
    const auto& path = pattern.fields()[index].path;
    return path.front() == "body" && (path.size() > 1) != is_json;
  });
}

}  // namespace

MessageFilter::MessageFilter(const std::vector<std::string>& patterns)
    : takes_all_(patterns.empty()) {
  for (const std::string& text : patterns) {
    if (auto pattern = EventPattern::Parse(text)) patterns_.push_back(*std::move(pattern));
  }
}

bool MessageFilter::Takes(const std::string& record) const {
  if (takes_all_) return true;
  auto json = base::ParseJson(record);
  if (!json) return false;
  Json& body = json->at("body");
  auto parsed = base::ParseJson(body.get_ref<const std::string&>());
  const bool is_json = parsed && parsed->is_structured();
  if (is_json) body = *std::move(parsed);
  return std::ranges::any_of(patterns_, [&](const EventPattern& pattern) {
    return std::ranges::any_of(pattern.alternatives(), [&](const auto& alternative) {
      return !AsksForOther(pattern, alternative, is_json) &&
             pattern.MatchesAlternative(alternative, *json);
    });
  });
}

}  // namespace hearth::sqs
