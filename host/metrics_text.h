// MetricsText: what is counted, in Prometheus's text format, version 0.0.4.
//
// Each metric of a function names, in its HELP, the one of Lambda's that it is. Pure.
// Source: prometheus.io, "Exposition formats"; developer guide, "Types of metrics for Lambda
// functions".
#pragma once

#include <string>
#include <vector>

#include "invoker/invoker.h"
#include "invoker/metrics.h"

namespace hearth::host {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

std::string MetricsText(const std::vector<invoker::FunctionMetricsRef>& functions,
                        const invoker::HostGauges& gauges,
                        const invoker::InvokerCounters& counters);

}  // namespace hearth::host
