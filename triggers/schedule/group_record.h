// GroupRecord: a schedule group as a value, and the tags that it may have. Tags belong to groups
// alone. Source: EventBridge Scheduler API 2021-06-30.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>

#include "base/json.h"
#include "triggers/schedule/errors.h"

namespace hearth::schedule {

using Tags = std::map<std::string, std::string>;

struct GroupRecord {
  std::string name;
  bool is_deleting = false;  // DELETING, until its last schedule is gone.
  Tags tags{};
  std::string client_token{};
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
};

// CreateScheduleGroup's body; `name` as ReadSchedule's.
std::expected<GroupRecord, ApiError> ReadGroup(const base::Json& body, std::string name);

// A list of {"Key", "Value"}; absent and null: none.
std::expected<Tags, ApiError> ReadTags(const base::Json& list);
base::Json TagsToJson(const Tags& tags);
// Adds `given`; more than kMaxTags (AWS: 50 a resource) are refused.
std::optional<ApiError> AddTags(const Tags& given, Tags& tags);
inline constexpr size_t kMaxTags = 50;

}  // namespace hearth::schedule
