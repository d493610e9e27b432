// Writing a process image (sandbox/image.h). Runs in a process of its own, a child of the zygote's:
// the subject is stopped with ptrace while it is read, and goes on afterwards. Everything that the
// subject can influence is treated as foreign.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/image.h"

namespace hearth::sandbox {

// Writes `pid`, a number of this process's own /proc, to `image`, an empty file.
base::Result<void> WriteImage(pid_t pid, int image, const ImageRules& rules);

// The process that does it: its end of `socket` says one byte "I", or a kFailed packet.
struct Capturer {
  pid_t pid = 0;
  base::UniqueFd pidfd;
  base::UniqueFd socket;
};
base::Result<Capturer> StartCapturer(pid_t subject, int image, const ImageRules& rules);
// What a capturer said; call when its socket is readable.
base::Result<void> ReceiveCapture(int socket);

}  // namespace hearth::sandbox
