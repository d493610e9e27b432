#include "host/metrics_text.h"

#include <fmt/format.h>

#include <functional>

namespace hearth::host {
namespace {

using invoker::FunctionMetrics;
using invoker::FunctionMetricsRef;
using invoker::MillisHistogram;

// '\\', '"' and newlines of a label's value.
std::string Label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

class Writer {
 public:
  explicit Writer(const std::vector<FunctionMetricsRef>& functions) : functions_(functions) {}

  void Head(std::string_view name, std::string_view type, std::string_view help) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void Sample(std::string_view name, auto value) { text += fmt::format("{} {}\n", name, value); }
  void Sample(std::string_view name, std::string_view label, std::string_view of, auto value) {
    text += fmt::format("{}{{{}=\"{}\"}} {}\n", name, label, Label(of), value);
  }
  template <typename Number>
  void OfFunctions(std::string_view name, std::string_view type, std::string_view help,
                   Number FunctionMetrics::* member) {
    Head(name, type, help);
    for (const auto& each : functions_) Sample(name, "function", each->function, (*each).*member);
  }
  void Histograms(std::string_view name, std::string_view help,
                  MillisHistogram FunctionMetrics::* member) {
    Head(name, "histogram", help);
    for (const auto& each : functions_) {
      const MillisHistogram& histogram = (*each).*member;
      const std::string of = Label(each->function);
      uint64_t total = 0;
      for (size_t i = 0; i < histogram.counts().size(); ++i) {
        total += histogram.counts()[i];
        const std::string bound = i < MillisHistogram::kBounds.size()
                                      ? std::to_string(MillisHistogram::kBounds[i])
                                      : "+Inf";
        text += fmt::format("{}_bucket{{function=\"{}\",le=\"{}\"}} {}\n", name, of, bound, total);
      }
      text += fmt::format("{}_sum{{function=\"{}\"}} {:.3f}\n{}_count{{function=\"{}\"}} {}\n",
                          name, of, histogram.sum_ms(), name, of, total);
    }
  }

  std::string text;

 private:
  const std::vector<FunctionMetricsRef>& functions_;
};

void WriteFunctions(Writer& out) {
  out.OfFunctions("lambda_invocations_total", "counter",
                  "Invocations: calls that ran, also those that ended with an error.",
                  &FunctionMetrics::invocations);
  out.OfFunctions("lambda_errors_total", "counter",
                  "Errors: calls that ended with an error of the function's.",
                  &FunctionMetrics::errors);
  out.OfFunctions("lambda_throttles_total", "counter", "Throttles: calls that were refused.",
                  &FunctionMetrics::throttles);
  out.Histograms("lambda_duration_milliseconds", "Duration: of the calls that ran.",
                 &FunctionMetrics::duration);
  out.Histograms("lambda_post_runtime_extensions_duration_milliseconds",
                 "PostRuntimeExtensionsDuration: of extensions, after the answers.",
                 &FunctionMetrics::post_runtime_extensions);
  out.OfFunctions("lambda_concurrent_executions", "gauge",
                  "ConcurrentExecutions: calls that run or wait for an instance now.",
                  &FunctionMetrics::concurrent);
  out.OfFunctions("lambda_provisioned_concurrency_invocations_total", "counter",
                  "ProvisionedConcurrencyInvocations: calls that a provisioned instance served.",
                  &FunctionMetrics::provisioned_invocations);
  out.OfFunctions("lambda_provisioned_concurrency_spillover_invocations_total", "counter",
                  "ProvisionedConcurrencySpilloverInvocations: calls of a version with provisioned "
                  "concurrency that another instance served.",
                  &FunctionMetrics::provisioned_spillover);
  out.OfFunctions("lambda_async_events_received_total", "counter",
                  "AsyncEventsReceived: events that were accepted.",
                  &FunctionMetrics::async_received);
  out.Histograms("lambda_async_event_age_milliseconds",
                 "AsyncEventAge: from an event's acceptance to each call for it.",
                 &FunctionMetrics::async_age);
  out.OfFunctions("lambda_async_events_dropped_total", "counter",
                  "AsyncEventsDropped: events that were given up.",
                  &FunctionMetrics::async_dropped);
  out.OfFunctions("lambda_dead_letter_errors_total", "counter",
                  "DeadLetterErrors: events that could not be sent to a dead-letter queue.",
                  &FunctionMetrics::dead_letter_errors);
  out.OfFunctions("lambda_destination_delivery_failures_total", "counter",
                  "DestinationDeliveryFailures: tries to send a record that failed.",
                  &FunctionMetrics::destination_failures);
}

}  // namespace

std::string MetricsText(const std::vector<FunctionMetricsRef>& functions,
                        const invoker::HostGauges& gauges,
                        const invoker::InvokerCounters& counters) {
  Writer out(functions);
  WriteFunctions(out);
  out.Head("lambda_unreserved_concurrent_executions", "gauge",
           "UnreservedConcurrentExecutions: of the functions without a reservation.");
  out.Sample("lambda_unreserved_concurrent_executions", gauges.unreserved_calls);
  out.Head("hearth_sandboxes", "gauge", "Functions' sandboxes, by what they are doing.");
  for (const char* state : {"starting", "init", "idle", "frozen", "busy", "ending"}) {
    const auto found = gauges.sandboxes.find(state);
    out.Sample("hearth_sandboxes", "state", state,
               found == gauges.sandboxes.end() ? size_t{0} : found->second);
  }
  out.Head("hearth_memory_reserved_bytes", "gauge", "The sizes of all sandboxes together.");
  out.Sample("hearth_memory_reserved_bytes", gauges.memory_reserved.count());
  out.Head("hearth_memory_budget_bytes", "gauge", "The most that may be reserved.");
  out.Sample("hearth_memory_budget_bytes", gauges.memory_budget.count());
  out.Head("hearth_cold_starts_total", "counter", "Calls for which a sandbox was started.");
  out.Sample("hearth_cold_starts_total", counters.cold_starts);
  out.Head("hearth_evictions_total", "counter", "Idle sandboxes that made room for others.");
  out.Sample("hearth_evictions_total", counters.evictions);
  return std::move(out.text);
}

}  // namespace hearth::host
