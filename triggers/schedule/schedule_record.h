// ScheduleRecord: a schedule as a value: when (expression, zone, dates, window), what (target,
// input, retries) and how it ends.
//
// ReadSchedule reads CreateSchedule's body (and UpdateSchedule's: what is absent there is its
// default again), by AWS's rules; what this host does not serve is refused by name. ToJson writes
// GetSchedule's answer without its ARN and dates, which ReadSchedule reads again: as it is stored.
// Times are milliseconds since 1970, UTC. Source: EventBridge Scheduler API 2021-06-30.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "invoker/destinations.h"
#include "invoker/function.h"
#include "invoker/retry_policy.h"
#include "triggers/schedule/errors.h"

namespace hearth::schedule {

inline constexpr char kDefaultGroup[] = "default";

struct ScheduleKey {
  std::string group = kDefaultGroup;
  std::string name;
  auto operator<=>(const ScheduleKey&) const = default;
};

struct ScheduleTarget {
  struct BusParameters {
    std::string detail_type;
    std::string source;
    bool operator==(const BusParameters&) const = default;
  };
  std::string arn;
  std::string role_arn;
  std::optional<std::string> input{};  // None: an event that tells of the schedule.
  std::string message_group_id{};      // Of a FIFO queue; empty: none.
  std::optional<BusParameters> bus{};
  std::string dead_letter_arn{};  // Empty: what is given up is dropped.
  int64_t max_retries = invoker::kMaxDeliveryRetries;
  int64_t max_age_s = invoker::kMaxDeliveryAgeS;
  bool operator==(const ScheduleTarget&) const = default;
};

struct ScheduleRecord {
  ScheduleKey key;
  std::string description{};
  std::string expression;
  std::string timezone = "UTC";
  std::optional<int64_t> start_ms{};
  std::optional<int64_t> end_ms{};
  int64_t window_minutes = 0;  // 0: the window is off.
  bool is_enabled = true;
  bool deletes_itself = false;  // ActionAfterCompletion: DELETE
  ScheduleTarget target;
  // The scheduler's own, not a caller's.
  std::string client_token{};  // Of the CreateSchedule that made it.
  int64_t created_ms = 0;
  int64_t modified_ms = 0;

  // The same, as far as a caller says it.
  bool SaysTheSame(const ScheduleRecord& other) const;
};

// Whether `text` may name a schedule or a group: ^[0-9a-zA-Z-_.]+$, 1 to 64.
bool IsName(std::string_view text);

// `name`: of the request's path; empty: the body's Name. `now_ms` is what StartDate is held
// against; nullopt: what is stored is read again.
std::expected<ScheduleRecord, ApiError> ReadSchedule(const base::Json& body, std::string name,
                                                     std::optional<int64_t> now_ms);
base::Json ToJson(const ScheduleRecord& record);
// A moment as rest-json has it: whole seconds as such, else with a fraction.
base::Json EpochSeconds(int64_t millis);

// Of the target: whether this host has such a service.
std::optional<ApiError> CheckServed(const ScheduleTarget& target,
                                    const invoker::Destinations& destinations);

std::string ScheduleArn(const invoker::Account& account, const ScheduleKey& key);
std::string GroupArn(const invoker::Account& account, std::string_view group);

}  // namespace hearth::schedule
