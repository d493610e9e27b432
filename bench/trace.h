// Workload: which functions there are and how often each is called in each minute. A value.
//
// The shape of the Azure Functions trace of 2019 (github.com/Azure/AzurePublicDataset): read from a
// CSV, or made with the mixtures that "Serverless in the Wild" (ATC'20) found in it. Used by
// bench/simulate.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace hearth::bench {

struct WorkloadFunction {
  std::string name;
  base::Bytes memory = base::Bytes::MiB(64);  // What an instance holds.
  base::Duration cold = std::chrono::milliseconds(250);
  base::Duration run = std::chrono::milliseconds(100);
};

struct MinuteCount {
  uint32_t function = 0;  // An index of Workload::functions.
  uint32_t minute = 0;
  uint32_t count = 0;
};

struct Workload {
  std::vector<WorkloadFunction> functions;
  std::vector<MinuteCount> counts;
};

struct Arrival {
  base::MonoTime at{};
  uint32_t function = 0;
};

enum class Spread {
  kEven,
  kPoisson,  // Each call at a random moment of its minute.
};

// `trace` holds lines of function,minute,count; `functions`, unless empty, lines of
// function,memory_mib,cold_ms,run_ms. A first line without a number is a heading.
base::Result<Workload> ReadWorkload(const std::string& trace, const std::string& functions);
base::Result<void> WriteWorkload(const Workload& workload, const std::string& trace,
                                 const std::string& functions);
// Of a hundred functions 30 are called by timers, 40 at random at rates that differ by powers of
// ten and follow the day, 15 in bursts, 15 a few times a day. The same seed gives the same.
Workload MakeWorkload(uint32_t functions, uint32_t days, uint64_t seed);

// Every call, in order of time.
std::vector<Arrival> ArrivalsOf(const Workload& workload, Spread spread, uint64_t seed);

}  // namespace hearth::bench
