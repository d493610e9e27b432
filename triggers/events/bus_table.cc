#include "triggers/events/bus_table.h"

#include <algorithm>

#include "aws/arn.h"
#include "base/check.h"
#include "base/log.h"
#include "expressions/event_pattern.h"

namespace hearth::events {
namespace {

Target Compile(TargetRecord record) {
  Target out;
  const auto arn = aws::ParseArn(record.arn);
  out.is_bus = arn && arn->service == "events";
  // They were read when the target was.
  if (record.input_path) {
    if (auto path = expressions::JsonPath::Parse(*record.input_path)) out.path = *std::move(path);
  }
  if (record.transformer) {
    auto transformer =
        expressions::InputTransformer::Create(record.transformer->paths, record.transformer->text);
    if (transformer) out.transformer = *std::move(transformer);
  }
  out.record = std::move(record);
  return out;
}

}  // namespace

void BusTable::PutBus(BusRecord bus) {
  auto& held = buses_[bus.name];
  if (held == nullptr) held = std::make_unique<Bus>();
  held->record = std::move(bus);
}

void BusTable::EraseBus(const std::string& name) { buses_.erase(name); }

BusTable::Bus* BusTable::BusOf(const Rule& rule) {
  const auto bus = buses_.find(rule.row.rule.key.bus);
  return bus == buses_.end() ? nullptr : bus->second.get();
}

void BusTable::PutRule(RuleRow row) {
  Rule& rule = rules_[row.id];
  const bool was_known = rule.row.id != 0;
  const std::string before = rule.row.rule.is_enabled() ? rule.row.rule.pattern : "";
  const std::string wanted = row.rule.is_enabled() ? row.rule.pattern : "";
  rule.row = std::move(row);
  rule.arn = RuleArn(account_, rule.row.rule.key);
  Bus* const bus = BusOf(rule);
  if (bus == nullptr) return;
  bus->rules[rule.row.rule.key.name] = rule.row.id;
  if (was_known && before == wanted) return;
  if (was_known && !before.empty()) bus->index.Remove(static_cast<PatternIndex::Id>(rule.row.id));
  if (wanted.empty()) return;
  // It was read when the rule was.
  if (auto pattern = expressions::EventPattern::Parse(wanted)) {
    bus->index.Add(static_cast<PatternIndex::Id>(rule.row.id),
                   std::make_shared<const expressions::EventPattern>(*std::move(pattern)));
  } else {
    HLOG_ERROR("the pattern of {} cannot be read: {}", rule.arn, pattern.error());
  }
}

void BusTable::EraseRule(int64_t id) {
  const auto found = rules_.find(id);
  if (found == rules_.end()) return;
  if (Bus* const bus = BusOf(found->second)) {
    bus->index.Remove(static_cast<PatternIndex::Id>(id));
    bus->rules.erase(found->second.row.rule.key.name);
  }
  rules_.erase(found);
}

void BusTable::SetTargets(int64_t id, std::vector<TargetRecord> targets) {
  const auto found = rules_.find(id);
  if (found == rules_.end()) return;
  found->second.targets.clear();
  for (TargetRecord& target : targets) {
    found->second.targets.push_back(Compile(std::move(target)));
  }
}

void BusTable::SetDue(int64_t id, std::optional<int64_t> next_ms) {
  const auto found = rules_.find(id);
  if (found != rules_.end()) found->second.row.next_ms = next_ms;
}

const BusRecord* BusTable::FindBus(std::string_view name) const {
  const auto found = buses_.find(name);
  return found == buses_.end() ? nullptr : &found->second->record;
}

const Rule* BusTable::FindRule(int64_t id) const {
  const auto found = rules_.find(id);
  return found == rules_.end() ? nullptr : &found->second;
}

const Rule* BusTable::FindRule(const RuleKey& key) const {
  const auto bus = buses_.find(key.bus);
  if (bus == buses_.end()) return nullptr;
  const auto id = bus->second->rules.find(key.name);
  return id == bus->second->rules.end() ? nullptr : FindRule(id->second);
}

std::vector<const BusRecord*> BusTable::Buses(std::string_view after, size_t most) const {
  std::vector<const BusRecord*> out;
  for (auto at = buses_.upper_bound(after); at != buses_.end() && out.size() < most; ++at) {
    out.push_back(&at->second->record);
  }
  return out;
}

std::vector<const RuleRecord*> BusTable::Rules(const std::string& name, std::string_view after,
                                               size_t most) const {
  std::vector<const RuleRecord*> out;
  const auto bus = buses_.find(name);
  if (bus == buses_.end()) return out;
  const auto& rules = bus->second->rules;
  for (auto at = rules.upper_bound(after); at != rules.end() && out.size() < most; ++at) {
    out.push_back(&rules_.at(at->second).row.rule);
  }
  return out;
}

std::vector<const Rule*> BusTable::Match(const Event& event) const {
  std::vector<const Rule*> out;
  const auto bus = buses_.find(event.bus);
  if (bus == buses_.end()) return out;
  for (const PatternIndex::Id id : bus->second->index.Match(event.json)) {
    if (const Rule* const rule = FindRule(static_cast<int64_t>(id))) out.push_back(rule);
  }
  return out;
}

}  // namespace hearth::events
