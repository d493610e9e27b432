// LiveSandbox: the handle of one running sandbox that ZygoteClient gives out.
//
// Governs the sandbox through the files of its group, opened by name at each use and not kept:
// where thousands of sandboxes are idle, descriptors are what hearthd has too few of.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup.h"
#include "sandbox/zygote_client.h"

namespace hearth::sandbox {

// What the client and the handle share: the handle may outlive the client and the other way round.
struct SandboxState {
  SandboxState(std::shared_ptr<const CgroupLayout> its_layout, std::string group_path)
      : layout(std::move(its_layout)), group(layout.get(), std::move(group_path)) {}

  base::Result<base::UniqueFd> Open(GroupFile file, const char* step) const;
  base::Result<void> Write(GroupFile file, std::string_view text, const char* step) const;
  // A group that is gone has nothing left to kill.
  void Kill() const { (void)Write(GroupFile::kKill, "1", "cgroup.kill"); }

  const std::shared_ptr<const CgroupLayout> layout;
  const Cgroup group;
  bool ended = false;  // From then on the group's name may be another's.
  Outcome outcome;
  std::function<void(Outcome)> on_exit;
};

class LiveSandbox final : public Sandbox {
 public:
  LiveSandbox(uint64_t id, pid_t pid, std::vector<StepTiming> timings,
              std::vector<base::UniqueFd> listeners, std::shared_ptr<SandboxState> state)
      : id_(id),
        pid_(pid),
        timings_(std::move(timings)),
        listeners_(std::move(listeners)),
        state_(std::move(state)) {}
  ~LiveSandbox() override;

  uint64_t id() const override { return id_; }
  pid_t pid() const override { return pid_; }
  const std::vector<StepTiming>& timings() const override { return timings_; }
  std::vector<base::UniqueFd> TakeListeners() override { return std::move(listeners_); }
  base::Result<void> Freeze() override;
  base::Result<void> Thaw() override;
  void Kill() override { state_->Kill(); }
  base::Result<void> SetCpuLimit(uint32_t permille) override;
  base::Result<base::UniqueFd> OpenReclaim() const override;
  base::Result<MemoryUse> Memory() const override;
  base::Result<base::Bytes> MemoryPeak() const override;
  uint64_t OutOfMemoryKills() const override;
  void OnExit(std::function<void(Outcome)> callback) override;

 private:
  const uint64_t id_;
  const pid_t pid_;
  const std::vector<StepTiming> timings_;
  std::vector<base::UniqueFd> listeners_;
  const std::shared_ptr<SandboxState> state_;
  bool frozen_ = false;
  // GroupFile::kMemoryPeak, kept while the sandbox is not frozen: every call asks for it.
  mutable base::UniqueFd peak_;
};

// The process of a pidfd, as this process's own pid namespace numbers it: the zygote's is another.
// 0 where it is gone.
pid_t PidOf(int pidfd);

}  // namespace hearth::sandbox
