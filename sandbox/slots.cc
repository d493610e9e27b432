#include "sandbox/slots.h"

namespace hearth::sandbox {

Slot& SlotTable::Add(const TmpSize& tmp) {
  const uint64_t number = next_number_++;
  auto slot = std::make_unique<Slot>(
      Slot{.number = number, .tmp = tmp, .group = groups_.Group("s" + std::to_string(number))});
  if (free_uids_.empty()) {
    slot->uid_index = next_uid_++;
  } else {
    slot->uid_index = free_uids_.back();
    free_uids_.pop_back();
  }
  ++CountOf(slot->state);
  return *slots_.emplace(number, std::move(slot)).first->second;
}

Slot* SlotTable::Find(uint64_t number) const {
  const auto found = slots_.find(number);
  return found == slots_.end() ? nullptr : found->second.get();
}

Slot* SlotTable::FindRunning(uint64_t launch_id) const {
  const auto found = running_.find(launch_id);
  return found == running_.end() ? nullptr : found->second;
}

void SlotTable::Transition(Slot& slot, Slot::State to) {
  using State = Slot::State;
  const State from = slot.state;
  const bool allowed = (to == State::kEnding && from != State::kEnding) ||
                       (from == State::kFilling && to == State::kPreparing) ||
                       (from == State::kPreparing && to == State::kReady) ||
                       (from == State::kReady && to == State::kLaunching) ||
                       (from == State::kLaunching && to == State::kRunning);
  CHECK(allowed);
  if (from == State::kRunning) running_.erase(slot.launch_id);
  if (to == State::kRunning) running_.emplace(slot.launch_id, &slot);
  --CountOf(from);
  ++CountOf(to);
  slot.state = to;
}

void SlotTable::Remove(Slot& slot) {
  CHECK(slot.state == Slot::State::kEnding);
  --CountOf(slot.state);
  free_uids_.push_back(slot.uid_index);
  slots_.erase(slot.number);
}

}  // namespace hearth::sandbox
