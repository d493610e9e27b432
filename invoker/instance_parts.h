// What an instance is made from and with: the host's parts, the call it is for, why it failed.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "invoker/eviction.h"
#include "invoker/invocation.h"
#include "invoker/invoker.h"
#include "invoker/pending_call.h"
#include "io/loop.h"
#include "runtime/catalog.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker {

class Instance;
class KeptTmps;
class Snapshots;
class StemCells;
class UseHistory;

// What every instance of a host works with; outlives them all.
struct InstanceParts {
  io::Loop& loop;
  sandbox::ZygoteClient& zygote;
  const runtime::Catalog& catalog;
  LogStore& logs;
  const InvokerOptions& options;
  StemCells& stem_cells;
  Snapshots& snapshots;
  KeptTmps& kept_tmps;
};

// An instance's place among the idle; kept by IdleInstances, which moves the one node from list to
// list.
struct IdleHook {
  std::list<Instance*> home;
  std::list<Instance*>::iterator node;
  std::list<Instance*>* in = nullptr;
  const UseHistory* history = nullptr;
  double used_at = 0;               // The eviction's clock then.
  std::optional<EvictionKey> rank;  // Of one that has been quiet for a moment.
  base::MonoTime ends{};            // The same; its keep-alive's end.
};

// Why an instance never became ready.
struct InitFailure {
  InvocationStatus status = InvocationStatus::kInitError;
  std::string error_type;  // "Runtime.ImportModuleError"
  std::string payload;     // The runtime's own error object; empty: made from `what`.
  std::string what;        // "Runtime exited with error: exit status 1", or the host's error.
};

}  // namespace hearth::invoker
