// Filler: a short-lived process that makes one embryo and hands it to the zygote.
//
// What is slow waits here, never in the zygote: moving into v1 groups (a grace period, 10 ms),
// making the /tmp volume, clone3 with seven namespaces. The embryo is cloned with CLONE_PARENT, so
// it is the zygote's child; on a hybrid machine it inherits the v1 groups that the filler entered.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup.h"
#include "sandbox/root_image.h"
#include "sandbox/tmp_volume.h"

namespace hearth::sandbox {

constexpr uint32_t kUidsPerSandbox = 65536;

struct FillerJob {
  Cgroup group;
  uid_t governor = 0;  // of the group
  TmpSize tmp;
  uint32_t first_uid = 0;  // of this sandbox's range, on the host
  const RootImage* root = nullptr;
  const TmpVolumes* volumes = nullptr;
  const std::vector<struct sock_filter>* filter = nullptr;
};

struct Filler {
  pid_t pid = 0;
  base::UniqueFd pidfd;
  base::UniqueFd socket;  // delivers one packet: FilledEmbryo or a kFailed packet
};

// What the packet says; its descriptors are the pidfd and the zygote's end of the control socket.
struct FilledEmbryo {
  pid_t pid = 0;
  base::UniqueFd pidfd;
  base::UniqueFd control;
};

// Forks the filler. The caller is single-threaded, so the child may use the heap.
base::Result<Filler> StartFiller(const FillerJob& job);
// Call when the socket is readable.
base::Result<FilledEmbryo> ReceiveEmbryo(int socket);

}  // namespace hearth::sandbox
