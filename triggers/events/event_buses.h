// EventBuses: buses, their rules and targets, and what is put on them; as values. What the API,
// templates and other services are written against.
//
// A callback runs once, later, on the loop: what it reports as done is durable, and is what the
// next event meets. Changes happen in the order of their calls. Pointers are good until the next
// turn of the loop. Loop's thread only.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "triggers/events/event.h"
#include "triggers/events/rule.h"

namespace hearth::events {

class EventBuses {
 public:
  virtual ~EventBuses() = default;

  // The error is what the API answers.
  using Done = std::function<void(std::expected<void, aws::ApiError>)>;
  using Refusal = std::optional<aws::ApiError>;

  virtual const BusRecord* FindBus(std::string_view name) const = 0;
  virtual const RuleRecord* FindRule(const RuleKey& key) const = 0;
  // By id; none: no such rule, or it has none.
  virtual std::vector<const TargetRecord*> Targets(const RuleKey& key) const = 0;
  // By name, those behind `after`.
  virtual std::vector<const BusRecord*> Buses(std::string_view after, size_t most) const = 0;
  virtual std::vector<const RuleRecord*> Rules(const std::string& bus, std::string_view after,
                                               size_t most) const = 0;

  virtual void CreateBus(BusRecord bus, Done done) = 0;
  // `change` runs on another thread, on the record as it is then: its captures are values.
  virtual void ChangeBus(const std::string& name, std::function<Refusal(BusRecord&)> change,
                         Done done) = 0;
  // Refused where it has rules or archives, or is the default one.
  virtual void DeleteBus(const std::string& name, Done done) = 0;

  // Makes it, or makes it what it says, but for its tags, which are set when it is made; its
  // targets stay.
  virtual void PutRule(RuleRecord rule, Done done) = 0;
  virtual void ChangeRule(const RuleKey& key, std::function<Refusal(RuleRecord&)> change,
                          Done done) = 0;
  // Whether rules that a service manages may be deleted too.
  enum class Force { kNo, kYes };
  // Refused where it has targets; one that is not there is deleted.
  virtual void DeleteRule(const RuleKey& key, Force force, Done done) = 0;
  // Those of the same ids are replaced.
  virtual void PutTargets(const RuleKey& key, std::vector<TargetRecord> targets, Done done) = 0;
  // All or none; one that is not there is kept out of it.
  virtual void RemoveTargets(const RuleKey& key, std::vector<std::string> ids, Force force,
                             Done done) = 0;

  // Once what they cause is durable: deliveries and archives' entries, of all in one transaction;
  // where it is much (kMaxRoutedBytes) in several, one after the other, of which some may be
  // durable where it fails. Where nobody wants one, nothing is written. A bus that is not there
  // takes it, and drops it.
  virtual void Put(std::vector<Event> events, Done done) = 0;
};

}  // namespace hearth::events
