// InstancePool: the instances of one function at one revision, and the calls that wait for them.
//
// The most recently used idle instance serves first, so that what is not needed grows old and ends.
// A call that finds none waits for whichever comes first: one that becomes idle or one that is
// being started; as many are started as calls wait. Owner: the invoker.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "invoker/admission.h"
#include "invoker/idle_instances.h"
#include "invoker/instance.h"
#include "invoker/keep_alive.h"
#include "io/timer.h"

namespace hearth::invoker {

class InstancePool final : private Instance::Delegate {
 public:
  // What a pool asks of its owner.
  class Host {
   public:
    virtual ~Host() = default;
    virtual uint64_t NextInstanceId() = 0;
    virtual void OnAnswered(PendingCallPtr call, InvocationResult result) = 0;
    // The same, on a later turn of the loop.
    virtual void AnswerLater(PendingCallPtr call, InvocationResult result) = 0;
    // `size` could not be reserved. True: others are ending, and the pool is pumped again when they
    // have; false: nothing idle is left to end, beside `keep` (may be null), which is to serve.
    virtual bool WaitForRoom(InstancePool& pool, base::Bytes size, const Instance* keep) = 0;
    // After a call of it (Instance::Delegate).
    virtual void OnExtensionsRan(const InstancePool& pool, base::Duration took,
                                 uint64_t billed_ms) = 0;
    // An instance of `size` reserved bytes is ending (or, later, is gone).
    virtual void OnInstanceEnding(base::Bytes size) = 0;
    virtual void OnInstanceGone(InstancePool& pool, base::Bytes size) = 0;
  };

  InstancePool(const InstanceParts& parts, Admission& admission, IdleInstances& idle, Host& host,
               FunctionRef function, std::shared_ptr<UseHistory> history,
               FunctionMetricsRef metrics)
      : parts_(parts),
        admission_(admission),
        idle_instances_(idle),
        host_(host),
        function_(std::move(function)),
        history_(std::move(history)),
        metrics_(std::move(metrics)),
        patience_(parts.loop),
        reset_patience_(parts.loop),
        provision_timer_(parts.loop) {}

  void Enqueue(PendingCallPtr call);
  // Gives waiting calls to idle instances, and starts what is missing, as far as memory allows. An
  // instance that has answered is expected to be idle in a moment: nothing is started in its place
  // before that moment is over.
  void Pump();
  // So many instances are to be ready at any time, beside those that calls start; one that ends is
  // replaced. They are never evicted, and their memory is never lent to others.
  void Provision(uint32_t count);
  // How many of them are ready, or serve.
  uint32_t provisioned_ready() const;
  // A newer revision serves from now on: idle instances end, busy ones after their calls.
  void Retire();
  // Ends the instances that are idle, and says how many.
  size_t EndIdle(const std::string& reason);
  // Answers every call with `reason` as the host's error and ends every instance.
  void EndAll(const std::string& reason);

  const FunctionVersion& function() const { return *function_; }
  bool empty() const {
    return instances_.empty() && waiting_.empty() && restarts_.empty() && provisioned_wanted_ == 0;
  }
  size_t instance_count() const { return instances_.size(); }
  void AddInfo(std::vector<InstanceInfo>& to) const;
  void CountStates(std::map<std::string, size_t>& to) const;
  const FunctionMetricsRef& metrics() const { return metrics_; }

 private:
  bool ReserveStart(base::Bytes size, size_t expected);
  bool Reserve(base::Bytes size, size_t expected, const Instance* keep = nullptr);
  enum class Purpose { kForWaiting, kForCall, kProvisioned };
  void StartInstance(Purpose purpose, PendingCallPtr call = nullptr);
  void StartProvisioned();
  void EndProvision(Instance& instance);
  void StartingEnds(Instance& instance);
  void ResettingEnds(Instance& instance);
  void Pump(size_t finishing, size_t resetting);
  void FinishingEnds(Instance& instance);
  void RefuseWaiting(size_t expected);
  void Refuse(PendingCallPtr call, InvocationStatus status, const std::string& why);

  // Instance::Delegate
  void OnIdle(Instance& instance) override;
  void OnInitFailed(Instance& instance, InitFailure failure) override;
  void OnAnswered(Instance& instance, PendingCallPtr call, InvocationResult result) override;
  void OnExtensionsRan(Instance& instance, base::Duration took, uint64_t billed_ms) override;
  void OnEnding(Instance& instance) override;
  bool MayGrow(Instance& instance) override;
  void OnGone(Instance& instance) override;

  const InstanceParts& parts_;
  Admission& admission_;
  IdleInstances& idle_instances_;
  Host& host_;
  const FunctionRef function_;
  const std::shared_ptr<UseHistory> history_;  // Of all revisions of the function.
  const FunctionMetricsRef metrics_;           // The same.
  bool retired_ = false;
  std::unordered_map<uint64_t, std::unique_ptr<Instance>> instances_;
  std::vector<Instance*> idle_;  // The most recently used last.
  size_t finishing_ = 0;         // Instances that have answered and are not idle yet.
  size_t resetting_ = 0;         // Instances whose /tmp the next one is to have.
  io::Timer patience_;
  io::Timer reset_patience_;
  size_t starting_ = 0;  // Instances that are for waiting_, and not ready yet.
  uint32_t provisioned_wanted_ = 0;
  uint32_t provisioned_ = 0;  // Instances that are not ending.
  io::Timer provision_timer_;
  std::deque<PendingCallPtr> waiting_;
  std::deque<PendingCallPtr> restarts_;  // Their init has failed once; each gets its own instance.
};

}  // namespace hearth::invoker
