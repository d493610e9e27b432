// What a rule, a bus, a statement of its policy, a schedule or a group of schedules is told, read
// as its own API reads it, and brought to one form.
//
// Told is the request's body (PutRule's with Targets, CreateEventBus's with Policy,
// CreateSchedule's,
// ...), where a pattern may be an object, tags a map, and where the stack's own tags, which no
// client may give, stand beside the others. Pure. Source: event_resource.h.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "invoker/function.h"
#include "stacks/stack_store.h"
#include "triggers/events/archive.h"
#include "triggers/events/rule.h"
#include "triggers/schedule/group_record.h"
#include "triggers/schedule/schedule_record.h"

namespace hearth::stacks {

template <typename T>
using ReadTold = std::expected<T, aws::ApiError>;

struct ToldRule {
  events::RuleRecord rule;
  std::vector<events::TargetRecord> targets;  // By id.
};
ReadTold<ToldRule> ReadToldRule(const invoker::Account& account, const base::Json& told);
ReadTold<events::BusRecord> ReadToldBus(const base::Json& told);
ReadTold<schedule::GroupRecord> ReadToldGroup(const base::Json& told);
ReadTold<events::ArchiveRecord> ReadToldArchive(const invoker::Account& account,
                                                const base::Json& told);
// `now_ms`: as ReadSchedule's.
ReadTold<schedule::ScheduleRecord> ReadToldSchedule(const base::Json& told,
                                                    std::optional<int64_t> now_ms);

// A bus's policy: its statement of that Sid, null where there is none; and with another one in its
// place, null: with none. Text; empty: no policy.
base::Json StatementOf(const std::string& policy, const std::string& sid);
std::string WithStatement(const std::string& policy, const std::string& sid,
                          const base::Json& statement);

base::Json ToldOf(const ToldRule& rule);
base::Json ToldOf(const invoker::Account& account, const events::ArchiveRecord& archive);
base::Json ToldOf(const schedule::GroupRecord& group);
std::map<std::string, std::string> TagsOf(const base::Json& told);

// What its API would refuse of it. Of what a token stands for nothing is known yet.
std::optional<aws::ApiError> CheckTold(const invoker::Account& account, ResourceKind kind,
                                       const base::Json& told);
// The one form of what is told; where its API would refuse it, why.
ReadTold<base::Json> InOneForm(const invoker::Account& account, ResourceKind kind,
                               const base::Json& told);
// Whether what is there, `found`, is as `told` makes it; a token stands for any text.
bool Says(const invoker::Account& account, ResourceKind kind, const base::Json& found,
          const base::Json& told);

}  // namespace hearth::stacks
