#include "invoker/idle_instances.h"

#include <algorithm>

namespace hearth::invoker {
namespace {

// What a frozen instance holds at least: what the kernel keeps of it beside its pages.
constexpr base::Bytes kLeastReserved = base::Bytes::MiB(1);

void Move(Instance& instance, std::list<Instance*>* to) {
  Instance::IdleHook& hook = instance.idle_hook;
  std::list<Instance*>& from = hook.in != nullptr ? *hook.in : hook.home;
  std::list<Instance*>& into = to != nullptr ? *to : hook.home;
  into.splice(into.end(), from, hook.node);
  hook.in = to;
}

}  // namespace

void IdleInstances::Add(Instance& instance) {
  CHECK(instance.idle_hook.in == nullptr);
  Move(instance, &quiet_);
  // It may be armed for the end of a keep-alive, which is far away.
  if (!timer_.active() || armed_for_ > instance.idle_since() + quiet_time()) Arm();
}

void IdleInstances::Remove(Instance& instance) {
  if (instance.idle_hook.in != nullptr) Move(instance, nullptr);
}

Instance* IdleInstances::Oldest(const Instance* keep) const {
  for (const auto* list : {&frozen_, &quiet_}) {
    for (Instance* instance : *list) {
      if (instance != keep) return instance;
    }
  }
  return nullptr;
}

size_t IdleInstances::Evict(base::Bytes lacking, const Instance* keep) {
  size_t count = 0;
  base::Bytes found;
  while (found < lacking) {
    Instance* oldest = Oldest(keep);
    if (oldest == nullptr) break;
    found += oldest->reserved;
    ++count;
    oldest->End("evicted");
    CHECK(oldest->idle_hook.in == nullptr);  // Its pool has removed it.
  }
  return count;
}

base::Bytes IdleInstances::reserved(const Instance* keep) const {
  base::Bytes sum;
  for (const auto* list : {&quiet_, &frozen_}) {
    for (const Instance* instance : *list) {
      if (instance != keep) sum += instance->reserved;
    }
  }
  return sum;
}

// For the first moment at which something is due. An earlier moment that has passed for nothing
// (its instance is busy again) is only one spare wake-up.
void IdleInstances::Arm() {
  base::MonoTime next = base::MonoTime::max();
  if (!quiet_.empty()) next = quiet_.front()->idle_since() + quiet_time();
  if (!frozen_.empty()) {
    next = std::min(next, frozen_.front()->idle_since() + options_.keep_alive);
  }
  if (next == base::MonoTime::max()) return;
  armed_for_ = next;
  timer_.Start(next - loop_.clock().Now(), [this] { OnTimer(); });
}

void IdleInstances::OnTimer() {
  const base::MonoTime now = loop_.clock().Now();
  bool room = false;
  while (!quiet_.empty() && quiet_.front()->idle_since() + quiet_time() <= now) {
    Instance& instance = *quiet_.front();
    instance.Freeze();
    Move(instance, &frozen_);
    if (!instance.frozen()) continue;  // It goes on holding its size.
    const base::Bytes holds =
        std::min(instance.reserved, std::max(kLeastReserved, instance.MemoryNow()));
    admission_.Release(instance.reserved - holds);
    instance.reserved = holds;
    room = true;
  }
  while (!frozen_.empty() && frozen_.front()->idle_since() + options_.keep_alive <= now) {
    Instance& instance = *frozen_.front();
    instance.End("keep-alive is over");
    CHECK(instance.idle_hook.in == nullptr);
  }
  Arm();
  if (room) on_room_();
}

}  // namespace hearth::invoker
