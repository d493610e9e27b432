// DiskEventBuses: EventBuses over a database that it shares (GroupCommit), and the clock of rules'
// schedules.
//
// A schedule's firing is one transaction: its deliveries, and when it is due next. What was missed
// while nobody ran is fired late, each for itself, where some target still takes it at its age.
// Owner: EventBusService.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/timer.h"
#include "triggers/events/bus_commits.h"
#include "triggers/events/bus_table.h"
#include "triggers/events/event_buses.h"
#include "triggers/events/event_writer.h"
#include "triggers/events/rule_clock.h"

namespace hearth::events {

class DiskEventBuses final : public EventBuses {
 public:
  // Blocking: `database` is that of `commits`, and has had BusMigrations.
  static base::Result<std::unique_ptr<DiskEventBuses>> Open(io::Loop& loop,
                                                            store::Database& database,
                                                            store::GroupCommit& commits,
                                                            EventWriter& writer,
                                                            invoker::Account account);

  const BusRecord* FindBus(std::string_view name) const override { return table_.FindBus(name); }
  const RuleRecord* FindRule(const RuleKey& key) const override;
  std::vector<const TargetRecord*> Targets(const RuleKey& key) const override;
  std::vector<const BusRecord*> Buses(std::string_view after, size_t most) const override {
    return table_.Buses(after, most);
  }
  std::vector<const RuleRecord*> Rules(const std::string& bus, std::string_view after,
                                       size_t most) const override {
    return table_.Rules(bus, after, most);
  }

  void CreateBus(BusRecord bus, Done done) override;
  void ChangeBus(const std::string& name, std::function<Refusal(BusRecord&)> change,
                 Done done) override;
  void DeleteBus(const std::string& name, Done done) override;
  void PutRule(RuleRecord rule, Done done) override;
  void ChangeRule(const RuleKey& key, std::function<Refusal(RuleRecord&)> change,
                  Done done) override;
  void DeleteRule(const RuleKey& key, Force force, Done done) override;
  void PutTargets(const RuleKey& key, std::vector<TargetRecord> targets, Done done) override;
  void RemoveTargets(const RuleKey& key, std::vector<std::string> ids, Force force,
                     Done done) override;
  void Put(std::vector<Event> events, Done done) override;

  // What archives have committed of the rules that are theirs.
  void ApplyRule(RuleRow row);
  void ApplyDeletion(int64_t rule);
  const BusTable& table() const { return table_; }
  // What is due is told by its timer, in a turn of its own.
  bool IsQuiet() const { return firing_.empty(); }

 private:
  DiskEventBuses(io::Loop& loop, store::GroupCommit& commits, EventWriter& writer,
                 invoker::Account account);

  int64_t NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }
  // Events of which those before `at`, and that one's rules up to `behind`, are durable.
  struct Putting {
    std::vector<Event> events;
    int64_t now_ms = 0;
    Done done;
    size_t at = 0;
    int64_t behind = 0;
  };
  void PutPart(Putting putting);
  void Fire(int64_t rule);
  void OnFired(int64_t rule, std::optional<int64_t> next_ms, const base::Result<void>& result);

  io::Loop& loop_;
  BusCommits commits_;
  EventWriter& writer_;
  BusTable table_;
  EventRouter router_;
  RuleClock clock_;
  std::set<int64_t> firing_;  // Their transaction is under way.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::events
