// What the machine says of itself under /proc: CPU time spent, memory held, descriptors open.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace hearth::bench {

// Seconds, all CPUs together, since boot; kernel threads count as system.
struct CpuTime {
  double user = 0;
  double system = 0;
  double interrupts = 0;
  double busy() const { return user + system + interrupts; }
  CpuTime operator-(const CpuTime& other) const {
    return {user - other.user, system - other.system, interrupts - other.interrupts};
  }
};
CpuTime ReadMachineCpu();

struct Memory {
  double used_kib = 0;  // what is not available to others
  double slab_kib = 0;
  double percpu_kib = 0;
  double stack_kib = 0;
  double table_kib = 0;
};
Memory ReadMemory();

// Seconds of CPU of the process itself, without its children.
double ProcessCpu(pid_t pid);
// Seconds of CPU of the children that it has reaped, with what these had reaped.
double ReapedCpu(pid_t pid);
double ProportionalKib(pid_t pid);
size_t CountDescriptors(pid_t pid);

}  // namespace hearth::bench
