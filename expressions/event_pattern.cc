#include "expressions/event_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "expressions/pattern_reader.h"
#include "expressions/pattern_search.h"

namespace hearth::expressions {
namespace {

// Of all alternatives; only where an event spells one path in two ways. A fifth of a second.
constexpr int64_t kMaxSharedSteps = 4'000'000;

}  // namespace

std::expected<EventPattern, std::string> EventPattern::Parse(std::string_view text, size_t most) {
  if (text.size() > most) {
    return std::unexpected(fmt::format("Event pattern is longer than {} characters", most));
  }
  PatternReader reader(text);
  if (!reader.Read()) return std::unexpected(reader.error());
  auto json = base::ParseJson(text);
  if (!json) return std::unexpected(json.error().text);
  auto alternatives = reader.TakeAlternatives();
  return EventPattern(*std::move(json), reader.TakeFields(), std::move(alternatives));
}

bool EventPattern::Matches(const base::Json& event) const {
  return std::ranges::any_of(alternatives_, [&](const Alternative& alternative) {
    return MatchesAlternative(alternative, event);
  });
}

bool EventPattern::MatchesAlternative(const Alternative& alternative,
                                      const base::Json& event) const {
  const auto share = kMaxSharedSteps / static_cast<int64_t>(alternatives_.size());
  return PatternSearch(fields_, share).Finds(alternative, event);
}

}  // namespace hearth::expressions
