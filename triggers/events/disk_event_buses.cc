#include "triggers/events/disk_event_buses.h"

#include <algorithm>

#include "base/log.h"
#include "invoker/retry_policy.h"

namespace hearth::events {
namespace {

using base::Result;
using store::Database;

// Ours: of a rule's missed moments in one transaction.
constexpr size_t kMostMomentsAtOnce = 64;
constexpr int64_t kRetryMs = 1'000;  // Ours: after a failure of the disk.

// Within which some target still takes an event; 0: there is no target.
int64_t LongestAgeMs(const Rule& rule) {
  int64_t out = 0;
  for (const Target& target : rule.targets) {
    out = std::max(out, target.record.max_age_s.value_or(invoker::kMaxDeliveryAgeS) * 1000);
  }
  return out;
}

BusRows::Managed ManagedOf(EventBuses::Force force) {
  return force == EventBuses::Force::kYes ? BusRows::Managed::kAllow : BusRows::Managed::kRefuse;
}

}  // namespace

DiskEventBuses::DiskEventBuses(io::Loop& loop, store::GroupCommit& commits, EventWriter& writer,
                               invoker::Account account)
    : loop_(loop),
      commits_(commits),
      writer_(writer),
      table_(std::move(account)),
      router_(table_),
      clock_(loop, [this](int64_t rule) { Fire(rule); }) {}

Result<std::unique_ptr<DiskEventBuses>> DiskEventBuses::Open(io::Loop& loop, Database& database,
                                                             store::GroupCommit& commits,
                                                             EventWriter& writer,
                                                             invoker::Account account) {
  std::unique_ptr<DiskEventBuses> out(
      new DiskEventBuses(loop, commits, writer, std::move(account)));
  Refusal refusal;
  BusRows rows(database, refusal);
  // The default bus was made with its table, which knows no time.
  const store::Value now[] = {out->NowMs(), out->NowMs()};
  TRY(database.Run("UPDATE event_buses SET created_ms = ?, modified_ms = ? WHERE created_ms = 0",
                   now));
  for (BusRecord& bus : TRY(rows.LoadBuses())) out->table_.PutBus(std::move(bus));
  for (RuleRow& row : TRY(rows.LoadRules(out->table_.account()))) {
    const int64_t id = row.id;
    out->ApplyRule(std::move(row));
    out->table_.SetTargets(id, TRY(rows.LoadTargets(id)));
  }
  return out;
}

const RuleRecord* DiskEventBuses::FindRule(const RuleKey& key) const {
  const Rule* const rule = table_.FindRule(key);
  return rule == nullptr ? nullptr : &rule->row.rule;
}

std::vector<const TargetRecord*> DiskEventBuses::Targets(const RuleKey& key) const {
  std::vector<const TargetRecord*> out;
  const Rule* const rule = table_.FindRule(key);
  if (rule == nullptr) return out;
  for (const Target& target : rule->targets) out.push_back(&target.record);
  return out;
}

void DiskEventBuses::ApplyRule(RuleRow row) {
  const int64_t id = row.id;
  const auto next_ms = row.next_ms;
  table_.PutRule(std::move(row));
  if (!firing_.contains(id)) clock_.Set(id, next_ms);
}

void DiskEventBuses::ApplyDeletion(int64_t rule) {
  if (rule == 0) return;
  clock_.Set(rule, std::nullopt);
  table_.EraseRule(rule);
}

void DiskEventBuses::CreateBus(BusRecord bus, Done done) {
  commits_.Write<BusRecord>(
      [bus = std::move(bus)](Database& database, Refusal& refusal) {
        return BusRows(database, refusal).CreateBus(bus);
      },
      [this](BusRecord made) { table_.PutBus(std::move(made)); }, std::move(done));
}

void DiskEventBuses::ChangeBus(const std::string& name, std::function<Refusal(BusRecord&)> change,
                               Done done) {
  commits_.Write<BusRecord>(
      [name, change = std::move(change), now = NowMs()](Database& database, Refusal& refusal) {
        return BusRows(database, refusal).ChangeBus(name, [&](BusRecord& bus) {
          bus.modified_ms = now;
          return change(bus);
        });
      },
      [this](BusRecord changed) { table_.PutBus(std::move(changed)); }, std::move(done));
}

void DiskEventBuses::DeleteBus(const std::string& name, Done done) {
  commits_.Write<bool>(
      [name](Database& database, Refusal& refusal) {
        return BusRows(database, refusal).DeleteBus(name);
      },
      [this, name](bool) { table_.EraseBus(name); }, std::move(done));
}

void DiskEventBuses::PutRule(RuleRecord rule, Done done) {
  commits_.Write<RuleRow>(
      [rule = std::move(rule), account = table_.account(), now = NowMs()](Database& database,
                                                                          Refusal& refusal) {
        return BusRows(database, refusal).PutRule(rule, account, now);
      },
      [this](RuleRow row) { ApplyRule(std::move(row)); }, std::move(done));
}

void DiskEventBuses::ChangeRule(const RuleKey& key, std::function<Refusal(RuleRecord&)> change,
                                Done done) {
  commits_.Write<RuleRow>(
      [key, change = std::move(change), account = table_.account(), now = NowMs()](
          Database& database, Refusal& refusal) {
        return BusRows(database, refusal).ChangeRule(key, account, now, change);
      },
      [this](RuleRow row) { ApplyRule(std::move(row)); }, std::move(done));
}

void DiskEventBuses::DeleteRule(const RuleKey& key, Force force, Done done) {
  commits_.Write<int64_t>(
      [key, managed = ManagedOf(force)](Database& database, Refusal& refusal) {
        return BusRows(database, refusal).DeleteRule(key, managed);
      },
      [this](int64_t rule) { ApplyDeletion(rule); }, std::move(done));
}

void DiskEventBuses::PutTargets(const RuleKey& key, std::vector<TargetRecord> targets, Done done) {
  commits_.Write<BusRows::RuleTargets>(
      [key, targets = std::move(targets)](Database& database, Refusal& refusal) {
        return BusRows(database, refusal).PutTargets(key, targets);
      },
      [this](BusRows::RuleTargets all) { table_.SetTargets(all.rule, std::move(all.targets)); },
      std::move(done));
}

void DiskEventBuses::RemoveTargets(const RuleKey& key, std::vector<std::string> ids, Force force,
                                   Done done) {
  commits_.Write<BusRows::RuleTargets>(
      [key, ids = std::move(ids), managed = ManagedOf(force)](Database& database,
                                                              Refusal& refusal) {
        return BusRows(database, refusal).RemoveTargets(key, ids, managed);
      },
      [this](BusRows::RuleTargets all) { table_.SetTargets(all.rule, std::move(all.targets)); },
      std::move(done));
}

void DiskEventBuses::Put(std::vector<Event> events, Done done) {
  writer_.counters().put += events.size();
  PutPart({.events = std::move(events), .now_ms = NowMs(), .done = std::move(done)});
}

void DiskEventBuses::PutPart(Putting putting) {
  Routed routed;
  while (putting.at < putting.events.size() && !routed.is_full()) {
    const Event& event = putting.events[putting.at];
    putting.behind = router_.Route(event, putting.now_ms, routed, putting.behind);
    if (putting.behind == 0) ++putting.at;
  }
  if (putting.at == putting.events.size()) {
    return writer_.Write(std::move(routed), {},
                         [done = std::move(putting.done)](const Result<void>& result) {
                           if (result) return done({});
                           done(std::unexpected(HostFailure(result.error())));
                         });
  }
  const auto rest = std::make_shared<Putting>(std::move(putting));
  writer_.Write(std::move(routed), {},
                [this, rest, alive = std::weak_ptr<bool>(alive_)](const Result<void>& result) {
                  if (alive.expired()) return;
                  if (result) return PutPart(std::move(*rest));
                  rest->done(std::unexpected(HostFailure(result.error())));
                });
}

void DiskEventBuses::Fire(int64_t id) {
  const Rule* const rule = table_.FindRule(id);
  if (rule == nullptr || !rule->row.next_ms) return;
  const RuleRow& row = rule->row;
  const int64_t now_ms = NowMs();
  const int64_t from_ms = *row.next_ms;
  const EventMaker maker{table_.account(), now_ms};
  Routed routed;
  const auto next_after = [&row](int64_t after_ms) {
    return NextDue(row.rule.schedule, row.anchor_ms, after_ms);
  };
  // What no target takes any more is passed over at once, however much it is.
  std::optional<int64_t> due = from_ms;
  const int64_t oldest_ms = now_ms - LongestAgeMs(*rule);
  if (from_ms < oldest_ms) due = next_after(oldest_ms - 1);
  for (size_t count = 0; due && *due <= now_ms && count < kMostMomentsAtOnce; ++count) {
    router_.Deliver(*rule, maker.Scheduled(rule->arn, *due), *due, routed);
    due = next_after(*due);
    ++writer_.counters().fired;
  }
  firing_.insert(id);
  writer_.Write(
      std::move(routed),
      [id, from_ms, due](Database& database) {
        return BusRows::MoveDue(database, id, from_ms, due);
      },
      [this, id, due, alive = std::weak_ptr<bool>(alive_)](const Result<void>& result) {
        if (!alive.expired()) OnFired(id, due, result);
      });
}

void DiskEventBuses::OnFired(int64_t id, std::optional<int64_t> next_ms,
                             const Result<void>& result) {
  firing_.erase(id);
  const Rule* const rule = table_.FindRule(id);
  if (rule == nullptr) return;
  if (result) {
    table_.SetDue(id, next_ms);
    return clock_.Set(id, next_ms);
  }
  // It was changed meanwhile, and what it is now stands in the table already.
  if (result.error().kind == base::ErrorKind::kConflict) return clock_.Set(id, rule->row.next_ms);
  HLOG_ERROR("the schedule of {} cannot be fired: {}", rule->arn, result.error().ToString());
  clock_.Set(id, NowMs() + kRetryMs);
}

}  // namespace hearth::events
