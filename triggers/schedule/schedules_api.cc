#include "triggers/schedule/scheduler_api.h"

namespace hearth::schedule {
namespace {

using base::Json;
using std::unexpected;

// Of a page's token: no name has a '/'.
std::string TokenText(const ScheduleKey& key) { return key.group + "/" + key.name; }

std::optional<ScheduleKey> ReadToken(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) {
    return std::nullopt;
  }
  ScheduleKey key{.group = text.substr(0, slash), .name = text.substr(slash + 1)};
  return IsName(key.group) && IsName(key.name) ? std::optional(std::move(key)) : std::nullopt;
}

const char* StateOf(const ScheduleRecord& record) {
  return record.is_enabled ? "ENABLED" : "DISABLED";
}

}  // namespace

std::expected<ScheduleRecord, ApiError> SchedulerApi::ReadBody(const RequestPtr& request) const {
  const Json body = TRY(BodyOf(request));
  const int64_t now_ms = base::EpochMillis(loop_.service_clock().WallNow());
  ScheduleRecord record = TRY(ReadSchedule(body, request->subject, now_ms));
  if (auto refusal = CheckServed(record.target, destinations_)) {
    return unexpected(*std::move(refusal));
  }
  return record;
}

Scheduler::Done<ScheduleRecord> SchedulerApi::AnsweringArn(const RequestPtr& request) const {
  return [account = account_, request](const std::expected<ScheduleRecord, ApiError>& record) {
    if (!record) {
      return Refuse(request, record.error());
    }
    Answer(request, {{"ScheduleArn", ScheduleArn(account, record->key)}});
  };
}

void SchedulerApi::CreateSchedule(const RequestPtr& request) {
  auto record = ReadBody(request);
  if (!record) {
    return Refuse(request, record.error());
  }
  scheduler_.Create(*std::move(record), AnsweringArn(request));
}

void SchedulerApi::UpdateSchedule(const RequestPtr& request) {
  auto record = ReadBody(request);
  if (!record) {
    return Refuse(request, record.error());
  }
  scheduler_.Update(*std::move(record), AnsweringArn(request));
}

std::expected<ScheduleKey, ApiError> SchedulerApi::KeyOf(const RequestPtr& request) {
  std::string group = TRY(NameIn(request, "groupName"));
  if (!IsName(request->subject)) {
    return unexpected(Violates(request->subject, "name",
                               "Member must satisfy regular expression pattern: "
                               "^[0-9a-zA-Z-_.]+$ and have length less than or equal to 64"));
  }
  return ScheduleKey{.group = group.empty() ? kDefaultGroup : std::move(group),
                     .name = request->subject};
}

void SchedulerApi::GetSchedule(const RequestPtr& request) {
  const auto key = KeyOf(request);
  if (!key) {
    return Refuse(request, key.error());
  }
  scheduler_.Find(
      *key, [account = account_, request](const std::expected<ScheduleRecord, ApiError>& record) {
        if (!record) {
          return Refuse(request, record.error());
        }
        Json body = ToJson(*record);
        body["Arn"] = ScheduleArn(account, record->key);
        body["CreationDate"] = EpochSeconds(record->created_ms);
        body["LastModificationDate"] = EpochSeconds(record->modified_ms);
        Answer(request, body);
      });
}

void SchedulerApi::DeleteSchedule(const RequestPtr& request) {
  const auto key = KeyOf(request);
  if (!key) {
    return Refuse(request, key.error());
  }
  scheduler_.Delete(*key, Answering(request));
}

void SchedulerApi::ListSchedules(const RequestPtr& request) {
  const auto page = ReadPage(request);
  const auto group = NameIn(request, "ScheduleGroup");
  if (!page || !group) {
    return Refuse(request, page ? group.error() : page.error());
  }
  ScheduleQuery query{.group = *group, .prefix = page->prefix, .count = page->count + 1};
  const std::string state = Parameter(request, "State");
  if (!state.empty() && state != "ENABLED" && state != "DISABLED") {
    return Refuse(request, Violates(state, "state",
                                    "Member must satisfy enum value set: [ENABLED, DISABLED]"));
  }
  if (!state.empty()) {
    query.is_enabled = state == "ENABLED";
  }
  if (!page->after.empty()) {
    query.after = ReadToken(page->after);
    if (!query.after) {
      return Refuse(request, Invalid("Invalid pagination token."));
    }
  }
  scheduler_.List(query, [account = account_, request, count = page->count](
                             const std::expected<std::vector<ScheduleRecord>, ApiError>& records) {
    if (!records) {
      return Refuse(request, records.error());
    }
    Json list = Json::array();
    for (size_t i = 0; i < std::min(count, records->size()); ++i) {
      const ScheduleRecord& record = (*records)[i];
      list.push_back({{"Arn", ScheduleArn(account, record.key)},
                      {"Name", record.key.name},
                      {"GroupName", record.key.group},
                      {"State", StateOf(record)},
                      {"CreationDate", EpochSeconds(record.created_ms)},
                      {"LastModificationDate", EpochSeconds(record.modified_ms)},
                      {"Target", {{"Arn", record.target.arn}}}});
    }
    Json body = {{"Schedules", std::move(list)}};
    if (records->size() > count) {
      body["NextToken"] = TokenOf(TokenText((*records)[count - 1].key));
    }
    Answer(request, body);
  });
}

}  // namespace hearth::schedule
