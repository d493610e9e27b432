// Buses, rules and schedules in memory, whose next change can be made to fail or never to answer.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/loop.h"
#include "triggers/events/archive_keeper.h"
#include "triggers/events/event_buses.h"
#include "triggers/schedule/scheduler.h"

namespace hearth::stacks {

// What both have in common: how a call ends.
class FakeAnswers {
 public:
  explicit FakeAnswers(io::Loop& loop) : loop_(loop) {}

  std::vector<std::string> calls;
  std::set<std::string> failing;      // "rule nightly" fails without any effect.
  std::set<std::string> dies_before;  // "rule nightly" never happens and never answers.
  std::set<std::string> dies_after;   // "rule nightly" happens and never answers.

 protected:
  // `act` gives what is answered; a refusal changes nothing.
  template <typename T>
  void Do(const std::string& what, std::function<std::expected<T, aws::ApiError>()> act,
          std::function<void(std::expected<T, aws::ApiError>)> done) {
    loop_.Post([this, what, act = std::move(act), done = std::move(done)] {
      calls.push_back(what);
      if (dies_before.contains(what)) return;
      if (failing.contains(what)) {
        return done(std::unexpected(aws::ApiError{500, "InternalException", "told to fail"}));
      }
      auto answer = act();
      if (!dies_after.contains(what)) done(std::move(answer));
    });
  }
  // No change, and no call to be noted.
  template <typename T>
  void Tell(std::expected<T, aws::ApiError> answer,
            std::function<void(std::expected<T, aws::ApiError>)> done) {
    loop_.Post([answer = std::move(answer), done = std::move(done)] { done(answer); });
  }
  static std::unexpected<aws::ApiError> Absent(const std::string& what) {
    return std::unexpected(
        aws::ApiError{404, "ResourceNotFoundException", what + " does not exist."});
  }
  static std::unexpected<aws::ApiError> There(const std::string& what) {
    return std::unexpected(
        aws::ApiError{409, "ResourceAlreadyExistsException", what + " already exists."});
  }

 private:
  io::Loop& loop_;
};

class FakeBuses final : public events::EventBuses, public FakeAnswers {
 public:
  using FakeAnswers::FakeAnswers;

  const events::BusRecord* FindBus(std::string_view name) const override {
    const auto found = buses.find(std::string(name));
    return found == buses.end() ? nullptr : &found->second;
  }
  const events::RuleRecord* FindRule(const events::RuleKey& key) const override {
    const auto found = rules.find(key);
    return found == rules.end() ? nullptr : &found->second;
  }
  std::vector<const events::TargetRecord*> Targets(const events::RuleKey& key) const override {
    std::vector<const events::TargetRecord*> out;
    const auto found = targets.find(key);
    if (found == targets.end()) return out;
    for (const auto& [id, target] : found->second) out.push_back(&target);
    return out;
  }
  std::vector<const events::BusRecord*> Buses(std::string_view, size_t) const override {
    return {};
  }
  std::vector<const events::RuleRecord*> Rules(const std::string&, std::string_view,
                                               size_t) const override {
    return {};
  }
  void CreateBus(events::BusRecord bus, Done done) override {
    Do<void>(
        "create bus " + bus.name,
        [this, bus]() -> Answer {
          if (!buses.emplace(bus.name, bus).second) return There("Event bus " + bus.name);
          return {};
        },
        std::move(done));
  }
  void ChangeBus(const std::string& name, std::function<Refusal(events::BusRecord&)> change,
                 Done done) override {
    Do<void>(
        "change bus " + name, [this, name, change] { return Change(buses, name, change); },
        std::move(done));
  }
  void DeleteBus(const std::string& name, Done done) override {
    Do<void>(
        "delete bus " + name,
        [this, name]() -> Answer {
          for (const auto& [key, rule] : rules) {
            if (key.bus != name) continue;
            return std::unexpected(aws::ApiError{400, "ValidationException", "it has rules"});
          }
          buses.erase(name);
          return {};
        },
        std::move(done));
  }
  void PutRule(events::RuleRecord rule, Done done) override {
    Do<void>(
        "put rule " + rule.key.name,
        [this, rule]() -> Answer {
          if (FindBus(rule.key.bus) == nullptr) return Absent("Event bus " + rule.key.bus);
          const auto [it, is_new] = rules.emplace(rule.key, rule);
          const events::Tags tags = it->second.tags;
          it->second = rule;
          if (!is_new) it->second.tags = tags;
          return {};
        },
        std::move(done));
  }
  void ChangeRule(const events::RuleKey& key, std::function<Refusal(events::RuleRecord&)> change,
                  Done done) override {
    Do<void>(
        "change rule " + key.name, [this, key, change] { return Change(rules, key, change); },
        std::move(done));
  }
  void DeleteRule(const events::RuleKey& key, Force, Done done) override {
    Do<void>(
        "delete rule " + key.name,
        [this, key]() -> Answer {
          if (!targets[key].empty()) {
            return std::unexpected(aws::ApiError{400, "ValidationException",
                                                 "Rule can't be deleted since it has targets."});
          }
          rules.erase(key);
          return {};
        },
        std::move(done));
  }
  void PutTargets(const events::RuleKey& key, std::vector<events::TargetRecord> records,
                  Done done) override {
    Do<void>(
        "put targets " + key.name,
        [this, key, records]() -> Answer {
          if (FindRule(key) == nullptr) return Absent("Rule " + key.name);
          for (const auto& target : records) targets[key][target.id] = target;
          return {};
        },
        std::move(done));
  }
  void RemoveTargets(const events::RuleKey& key, std::vector<std::string> ids, Force,
                     Done done) override {
    Do<void>(
        "remove targets " + key.name,
        [this, key, ids]() -> Answer {
          for (const auto& id : ids) targets[key].erase(id);
          return {};
        },
        std::move(done));
  }
  void Put(std::vector<events::Event>, Done done) override { Tell<void>({}, std::move(done)); }

  std::map<std::string, events::BusRecord> buses{{"default", {.name = "default"}}};
  std::map<events::RuleKey, events::RuleRecord> rules;
  std::map<events::RuleKey, std::map<std::string, events::TargetRecord>> targets;

 private:
  using Answer = std::expected<void, aws::ApiError>;

  template <typename Map, typename Edit>
  static Answer Change(Map& map, const typename Map::key_type& key, const Edit& edit) {
    const auto found = map.find(key);
    if (found == map.end()) return Absent("It");
    auto changed = found->second;
    if (auto refusal = edit(changed)) return std::unexpected(*std::move(refusal));
    found->second = std::move(changed);
    return {};
  }
};

class FakeArchives final : public events::ArchiveKeeper, public FakeAnswers {
 public:
  using FakeAnswers::FakeAnswers;

  void Create(events::ArchiveRecord archive, events::EventBuses::Done done) override {
    Do<void>(
        "create archive " + archive.name,
        [this, archive]() -> std::expected<void, aws::ApiError> {
          if (!archives.emplace(archive.name, archive).second) return There(archive.name);
          return {};
        },
        std::move(done));
  }
  void Change(events::ArchiveChange change, DoneWith<events::ArchiveRecord> done) override {
    Do<events::ArchiveRecord>(
        "change archive " + change.name,
        [this, change]() -> std::expected<events::ArchiveRecord, aws::ApiError> {
          const auto found = archives.find(change.name);
          if (found == archives.end()) return Absent(change.name);
          if (change.description) found->second.description = *change.description;
          if (change.pattern) found->second.pattern = *change.pattern;
          if (change.retention_days) found->second.retention_days = *change.retention_days;
          return found->second;
        },
        std::move(done));
  }
  void Delete(const std::string& name, events::EventBuses::Done done) override {
    Do<void>(
        "delete archive " + name,
        [this, name]() -> std::expected<void, aws::ApiError> {
          if (archives.erase(name) == 0) return Absent(name);
          return {};
        },
        std::move(done));
  }
  void Find(const std::string& name, DoneWith<events::ArchiveRecord> done) override {
    const auto found = archives.find(name);
    if (found == archives.end()) return Tell<events::ArchiveRecord>(Absent(name), std::move(done));
    Tell<events::ArchiveRecord>(found->second, std::move(done));
  }

  std::map<std::string, events::ArchiveRecord> archives;
};

class FakeScheduler final : public schedule::Scheduler, public FakeAnswers {
 public:
  using FakeAnswers::FakeAnswers;
  using Record = schedule::ScheduleRecord;
  using Group = schedule::GroupRecord;

  void Create(Record record, Done<Record> done) override {
    Do<Record>(
        "create schedule " + record.key.name,
        [this, record]() -> std::expected<Record, aws::ApiError> {
          if (!groups.contains(record.key.group)) return Absent("Group " + record.key.group);
          if (!schedules.emplace(record.key, record).second) return There(record.key.name);
          return record;
        },
        std::move(done));
  }
  void Update(Record record, Done<Record> done) override {
    Do<Record>(
        "update schedule " + record.key.name,
        [this, record]() -> std::expected<Record, aws::ApiError> {
          const auto found = schedules.find(record.key);
          if (found == schedules.end()) return Absent(record.key.name);
          return found->second = record;
        },
        std::move(done));
  }
  void Delete(const schedule::ScheduleKey& key, Done<void> done) override {
    Do<void>(
        "delete schedule " + key.name,
        [this, key]() -> std::expected<void, aws::ApiError> {
          if (schedules.erase(key) == 0) return Absent(key.name);
          return {};
        },
        std::move(done));
  }
  void Find(const schedule::ScheduleKey& key, Done<Record> done) override {
    const auto found = schedules.find(key);
    if (found == schedules.end()) return Tell<Record>(Absent(key.name), std::move(done));
    Tell<Record>(found->second, std::move(done));
  }
  void List(schedule::ScheduleQuery, Done<std::vector<Record>> done) override {
    Tell<std::vector<Record>>(std::vector<Record>(), std::move(done));
  }
  void CreateGroup(Group group, Done<Group> done) override {
    Do<Group>(
        "create group " + group.name,
        [this, group]() -> std::expected<Group, aws::ApiError> {
          if (!groups.emplace(group.name, group).second) return There(group.name);
          return group;
        },
        std::move(done));
  }
  void FindGroup(const std::string& name, Done<Group> done) override {
    const auto found = groups.find(name);
    if (found == groups.end()) return Tell<Group>(Absent(name), std::move(done));
    Tell<Group>(found->second, std::move(done));
  }
  void DeleteGroup(const std::string& name, Done<void> done) override {
    Do<void>(
        "delete group " + name,
        [this, name]() -> std::expected<void, aws::ApiError> {
          if (groups.erase(name) == 0) return Absent(name);
          std::erase_if(schedules, [&](const auto& one) { return one.first.group == name; });
          return {};
        },
        std::move(done));
  }
  void ListGroups(schedule::GroupQuery, Done<std::vector<Group>> done) override {
    Tell<std::vector<Group>>(std::vector<Group>(), std::move(done));
  }
  void ChangeTags(const std::string& group, EditTags edit, Done<void> done) override {
    Do<void>(
        "change group " + group,
        [this, group, edit]() -> std::expected<void, aws::ApiError> {
          if (auto refusal = edit(groups.at(group).tags)) return std::unexpected(*refusal);
          return {};
        },
        std::move(done));
  }
  schedule::ScheduleCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }

  std::map<schedule::ScheduleKey, Record> schedules;
  std::map<std::string, Group> groups{{"default", {.name = "default"}}};
};

}  // namespace hearth::stacks
