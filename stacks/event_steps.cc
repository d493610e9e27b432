#include "stacks/event_steps.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "stacks/deployment.h"
#include "stacks/event_resource.h"
#include "stacks/event_told.h"

namespace hearth::stacks {
namespace {

using base::Json;
using Done = std::function<void(std::expected<void, std::string>)>;
using Found = std::function<void(std::expected<std::optional<Json>, std::string>)>;

events::RuleKey RuleKeyOf(const std::string& name) {
  auto [bus, rule] = SplitEventName(ResourceKind::kRule, name);
  return {std::move(bus), std::move(rule)};
}

schedule::ScheduleKey ScheduleKeyOf(const std::string& name) {
  auto [group, schedule] = SplitEventName(ResourceKind::kSchedule, name);
  return {std::move(group), std::move(schedule)};
}

bool IsAbsent(const aws::ApiError& error) { return error.type == "ResourceNotFoundException"; }

// For any of the callbacks of both APIs.
auto Then(Done done) {
  return [done = std::move(done)](const auto& result) {
    if (result) return done({});
    done(std::unexpected(result.error().message));
  };
}
// What is not there is gone already.
auto ThenGone(Done done) {
  return [done = std::move(done)](const auto& result) {
    if (result || IsAbsent(result.error())) return done({});
    done(std::unexpected(result.error().message));
  };
}

void Later(const EventHost& host, std::expected<void, std::string> result, Done done) {
  host.disk.Run([] { return true; },
                [done = std::move(done), result = std::move(result)](bool) { done(result); });
}

// Those of buses are in memory.
std::optional<Json> OnBus(const EventHost& host, const EventKey& key) {
  if (key.kind == ResourceKind::kRule) {
    const events::RuleKey rule_key = RuleKeyOf(key.name);
    const events::RuleRecord* const rule = host.buses.FindRule(rule_key);
    if (rule == nullptr) return std::nullopt;
    ToldRule out{*rule, {}};
    for (const auto* target : host.buses.Targets(rule_key)) out.targets.push_back(*target);
    return ToldOf(out);
  }
  const bool is_bus = key.kind == ResourceKind::kEventBus;
  const auto [name, sid] = SplitEventName(ResourceKind::kBusPolicy, key.name);
  const events::BusRecord* const bus = host.buses.FindBus(is_bus ? key.name : name);
  if (bus == nullptr) return std::nullopt;
  if (is_bus) {
    Json out = events::ToJson(*bus);
    out["Tags"] = bus->tags;
    return out;
  }
  Json statement = StatementOf(bus->policy, sid);
  if (statement.is_null()) return std::nullopt;
  return Json{{"EventBusName", name}, {"StatementId", sid}, {"Statement", std::move(statement)}};
}

// What of a scheduler's answer is found.
template <typename Record, typename ToTold>
auto AnswerTo(Found done, ToTold to_told) {
  return [done = std::move(done), to_told](const std::expected<Record, aws::ApiError>& answer) {
    if (answer) return done(std::optional<Json>(to_told(*answer)));
    if (IsAbsent(answer.error())) return done(std::optional<Json>());
    done(std::unexpected(answer.error().message));
  };
}

void Find(const EventHost& host, const EventKey& key, Found done) {
  if (key.kind == ResourceKind::kSchedule) {
    return host.schedules.Find(ScheduleKeyOf(key.name),
                               AnswerTo<schedule::ScheduleRecord>(
                                   std::move(done), [](const schedule::ScheduleRecord& record) {
                                     return schedule::ToJson(record);
                                   }));
  }
  if (key.kind == ResourceKind::kArchive) {
    return host.archives.Find(
        key.name,
        AnswerTo<events::ArchiveRecord>(
            std::move(done), [account = host.account](const events::ArchiveRecord& record) {
              return ToldOf(account, record);
            }));
  }
  if (key.kind == ResourceKind::kScheduleGroup) {
    return host.schedules.FindGroup(
        key.name,
        AnswerTo<schedule::GroupRecord>(std::move(done), [](const schedule::GroupRecord& group) {
          // One that is being deleted is not there for long.
          return group.is_deleting ? std::optional<Json>() : ToldOf(group);
        }));
  }
  host.disk.Run([] { return true; },
                [host, key, done = std::move(done)](bool) { done(OnBus(host, key)); });
}

// One after the other.
struct Search {
  EventHost host;
  std::vector<EventKey> keys;
  FoundEvents found;
  std::function<void(std::expected<FoundEvents, std::string>)> done;
};

void GoOn(const std::shared_ptr<Search>& search) {
  if (search->keys.empty()) return search->done(std::move(search->found));
  const EventKey key = std::move(search->keys.back());
  search->keys.pop_back();
  Find(search->host, key, [search, key](std::expected<std::optional<Json>, std::string> result) {
    if (!result) return search->done(std::unexpected(std::move(result).error()));
    if (*result) search->found[key] = **std::move(result);
    GoOn(search);
  });
}

void RemoveRule(const EventHost& host, const events::RuleKey& key, Done done) {
  using Force = events::EventBuses::Force;
  std::vector<std::string> ids;
  for (const auto* target : host.buses.Targets(key)) ids.push_back(target->id);
  const auto remove = [host, key, done](const std::expected<void, aws::ApiError>& removed) {
    if (!removed && !IsAbsent(removed.error())) {
      return done(std::unexpected(removed.error().message));
    }
    host.buses.DeleteRule(key, Force::kNo, ThenGone(done));
  };
  if (!ids.empty()) return host.buses.RemoveTargets(key, std::move(ids), Force::kNo, remove);
  host.buses.DeleteRule(key, Force::kNo, ThenGone(std::move(done)));
}

// The rule, then its tags where it was there already, then which targets it has no more, then those
// that it has.
void WriteRule(const EventHost& host, ToldRule wanted, Done done) {
  const events::RuleKey key = wanted.rule.key;
  const events::RuleRecord* const now = host.buses.FindRule(key);
  const bool changes_tags = now != nullptr && now->tags != wanted.rule.tags;
  std::vector<std::string> gone;
  for (const auto* target : host.buses.Targets(key)) {
    const auto kept = std::ranges::find(wanted.targets, target->id, &events::TargetRecord::id);
    if (kept == wanted.targets.end()) gone.push_back(target->id);
  }
  using Answer = std::expected<void, aws::ApiError>;
  const auto put = [host, key, targets = wanted.targets, done](const Answer& result) {
    if (!result) return done(std::unexpected(result.error().message));
    if (targets.empty()) return done({});
    host.buses.PutTargets(key, targets, Then(done));
  };
  const auto remove = [host, key, gone, put, done](const Answer& result) {
    if (!result) return done(std::unexpected(result.error().message));
    if (gone.empty()) return put({});
    host.buses.RemoveTargets(key, gone, events::EventBuses::Force::kNo, put);
  };
  const auto tag = [host, key, changes_tags, tags = wanted.rule.tags, remove,
                    done](const Answer& result) {
    if (!result) return done(std::unexpected(result.error().message));
    if (!changes_tags) return remove({});
    host.buses.ChangeRule(
        key,
        [tags](events::RuleRecord& rule) -> events::EventBuses::Refusal {
          rule.tags = tags;
          return std::nullopt;
        },
        remove);
  };
  host.buses.PutRule(std::move(wanted.rule), tag);
}

void WriteBus(const EventHost& host, events::BusRecord wanted, EventStep step, bool says_policy,
              Done done) {
  wanted.created_ms = wanted.modified_ms = base::EpochMillis(host.clock.WallNow());
  if (step == EventStep::kCreate || host.buses.FindBus(wanted.name) == nullptr) {
    return host.buses.CreateBus(std::move(wanted), Then(std::move(done)));
  }
  const std::string name = wanted.name;
  host.buses.ChangeBus(
      name,
      [wanted = std::move(wanted),
       says_policy](events::BusRecord& bus) -> events::EventBuses::Refusal {
        bus.description = wanted.description;
        bus.tags = wanted.tags;
        if (says_policy) bus.policy = wanted.policy;
        bus.modified_ms = wanted.modified_ms;
        return std::nullopt;
      },
      Then(std::move(done)));
}

// `statement`: null takes it away.
void WriteStatement(const EventHost& host, const std::string& name, Json statement, Done done) {
  const auto [bus, sid] = SplitEventName(ResourceKind::kBusPolicy, name);
  if (statement.is_null() && host.buses.FindBus(bus) == nullptr) {
    return Later(host, {}, std::move(done));
  }
  host.buses.ChangeBus(
      bus,
      [sid,
       statement = std::move(statement)](events::BusRecord& record) -> events::EventBuses::Refusal {
        std::string policy = WithStatement(record.policy, sid, statement);
        if (!policy.empty()) {
          if (auto wrong = events::CheckPolicy(policy)) return wrong;
        }
        record.policy = std::move(policy);
        return std::nullopt;
      },
      Then(std::move(done)));
}

void BringOnBus(const EventHost& host, const EventKey& key, const std::optional<Json>& told,
                EventStep step, Done done) {
  if (told && step == EventStep::kCreate && OnBus(host, key)) {
    return Later(host, std::unexpected("'" + key.name + "' exists already"), std::move(done));
  }
  if (key.kind == ResourceKind::kRule) {
    if (!told) return RemoveRule(host, RuleKeyOf(key.name), std::move(done));
    auto rule = ReadToldRule(host.account, *told);
    if (rule) return WriteRule(host, *std::move(rule), std::move(done));
    return Later(host, std::unexpected(rule.error().message), std::move(done));
  }
  if (key.kind == ResourceKind::kEventBus) {
    if (!told) return host.buses.DeleteBus(key.name, ThenGone(std::move(done)));
    auto bus = ReadToldBus(*told);
    if (!bus) return Later(host, std::unexpected(bus.error().message), std::move(done));
    return WriteBus(host, *std::move(bus), step, told->contains("Policy"), std::move(done));
  }
  if (!told) return WriteStatement(host, key.name, nullptr, std::move(done));
  auto policy = InOneForm(host.account, key.kind, *told);
  if (!policy) return Later(host, std::unexpected(policy.error().message), std::move(done));
  WriteStatement(host, key.name, std::move((*policy)["Statement"]), std::move(done));
}

void WriteSchedule(const EventHost& host, const Json& told, EventStep step, Done done) {
  // What is there already may have begun long ago.
  const bool is_new = step == EventStep::kCreate;
  auto record = ReadToldSchedule(
      told, is_new ? std::optional(base::EpochMillis(host.clock.WallNow())) : std::nullopt);
  if (!record) return Later(host, std::unexpected(record.error().message), std::move(done));
  if (is_new) return host.schedules.Create(*std::move(record), Then(std::move(done)));
  const schedule::ScheduleKey key = record->key;
  host.schedules.Find(
      key, [host, record = *std::move(record), done = std::move(done)](const auto& found) mutable {
        if (found) return host.schedules.Update(std::move(record), Then(std::move(done)));
        if (!IsAbsent(found.error())) return done(std::unexpected(found.error().message));
        host.schedules.Create(std::move(record), Then(std::move(done)));
      });
}

void WriteArchive(const EventHost& host, const Json& told, EventStep step, Done done) {
  auto archive = ReadToldArchive(host.account, told);
  if (!archive) return Later(host, std::unexpected(archive.error().message), std::move(done));
  if (step == EventStep::kCreate) {
    return host.archives.Create(*std::move(archive), Then(std::move(done)));
  }
  const std::string name = archive->name;
  host.archives.Find(name, [host, archive = *std::move(archive),
                            done = std::move(done)](const auto& found) mutable {
    if (!found && !IsAbsent(found.error())) return done(std::unexpected(found.error().message));
    if (!found) return host.archives.Create(std::move(archive), Then(std::move(done)));
    if (found->bus != archive.bus) {
      return done(std::unexpected("the archive '" + archive.name + "' is of the event bus '" +
                                  found->bus + "': give it another ArchiveName for another bus"));
    }
    host.archives.Change({.name = archive.name,
                          .description = archive.description,
                          .pattern = archive.pattern,
                          .retention_days = archive.retention_days},
                         Then(std::move(done)));
  });
}

// Its schedules go first, some at a time: a group of this name can be made again once they have.
void AwaitGone(const EventHost& host, const std::string& group, Done done) {
  host.schedules.FindGroup(group, [host, group, done = std::move(done)](const auto& found) {
    if (found && found->is_deleting) return AwaitGone(host, group, done);
    done({});
  });
}

void RemoveGroup(const EventHost& host, const std::string& group, Done done) {
  host.schedules.DeleteGroup(group, ThenGone([host, group, done = std::move(done)](
                                                 const std::expected<void, std::string>& deleted) {
                               if (!deleted) return done(deleted);
                               AwaitGone(host, group, done);
                             }));
}

void WriteGroup(const EventHost& host, const Json& told, EventStep step, Done done) {
  auto group = ReadToldGroup(told);
  if (!group) return Later(host, std::unexpected(group.error().message), std::move(done));
  if (step == EventStep::kCreate) {
    return host.schedules.CreateGroup(*std::move(group), Then(std::move(done)));
  }
  const std::string name = group->name;
  host.schedules.FindGroup(
      name, [host, group = *std::move(group), done = std::move(done)](const auto& found) mutable {
        if (!found && !IsAbsent(found.error())) {
          return done(std::unexpected(found.error().message));
        }
        if (!found) return host.schedules.CreateGroup(std::move(group), Then(std::move(done)));
        host.schedules.ChangeTags(
            group.name,
            [tags = group.tags](schedule::Tags& now) -> std::optional<aws::ApiError> {
              now = tags;
              return std::nullopt;
            },
            Then(std::move(done)));
      });
}

}  // namespace

void FindEvents(const EventHost& host, std::vector<EventKey> keys,
                std::function<void(std::expected<FoundEvents, std::string>)> done) {
  auto search = std::make_shared<Search>(Search{host, std::move(keys), {}, std::move(done)});
  // Also where there is nothing to look for, a turn later.
  host.disk.Run([] { return true; }, [search = std::move(search)](bool) { GoOn(search); });
}

bool IsOfStack(const EventHost& host, ResourceKind kind, const Json& found,
               const std::string& stack, const std::optional<Json>& told) {
  if (!HasTags(kind)) return told && Says(host.account, kind, found, *told);
  const auto tags = TagsOf(found);
  const auto tag = tags.find(kStackNameTag);
  return tag != tags.end() && tag->second == stack;
}

void BringEvent(const EventHost& host, const EventKey& key, const std::optional<Json>& told,
                EventStep step, Done done) {
  if (key.kind == ResourceKind::kSchedule) {
    if (told) return WriteSchedule(host, *told, step, std::move(done));
    return host.schedules.Delete(ScheduleKeyOf(key.name), ThenGone(std::move(done)));
  }
  if (key.kind == ResourceKind::kScheduleGroup) {
    if (told) return WriteGroup(host, *told, step, std::move(done));
    return RemoveGroup(host, key.name, std::move(done));
  }
  if (key.kind == ResourceKind::kArchive) {
    if (told) return WriteArchive(host, *told, step, std::move(done));
    return host.archives.Delete(key.name, ThenGone(std::move(done)));
  }
  BringOnBus(host, key, told, step, std::move(done));
}

}  // namespace hearth::stacks
