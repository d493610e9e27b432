#include "triggers/schedule/context_attributes.h"

#include <array>
#include <utility>

namespace hearth::schedule {

std::string FillContext(std::string_view input, const Context& context) {
  constexpr std::string_view kPrefix = "<aws.scheduler.";
  const std::array<std::pair<std::string_view, const std::string*>, 4> words = {
      {{"schedule-arn>", &context.schedule_arn},
       {"scheduled-time>", &context.scheduled_time},
       {"execution-id>", &context.execution_id},
       {"attempt-number>", &context.attempt_number}}};
  std::string out;
  for (size_t at = input.find(kPrefix); at != std::string_view::npos; at = input.find(kPrefix)) {
    out.append(input.substr(0, at));
    input.remove_prefix(at + kPrefix.size());
    std::string_view put = kPrefix;
    for (const auto& [word, value] : words) {
      if (input.starts_with(word)) {
        put = *value;
        input.remove_prefix(word.size());
        break;
      }
    }
    out.append(put);
  }
  return out.append(input);
}

}  // namespace hearth::schedule
