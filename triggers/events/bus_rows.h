// BusRows: buses, rules and their targets in the database: every change is decided here, on what is
// committed, so that the order of commits is the order of the world.
//
// On the writer's thread; within GroupCommit's work. A refusal leaves everything as it was.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/result.h"
#include "store/database.h"
#include "triggers/events/rule.h"

namespace hearth::events {

std::vector<store::Migration> BusMigrations();

struct RuleRow {
  int64_t id = 0;  // Never used again.
  RuleRecord rule;
  // Of a schedule: where it begins, and when it is due; nullopt: never (again).
  int64_t anchor_ms = 0;
  std::optional<int64_t> next_ms;
  int64_t archive = 0;  // It keeps events for that archive; 0: for none.
};

class BusRows {
 public:
  using Refusal = std::optional<aws::ApiError>;
  template <typename T>
  using Result = base::Result<T>;

  // `refusal` is set where it is refused: then what is returned does not count.
  BusRows(store::Database& database, Refusal& refusal) : database_(database), refusal_(refusal) {}

  Result<std::vector<BusRecord>> LoadBuses();
  // What cannot be read any more is told in the log, and left.
  Result<std::vector<RuleRow>> LoadRules(const invoker::Account& account);
  Result<std::vector<TargetRecord>> LoadTargets(int64_t rule);

  Result<BusRecord> CreateBus(BusRecord bus);
  Result<BusRecord> ChangeBus(const std::string& name,
                              const std::function<Refusal(BusRecord&)>& change);
  Result<bool> DeleteBus(const std::string& name);

  Result<RuleRow> PutRule(RuleRecord rule, const invoker::Account& account, int64_t now_ms);
  Result<RuleRow> ChangeRule(const RuleKey& key, const invoker::Account& account, int64_t now_ms,
                             const std::function<Refusal(RuleRecord&)>& change);
  enum class Managed { kRefuse, kAllow };
  // Its id; 0: there was none.
  Result<int64_t> DeleteRule(const RuleKey& key, Managed managed);
  // A rule that keeps events for an archive.
  Result<RuleRow> PutArchiveRule(RuleRecord rule, int64_t archive);

  struct RuleTargets {
    int64_t rule = 0;
    std::vector<TargetRecord> targets;  // All, by id.
  };
  Result<RuleTargets> PutTargets(const RuleKey& key, const std::vector<TargetRecord>& targets);
  Result<RuleTargets> RemoveTargets(const RuleKey& key, const std::vector<std::string>& ids,
                                    Managed managed);

  // kConflict: it is not due then (any more).
  static Result<void> MoveDue(store::Database& database, int64_t rule, int64_t from_ms,
                              std::optional<int64_t> to_ms);

 private:
  struct Head {
    int64_t id = 0;
    std::string managed_by;
  };
  Result<std::optional<Head>> FindRule(const RuleKey& key);
  Result<std::optional<RuleRow>> LoadRule(const RuleKey& key, const invoker::Account& account);
  Result<bool> HasBus(const std::string& name);
  Result<int64_t> Count(std::string_view sql, std::vector<store::Value> parameters);
  Result<RuleRow> Save(RuleRow row, const RuleRow* before, int64_t now_ms);
  Result<int64_t> ToChange(const RuleKey& key, Managed managed);

  store::Database& database_;
  Refusal& refusal_;
};

// The first moment after `after_ms` at which a schedule is due; nullopt: none is left.
std::optional<int64_t> NextDue(const std::string& schedule, int64_t anchor_ms, int64_t after_ms);

}  // namespace hearth::events
