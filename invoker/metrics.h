// Metrics: what is counted of each function's calls, under Lambda's own metric names.
//
// On the warm path a few increments and no allocation: a pool looks its function up once. At most
// kMaxMetricFunctions are told apart; the calls of more are counted under kOtherFunctions.
// What is billed (usage.h) is counted here too, until somebody takes it. Owner: the invoker.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "invoker/invocation.h"

namespace hearth::invoker {

// Cumulative only when it is shown.
class MillisHistogram {
 public:
  static constexpr std::array<uint32_t, 17> kBounds = {
      1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 900000};
  void Add(base::Duration value);
  // One more than there are bounds: the last is of what is longer.
  const std::array<uint64_t, kBounds.size() + 1>& counts() const { return counts_; }
  double sum_ms() const { return static_cast<double>(sum_.count()) / 1e6; }

 private:
  std::array<uint64_t, kBounds.size() + 1> counts_{};
  base::Duration sum_{};
};

struct Usage {
  uint64_t requests = 0;
  uint64_t mib_ms = 0;  // Billed milliseconds times MB of memory.
};

struct FunctionMetrics {
  std::string function;
  uint64_t invocations = 0;  // That ran, also with an error.
  uint64_t errors = 0;       // The function's: it raised, ended, ran out of time or memory.
  uint64_t throttles = 0;
  uint64_t provisioned_invocations = 0;
  uint64_t provisioned_spillover = 0;
  uint64_t async_received = 0;
  uint64_t async_dropped = 0;
  uint64_t destination_failures = 0;
  uint64_t dead_letter_errors = 0;
  uint32_t concurrent = 0;
  MillisHistogram duration;
  MillisHistogram post_runtime_extensions;  // From an answer to the last extension's next request.
  MillisHistogram async_age;                // From its acceptance to each call.
  Usage unbilled;                           // Since it was taken last.
  bool is_gone = false;                     // The function is deleted.

  bool owes() const { return unbilled.requests > 0 || unbilled.mib_ms > 0; }
};
using FunctionMetricsRef = std::shared_ptr<FunctionMetrics>;

// Ours: some 40 series each.
inline constexpr size_t kMaxMetricFunctions = 1000;
inline constexpr char kOtherFunctions[] = "(others)";

class Metrics {
 public:
  FunctionMetricsRef Of(const std::string& function);
  // Of one that is deleted: what is still counted of it does not bring it back.
  FunctionMetricsRef OfGone(const std::string& function);
  void Forget(const std::string& function);
  // Of a call that has its answer.
  void Count(FunctionMetrics& metrics, const InvocationResult& result, uint32_t memory_mib);
  // What extensions did for a call after its answer: so long, and so many milliseconds billed.
  void CountExtensions(FunctionMetrics& metrics, base::Duration took, uint64_t billed_ms,
                       uint32_t memory_mib);
  // By name.
  std::vector<FunctionMetricsRef> All() const;

  // Called when something is to be billed where nothing was before.
  void OnUnbilled(std::function<void()> callback) { on_unbilled_ = std::move(callback); }
  std::unordered_map<std::string, Usage> TakeUnbilled();

 private:
  void Bill(FunctionMetrics& metrics, const Usage& usage);

  std::unordered_map<std::string, FunctionMetricsRef> functions_;
  std::function<void()> on_unbilled_;
  bool is_unbilled_ = false;
};

}  // namespace hearth::invoker
