// ConcurrencyLedger: how much of the account's concurrency is promised to whom.
//
// A function has what it reserves, or else what is provisioned for its versions; at least a tenth
// of the account's stays for those that have neither (AWS: 100 of 1,000). Changes of two functions
// may be under way at once, so what a change takes is claimed while it is being stored. Owner:
// VersionsControl. Source: Lambda API, PutFunctionConcurrency and PutProvisionedConcurrencyConfig;
// error texts as recorded on AWS.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "aws/gateway.h"
#include "invoker/registry.h"

namespace hearth::invoker {

class ConcurrencyLedger {
 public:
  ConcurrencyLedger(const Registry& registry, uint32_t concurrency)
      : registry_(registry), concurrency_(concurrency) {}

  // `next` is to take the place of `current` (nullptr: there is none). Nothing: it may, and its
  // part is claimed until Settle, once for each; otherwise why it may not. What takes no more than
  // before always may.
  std::optional<aws::ApiError> Claim(const FunctionRecord* current, const FunctionRecord& next);
  // The change is stored, or never will be.
  void Settle(const std::string& function);

  uint32_t concurrency() const { return concurrency_; }
  // What functions without a reservation share.
  uint32_t Unreserved() const;

 private:
  // To all functions but one.
  uint64_t Promised(const std::string& except) const;

  const Registry& registry_;
  const uint32_t concurrency_;
  // By function. The next change of a function may begin before the end of the last is told.
  struct Claimed {
    uint64_t share = 0;
    uint32_t changes = 0;
  };
  std::map<std::string, Claimed> claims_;
};

// What is provisioned for all the function's versions and aliases.
uint64_t ProvisionedTotal(const FunctionRecord& record);

}  // namespace hearth::invoker
