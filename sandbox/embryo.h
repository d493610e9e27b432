// Embryo: the process that becomes a sandbox.
//
// Made ahead by a filler (sandbox/filler.h) with clone3: in its own user, pid, mount, net, ipc, uts
// and cgroup namespaces, inside its cgroup. It builds what every sandbox has (root, /proc, /tmp,
// loopback), gives up every privilege, installs the system call filter, reports kPrepared, and
// waits: what costs time is done before anybody waits for it. For a launch the zygote mounts what
// the program needs from outside (sandbox/adoption.h) and sends one EmbryoOrder; the embryo listens
// and executes the program. Its control socket is close-on-exec: its end means that exec succeeded,
// unless a kFailed report came first.
//
// MARKED FILE: embryo.cc runs between clone3 and execve. Only async-signal-safe calls, no heap.
#pragma once

#include <linux/filter.h>
#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "sandbox/spec.h"

namespace hearth::sandbox {

// Every step that an embryo takes, in order; the names are what timings and failures say.
enum class Step : uint32_t {
  kWait,
  kIdentity,
  kNamespaces,
  kProc,
  kPivotRoot,
  kMasks,
  kTmp,
  kLoopback,
  kHostname,
  kRlimits,
  kCredentials,
  kSeccomp,  // prepared
  kReceive,
  kListeners,
  kDescriptors,
  kExec,
  kCount,
};
const char* StepName(Step step);

// uid and gid of the function inside. Lambda's are sbx_user1051, 993 and 990.
constexpr uid_t kSandboxUid = 993;
constexpr gid_t kSandboxGid = 990;

// What the embryo inherits.
struct EmbryoPlan {
  int control = -1;    // its end of a SOCK_SEQPACKET pair
  int root_tree = -1;  // detached mount of the root image
  int tmp_mount = -1;  // detached mount of the /tmp volume
  struct sock_fprog filter{};
};

// Follows the order's packet.
constexpr int kOrderSignal = SIGUSR1;

constexpr size_t kOrderStrings = 128 * 1024;

// One packet, followed by `string_bytes` of NUL-terminated strings: executable, working directory,
// argv, environment. Its descriptors are the passed ones.
struct EmbryoOrder {
  uint32_t passed_count = 0;
  uint32_t argument_count = 0;
  uint32_t variable_count = 0;
  uint32_t port_count = 0;
  uint32_t string_bytes = 0;
  int32_t passed_as[kMaxPassed] = {};
  uint16_t ports[kMaxListenPorts] = {};
};

// Packets from the embryo. With kListening come the listeners.
struct EmbryoReport {
  enum Kind : uint32_t { kPrepared, kListening, kFailed };
  uint32_t kind = kPrepared;
  uint32_t failed_step = 0;
  int32_t error_number = 0;
  uint32_t count = 0;
  struct {
    uint32_t step;
    uint64_t took_ns;
  } timings[static_cast<size_t>(Step::kCount)] = {};
};

// Never returns. `noexcept`: nothing above it on the stack may run in the child.
[[noreturn]] void RunEmbryo(const EmbryoPlan& plan) noexcept;

}  // namespace hearth::sandbox
