#include "invoker/idle_instances.h"

#include <algorithm>

#include "base/log.h"
#include "sandbox/cgroup.h"

namespace hearth::invoker {
namespace {

// What a frozen instance holds at least: what the kernel keeps of it beside its pages.
constexpr base::Bytes kLeastReserved = base::Bytes::MiB(1);
// One that is busy again within it was never ranked.
constexpr base::Duration kQuiet = std::chrono::milliseconds(50);

void Move(Instance& instance, std::list<Instance*>* to) {
  IdleHook& hook = instance.idle_hook;
  std::list<Instance*>& from = hook.in != nullptr ? *hook.in : hook.home;
  std::list<Instance*>& into = to != nullptr ? *to : hook.home;
  into.splice(into.end(), from, hook.node);
  hook.in = to;
}

}  // namespace

IdleInstances::IdleInstances(io::Loop& loop, const InvokerOptions& options, Admission& admission,
                             std::function<void()> on_room)
    : loop_(loop),
      options_(options),
      admission_(admission),
      on_room_(std::move(on_room)),
      settle_after_(std::min({kQuiet, options.freeze_after, options.keep_alive.fixed})),
      timer_(loop),
      ends_timer_(loop, io::Time::kService) {}

void IdleInstances::Add(Instance& instance, const UseHistory& history) {
  CHECK(instance.idle_hook.in == nullptr);
  instance.idle_hook.history = &history;
  instance.idle_hook.used_at = order_.clock();
  Move(instance, &quiet_);
  if (!instance.is_provisioned) reserved_ += instance.reserved;
  if (!timer_.active() || armed_for_ > instance.idle_since() + settle_after_) Arm();
}

void IdleInstances::Remove(Instance& instance) {
  IdleHook& hook = instance.idle_hook;
  if (hook.in == nullptr) return;
  Move(instance, nullptr);
  if (!instance.is_provisioned) reserved_ -= instance.reserved;
  if (hook.rank) {
    order_.Remove(*hook.rank);
    ends_.erase({hook.ends, instance.id()});
    hook.rank.reset();
  }
  if (reclaimed_ == &instance) reclaimed_ = nullptr;
}

// --- Eviction

base::Bytes IdleInstances::reserved(const Instance* keep) const {
  const bool counted = keep != nullptr && keep->idle_hook.in != nullptr && !keep->is_provisioned;
  return counted ? reserved_ - keep->reserved : reserved_;
}

// Those that have not settled have been used just now: they go last.
Instance* IdleInstances::Worst(const Instance* keep) const {
  if (Instance* first = order_.First(keep)) return first;
  const auto found = std::ranges::find_if(quiet_, [&](const Instance* instance) {
    return instance != keep && !instance->is_provisioned;
  });
  return found != quiet_.end() ? *found : nullptr;
}

size_t IdleInstances::Evict(base::Bytes lacking, const Instance* keep) {
  size_t count = 0;
  base::Bytes found;
  while (found < lacking) {
    Instance* const worst = Worst(keep);
    if (worst == nullptr) break;
    found += worst->reserved;
    ++count;
    if (worst->idle_hook.rank) order_.Evicted(*worst->idle_hook.rank);
    worst->End("evicted", Instance::Manner::kAtOnce);
    CHECK(worst->idle_hook.in == nullptr);  // Its pool has removed it.
  }
  return count;
}

void IdleInstances::Rank(Instance& instance) {
  if (instance.is_provisioned) return;
  IdleHook& hook = instance.idle_hook;
  if (hook.rank) order_.Remove(*hook.rank);
  hook.rank = order_.Add(instance, hook.used_at,
                         {.uses = instance.invocations(),
                          .start_cost = hook.history->start_cost(),
                          .size = instance.reserved},
                         instance.idle_since(), instance.id());
}

// --- From step to step

void IdleInstances::Settle(Instance& instance) {
  Move(instance, &settled_);
  Rank(instance);
  if (instance.is_provisioned) return;
  instance.idle_hook.ends = loop_.ToService(instance.idle_since()) +
                            instance.idle_hook.history->KeepAlive(options_.keep_alive);
  ends_.emplace(std::pair(instance.idle_hook.ends, instance.id()), &instance);
}

void IdleInstances::Freeze(Instance& instance) {
  if (!instance.frozen()) instance.Freeze();  // One that was provisioned may be already.
  Move(instance, &frozen_);
  // Where it could not be frozen it may grow, and goes on holding its size.
  if (instance.frozen()) Hold(instance, kLeastReserved);
}

// The budget holds for it what it uses now, and never more than before. One that is provisioned
// must find its size again at any time.
void IdleInstances::Hold(Instance& instance, base::Bytes least) {
  if (instance.is_provisioned) return;
  const base::Bytes holds = std::min(instance.reserved, std::max(least, instance.MemoryNow()));
  const base::Bytes given = instance.reserved - holds;
  if (given == base::Bytes()) return;
  admission_.Release(given);
  reserved_ -= given;
  instance.reserved = holds;
  room_ = true;
  Rank(instance);
}

// One at a time: it is work of the kernel's, and nobody waits for it.
void IdleInstances::ReclaimNext(base::MonoTime now) {
  while (!reclaiming_ && !frozen_.empty() &&
         frozen_.front()->idle_since() + options_.reclaim_after <= now) {
    Instance& instance = *frozen_.front();
    Move(instance, &resting_);
    auto opened = instance.frozen() ? instance.OpenReclaim() : base::UniqueFd();
    if (!opened) HLOG_DEBUG("{}: {}", instance.function().name, opened.error().ToString());
    if (!opened || !opened->valid()) continue;
    if (!reclaimer_) reclaimer_ = std::make_unique<io::Offload>(loop_, 1);
    reclaiming_ = true;
    reclaimed_ = &instance;
    reclaimer_->Run(
        [fd = std::make_shared<base::UniqueFd>(std::move(*opened)), amount = instance.MemoryNow()] {
          return sandbox::ReclaimMemory(fd->get(), amount);
        },
        [this](base::Result<void> done) {
          if (!done) HLOG_DEBUG("{}", done.error().ToString());
          OnReclaimed();
        });
  }
}

void IdleInstances::OnReclaimed() {
  reclaiming_ = false;
  if (Instance* const instance = std::exchange(reclaimed_, nullptr)) {
    Hold(*instance, kLeastReserved);
  }
  OnTimer();
}

// For the first moment at which something is due. An earlier moment that has passed for nothing
// (its instance is busy again) is only one spare wake-up.
void IdleInstances::Arm() {
  base::MonoTime next = base::MonoTime::max();
  const auto step = [&next](const std::list<Instance*>& waiting, base::Duration after) {
    if (!waiting.empty()) next = std::min(next, waiting.front()->idle_since() + after);
  };
  step(quiet_, settle_after_);
  step(settled_, options_.freeze_after);
  if (!reclaiming_ && options_.reclaim_after > base::Duration()) {
    step(frozen_, options_.reclaim_after);
  }
  if (next == base::MonoTime::max()) return timer_.Cancel();
  armed_for_ = next;
  timer_.Start(next - loop_.clock().Now(), [this] { OnTimer(); });
}

// As Arm: one that ended or was used has left its moment behind.
void IdleInstances::ArmEnds() {
  if (ends_.empty()) return ends_timer_.Cancel();
  const base::MonoTime next = ends_.begin()->first.first;
  if (ends_timer_.active() && ends_armed_for_ <= next) return;
  ends_armed_for_ = next;
  ends_timer_.Start(next - loop_.service_clock().Now(), [this] {
    EndDue();
    if (std::exchange(room_, false)) on_room_();
  });
}

void IdleInstances::EndDue() {
  if (ends_.empty()) return ends_timer_.Cancel();
  const base::MonoTime now = loop_.service_clock().Now();
  while (!ends_.empty() && ends_.begin()->first.first <= now) {
    Instance& instance = *ends_.begin()->second;
    instance.End("keep-alive is over");
    CHECK(instance.idle_hook.in == nullptr);
  }
  ArmEnds();
}

void IdleInstances::OnTimer() {
  const base::MonoTime now = loop_.clock().Now();
  while (!quiet_.empty() && quiet_.front()->idle_since() + settle_after_ <= now) {
    Settle(*quiet_.front());
  }
  while (!settled_.empty() && settled_.front()->idle_since() + options_.freeze_after <= now) {
    Freeze(*settled_.front());
  }
  EndDue();
  if (options_.reclaim_after > base::Duration()) ReclaimNext(now);
  Arm();
  if (std::exchange(room_, false)) on_room_();
}

}  // namespace hearth::invoker
