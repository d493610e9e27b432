// IdleInstances: every idle instance of the host, in the order in which they became idle.
//
// After a quiet moment an instance is frozen and gives back the memory it does not use; after its
// keep-alive it ends; under memory pressure the one that has been idle longest goes first. One
// timer serves all, so that a busy instance costs no timer: becoming idle and busy again is two
// list moves. Owner: the invoker.
#pragma once

#include <algorithm>
#include <functional>
#include <list>

#include "base/bytes.h"
#include "invoker/admission.h"
#include "invoker/instance.h"
#include "io/timer.h"

namespace hearth::invoker {

class IdleInstances {
 public:
  // `on_room` runs where frozen instances have given memory back.
  IdleInstances(io::Loop& loop, const InvokerOptions& options, Admission& admission,
                std::function<void()> on_room)
      : loop_(loop),
        options_(options),
        admission_(admission),
        on_room_(std::move(on_room)),
        timer_(loop) {}

  void Add(Instance& instance);
  // Of one that Add was called for, before it is used or ends.
  void Remove(Instance& instance);

  // Ends the longest idle ones, but never `keep`, until they held `lacking` or more; returns how
  // many.
  size_t Evict(base::Bytes lacking, const Instance* keep);
  // What all of them but `keep` hold together.
  base::Bytes reserved(const Instance* keep) const;

 private:
  // Idle for this long: frozen.
  base::Duration quiet_time() const { return std::min(options_.freeze_after, options_.keep_alive); }
  Instance* Oldest(const Instance* keep) const;
  void Arm();
  void OnTimer();

  io::Loop& loop_;
  const InvokerOptions& options_;
  Admission& admission_;
  const std::function<void()> on_room_;
  io::Timer timer_;
  base::MonoTime armed_for_{};
  // Both ordered by idle_since: the longest idle first. What is frozen has been idle for longer.
  std::list<Instance*> quiet_;
  std::list<Instance*> frozen_;
};

}  // namespace hearth::invoker
