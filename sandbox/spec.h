// Spec: everything that decides how one sandbox is made. A value; made by the invoker, read by the
// zygote. Nothing here names a function, a runtime or a service.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hearth::sandbox {

// A folder of the host, bound read-only into the sandbox.
struct BindMount {
  std::string source;  // Absolute path on the host.
  std::string target;  // One of the image's mount points: /var/task, /opt, /var/runtime.
};

struct Spec {
  std::string name;  // For logs and `hearth ps`; [A-Za-z0-9_.-], at most 100 characters.

  // Limits; each is enforced by the kernel.
  base::Bytes memory = base::Bytes::MiB(128);  // memory.max, swap 0
  uint32_t cpu_permille = 72;                  // thousandths of one CPU: cpu.max
  uint32_t pids = 1024;
  base::Bytes tmp = base::Bytes::MiB(512);  // size of /tmp
  uint64_t tmp_inodes = 65536;

  std::vector<BindMount> mounts;
  // Instead of an empty /tmp, that of an ended sandbox (ZygoteClient::KeepTmp), should it still be
  // kept; 0: none.
  uint64_t tmp_of = 0;

  std::string executable;                // Path inside the sandbox.
  std::vector<std::string> argv;         // argv[0] included.
  std::vector<std::string> environment;  // "NAME=value"; the whole environment.
  std::string working_directory = "/var/task";

  // TCP ports of 127.0.0.1 inside the sandbox on which listening sockets are made for the host
  // (Runtime API 9001, AWS endpoint), in this order in Launched::listeners.
  std::vector<uint16_t> listen_ports;
};

// Descriptors that the sandboxed process gets: `fd` of the caller becomes number `as`.
// 0, 1 and 2 not named here are /dev/null. The caller keeps its own copies.
struct PassedFd {
  int fd = -1;
  int as = -1;
};

// The largest `as` of a PassedFd, and how many a launch takes at most (mounts included).
constexpr int kMaxPassedNumber = 199;
constexpr size_t kMaxPassed = 8;
constexpr size_t kMaxMounts = 8;
constexpr size_t kMaxListenPorts = 8;

// Wire form between host and zygote: length-prefixed binary. Decode treats its input as foreign.
std::string EncodeSpec(const Spec& spec);
base::Result<Spec> DecodeSpec(std::string_view bytes);

}  // namespace hearth::sandbox
