// Init: the first process of a sandbox in which several programs run (hearth-init).
//
// A sandbox's usual first process is the program itself. Where there are several, this one starts
// them as its host asks, says how each ended, and reaps what they leave. It has no privilege that
// they do not have, and what its socket says is as hostile as they are. It ends with its socket,
// and everything in the sandbox with it.
//
// Packets on a SOCK_SEQPACKET pair. Program 0 is the main one: it has the descriptors that the
// sandbox was passed. The others write to kInitOutputFd and have no further descriptor.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace hearth::sandbox {

constexpr char kInitProgram[] = "/var/lang/hearth-init";
constexpr int kInitControlFd = 5;
constexpr int kInitOutputFd = 6;

constexpr uint32_t kMainProgram = 0;
constexpr uint32_t kMaxInitPrograms = 12;
constexpr size_t kMaxInitStrings = 64 * 1024;
constexpr uint32_t kMaxInitArguments = 64;
constexpr uint32_t kMaxInitVariables = 512;

// Host -> init. After kStart come `string_bytes` of NUL-terminated strings: the executable, the
// working directory, the arguments, the environment.
struct InitOrder {
  enum Kind : uint32_t { kStart, kSignal };
  uint32_t kind = kStart;
  uint32_t program = 0;
  int32_t signal = 0;  // Of kSignal: SIGKILL goes to all that the program has started as well.
  uint32_t argument_count = 0;
  uint32_t variable_count = 0;
  uint32_t string_bytes = 0;
};

// Init -> host.
struct InitReport {
  enum Kind : uint32_t { kStartFailed, kExited, kSignaled };
  uint32_t kind = kExited;
  uint32_t program = 0;
  int32_t value = 0;  // errno, exit status, signal.
};

}  // namespace hearth::sandbox
