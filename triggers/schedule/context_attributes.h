// Context attributes: what <aws.scheduler.schedule-arn> and its like in a target's input stand for.
// Source: EventBridge Scheduler User Guide, "Adding context attributes".
#pragma once

#include <string>
#include <string_view>

namespace hearth::schedule {

struct Context {
  std::string schedule_arn;
  std::string scheduled_time;  // 2026-11-28T12:00:00Z
  std::string execution_id;
  // A delivery's attempt is told by whoever makes it: by default the keyword stays.
  std::string attempt_number = "<aws.scheduler.attempt-number>";
};
// Of the right shape, to see what an input becomes: no id is a number.
inline const Context kSampleContext{.schedule_arn = "arn",
                                    .scheduled_time = "1970-01-01T00:00:00Z",
                                    .execution_id = "a0",
                                    .attempt_number = "1"};

// Everything else stays as it is. One walk; what is put in is not read again.
std::string FillContext(std::string_view input, const Context& context);

}  // namespace hearth::schedule
