#include "triggers/events/bus_rows.h"

#include "base/log.h"
#include "expressions/schedule_expression.h"
#include "triggers/events/errors.h"

namespace hearth::events {
namespace {

using base::Json;
using store::Value;

constexpr std::string_view kRuleColumns =
    "SELECT id, body, managed_by, anchor_ms, next_ms, archive FROM event_rules";

Value OrNull(std::optional<int64_t> number) { return number ? Value(*number) : Value(nullptr); }

base::Result<RuleRow> ReadRow(const store::Row& row, const invoker::Account& account) {
  RuleRow out;
  const auto body = base::ParseJson(row.Text(1));
  auto rule = body ? ReadRule(*body, account) : Read<RuleRecord>();
  if (!body || !rule) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read a rule",
                           (body ? rule.error().message : body.error().text) + ": " +
                               std::string(row.Text(1).substr(0, 500)));
  }
  out.id = row.Int(0);
  out.rule = *std::move(rule);
  out.rule.managed_by = row.Text(2);
  out.anchor_ms = row.Int(3);
  if (!row.IsNull(4)) out.next_ms = row.Int(4);
  out.archive = row.Int(5);
  return out;
}

}  // namespace

std::vector<store::Migration> BusMigrations() {
  return {{"make event buses",
           "CREATE TABLE event_buses (name TEXT PRIMARY KEY, body TEXT NOT NULL,"
           " policy TEXT NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL)"
           " STRICT;"
           "CREATE TABLE event_rules (id INTEGER PRIMARY KEY AUTOINCREMENT,"
           " bus TEXT NOT NULL REFERENCES event_buses(name), name TEXT NOT NULL,"
           " body TEXT NOT NULL, managed_by TEXT NOT NULL, anchor_ms INTEGER NOT NULL,"
           " next_ms INTEGER, archive INTEGER NOT NULL, UNIQUE (bus, name)) STRICT;"
           "CREATE TABLE event_targets (rule INTEGER NOT NULL REFERENCES event_rules(id)"
           " ON DELETE CASCADE, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rule, id))"
           " STRICT, WITHOUT ROWID;"
           "INSERT INTO event_buses VALUES ('default', '{\"Name\":\"default\"}', '', 0, 0);"}};
}

std::optional<int64_t> NextDue(const std::string& text, int64_t anchor_ms, int64_t after_ms) {
  using expressions::ScheduleExpression;
  const auto schedule = ScheduleExpression::Parse(text, ScheduleExpression::Dialect::kRule);
  if (!schedule) return std::nullopt;
  const auto at = [](int64_t ms) { return base::WallTime(std::chrono::milliseconds(ms)); };
  const auto next = schedule->Next(at(after_ms), at(anchor_ms), expressions::TimeZone::Utc());
  return next ? std::optional(base::EpochMillis(*next)) : std::nullopt;
}

BusRows::Result<int64_t> BusRows::Count(std::string_view sql, std::vector<Value> parameters) {
  int64_t out = 0;
  TRY(database_.Run(sql, parameters, [&](const store::Row& row) { out = row.Int(0); }));
  return out;
}

BusRows::Result<bool> BusRows::HasBus(const std::string& name) {
  const int64_t count = TRY(Count("SELECT COUNT(*) FROM event_buses WHERE name = ?", {name}));
  if (count == 0) refusal_ = NoSuchBus(name);
  return count > 0;
}

BusRows::Result<std::vector<BusRecord>> BusRows::LoadBuses() {
  std::vector<BusRecord> out;
  TRY(database_.Run("SELECT body, policy, created_ms, modified_ms FROM event_buses ORDER BY name",
                    {}, [&](const store::Row& row) {
                      const auto body = base::ParseJson(row.Text(0));
                      auto bus = body ? ReadBus(*body) : Read<BusRecord>();
                      if (!body || !bus) {
                        HLOG_ERROR("an event bus cannot be read: {}", row.Text(0));
                        return;
                      }
                      bus->policy = row.Text(1);
                      bus->created_ms = row.Int(2);
                      bus->modified_ms = row.Int(3);
                      out.push_back(*std::move(bus));
                    }));
  return out;
}

BusRows::Result<std::vector<RuleRow>> BusRows::LoadRules(const invoker::Account& account) {
  std::vector<RuleRow> out;
  TRY(database_.Run(kRuleColumns, {}, [&](const store::Row& row) {
    if (auto rule = ReadRow(row, account))
      out.push_back(*std::move(rule));
    else
      HLOG_ERROR("{}", rule.error().ToString());
  }));
  return out;
}

BusRows::Result<std::vector<TargetRecord>> BusRows::LoadTargets(int64_t rule) {
  Json all = Json::array();
  const Value key[] = {rule};
  TRY(database_.Run("SELECT body FROM event_targets WHERE rule = ? ORDER BY id", key,
                    [&](const store::Row& row) {
                      if (auto body = base::ParseJson(row.Text(0))) all.push_back(*std::move(body));
                    }));
  if (all.empty()) return std::vector<TargetRecord>();
  auto targets = ReadTargets(all);
  if (targets) return *std::move(targets);
  HLOG_ERROR("targets of rule {} cannot be read: {}", rule, targets.error().message);
  return std::vector<TargetRecord>();
}

BusRows::Result<BusRecord> BusRows::CreateBus(BusRecord bus) {
  const int64_t same = TRY(Count("SELECT COUNT(*) FROM event_buses WHERE name = ?", {bus.name}));
  if (same > 0) refusal_ = AlreadyExists("Event bus", bus.name);
  const int64_t all = TRY(Count("SELECT COUNT(*) FROM event_buses", {}));
  if (!refusal_ && all >= static_cast<int64_t>(kMaxBuses)) refusal_ = LimitExceeded();
  if (refusal_) return bus;
  Json body = ToJson(bus);
  body.erase("Policy");
  const Value values[] = {bus.name, base::ToJsonText(body), bus.policy, bus.created_ms,
                          bus.modified_ms};
  TRY(database_.Run("INSERT INTO event_buses VALUES (?, ?, ?, ?, ?)", values));
  return bus;
}

BusRows::Result<BusRecord> BusRows::ChangeBus(const std::string& name,
                                              const std::function<Refusal(BusRecord&)>& change) {
  BusRecord bus;
  bool is_found = false;
  for (BusRecord& each : TRY(LoadBuses())) {
    if (each.name != name) continue;
    bus = std::move(each);
    is_found = true;
  }
  refusal_ = is_found ? change(bus) : NoSuchBus(name);
  if (refusal_) return bus;
  Json body = ToJson(bus);
  body.erase("Policy");
  const Value values[] = {base::ToJsonText(body), bus.policy, bus.modified_ms, name};
  TRY(database_.Run("UPDATE event_buses SET body = ?, policy = ?, modified_ms = ? WHERE name = ?",
                    values));
  return bus;
}

BusRows::Result<bool> BusRows::DeleteBus(const std::string& name) {
  const int64_t rules = TRY(Count("SELECT COUNT(*) FROM event_rules WHERE bus = ?", {name}));
  const int64_t archives = TRY(Count("SELECT COUNT(*) FROM event_archives WHERE bus = ?", {name}));
  if (name == kDefaultBus)
    refusal_ = Invalid("Cannot delete event bus default.");
  else if (rules > 0)
    refusal_ = Invalid("EventBus can't be deleted since it has rules.");
  else if (archives > 0)
    refusal_ = Invalid("EventBus can't be deleted since it has archives.");
  if (refusal_) return false;
  const Value key[] = {name};
  return TRY(database_.Run("DELETE FROM event_buses WHERE name = ?", key)) > 0;
}

BusRows::Result<std::optional<BusRows::Head>> BusRows::FindRule(const RuleKey& key) {
  std::optional<Head> out;
  const Value values[] = {key.bus, key.name};
  TRY(database_.Run(
      "SELECT id, managed_by FROM event_rules WHERE bus = ? AND name = ?", values,
      [&](const store::Row& row) { out = Head{row.Int(0), std::string(row.Text(1))}; }));
  return out;
}

BusRows::Result<std::optional<RuleRow>> BusRows::LoadRule(const RuleKey& key,
                                                          const invoker::Account& account) {
  std::optional<base::Result<RuleRow>> out;
  const Value values[] = {key.bus, key.name};
  TRY(database_.Run(std::string(kRuleColumns) + " WHERE bus = ? AND name = ?", values,
                    [&](const store::Row& row) { out = ReadRow(row, account); }));
  if (!out) return std::nullopt;
  if (*out) return **std::move(out);
  // Its own change's failure, and none of those that are committed with it.
  refusal_ = HostFailure(out->error());
  return std::nullopt;
}

// `before`: nullptr: it is new.
BusRows::Result<RuleRow> BusRows::Save(RuleRow row, const RuleRow* before, int64_t now_ms) {
  const bool is_due = !row.rule.schedule.empty() && row.rule.is_enabled();
  // What was enabled again, or tells other times, begins anew; what did not change goes on.
  const bool goes_on =
      before != nullptr && before->rule.is_enabled() && before->rule.schedule == row.rule.schedule;
  if (!goes_on) row.anchor_ms = now_ms;
  if (!is_due)
    row.next_ms = std::nullopt;
  else if (!goes_on)
    row.next_ms = NextDue(row.rule.schedule, row.anchor_ms, now_ms);
  const std::string body = base::ToJsonText(ToJson(row.rule));
  if (before != nullptr) {
    const Value values[] = {body, row.anchor_ms, OrNull(row.next_ms), row.id};
    TRY(database_.Run("UPDATE event_rules SET body = ?, anchor_ms = ?, next_ms = ? WHERE id = ?",
                      values));
    return row;
  }
  const Value values[] = {row.rule.key.bus, row.rule.key.name,   body,       row.rule.managed_by,
                          row.anchor_ms,    OrNull(row.next_ms), row.archive};
  TRY(
      database_.Run("INSERT INTO event_rules (bus, name, body, managed_by, anchor_ms, next_ms,"
                    " archive) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    values));
  row.id = TRY(Count("SELECT last_insert_rowid()", {}));
  return row;
}

BusRows::Result<RuleRow> BusRows::PutRule(RuleRecord rule, const invoker::Account& account,
                                          int64_t now_ms) {
  RuleRow row{.rule = std::move(rule)};
  if (!TRY(HasBus(row.rule.key.bus))) return row;
  const auto before = TRY(LoadRule(row.rule.key, account));
  if (before) {
    if (!before->rule.managed_by.empty()) refusal_ = ManagedRule(row.rule.key.name);
    row.id = before->id;
    row.anchor_ms = before->anchor_ms;
    row.next_ms = before->next_ms;
    row.rule.tags = before->rule.tags;
  } else {
    const int64_t rules =
        TRY(Count("SELECT COUNT(*) FROM event_rules WHERE bus = ?", {row.rule.key.bus}));
    if (rules >= static_cast<int64_t>(kMaxRules)) refusal_ = LimitExceeded();
  }
  if (refusal_) return row;
  return Save(std::move(row), before ? &*before : nullptr, now_ms);
}

BusRows::Result<RuleRow> BusRows::ChangeRule(const RuleKey& key, const invoker::Account& account,
                                             int64_t now_ms,
                                             const std::function<Refusal(RuleRecord&)>& change) {
  if (!TRY(HasBus(key.bus))) return RuleRow();
  const auto before = TRY(LoadRule(key, account));
  if (!before) {
    if (!refusal_) refusal_ = NoSuchRule(key.bus, key.name);
    return RuleRow();
  }
  RuleRow row = *before;
  refusal_ = before->rule.managed_by.empty() ? change(row.rule) : ManagedRule(key.name);
  if (refusal_) return row;
  return Save(std::move(row), &*before, now_ms);
}

BusRows::Result<RuleRow> BusRows::PutArchiveRule(RuleRecord rule, int64_t archive) {
  RuleRow row{.rule = std::move(rule), .archive = archive};
  if (!TRY(HasBus(row.rule.key.bus))) return row;
  const auto before = TRY(FindRule(row.rule.key));
  if (before && before->managed_by != row.rule.managed_by) {
    refusal_ = AlreadyExists("Rule", row.rule.key.name);
    return row;
  }
  if (before) row.id = before->id;
  RuleRow same = row;
  return Save(std::move(row), before ? &same : nullptr, 0);
}

BusRows::Result<int64_t> BusRows::DeleteRule(const RuleKey& key, Managed managed) {
  if (!TRY(HasBus(key.bus))) return 0;
  const auto head = TRY(FindRule(key));
  if (!head) return 0;
  const int64_t targets =
      TRY(Count("SELECT COUNT(*) FROM event_targets WHERE rule = ?", {head->id}));
  if (!head->managed_by.empty() && managed == Managed::kRefuse)
    refusal_ = ManagedRule(key.name);
  else if (targets > 0)
    refusal_ = Invalid("Rule can't be deleted since it has targets.");
  if (refusal_) return 0;
  const Value id[] = {head->id};
  TRY(database_.Run("DELETE FROM event_rules WHERE id = ?", id));
  return head->id;
}

BusRows::Result<int64_t> BusRows::ToChange(const RuleKey& key, Managed managed) {
  if (!TRY(HasBus(key.bus))) return 0;
  const auto head = TRY(FindRule(key));
  if (!head)
    refusal_ = NoSuchRule(key.bus, key.name);
  else if (!head->managed_by.empty() && managed == Managed::kRefuse)
    refusal_ = ManagedRule(key.name);
  return refusal_ ? 0 : head->id;
}

BusRows::Result<BusRows::RuleTargets> BusRows::PutTargets(
    const RuleKey& key, const std::vector<TargetRecord>& targets) {
  RuleTargets out;
  out.rule = TRY(ToChange(key, Managed::kRefuse));
  if (refusal_) return out;
  for (const TargetRecord& target : targets) {
    const Value values[] = {out.rule, target.id, base::ToJsonText(ToJson(target))};
    TRY(
        database_.Run("INSERT INTO event_targets VALUES (?, ?, ?)"
                      " ON CONFLICT (rule, id) DO UPDATE SET body = excluded.body",
                      values));
  }
  out.targets = TRY(LoadTargets(out.rule));
  if (out.targets.size() > kMaxTargets) refusal_ = LimitExceeded();
  return out;
}

BusRows::Result<BusRows::RuleTargets> BusRows::RemoveTargets(const RuleKey& key,
                                                             const std::vector<std::string>& ids,
                                                             Managed managed) {
  RuleTargets out;
  out.rule = TRY(ToChange(key, managed));
  if (refusal_) return out;
  for (const std::string& id : ids) {
    const Value values[] = {out.rule, id};
    TRY(database_.Run("DELETE FROM event_targets WHERE rule = ? AND id = ?", values));
  }
  out.targets = TRY(LoadTargets(out.rule));
  return out;
}

BusRows::Result<void> BusRows::MoveDue(store::Database& database, int64_t rule, int64_t from_ms,
                                       std::optional<int64_t> to_ms) {
  const Value values[] = {OrNull(to_ms), rule, from_ms};
  const int64_t moved =
      TRY(database.Run("UPDATE event_rules SET next_ms = ? WHERE id = ? AND next_ms = ?", values));
  if (moved == 0) {
    return base::MakeError(base::ErrorKind::kConflict, "move a rule's due time",
                           "it was changed meanwhile");
  }
  return {};
}

}  // namespace hearth::events
