// CreateSchedule's body: what is read is written as it is read again; and a group's body.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "triggers/schedule/firing.h"
#include "triggers/schedule/group_record.h"
#include "triggers/schedule/schedule_record.h"

namespace schedule = hearth::schedule;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json =
      hearth::base::ParseJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json) {
    return 0;
  }
  (void)schedule::ReadGroup(*json, {});
  const auto record = schedule::ReadSchedule(*json, "s", 1'800'000'000'000);
  if (!record) {
    CHECK(!record.error().message.empty());
    return 0;
  }
  const auto again = schedule::ReadSchedule(schedule::ToJson(*record), {}, std::nullopt);
  CHECK(again.has_value() && again->SaysTheSame(*record));
  (void)schedule::MakeDeliveries(*record, {.schedule_id = 1, .at_ms = 2, .due_ms = 3}, {});
  return 0;
}
