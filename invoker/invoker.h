// Invoker: which instance serves which call. The data plane's one door.
//
// A call goes: admission (concurrency, memory budget) -> an idle instance of exactly this function
// version and revision (most recently used first), or a new sandbox, or a wait -> its session ->
// answer -> idle -> frozen after a quiet moment -> ended after its function's keep-alive, or under
// memory pressure where it is worth least.
// Owner: host. One loop, one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/limits.h"
#include "invoker/invocation.h"
#include "invoker/keep_alive.h"
#include "invoker/log_store.h"
#include "invoker/metrics.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "runtime/catalog.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker {

struct InvokerOptions {
  Account account;
  base::Bytes memory_budget;  // Sum of the sizes of all sandboxes; zero: 80 % of the machine.
  uint32_t concurrency = limits::kAccountConcurrency;
  KeepAliveOptions keep_alive{.fixed = limits::kKeepAlive, .longest = limits::kLongestKeepAlive};
  base::Duration freeze_after = std::chrono::milliseconds(50);  // Idle this long: frozen.
  // Idle this long: the kernel is asked for what it holds and does not need. Zero: never.
  base::Duration reclaim_after = limits::kReclaimAfter;
  size_t stem_cells = 0;       // That wait, at most, for each language.
  std::string image_folder;    // Where process images lie, without names.
  std::string runtime_folder;  // Host folder with python/, nodejs/ bootstraps.
  // The folder of a function's unpacked code on the host.
  std::function<base::Result<std::string>(const std::string& code_digest)> code_folder;
  // The folder on the host in which layers with this content lie over each other.
  std::function<base::Result<std::string>(const std::vector<std::string>& code_digests)>
      layers_folder;
  // Serves what functions ask of this host's services (invoker/endpoint.h); empty: nothing does.
  std::function<void(io::HttpRequest, io::HttpResponder)> endpoint;
  io::HttpUploader endpoint_uploader;       // Of its requests' bodies; empty: none streams.
  std::function<uint16_t()> endpoint_port;  // Known when the first sandbox is made.
};

// One line of `hearth ps`.
struct InstanceInfo {
  uint64_t id = 0;
  std::string function;
  std::string version;
  std::string state;  // starting, init, idle, frozen, busy, ending
  pid_t pid = 0;
  base::Bytes memory_now;
  base::Bytes memory_peak;
  base::Bytes memory_limit;
  base::Duration age{};
  uint64_t invocations = 0;
};

struct InvokerCounters {
  uint64_t invocations = 0;
  uint64_t errors = 0;
  uint64_t throttles = 0;
  uint64_t cold_starts = 0;
  uint64_t evictions = 0;
  uint64_t spilled_over = 0;  // Calls on demand of a version whose provisioned instances were busy.
};

struct HostGauges {
  std::map<std::string, size_t> sandboxes;  // By state, as `hearth ps` names them.
  base::Bytes memory_reserved;
  base::Bytes memory_budget;
  uint32_t calls = 0;
  uint32_t unreserved_calls = 0;  // Of functions without a reservation.
};

class Invoker {
 public:
  static std::unique_ptr<Invoker> Create(io::Loop& loop, sandbox::ZygoteClient& zygote,
                                         const runtime::Catalog& catalog, LogStore& logs,
                                         InvokerOptions options);
  virtual ~Invoker() = default;

  // The callback runs exactly once, never inside this call.
  virtual void Invoke(InvokeRequest request, InvokeCallback callback) = 0;
  // The function's revisions that can still be called ($LATEST's, those of published versions;
  // none: it is gone). Idle instances of others end now, busy ones after their call.
  virtual void Retire(const std::string& function_name,
                      const std::set<std::string>& live_revisions) = 0;
  // Makes what a published version's starts need: its snapshot. `done` runs once, never inside the
  // call. An error is what its init failed with, and its text the version's StateReason; but
  // kClosed: it was not decided, as the host stops or the version is gone.
  virtual void Prepare(FunctionRef version, std::function<void(base::Result<void>)> done) = 0;
  // So many calls of the function run at once, and this room is nobody else's. Nothing: it shares
  // with the others.
  virtual void Reserve(const std::string& function_name, std::optional<uint32_t> calls) = 0;
  // So many instances of the version are to be ready at any time, beside those that calls start.
  virtual void Provision(FunctionRef version, uint32_t count) = 0;
  // How many of them are.
  virtual uint32_t Provisioned(const FunctionVersion& version) const = 0;
  // Ends the function's idle instances, of every revision, and says how many; busy ones stay. What
  // is measured as a cold start needs that nothing is warm.
  virtual size_t EndIdle(const std::string& function_name) = 0;
  virtual std::vector<InstanceInfo> Instances() const = 0;
  virtual InvokerCounters counters() const = 0;
  // Reads nothing of the sandboxes themselves.
  virtual HostGauges gauges() const { return {}; }
  Metrics& metrics() { return metrics_; }
  // No call runs or waits, and what became idle has its place among the idle.
  virtual bool IsQuiet() const = 0;
  // Refuses new calls, waits for running ones until `deadline`, then kills; `drained` runs once.
  virtual void Drain(base::Deadline deadline, std::function<void()> drained) = 0;

 private:
  Metrics metrics_;
};

}  // namespace hearth::invoker
