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
  uint64_t number = 0;
  Cgroup group;
  uid_t governor = 0;  // of the group
  TmpSize tmp;
  uint32_t uid_index = 0;  // of this sandbox among those that live
  uint32_t first_uid = 0;  // of its range, on the host
  const RootImage* root = nullptr;
  const TmpVolumes* volumes = nullptr;
  const std::vector<struct sock_filter>* filter = nullptr;
};

struct Filler {
  pid_t pid = 0;
  base::UniqueFd pidfd;
};

struct FilledEmbryo {
  pid_t pid = 0;
  base::UniqueFd pidfd;
  base::UniqueFd control;  // the zygote's end
  TmpVolume tmp;
};

// What a filler has to say, once, unless it dies.
struct FillerReport {
  uint64_t job = 0;  // FillerJob::number
  base::Result<FilledEmbryo> embryo;
};

// The one socket on which every filler reports. Make it before other descriptors: what is above
// its number costs a filler nothing, however much that is.
struct FillerReports {
  base::UniqueFd receiving;
  base::UniqueFd sending;
};
base::Result<FillerReports> MakeFillerReports();

// Forks the filler. The caller is single-threaded, so the child may use the heap.
base::Result<Filler> StartFiller(const FillerJob& job, int reports);
// Call when the socket is readable; EAGAIN where there is nothing more.
base::Result<FillerReport> ReceiveFillerReport(int socket);

}  // namespace hearth::sandbox
