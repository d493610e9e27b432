#include "invoker/metrics.h"

#include <algorithm>

namespace hearth::invoker {

void MillisHistogram::Add(base::Duration value) {
  size_t at = 0;
  while (at < kBounds.size() && value > std::chrono::milliseconds(kBounds[at])) ++at;
  ++counts_[at];
  sum_ += value;
}

FunctionMetricsRef Metrics::Of(const std::string& function) {
  if (const auto found = functions_.find(function); found != functions_.end()) {
    found->second->is_gone = false;
    return found->second;
  }
  const bool is_full = functions_.size() >= kMaxMetricFunctions;
  if (is_full && function != kOtherFunctions) return Of(kOtherFunctions);
  auto metrics = std::make_shared<FunctionMetrics>();
  metrics->function = function;
  functions_.emplace(function, metrics);
  return metrics;
}

FunctionMetricsRef Metrics::OfGone(const std::string& function) {
  const auto found = functions_.find(function);
  return found != functions_.end() ? found->second : std::make_shared<FunctionMetrics>();
}

void Metrics::Forget(const std::string& function) {
  const auto found = functions_.find(function);
  if (found == functions_.end()) return;
  found->second->is_gone = true;
  // What it owes is taken first, and what still runs is counted.
  if (found->second.use_count() == 1 && !found->second->owes()) {
    functions_.erase(found);
  }
}

void Metrics::Count(FunctionMetrics& metrics, const InvocationResult& result, uint32_t memory_mib) {
  if (result.status == InvocationStatus::kThrottled) {
    ++metrics.throttles;
    return;
  }
  if (result.status == InvocationStatus::kHostError) return;
  ++metrics.invocations;
  if (result.status != InvocationStatus::kSuccess) ++metrics.errors;
  metrics.duration.Add(result.duration);
  Bill(metrics, {.requests = 1, .mib_ms = result.billed_ms * memory_mib});
}

void Metrics::CountExtensions(FunctionMetrics& metrics, base::Duration took, uint64_t billed_ms,
                              uint32_t memory_mib) {
  metrics.post_runtime_extensions.Add(took);
  if (billed_ms > 0) Bill(metrics, {.requests = 0, .mib_ms = billed_ms * memory_mib});
}

void Metrics::Bill(FunctionMetrics& metrics, const Usage& usage) {
  metrics.unbilled.requests += usage.requests;
  metrics.unbilled.mib_ms += usage.mib_ms;
  if (is_unbilled_) return;
  is_unbilled_ = true;
  if (on_unbilled_) on_unbilled_();
}

std::vector<FunctionMetricsRef> Metrics::All() const {
  std::vector<FunctionMetricsRef> out;
  for (const auto& [name, metrics] : functions_) out.push_back(metrics);
  std::ranges::sort(out, {}, [](const auto& each) -> const auto& { return each->function; });
  return out;
}

std::unordered_map<std::string, Usage> Metrics::TakeUnbilled() {
  is_unbilled_ = false;
  std::unordered_map<std::string, Usage> out;
  for (auto at = functions_.begin(); at != functions_.end();) {
    FunctionMetrics& metrics = *at->second;
    if (metrics.owes()) out[at->first] = std::exchange(metrics.unbilled, {});
    const bool is_over = metrics.is_gone && at->second.use_count() == 1;
    at = is_over ? functions_.erase(at) : std::next(at);
  }
  return out;
}

}  // namespace hearth::invoker
