// Admission: how many calls may run, and how much memory the sandboxes may hold together.
//
// A value; who asks decides what a refusal means. Of the account's concurrency each function may
// have a part reserved, which is also its limit; what is provisioned for versions of the others is
// set aside too; the rest they share. A call of a version for which instances are provisioned takes
// one of their places while one is free, and is on demand when none is (it has spilled over). What
// is provisioned for a function with a reservation is a part of that: where it is all of it, there
// is no call on demand. Source: developer guide, "Understanding Lambda function scaling".
//
// A function's instances become more by kStartsAtOnce, and from then on by as many again in
// kStartsPeriod, evenly; what is provisioned does not count. Source: the same, "Concurrency scaling
// rate".
//
// An instance holds its whole size while it may run; an idle one that is frozen holds what it uses
// (it cannot grow), so that many more functions stay warm than would fit at their limits. Owner:
// the invoker.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "invoker/function.h"

namespace hearth::invoker {

constexpr uint32_t kStartsAtOnce = 1000;
constexpr base::Duration kStartsPeriod = std::chrono::seconds(10);

class Admission {
 public:
  Admission(uint32_t concurrency, base::Bytes memory_budget)
      : concurrency_(concurrency), budget_(memory_budget) {}

  // How a call is let in, or whose limit keeps it out.
  enum class Entry { kProvisioned, kOnDemand, kSpilledOver, kFunctionLimit, kAccountLimit };
  static bool IsIn(Entry entry) { return entry <= Entry::kSpilledOver; }
  Entry BeginCall(const FunctionVersion& function);
  // `entry`: as the call came in.
  void EndCall(const FunctionVersion& function, Entry entry);

  // So many calls of the function at once, which nobody else can use. Nothing: it shares.
  void SetReserved(const std::string& function, std::optional<uint32_t> calls);
  // So many instances are ready for the version.
  void SetProvisioned(const FunctionVersion& version, uint32_t instances);

  // May the function have one more instance now?
  bool MayStart(const std::string& function, base::MonoTime now) const;
  void CountStart(const std::string& function, base::MonoTime now);

  bool Reserve(base::Bytes size) {
    if (size > budget_ || used_ > budget_ - size) return false;
    used_ += size;
    return true;
  }
  void Release(base::Bytes size) {
    CHECK(size <= used_);
    used_ -= size;
  }

  uint32_t calls() const { return calls_; }
  // Of functions without a reservation; not those on provisioned instances.
  uint32_t unreserved_calls() const { return unreserved_calls_; }
  // What functions without a reservation share.
  uint32_t unreserved() const {
    return set_aside_ < concurrency_ ? static_cast<uint32_t>(concurrency_ - set_aside_) : 0;
  }
  base::Bytes used() const { return used_; }
  base::Bytes budget() const { return budget_; }
  // What a reservation of `size` lacks; zero where it would succeed.
  base::Bytes Lacking(base::Bytes size) const {
    return used_ + size > budget_ ? used_ + size - budget_ : base::Bytes();
  }

 private:
  struct Places {
    uint32_t count = 0;
    uint32_t taken = 0;
  };
  struct Use {
    std::optional<uint32_t> reserved;
    uint64_t provisioned = 0;
    uint32_t on_demand = 0;                // Calls that run.
    std::map<std::string, Places> places;  // Provisioned, by revision.

    uint64_t set_aside() const { return reserved ? *reserved : provisioned; }
    bool is_idle() const { return !reserved && on_demand == 0 && places.empty(); }
  };

  // `function`'s part has become another; what is idle is forgotten.
  template <typename Change>
  void ChangeUse(const std::string& function, Change change);

  const uint32_t concurrency_;
  const base::Bytes budget_;
  std::unordered_map<std::string, Use> uses_;  // By function.
  // When the starts of late will be made up for, by function; a time that is past says nothing.
  std::unordered_map<std::string, base::MonoTime> starts_;
  uint64_t set_aside_ = 0;         // Of the account's concurrency, for functions.
  uint32_t unreserved_calls_ = 0;  // On demand, of functions without a reservation.
  uint32_t calls_ = 0;
  base::Bytes used_;
};

}  // namespace hearth::invoker
