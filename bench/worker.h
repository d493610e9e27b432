// A worker of the floor: one process that echoes frames over a Unix socket. No sandbox.
//
// A frame is a u32 length, little endian, and so many bytes of JSON. A worker reads a whole frame
// from fd 3, writes one to fd 4, and ends where the front is gone.
//
// Two sockets, one for each way: who reads a frame from a Unix socket tells its writer that there
// is room again, and that wakes a writer that already sleeps for the next frame on the same socket,
// for nothing, once a call (unix_write_space in Linux's net/unix/af_unix.c).
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::bench {

enum class WorkerKind { kNone, kNative, kPython, kNode };

std::optional<WorkerKind> ParseWorkerKind(std::string_view name);

// The front's ends.
struct WorkerSockets {
  base::UniqueFd requests;
  base::UniqueFd answers;
};

// The process is never waited for: it ends with the front.
base::Result<WorkerSockets> StartWorker(WorkerKind kind);

}  // namespace hearth::bench
