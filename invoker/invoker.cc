#include "invoker/invoker.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "invoker/admission.h"
#include "invoker/idle_instances.h"
#include "invoker/instance_pool.h"
#include "invoker/kept_tmps.h"
#include "invoker/snapshots.h"
#include "invoker/stem_cells.h"

namespace hearth::invoker {
namespace {

constexpr char kDraining[] = "hearthd is stopping";

base::Bytes BudgetOf(const InvokerOptions& options) {
  if (options.memory_budget > base::Bytes()) return options.memory_budget;
  const auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return base::Bytes(pages * page / 10 * 8);
}

class InvokerImpl final : public Invoker, private InstancePool::Host {
 public:
  InvokerImpl(io::Loop& loop, sandbox::ZygoteClient& zygote, const runtime::Catalog& catalog,
              LogStore& logs, InvokerOptions options)
      : options_(std::move(options)),
        admission_(options_.concurrency, BudgetOf(options_)),
        stem_cells_(loop, zygote, catalog, options_, admission_),
        parts_{loop, zygote, catalog, logs, options_, stem_cells_, snapshots_, kept_tmps_},
        snapshots_(parts_, admission_),
        kept_tmps_(loop),
        idle_(loop, options_, admission_, [this] { PumpStarved(); }),
        drain_timer_(loop) {}

  void Invoke(InvokeRequest request, InvokeCallback callback) override {
    ++counters_.invocations;
    FunctionRef function = request.function;
    auto call = std::make_unique<PendingCall>(PendingCall{.request = std::move(request),
                                                          .callback = std::move(callback),
                                                          .admitted = parts_.loop.clock().Now()});
    InvocationResult refusal;
    if (draining_) {
      refusal.status = InvocationStatus::kHostError;
      refusal.host_error = kDraining;
      return TellLater(std::move(call), std::move(refusal));
    }
    call->entry = admission_.BeginCall(*function);
    if (!Admission::IsIn(call->entry)) {
      refusal.status = InvocationStatus::kThrottled;
      refusal.throttle_reason = call->entry == Admission::Entry::kFunctionLimit
                                    ? "ReservedFunctionConcurrentInvocationLimitExceeded"
                                    : "ConcurrentInvocationLimitExceeded";
      return TellLater(std::move(call), std::move(refusal));
    }
    InstancePool& pool = PoolOf(std::move(function));
    FunctionMetrics& metrics = *pool.metrics();
    ++metrics.concurrent;
    if (call->entry == Admission::Entry::kProvisioned) ++metrics.provisioned_invocations;
    if (call->entry == Admission::Entry::kSpilledOver) {
      ++counters_.spilled_over;
      ++metrics.provisioned_spillover;
    }
    call->metrics = pool.metrics();
    pool.Enqueue(std::move(call));
  }

  void Retire(const std::string& function_name,
              const std::set<std::string>& live_revisions) override {
    if (live_revisions.empty()) {
      histories_.erase(function_name);
      metrics().Forget(function_name);
    }
    snapshots_.Retire(function_name, live_revisions);
    kept_tmps_.Retire(function_name, live_revisions);
    // By name: a retired pool may vanish while others are being retired.
    std::vector<InstancePool*> old;
    for (const auto& [revision, pool] : pools_) {
      if (pool->function().name == function_name && !live_revisions.contains(revision)) {
        old.push_back(pool.get());
      }
    }
    for (InstancePool* pool : old) {
      pool->Retire();
      DropIfEmpty(*pool);
    }
  }

  void Prepare(FunctionRef version, std::function<void(base::Result<void>)> done) override {
    if (draining_) {
      return parts_.loop.Post([done = std::move(done)] {
        done(base::MakeError(base::ErrorKind::kClosed, "prepare", kDraining));
      });
    }
    snapshots_.Prepare(std::move(version), std::move(done));
  }

  void Reserve(const std::string& function_name, std::optional<uint32_t> calls) override {
    admission_.SetReserved(function_name, calls);
  }

  void Provision(FunctionRef version, uint32_t count) override {
    admission_.SetProvisioned(*version, count);
    if (draining_ || (count == 0 && !pools_.contains(version->revision_id))) return;
    InstancePool& pool = PoolOf(std::move(version));
    pool.Provision(count);
    DropIfEmpty(pool);
  }

  uint32_t Provisioned(const FunctionVersion& version) const override {
    const auto found = pools_.find(version.revision_id);
    return found == pools_.end() ? 0 : found->second->provisioned_ready();
  }

  size_t EndIdle(const std::string& function_name) override {
    kept_tmps_.Retire(function_name, {});
    size_t ended = 0;
    for (const auto& [revision, pool] : pools_) {
      if (pool->function().name == function_name) ended += pool->EndIdle("asked to end");
    }
    return ended;
  }

  std::vector<InstanceInfo> Instances() const override {
    std::vector<InstanceInfo> out;
    for (const auto& [revision, pool] : pools_) pool->AddInfo(out);
    std::ranges::sort(out, {}, &InstanceInfo::id);
    stem_cells_.AddInfo(out);
    return out;
  }

  InvokerCounters counters() const override { return counters_; }

  HostGauges gauges() const override {
    HostGauges out{.memory_reserved = admission_.used(),
                   .memory_budget = admission_.budget(),
                   .calls = admission_.calls(),
                   .unreserved_calls = admission_.unreserved_calls()};
    for (const auto& [revision, pool] : pools_) pool->CountStates(out.sandboxes);
    return out;
  }

  bool IsQuiet() const override { return admission_.calls() == 0 && idle_.all_settled(); }

  void Drain(base::Deadline deadline, std::function<void()> drained) override {
    draining_ = true;
    drained_ = std::move(drained);
    stem_cells_.Stop();
    snapshots_.Stop();
    drain_timer_.Start(deadline.Remaining(parts_.loop.clock()), [this] { EndEverything(); });
    ContinueDrainLater();
  }

 private:
  InstancePool& PoolOf(FunctionRef function) {
    auto& pool = pools_[function->revision_id];
    if (!pool) {
      InstancePool::Host& self = *this;
      auto& history = histories_[function->name];
      if (!history) history = std::make_shared<UseHistory>();
      auto counted = metrics().Of(function->name);
      pool = std::make_unique<InstancePool>(parts_, admission_, idle_, self, std::move(function),
                                            history, std::move(counted));
    }
    return *pool;
  }

  // A pool without instances and calls is forgotten: the next call makes it anew.
  void DropIfEmpty(const InstancePool& pool) {
    if (!pool.empty()) return;
    std::erase(starved_, &pool);
    pools_.erase(pool.function().revision_id);
  }

  void ContinueDrainLater() {
    parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) ContinueDrain();
    });
  }

  void ContinueDrain() {
    if (!draining_ || !drained_) return;
    if (admission_.calls() > 0) return;
    EndEverything();
    if (pools_.empty()) {
      drain_timer_.Cancel();
      std::exchange(drained_, nullptr)();
    }
  }

  void EndEverything() {
    // By revision: a call's callback may retire other functions, whose pools then vanish.
    std::vector<std::string> revisions;
    for (const auto& [revision, pool] : pools_) revisions.push_back(revision);
    for (const std::string& revision : revisions) {
      const auto found = pools_.find(revision);
      if (found == pools_.end()) continue;
      found->second->EndAll(kDraining);
      DropIfEmpty(*found->second);
    }
  }

  // Of a call that was never admitted.
  void TellLater(PendingCallPtr call, InvocationResult result) {
    Count(result);
    const FunctionVersion& function = *call->request.function;
    metrics().Count(*metrics().Of(function.name), result, function.memory_mib);
    parts_.loop.Post([alive = std::weak_ptr<bool>(alive_),
                      call = std::shared_ptr<PendingCall>(std::move(call)),
                      result = std::make_shared<InvocationResult>(std::move(result))] {
      if (!alive.expired()) call->callback(std::move(*result));
    });
  }

  void Count(const InvocationResult& result) {
    if (result.cold) ++counters_.cold_starts;
    if (result.status == InvocationStatus::kThrottled) {
      ++counters_.throttles;
    } else if (result.status != InvocationStatus::kSuccess) {
      ++counters_.errors;
    }
  }

  void PumpStarved() {
    // Each gets one try; one that starves again puts itself back at the end.
    for (size_t left = starved_.size(); left > 0 && !starved_.empty(); --left) {
      InstancePool& pool = *starved_.front();
      starved_.pop_front();
      pool.Pump();
    }
  }

  // InstancePool::Host
  uint64_t NextInstanceId() override { return next_id_++; }

  void OnAnswered(PendingCallPtr call, InvocationResult result) override {
    admission_.EndCall(*call->request.function, call->entry);
    Count(result);
    --call->metrics->concurrent;
    metrics().Count(*call->metrics, result, call->request.function->memory_mib);
    call->callback(std::move(result));
    // Later: the instance is in the middle of this answer, and can be ended only after it.
    if (draining_) ContinueDrainLater();
  }

  void AnswerLater(PendingCallPtr call, InvocationResult result) override {
    parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_),
                      call = std::make_shared<PendingCallPtr>(std::move(call)),
                      result = std::make_shared<InvocationResult>(std::move(result))] {
      if (!alive.expired()) OnAnswered(std::move(*call), std::move(*result));
    });
  }

  bool WaitForRoom(InstancePool& pool, base::Bytes size, const Instance* keep) override {
    if (stem_cells_.Evict() > base::Bytes() && admission_.Lacking(size) == base::Bytes()) {
      if (std::ranges::find(starved_, &pool) == starved_.end()) starved_.push_back(&pool);
      parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) PumpStarved();
      });
      return true;
    }
    const base::Bytes lacking = admission_.Lacking(size);
    if (size > admission_.budget() || lacking > ending_ + idle_.reserved(keep)) return false;
    if (lacking > ending_) counters_.evictions += idle_.Evict(lacking - ending_, keep);
    if (std::ranges::find(starved_, &pool) == starved_.end()) starved_.push_back(&pool);
    return true;
  }

  void OnExtensionsRan(const InstancePool& pool, base::Duration took, uint64_t billed_ms) override {
    metrics().CountExtensions(*pool.metrics(), took, billed_ms, pool.function().memory_mib);
  }

  void OnInstanceEnding(base::Bytes size) override { ending_ += size; }

  void OnInstanceGone(InstancePool& pool, base::Bytes size) override {
    ending_ -= size;
    parts_.loop.Post(
        [this, alive = std::weak_ptr<bool>(alive_), revision = pool.function().revision_id] {
          if (alive.expired()) return;
          PumpStarved();
          const auto found = pools_.find(revision);
          if (found != pools_.end()) DropIfEmpty(*found->second);
          if (draining_) ContinueDrain();
        });
  }

  const InvokerOptions options_;
  Admission admission_;
  StemCells stem_cells_;
  const InstanceParts parts_;
  Snapshots snapshots_;
  KeptTmps kept_tmps_;
  IdleInstances idle_;
  io::Timer drain_timer_;
  std::function<void()> drained_;
  bool draining_ = false;
  std::unordered_map<std::string, std::unique_ptr<InstancePool>> pools_;    // By revision id.
  std::unordered_map<std::string, std::shared_ptr<UseHistory>> histories_;  // By function's name.
  std::deque<InstancePool*> starved_;  // Wait for memory, in order.
  base::Bytes ending_;                 // Reserved by instances that are on their way out.
  uint64_t next_id_ = 1;
  InvokerCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Invoker> Invoker::Create(io::Loop& loop, sandbox::ZygoteClient& zygote,
                                         const runtime::Catalog& catalog, LogStore& logs,
                                         InvokerOptions options) {
  return std::make_unique<InvokerImpl>(loop, zygote, catalog, logs, std::move(options));
}

}  // namespace hearth::invoker
