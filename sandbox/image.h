// Process images: a sandboxed process that waits for its next order, written down so that any
// number of new sandboxes can go on from that moment (sandbox/restore.cc) instead of starting over.
//
// Only what is in a process's memory can be written down: one thread, no child, nothing shared and
// writable, no descriptor but those that the host gave and files that everybody in such a sandbox
// could open again. Everything else is refused
// with its reason. The pages lie in the image once, however many sandboxes map it; what one of them
// writes is its own. Never restore an image for anyone but whoever owned the process: it is their
// memory.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace hearth::sandbox {

// A sandbox that is to become an image executes this program, and is passed the image, readable, as
// this descriptor.
constexpr char kRestoreProgram[] = "/var/lang/hearth-restore";
constexpr int kImageFd = 198;

// The exit status of a process that could not be restored; a function may end with it as well.
constexpr int kRestoreFailed = 117;

struct ImageRules {
  // The process must be in read(2) of this descriptor: the restored one reads again, from what its
  // own sandbox has there.
  int waits_on = 3;
  // It may hold this one and those below.
  int last_descriptor = 4;
  // Of its own pages; one that has more is refused. What the process may use is no bound: pages
  // that were only read, and files with holes, cost it nothing and the image their whole length.
  uint64_t max_bytes = 256ull << 20;
};

}  // namespace hearth::sandbox
