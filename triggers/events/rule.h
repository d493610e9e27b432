// Buses, rules and targets as values, and how they are read: once, for the API and for templates.
//
// A record's JSON is the body of the request that makes it (PutRule's, one of PutTargets' Targets,
// CreateEventBus's), with what was left out left out: to write what was read and to read it again
// gives the same. Pure. Source: EventBridge API 2015-10-07, PutRule, PutTargets, CreateEventBus.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "invoker/destinations.h"
#include "invoker/function.h"

namespace hearth::events {

using Tags = std::map<std::string, std::string>;

inline constexpr char kDefaultBus[] = "default";
inline constexpr size_t kMaxTargets = 5;     // AWS: of a rule.
inline constexpr size_t kMaxPattern = 4096;  // AWS: characters of a rule's pattern.
inline constexpr size_t kMaxRules = 10'000;  // Ours, of a bus; AWS: 300, which it may raise.
inline constexpr size_t kMaxBuses = 100;     // AWS.

struct BusRecord {
  std::string name;
  std::string description;
  std::string policy;  // JSON text; empty: none.
  Tags tags;
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
};

enum class RuleState { kEnabled, kDisabled, kEnabledWithTrail };
std::string_view NameOf(RuleState state);  // "ENABLED"

struct RuleKey {
  std::string bus = kDefaultBus;
  std::string name;
  auto operator<=>(const RuleKey&) const = default;
};

struct RuleRecord {
  RuleKey key;
  std::string description;
  std::string role_arn;
  std::string pattern;   // Text; empty: none.
  std::string schedule;  // Text; empty: none. One of the two is there.
  RuleState state = RuleState::kEnabled;
  Tags tags;
  std::string managed_by;  // A service that made it for somebody; empty: nobody.

  bool is_enabled() const { return state != RuleState::kDisabled; }
};

struct TargetRecord {
  struct Transformer {
    std::map<std::string, std::string> paths;
    std::string text;
  };
  std::string id;
  std::string arn;
  std::string role_arn;
  // At most one of them.
  std::optional<std::string> input;
  std::optional<std::string> input_path;
  std::optional<Transformer> transformer;
  std::string group_id;  // SqsParameters.MessageGroupId
  std::optional<int64_t> max_retries;
  std::optional<int64_t> max_age_s;
  std::string dead_letter_arn;
  std::string partition_key_path;  // KinesisParameters: kept until there are streams.
};

template <typename T>
using Read = std::expected<T, aws::ApiError>;

// The name of a bus that was named so, or by its ARN here; empty: default. An ARN of another
// account or region is refused.
Read<std::string> BusNameOf(std::string_view name_or_arn, const invoker::Account& account);
std::string BusArn(const invoker::Account& account, std::string_view name);
// "arn:aws:events:…:rule/name", of the default bus; else "…:rule/bus/name".
std::string RuleArn(const invoker::Account& account, const RuleKey& key);
// nullopt: it is none of a rule here.
std::optional<RuleKey> RuleOfArn(std::string_view arn, const invoker::Account& account);

// The body of CreateEventBus; its times are the caller's.
Read<BusRecord> ReadBus(const base::Json& body);
// A policy's text, as PutPermission takes it.
std::optional<aws::ApiError> CheckPolicy(std::string_view text);
// The body of PutRule.
Read<RuleRecord> ReadRule(const base::Json& body, const invoker::Account& account);
// PutTargets' Targets; at most 100. Whether somebody serves them is for whoever knows who does.
Read<std::vector<TargetRecord>> ReadTargets(const base::Json& targets);
// Refuses by name what goes to a service that nobody serves.
std::optional<aws::ApiError> CheckServed(const std::vector<TargetRecord>& targets,
                                         const invoker::Destinations& destinations);

base::Json ToJson(const BusRecord& bus);  // With Policy, which CreateEventBus does not know.
base::Json ToJson(const RuleRecord& rule);
base::Json ToJson(const TargetRecord& target);
base::Json TagsJson(const Tags& tags);  // [{"Key": …, "Value": …}]

}  // namespace hearth::events
