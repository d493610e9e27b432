// ZygoteClient: hearthd's end of the zygote, the small root process that makes sandboxes.
//
// Starts the `hearth-zygote` program (before anything else, so that hearthd may drop privilege
// afterwards), asks it for sandboxes, and hears how they end. Knows no event loop: whoever owns one
// watches fd() and calls OnReadable(). If hearthd dies, the zygote sees its socket close, kills
// every sandbox, removes every cgroup and exits; if the zygote dies, on_lost runs once.
//
// Callbacks run inside OnReadable only, exactly once each.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/adoption.h"
#include "sandbox/image.h"
#include "sandbox/outcome.h"
#include "sandbox/spec.h"

namespace hearth::sandbox {

// How long one step of making a sandbox took.
struct StepTiming {
  std::string step;  // "clone", "cgroup", "mounts", "pivot_root", "seccomp", "exec", ...
  std::chrono::nanoseconds took{};
};

struct MemoryUse {
  base::Bytes now;
  base::Bytes peak;
};

// What the zygote found when it looked at this machine.
struct MachineReport {
  std::string cgroup_layout;            // "unified" or "hybrid"
  std::string tmp_kind;                 // how /tmp is limited: "ext4 image" or "tmpfs"
  std::vector<std::string> unenforced;  // each: what is missing and how to get it; empty is good
  std::vector<std::string> notices;
};

// The /tmp of a sandbox that has ended, for one to come (Spec::tmp_of): it has what the other left,
// as its own. Dropping this frees what no sandbox has taken.
class KeptTmp {
 public:
  virtual ~KeptTmp() = default;
  virtual uint64_t sandbox() const = 0;  // Whose it was.
};

// One live sandbox. Dropping it kills it.
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  virtual uint64_t id() const = 0;
  virtual pid_t pid() const = 0;  // on the host
  virtual const std::vector<StepTiming>& timings() const = 0;
  // In the order of Spec::listen_ports; non-blocking, listening. Takes them out.
  virtual std::vector<base::UniqueFd> TakeListeners() = 0;
  // Stops every process where it stands (cgroup.freeze). Cheap, idempotent.
  virtual base::Result<void> Freeze() = 0;
  virtual base::Result<void> Thaw() = 0;
  // Kills every process at once (cgroup.kill), frozen or not. The exit is still reported.
  virtual void Kill() = 0;
  // Replaces Spec::cpu_permille from now on: an init phase may run faster than what follows.
  virtual base::Result<void> SetCpuLimit(uint32_t /*permille*/) {
    return base::MakeError(base::ErrorKind::kUnsupported, "cpu limit", "not served");
  }
  // A descriptor of the caller's own for ReclaimMemory (cgroup.h), which blocks: for a thread.
  virtual base::Result<base::UniqueFd> OpenReclaim() const {
    return base::MakeError(base::ErrorKind::kUnsupported, "reclaim memory", "not served");
  }
  virtual base::Result<MemoryUse> Memory() const = 0;
  virtual base::Result<base::Bytes> MemoryPeak() const = 0;
  // How many processes the kernel has killed here for want of memory.
  virtual uint64_t OutOfMemoryKills() const = 0;
  // Runs once, when the first process has ended and its cgroup is empty.
  virtual void OnExit(std::function<void(Outcome)> callback) = 0;
};

struct ZygoteOptions {
  std::string program;       // Path of hearth-zygote.
  std::string state_folder;  // Root-only folder for images and /tmp volumes; made where missing.
  std::string cgroup_name = "hearth";  // Its group below the root (or below `cgroup_parent`).
  size_t pool_size = 4;  // Prepared sandboxes kept waiting where nothing has asked for more.
  size_t max_sandboxes = 16384;   // Live at once, those in the making too.
  uint32_t first_uid = 1u << 24;  // Host uid ranges of 65,536 start here.
  uid_t governor = 0;  // The user that the host becomes later: it freezes and kills sandboxes.
  bool allow_unenforced = false;
};

class ZygoteClient {
 public:
  // Blocks until the zygote has looked at the machine (well under a second).
  static base::Result<std::unique_ptr<ZygoteClient>> Start(const ZygoteOptions& options);
  virtual ~ZygoteClient() = default;  // Ends the zygote and with it every sandbox.

  virtual const MachineReport& machine() const = 0;
  virtual pid_t pid() const = 0;
  virtual int fd() const = 0;
  virtual void OnReadable() = 0;
  virtual void OnLost(std::function<void()> callback) = 0;

  using LaunchCallback = std::function<void(base::Result<std::unique_ptr<Sandbox>>)>;
  // Once the zygote is lost every launch fails, in OnReadable too: fd() stays readable then.
  // The callback runs when the program has been executed (exec succeeded), or with the failing
  // step. The descriptors in `fds` are duplicated before this returns.
  virtual void Launch(const Spec& spec, const std::vector<PassedFd>& fds,
                      LaunchCallback callback) = 0;

  // Gives a running sandbox the limits and mounts of what it is to become from now on. The callback
  // gets how long the steps took; where it fails, the sandbox is in an unknown state: end it.
  using AdoptCallback = std::function<void(base::Result<std::vector<StepTiming>>)>;
  virtual void Adopt(const Sandbox& sandbox, const Adoption& adoption, AdoptCallback callback) = 0;

  // Called at the latest inside the sandbox's OnExit callback; whoever lives keeps its own.
  // nullptr: /tmp is a tmpfs on this machine, or so many are kept that it is not worth it.
  virtual std::unique_ptr<KeptTmp> KeepTmp(const Sandbox& /*sandbox*/) { return nullptr; }

  // Asks the first process of a running sandbox to end: SIGTERM, which it may ignore.
  virtual void Terminate(const Sandbox& /*sandbox*/) {}

  // A TCP socket in a running sandbox's network, non-blocking, not connected: through it the caller
  // reaches what listens inside.
  using SocketCallback = std::function<void(base::Result<base::UniqueFd>)>;
  virtual void MakeSocket(const Sandbox& sandbox, SocketCallback callback) = 0;

  // Writes what a running sandbox is now to the empty file `image` (sandbox/image.h), which is
  // duplicated before this returns. The sandbox stands still meanwhile and then goes on.
  using CaptureCallback = std::function<void(base::Result<void>)>;
  virtual void Capture(const Sandbox& sandbox, int image, const ImageRules& rules,
                       CaptureCallback callback) = 0;
};

}  // namespace hearth::sandbox
