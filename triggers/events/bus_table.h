// BusTable: the buses, rules and targets that are committed, in memory, ready to meet events.
//
// Owner: DiskEventBuses, which tells it each commit in their order. Loop's thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "expressions/input_template.h"
#include "triggers/events/bus_rows.h"
#include "triggers/events/event.h"
#include "triggers/events/pattern_index.h"
#include "triggers/events/rule.h"

namespace hearth::events {

struct Target {
  TargetRecord record;
  bool is_bus = false;
  std::optional<expressions::JsonPath> path;
  std::optional<expressions::InputTransformer> transformer;
};

struct Rule {
  RuleRow row;
  std::string arn;
  std::vector<Target> targets;  // By id.
};

class BusTable {
 public:
  explicit BusTable(invoker::Account account) : account_(std::move(account)) {}

  void PutBus(BusRecord bus);
  void EraseBus(const std::string& name);
  // Its targets stay.
  void PutRule(RuleRow row);
  void EraseRule(int64_t id);
  void SetTargets(int64_t rule, std::vector<TargetRecord> targets);
  void SetDue(int64_t rule, std::optional<int64_t> next_ms);

  const BusRecord* FindBus(std::string_view name) const;
  const Rule* FindRule(const RuleKey& key) const;
  const Rule* FindRule(int64_t id) const;
  std::vector<const BusRecord*> Buses(std::string_view after, size_t most) const;
  std::vector<const RuleRecord*> Rules(const std::string& bus, std::string_view after,
                                       size_t most) const;
  const std::unordered_map<int64_t, Rule>& rules() const { return rules_; }
  const invoker::Account& account() const { return account_; }

  // Enabled rules whose pattern it matches, by their ids; none: there is no such bus.
  std::vector<const Rule*> Match(const Event& event) const;

 private:
  struct Bus {
    BusRecord record;
    std::map<std::string, int64_t, std::less<>> rules;  // By name.
    PatternIndex index;                                 // Of those that are enabled.
  };
  Bus* BusOf(const Rule& rule);

  const invoker::Account account_;
  std::map<std::string, std::unique_ptr<Bus>, std::less<>> buses_;
  std::unordered_map<int64_t, Rule> rules_;
};

}  // namespace hearth::events
