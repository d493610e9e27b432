#include "triggers/schedule/schedule_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "expressions/schedule_expression.h"
#include "triggers/schedule/fields.h"
#include "triggers/schedule/schedule_target.h"

namespace hearth::schedule {
namespace {

using base::Json;
using expressions::ScheduleExpression;

constexpr std::string_view kNamePattern = "^[0-9a-zA-Z-_.]+$";
constexpr Fields::TextRule kName{.most = 64, .allows = IsName, .pattern = kNamePattern};
constexpr Fields::TextRule kDescription{.least = 0, .most = 512};
constexpr Fields::TextRule kExpression{.most = 256};
constexpr Fields::TextRule kTimezone{.most = 50};
constexpr int64_t kMostWindowMinutes = 1440;
// "The StartDate you specify cannot be earlier than 5 minutes ago."
constexpr int64_t kOldestStartMs = 5 * 60 * 1000;

void ReadWindow(Fields& body, ScheduleRecord& record) {
  const Json* const object = body.Object("FlexibleTimeWindow");
  if (object == nullptr) {
    return body.Refuse(Missing("flexibleTimeWindow"));
  }
  Fields in(*object, "flexibleTimeWindow");
  const auto mode = in.OneOf("Mode", {"OFF", "FLEXIBLE"});
  const auto minutes = in.Number("MaximumWindowInMinutes", 1, kMostWindowMinutes);
  if (!mode) {
    in.Refuse(Missing("flexibleTimeWindow.mode"));
  } else if (*mode == "FLEXIBLE" && !minutes) {
    in.Refuse(
        Invalid("MaximumWindowInMinutes must be set when the FlexibleTimeWindow Mode is "
                "FLEXIBLE."));
  } else if (*mode == "OFF" && minutes) {
    in.Refuse(
        Invalid("MaximumWindowInMinutes must not be set when the FlexibleTimeWindow Mode is "
                "OFF."));
  }
  record.window_minutes = minutes.value_or(0);
  body.Refuse(in.Finish());
}

void ReadWhen(Fields& body, std::optional<int64_t> now_ms, ScheduleRecord& record) {
  record.expression = body.RequiredText("ScheduleExpression", kExpression);
  record.timezone = body.Text("ScheduleExpressionTimezone", kTimezone).value_or("UTC");
  record.start_ms = body.Moment("StartDate");
  record.end_ms = body.Moment("EndDate");
  const auto parsed =
      ScheduleExpression::Parse(record.expression, ScheduleExpression::Dialect::kScheduler);
  if (!parsed) {
    return body.Refuse(Invalid(
        fmt::format("Invalid Schedule Expression {}. ({})", record.expression, parsed.error())));
  }
  if (!expressions::TimeZone::Load(record.timezone)) {
    body.Refuse(Invalid(fmt::format("Invalid Schedule Expression Timezone {}.", record.timezone)));
  }
  if (!now_ms || parsed->is_one_time()) {
    return;
  }
  if (record.start_ms && *record.start_ms < *now_ms - kOldestStartMs) {
    body.Refuse(Invalid("The StartDate you specify cannot be earlier than 5 minutes ago."));
  }
  if (record.end_ms && *record.end_ms <= *now_ms) {
    body.Refuse(Invalid("The EndDate you specify must be in the future."));
  }
  if (record.start_ms && record.end_ms && *record.start_ms >= *record.end_ms) {
    body.Refuse(Invalid("The StartDate you specify must come before the EndDate."));
  }
}

}  // namespace

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

Json EpochSeconds(int64_t millis) {
  return millis % 1000 == 0 ? Json(millis / 1000) : Json(static_cast<double>(millis) / 1000);
}

bool ScheduleRecord::SaysTheSame(const ScheduleRecord& other) const {
  return key == other.key && description == other.description && expression == other.expression &&
         timezone == other.timezone && start_ms == other.start_ms && end_ms == other.end_ms &&
         window_minutes == other.window_minutes && is_enabled == other.is_enabled &&
         deletes_itself == other.deletes_itself && target == other.target;
}

std::expected<ScheduleRecord, ApiError> ReadSchedule(const Json& body, std::string name,
                                                     std::optional<int64_t> now_ms) {
  Fields in(body);
  ScheduleRecord record;
  if (name.empty()) {
    record.key.name = in.RequiredText("Name", kName);
  } else {
    in.Ignore("Name");
    const Json path = {{"Name", name}};
    Fields of_path(path);
    record.key.name = of_path.RequiredText("Name", kName);
    in.Refuse(of_path.Finish());
  }
  record.key.group = in.Text("GroupName", kName).value_or(kDefaultGroup);
  record.description = in.Text("Description", kDescription).value_or("");
  ReadWhen(in, now_ms, record);
  ReadWindow(in, record);
  record.is_enabled = in.OneOf("State", {"ENABLED", "DISABLED"}).value_or("ENABLED") == "ENABLED";
  record.deletes_itself =
      in.OneOf("ActionAfterCompletion", {"NONE", "DELETE"}).value_or("NONE") == "DELETE";
  record.client_token = in.Text("ClientToken", {.most = 64}).value_or("");
  in.MustBeAbsent("KmsKeyArn");
  if (const Json* const target = in.Object("Target")) {
    auto read = ReadTarget(*target, /*is_stored=*/!now_ms);
    if (read) {
      record.target = *std::move(read);
    } else {
      in.Refuse(std::move(read).error());
    }
  } else {
    in.Refuse(Missing("target"));
  }
  if (auto error = in.Finish()) {
    return std::unexpected(*std::move(error));
  }
  return record;
}

Json ToJson(const ScheduleRecord& record) {
  Json window = {{"Mode", record.window_minutes == 0 ? "OFF" : "FLEXIBLE"}};
  if (record.window_minutes != 0) {
    window["MaximumWindowInMinutes"] = record.window_minutes;
  }
  Json out = {{"Name", record.key.name},
              {"GroupName", record.key.group},
              {"ScheduleExpression", record.expression},
              {"ScheduleExpressionTimezone", record.timezone},
              {"FlexibleTimeWindow", std::move(window)},
              {"State", record.is_enabled ? "ENABLED" : "DISABLED"},
              {"ActionAfterCompletion", record.deletes_itself ? "DELETE" : "NONE"},
              {"Target", TargetToJson(record.target)}};
  if (!record.description.empty()) {
    out["Description"] = record.description;
  }
  if (record.start_ms) {
    out["StartDate"] = EpochSeconds(*record.start_ms);
  }
  if (record.end_ms) {
    out["EndDate"] = EpochSeconds(*record.end_ms);
  }
  return out;
}

std::string ScheduleArn(const invoker::Account& account, const ScheduleKey& key) {
  return aws::Arn{.service = "scheduler",
                  .region = account.region,
                  .account = account.id,
                  .resource = "schedule/" + key.group + "/" + key.name}
      .ToString();
}

std::string GroupArn(const invoker::Account& account, std::string_view group) {
  return aws::Arn{.service = "scheduler",
                  .region = account.region,
                  .account = account.id,
                  .resource = "schedule-group/" + std::string(group)}
      .ToString();
}

}  // namespace hearth::schedule
