#include "invoker/concurrency_ledger.h"

#include <algorithm>

namespace hearth::invoker {
namespace {

constexpr uint32_t kUnreservedShare = 10;

uint64_t ShareOf(const FunctionRecord& record) {
  return record.latest->reserved ? *record.latest->reserved : ProvisionedTotal(record);
}

aws::ApiError TooLittleLeft(const char* member, uint32_t least) {
  return InvalidParameter(std::string("Specified ") + member +
                          " for function decreases account's UnreservedConcurrentExecution below "
                          "its minimum value of [" +
                          std::to_string(least) + "].");
}

}  // namespace

uint64_t ProvisionedTotal(const FunctionRecord& record) {
  uint64_t total = 0;
  for (const auto& [qualifier, config] : record.provisioned) total += config.requested;
  return total;
}

uint64_t ConcurrencyLedger::Promised(const std::string& except) const {
  uint64_t total = 0;
  for (const FunctionRef& latest : registry_.List()) {
    if (latest->name == except || claims_.contains(latest->name)) continue;
    total += ShareOf(*registry_.Record(latest->name));
  }
  // A claim is at least what the function has now.
  for (const auto& [name, claim] : claims_) total += name == except ? 0 : claim.share;
  return total;
}

uint32_t ConcurrencyLedger::Unreserved() const {
  const uint64_t promised = Promised({});
  return promised < concurrency_ ? static_cast<uint32_t>(concurrency_ - promised) : 0;
}

std::optional<aws::ApiError> ConcurrencyLedger::Claim(const FunctionRecord* current,
                                                      const FunctionRecord& next) {
  const std::string& name = next.latest->name;
  const auto& reserved = next.latest->reserved;
  const uint64_t provisioned = ProvisionedTotal(next);
  const uint64_t provisioned_now = current == nullptr ? 0 : ProvisionedTotal(*current);
  const bool has_new_reservation =
      reserved && (current == nullptr || current->latest->reserved != reserved);
  const uint64_t now = current == nullptr ? 0 : ShareOf(*current);
  const uint64_t share = ShareOf(next);
  if (reserved && provisioned > *reserved) {
    if (has_new_reservation) {
      return InvalidParameter(" ReservedConcurrentExecutions  " + std::to_string(*reserved) +
                              " should not be lower than function's total provisioned "
                              "concurrency [" +
                              std::to_string(provisioned) + "].");
    }
    if (provisioned > provisioned_now) {
      return InvalidParameter(
          "Requested Provisioned Concurrency should not be greater than the "
          "reservedConcurrentExecution for function");
    }
  }
  if (share > now) {
    if (!has_new_reservation && provisioned > concurrency_) {
      return InvalidParameter(
          "Specified ConcurrentExecutions for function is greater than account's unreserved "
          "concurrency [" +
          std::to_string(concurrency_) + "].");
    }
    const uint32_t least = concurrency_ / kUnreservedShare;
    if (Promised(name) + share + least > concurrency_) {
      return TooLittleLeft(
          has_new_reservation ? "ReservedConcurrentExecutions" : "ConcurrentExecutions", least);
    }
  }
  Claimed& claimed = claims_[name];
  claimed.share = std::max(share, now);
  ++claimed.changes;
  return std::nullopt;
}

void ConcurrencyLedger::Settle(const std::string& function) {
  const auto found = claims_.find(function);
  if (--found->second.changes == 0) claims_.erase(found);
}

}  // namespace hearth::invoker
