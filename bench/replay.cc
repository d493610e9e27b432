#include "bench/replay.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <queue>

#include "base/check.h"
#include "invoker/eviction.h"

namespace hearth::bench {
namespace {

using base::Bytes;
using base::Duration;
using base::MonoTime;

struct Instance {
  enum class State { kFree, kBusy, kIdle };
  uint32_t function = 0;
  State state = State::kFree;
  uint64_t uses = 0;
  MonoTime idle_since{};
  MonoTime ends{};     // Its keep-alive's end.
  MonoTime looks{};    // When its kEnd event is due: at `ends` or before; zero: it has none.
  double used_at = 0;  // The eviction's clock then.
  invoker::EvictionKey key;
};

struct Function {
  invoker::UseHistory history;
  std::vector<uint32_t> idle;  // Instances, the most recently used last.
  uint64_t calls = 0;
  uint64_t cold = 0;
  uint64_t prewarms_due = 0;  // A number that makes older kPrewarm events stale.
};

struct Event {
  enum class Kind { kAnswer, kEnd, kPrewarm };
  MonoTime at{};
  uint64_t order = 0;
  Kind kind = Kind::kAnswer;
  uint32_t subject = 0;   // An instance, or for kPrewarm a function.
  uint64_t number = 0;    // kPrewarm: Function::prewarms_due then.
  Duration keep_alive{};  // kPrewarm: from its start on.
  uint64_t uses = 0;      // kPrewarm: of the instance whose place it takes.

  bool operator>(const Event& other) const {
    return std::pair(at, order) > std::pair(other.at, other.order);
  }
};

class Replayer {
 public:
  Replayer(const Workload& workload, const ReplayPolicy& policy)
      : workload_(workload), policy_(policy), functions_(workload.functions.size()) {}

  ReplayResult Run(const std::vector<Arrival>& arrivals) {
    for (const Arrival& arrival : arrivals) {
      RunEvents(arrival.at);
      Call(arrival.function, arrival.at);
    }
    // Without an end of its own: what is idle after the last call is nobody's choice.
    const MonoTime end = arrivals.empty() ? MonoTime() : arrivals.back().at;
    for (const Function& function : functions_) {
      for (const uint32_t index : function.idle) CountIdle(instances_[index], end);
    }
    CountFunctions();
    return result_;
  }

 private:
  const WorkloadFunction& Of(const Instance& instance) const {
    return workload_.functions[instance.function];
  }

  void Push(Event event) {
    event.order = next_order_++;
    events_.push(event);
  }

  void RunEvents(MonoTime until) {
    while (!events_.empty() && events_.top().at <= until) {
      const Event event = events_.top();
      events_.pop();
      switch (event.kind) {
        case Event::Kind::kAnswer:
          BecomeIdle(event.subject, event.at);
          break;
        case Event::Kind::kEnd:
          Look(event.subject, event.at);
          break;
        case Event::Kind::kPrewarm:
          Prewarm(event);
          break;
      }
    }
  }

  void Call(uint32_t index, MonoTime now) {
    Function& function = functions_[index];
    ++result_.calls;
    ++function.calls;
    ++function.prewarms_due;
    function.history.Arrived(now);
    const Duration run = workload_.functions[index].run;
    if (!function.idle.empty()) {
      const uint32_t warm = function.idle.back();
      Leave(warm, now);
      Serve(warm, now + run);
      return;
    }
    ++function.cold;
    ++result_.cold;
    if (!MakeRoom(workload_.functions[index].memory, now)) {
      ++result_.refused;
      return;
    }
    const Duration cold = workload_.functions[index].cold;
    result_.cold_time += cold;
    function.history.Started(cold);
    Serve(Make(index), now + cold + run);
  }

  uint32_t Make(uint32_t function) {
    uint32_t index = 0;
    if (free_.empty()) {
      index = static_cast<uint32_t>(instances_.size());
      instances_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    const MonoTime looks = instances_[index].looks;  // Of the one before; it stays in the queue.
    instances_[index] = {.function = function, .looks = looks};
    used_ += workload_.functions[function].memory;
    result_.peak = std::max(result_.peak, used_);
    return index;
  }

  void Serve(uint32_t index, MonoTime until) {
    Instance& instance = instances_[index];
    instance.state = Instance::State::kBusy;
    ++instance.uses;
    Push({.at = until, .kind = Event::Kind::kAnswer, .subject = index});
  }

  void BecomeIdle(uint32_t index, MonoTime now) {
    Function& function = functions_[instances_[index].function];
    function.history.Ended(now);
    instances_[index].used_at = order_.clock();
    const auto learned =
        policy_.prewarm && policy_.keep_alive.policy == invoker::KeepAlivePolicy::kLearned
            ? function.history.Learned(policy_.keep_alive.longest)
            : std::nullopt;
    if (learned && learned->prewarm > Duration() && function.idle.empty()) {
      Push({.at = now + learned->prewarm,
            .kind = Event::Kind::kPrewarm,
            .subject = instances_[index].function,
            .number = function.prewarms_due,
            .keep_alive = learned->keep_alive,
            .uses = instances_[index].uses});
      Free(index);
      return;
    }
    Idle(index, now, function.history.KeepAlive(policy_.keep_alive));
  }

  void Prewarm(const Event& event) {
    Function& function = functions_[event.subject];
    const Bytes memory = workload_.functions[event.subject].memory;
    const bool fits = policy_.budget == Bytes() || used_ + memory <= policy_.budget;
    if (event.number != function.prewarms_due || !function.idle.empty() || !fits) return;
    ++result_.prewarmed;
    const uint32_t index = Make(event.subject);
    instances_[index].uses = event.uses;
    instances_[index].used_at = order_.clock();
    Idle(index, event.at, event.keep_alive);
  }

  void Idle(uint32_t index, MonoTime now, Duration keep_alive) {
    Instance& instance = instances_[index];
    Function& function = functions_[instance.function];
    instance.state = Instance::State::kIdle;
    instance.idle_since = now;
    instance.ends = now + keep_alive;
    function.idle.push_back(index);
    invoker::EvictionWorth worth;
    if (policy_.eviction == Eviction::kGreedyDual) {
      worth = {instance.uses, function.history.start_cost(), Of(instance).memory};
    }
    instance.key = order_.Add(instance, instance.used_at, worth, now, index);
    // One event a time for an instance: one that is due too early asks again then.
    if (instance.looks != MonoTime() && instance.looks <= instance.ends) return;
    instance.looks = instance.ends;
    Push({.at = instance.ends, .kind = Event::Kind::kEnd, .subject = index});
  }

  void Look(uint32_t index, MonoTime now) {
    Instance& instance = instances_[index];
    if (instance.looks != now) return;  // An earlier one has been asked for since.
    instance.looks = MonoTime();
    if (instance.state != Instance::State::kIdle) return;
    if (instance.ends > now) {
      instance.looks = instance.ends;
      return Push({.at = instance.ends, .kind = Event::Kind::kEnd, .subject = index});
    }
    Leave(index, now);
    Free(index);
  }

  bool MakeRoom(Bytes size, MonoTime now) {
    if (policy_.budget == Bytes()) return true;
    while (used_ + size > policy_.budget) {
      Instance* const worst = order_.First(nullptr);
      if (worst == nullptr) return false;
      order_.Evicted(worst->key);
      ++result_.evicted;
      const auto index = static_cast<uint32_t>(worst->key.id);
      Leave(index, now);
      Free(index);
    }
    return true;
  }

  void CountIdle(const Instance& instance, MonoTime now) {
    const double hours =
        std::chrono::duration<double, std::ratio<3600>>(now - instance.idle_since).count();
    result_.idle_gib_hours +=
        std::max(hours, 0.0) * static_cast<double>(Of(instance).memory.count()) / (1 << 30);
  }

  // Is idle no more.
  void Leave(uint32_t index, MonoTime now) {
    Instance& instance = instances_[index];
    CHECK(instance.state == Instance::State::kIdle);
    CountIdle(instance, now);
    order_.Remove(instance.key);
    std::vector<uint32_t>& idle = functions_[instance.function].idle;
    idle.erase(std::find(idle.rbegin(), idle.rend(), index).base() - 1);
    instance.state = Instance::State::kBusy;
  }

  void Free(uint32_t index) {
    used_ -= Of(instances_[index]).memory;
    instances_[index].state = Instance::State::kFree;
    free_.push_back(index);
  }

  void CountFunctions() {
    std::vector<double> percent;
    for (const Function& function : functions_) {
      if (function.calls == 0) continue;
      percent.push_back(100 * static_cast<double>(function.cold) /
                        static_cast<double>(function.calls));
    }
    if (percent.empty()) return;
    std::ranges::sort(percent);
    result_.cold_percent_median = percent[percent.size() / 2];
    result_.cold_percent_upper = percent[percent.size() * 3 / 4];
  }

  const Workload& workload_;
  const ReplayPolicy policy_;
  std::vector<Function> functions_;
  std::deque<Instance> instances_;  // Stay where they are: order_ points at them.
  std::vector<uint32_t> free_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  uint64_t next_order_ = 0;
  invoker::EvictionOrder<Instance> order_;
  Bytes used_;
  ReplayResult result_;
};

}  // namespace

ReplayResult Replay(const Workload& workload, const std::vector<Arrival>& arrivals,
                    const ReplayPolicy& policy) {
  return Replayer(workload, policy).Run(arrivals);
}

}  // namespace hearth::bench
