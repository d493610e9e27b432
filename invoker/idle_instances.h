// IdleInstances: every idle instance of the host, in the order in which they became idle.
//
// What an instance goes through while it is idle, each step after so long a time since its call:
//   quiet (50 ms: it may be busy again) -> settled: it has a place in the order of eviction, and a
//   moment at which its keep-alive ends -> frozen: it holds only what it uses -> reclaimed: file
//   pages that it does not need are the machine's again.
// Two timers serve all, and a busy instance costs none: becoming idle and busy again is two list
// moves. A host without idle instances has no timer. The steps go by the machine's time, the
// keep-alive by the service's. Owner: the invoker.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "base/bytes.h"
#include "invoker/admission.h"
#include "invoker/eviction.h"
#include "invoker/instance.h"
#include "invoker/keep_alive.h"
#include "io/offload.h"
#include "io/timer.h"

namespace hearth::invoker {

class IdleInstances {
 public:
  // `on_room` runs where idle instances have given memory back.
  IdleInstances(io::Loop& loop, const InvokerOptions& options, Admission& admission,
                std::function<void()> on_room);

  // `history` is its function's, and outlives its place here.
  void Add(Instance& instance, const UseHistory& history);
  // Of one that Add was called for, before it is used, changes what it reserves, or ends.
  void Remove(Instance& instance);

  // Ends those that are worth least, but never `keep`, until they held `lacking` or more; returns
  // how many.
  size_t Evict(base::Bytes lacking, const Instance* keep);
  // What all that may be evicted hold together, but `keep`.
  base::Bytes reserved(const Instance* keep) const;
  // None has become idle a moment ago.
  bool all_settled() const { return quiet_.empty(); }

 private:
  using Ends = std::map<std::pair<base::MonoTime, uint64_t>, Instance*>;  // With the id.

  void Settle(Instance& instance);
  void Rank(Instance& instance);
  void Freeze(Instance& instance);
  void ReclaimNext(base::MonoTime now);
  void OnReclaimed();
  void Hold(Instance& instance, base::Bytes least);
  Instance* Worst(const Instance* keep) const;
  void Arm();
  void ArmEnds();
  void OnTimer();
  void EndDue();

  io::Loop& loop_;
  const InvokerOptions& options_;
  Admission& admission_;
  const std::function<void()> on_room_;
  const base::Duration settle_after_;
  io::Timer timer_;  // Of the steps.
  base::MonoTime armed_for_{};
  io::Timer ends_timer_;
  base::MonoTime ends_armed_for_{};  // In the service's time, as all ends are.
  // Each ordered by idle_since, the longest idle first: what waits for its next step, by step.
  std::list<Instance*> quiet_;
  std::list<Instance*> settled_;
  std::list<Instance*> frozen_;
  std::list<Instance*> resting_;            // Waits for none.
  Ends ends_;                               // All but the quiet ones.
  EvictionOrder<Instance> order_;           // The same.
  base::Bytes reserved_;                    // By all that may be evicted, the quiet ones too.
  bool room_ = false;                       // Memory was given back, and on_room_ has not run yet.
  std::unique_ptr<io::Offload> reclaimer_;  // From the first use on: one thread, one job at most.
  bool reclaiming_ = false;
  Instance* reclaimed_ = nullptr;  // The job's, as long as it is idle.
};

}  // namespace hearth::invoker
