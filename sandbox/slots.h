// SlotTable: every sandbox from its group's making to its group's removal.
//
// Owned by the zygote. Whatever it is asked costs the same with five slots and with five thousand.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup.h"
#include "sandbox/filler.h"
#include "sandbox/tmp_volume.h"
#include "sandbox/zygote_client.h"

namespace hearth::sandbox {

struct Slot {
  enum class State {
    kFilling,    // a filler is at work
    kPreparing,  // the embryo builds what every sandbox has
    kReady,      // in the pool
    kLaunching,  // has its order; not executed yet
    kRunning,    // executed; hearthd knows it
    kEnding,     // dead; its group is to be removed
    kCount,
  };
  State state = State::kFilling;
  uint64_t number = 0;     // never reused; names the group
  uint32_t uid_index = 0;  // its range of host uids; reused
  TmpSize tmp;
  Cgroup group;
  CgroupLimits limits = kUsualLimits;  // What the group has, but for the CPU's: that is hearthd's.
  Filler filler;
  FilledEmbryo embryo;
  uint64_t launch_id = 0;
  base::MonoTime ordered_at{};
  std::vector<StepTiming> timings;
  std::vector<base::UniqueFd> listeners;
  bool listening = false;  // the kListening report came
  bool is_dead = false;    // nobody is left in its group, which waits to be removed

  base::Result<void> SetLimits(const CgroupLimits& to) {
    TRY(group.SetLimits(to, limits));
    limits = to;
    return {};
  }
  // Whether nobody is left in its group: neither the filler nor the sandbox.
  bool IsEmpty() const { return filler.pid == 0 && !embryo.pidfd.valid(); }
};

class SlotTable {
 public:
  explicit SlotTable(const CgroupTree& groups) : groups_(groups) {}

  // In kFilling. The reference holds until Remove.
  Slot& Add(const TmpSize& tmp);
  Slot* Find(uint64_t number) const;
  Slot* FindRunning(uint64_t launch_id) const;
  void Transition(Slot& slot, Slot::State to);
  void Remove(Slot& slot);

  size_t size() const { return slots_.size(); }
  size_t Count(Slot::State state) const { return counts_[static_cast<size_t>(state)]; }
  void ForEach(const auto& visit) const {
    for (const auto& [number, slot] : slots_) visit(*slot);
  }

 private:
  size_t& CountOf(Slot::State state) { return counts_[static_cast<size_t>(state)]; }

  const CgroupTree& groups_;
  std::unordered_map<uint64_t, std::unique_ptr<Slot>> slots_;  // by number
  std::unordered_map<uint64_t, Slot*> running_;                // by launch
  std::array<size_t, static_cast<size_t>(Slot::State::kCount)> counts_{};
  std::vector<uint32_t> free_uids_;  // below next_uid_
  uint32_t next_uid_ = 0;
  uint64_t next_number_ = 1;
};

}  // namespace hearth::sandbox
