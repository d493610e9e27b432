// Outcome: how a sandbox's first process ended, and what the sandbox used. A value, not an error.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/bytes.h"

namespace hearth::sandbox {

struct Outcome {
  enum class Kind {
    kExited,    // exit_status says with what
    kSignaled,  // signal says by which
  };
  Kind kind = Kind::kExited;
  int exit_status = 0;
  int signal = 0;
  // The kernel killed a process of the sandbox for want of memory (memory.events oom_kill > 0).
  bool out_of_memory = false;
  base::Bytes memory_peak;
  std::chrono::microseconds cpu_time{};
  // Its zygote was lost, and it with that: nothing of it is the program's doing.
  bool host_lost = false;
};

}  // namespace hearth::sandbox
