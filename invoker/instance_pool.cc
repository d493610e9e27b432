#include "invoker/instance_pool.h"

#include <algorithm>

namespace hearth::invoker {
namespace {

// From an answer to the runtime's next request for an event: some 50 us where it has nothing else
// to do.
constexpr auto kPatience = std::chrono::milliseconds(2);

// From a kill to the end of a sandbox: most of it is the kernel giving back its memory.
constexpr auto kResetPatience = std::chrono::milliseconds(250);

// Until what kept a provisioned instance from starting may be over.
constexpr auto kProvisionAgain = std::chrono::seconds(1);

}  // namespace

void InstancePool::Enqueue(PendingCallPtr call) {
  history_->Arrived(parts_.loop.ToService(call->admitted));
  waiting_.push_back(std::move(call));
  Pump();
}

void InstancePool::Pump() {
  Pump(finishing_, resetting_);
  if (waiting_.size() <= starting_ && restarts_.empty()) return;
  if (finishing_ > 0 && !patience_.active()) {
    patience_.Start(kPatience, [this] { Pump(0, resetting_); });
  }
  if (resetting_ > 0 && !reset_patience_.active()) {
    reset_patience_.Start(kResetPatience, [this] {
      for (const auto& [id, instance] : instances_) instance->is_resetting = false;
      resetting_ = 0;
      Pump();
    });
  }
}

// So many instances will be idle without being started, or end and leave their /tmp to those that
// are started then.
void InstancePool::Pump(size_t finishing, size_t resetting) {
  const size_t expected = finishing + resetting;
  const base::Bytes size = base::Bytes::MiB(function_->memory_mib);
  while (!restarts_.empty() && resetting == 0) {
    if (!ReserveStart(size, expected)) return;
    PendingCallPtr call = std::move(restarts_.front());
    restarts_.pop_front();
    StartInstance(Purpose::kForCall, std::move(call));
  }
  while (!waiting_.empty()) {
    if (!idle_.empty()) {
      Instance& instance = *idle_.back();
      if (!Reserve(size - instance.reserved, expected, &instance)) return;
      idle_instances_.Remove(instance);
      instance.reserved = size;
      idle_.pop_back();
      PendingCallPtr call = std::move(waiting_.front());
      waiting_.pop_front();
      instance.Invoke(std::move(call));
      continue;
    }
    if (starting_ + expected >= waiting_.size() || !ReserveStart(size, expected)) return;
    StartInstance(Purpose::kForWaiting);
  }
}

bool InstancePool::Reserve(base::Bytes size, size_t expected, const Instance* keep) {
  if (admission_.Reserve(size)) return true;
  if (!host_.WaitForRoom(*this, size, keep)) RefuseWaiting(expected);
  return false;
}

bool InstancePool::ReserveStart(base::Bytes size, size_t expected) {
  const base::MonoTime now = parts_.loop.clock().Now();
  if (!admission_.MayStart(function_->name, now)) {
    RefuseWaiting(expected);  // Before others are evicted for it.
    return false;
  }
  if (!Reserve(size, expected)) return false;
  admission_.CountStart(function_->name, now);
  return true;
}

// Room will not come: what no starting or expected instance will serve is refused, the newest
// first.
void InstancePool::RefuseWaiting(size_t expected) {
  const base::Bytes size = base::Bytes::MiB(function_->memory_mib);
  const bool never_fits = size > admission_.budget();
  const std::string why = never_fits ? "The function's memory size of " +
                                           std::to_string(function_->memory_mib) +
                                           " MB is more than this host's memory budget of " +
                                           std::to_string(admission_.budget().ToMiBCeil()) + " MB"
                                     : "ConcurrentInvocationLimitExceeded";
  const auto status = never_fits ? InvocationStatus::kHostError : InvocationStatus::kThrottled;
  while (waiting_.size() > starting_ + expected) {
    Refuse(std::move(waiting_.back()), status, why);
    waiting_.pop_back();
  }
  while (!restarts_.empty()) {
    Refuse(std::move(restarts_.front()), status, why);
    restarts_.pop_front();
  }
}

void InstancePool::Refuse(PendingCallPtr call, InvocationStatus status, const std::string& why) {
  InvocationResult result;
  result.status = status;
  (status == InvocationStatus::kThrottled ? result.throttle_reason : result.host_error) = why;
  host_.AnswerLater(std::move(call), std::move(result));
}

void InstancePool::StartInstance(Purpose purpose, PendingCallPtr call) {
  const uint64_t id = host_.NextInstanceId();
  Instance::Delegate& self = *this;
  auto made = std::make_unique<Instance>(parts_, self, id, function_);
  Instance& instance = *made;
  instance.reserved = instance.size();
  instance.is_for_waiting = purpose == Purpose::kForWaiting;
  if (instance.is_for_waiting) ++starting_;
  instance.is_retired = retired_;
  instance.is_provisioned = purpose == Purpose::kProvisioned;
  if (instance.is_provisioned) ++provisioned_;
  instances_.emplace(id, std::move(made));
  instance.Start(std::move(call));
}

void InstancePool::Provision(uint32_t count) {
  provisioned_wanted_ = count;
  // Those that are too many become instances like others.
  for (const auto& [id, instance] : instances_) {
    if (provisioned_ <= count) break;
    if (instance->is_provisioned) EndProvision(*instance);
  }
  StartProvisioned();
}

void InstancePool::StartProvisioned() {
  while (provisioned_ < provisioned_wanted_) {
    if (!admission_.Reserve(base::Bytes::MiB(function_->memory_mib))) {
      return provision_timer_.Start(kProvisionAgain, [this] { StartProvisioned(); });
    }
    StartInstance(Purpose::kProvisioned);
  }
}

void InstancePool::EndProvision(Instance& instance) {
  const bool idle = instance.idle_hook.in != nullptr;
  if (idle) idle_instances_.Remove(instance);
  instance.is_provisioned = false;
  --provisioned_;
  if (idle) idle_instances_.Add(instance, *history_);
}

uint32_t InstancePool::provisioned_ready() const {
  return static_cast<uint32_t>(std::ranges::count_if(instances_, [](const auto& entry) {
    const Instance& instance = *entry.second;
    return instance.is_provisioned && (instance.state() == Instance::State::kIdle ||
                                       instance.state() == Instance::State::kBusy);
  }));
}

void InstancePool::Retire() {
  retired_ = true;
  for (const auto& [id, instance] : instances_) instance->is_retired = true;
  Provision(0);
  EndIdle("retired");
}

size_t InstancePool::EndIdle(const std::string& reason) {
  const auto idle = idle_;
  for (Instance* instance : idle) instance->End(reason);
  return idle.size();
}

void InstancePool::EndAll(const std::string& reason) {
  Provision(0);
  for (auto* calls : {&waiting_, &restarts_}) {
    while (!calls->empty()) {
      Refuse(std::move(calls->front()), InvocationStatus::kHostError, reason);
      calls->pop_front();
    }
  }
  std::vector<Instance*> all;
  for (const auto& [id, instance] : instances_) all.push_back(instance.get());
  for (Instance* instance : all) instance->End(reason);
}

void InstancePool::AddInfo(std::vector<InstanceInfo>& to) const {
  for (const auto& [id, instance] : instances_) to.push_back(instance->Info());
}

void InstancePool::CountStates(std::map<std::string, size_t>& to) const {
  for (const auto& [id, instance] : instances_) ++to[instance->StateText()];
}

// --- What instances tell

void InstancePool::OnIdle(Instance& instance) {
  if (instance.is_finishing) history_->Ended(parts_.loop.ToService(instance.idle_since()));
  if (instance.is_for_waiting) history_->Started(instance.start_took());
  FinishingEnds(instance);
  StartingEnds(instance);
  if (waiting_.empty() && retired_) return instance.End("retired");
  idle_.push_back(&instance);
  idle_instances_.Add(instance, *history_);
  if (!waiting_.empty()) Pump();
}

void InstancePool::OnInitFailed(Instance& instance, InitFailure failure) {
  const bool was_for_calls = !instance.is_provisioned;
  OnEnding(instance);
  if (!was_for_calls) return;
  if (waiting_.empty()) return;  // Its call has been served by another.
  PendingCallPtr call = std::move(waiting_.front());
  waiting_.pop_front();
  if (failure.status == InvocationStatus::kHostError) {
    Refuse(std::move(call), failure.status, failure.what);
  } else {
    call->init_failed = true;
    restarts_.push_back(std::move(call));
  }
  Pump();
}

void InstancePool::OnAnswered(Instance& instance, PendingCallPtr call, InvocationResult result) {
  instance.is_finishing = true;
  ++finishing_;
  host_.OnAnswered(std::move(call), std::move(result));
}

void InstancePool::OnExtensionsRan(Instance&, base::Duration took, uint64_t billed_ms) {
  host_.OnExtensionsRan(*this, took, billed_ms);
}

void InstancePool::OnEnding(Instance& instance) {
  const bool was_expected = instance.is_finishing;
  FinishingEnds(instance);
  StartingEnds(instance);
  idle_instances_.Remove(instance);
  std::erase(idle_, &instance);
  if (instance.IsBeingReset() && !std::exchange(instance.is_resetting, true)) ++resetting_;
  if (std::exchange(instance.is_provisioned, false)) {
    --provisioned_;
    // Not at once: what fails at its init would fail again, and again.
    if (provisioned_ < provisioned_wanted_) {
      provision_timer_.Start(kProvisionAgain, [this] { StartProvisioned(); });
    }
  }
  host_.OnInstanceEnding(instance.reserved);
  if (was_expected && !waiting_.empty()) Pump();
}

bool InstancePool::MayGrow(Instance& instance) {
  if (!admission_.Reserve(instance.size() - instance.reserved)) return false;
  idle_instances_.Remove(instance);  // Which knows what it held.
  instance.reserved = instance.size();
  return true;
}

void InstancePool::OnGone(Instance& instance) {
  const base::Bytes size = instance.reserved;
  admission_.Release(size);
  const auto found = instances_.find(instance.id());
  // It is inside its own last call: it dies on a later turn.
  std::shared_ptr<Instance> gone = std::move(found->second);
  instances_.erase(found);
  parts_.loop.Post([gone] {});
  ResettingEnds(instance);
  host_.OnInstanceGone(*this, size);
}

void InstancePool::ResettingEnds(Instance& instance) {
  if (!std::exchange(instance.is_resetting, false)) return;
  if (--resetting_ == 0) reset_patience_.Cancel();
  Pump();
}

void InstancePool::FinishingEnds(Instance& instance) {
  if (std::exchange(instance.is_finishing, false) && --finishing_ == 0) patience_.Cancel();
}

void InstancePool::StartingEnds(Instance& instance) {
  if (std::exchange(instance.is_for_waiting, false)) --starting_;
}

}  // namespace hearth::invoker
