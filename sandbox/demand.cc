#include "sandbox/demand.h"

#include "base/check.h"

namespace hearth::sandbox {
namespace {

std::chrono::seconds SecondOf(base::MonoTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
}

}  // namespace

void Demand::Count(base::MonoTime now) {
  if (seconds_.empty() || seconds_.back().since_boot != SecondOf(now)) {
    seconds_.push_back({SecondOf(now), 0});
  }
  Second current = seconds_.back();
  ++current.launches;
  seconds_.pop_back();
  while (!seconds_.empty() && seconds_.back().launches <= current.launches) seconds_.pop_back();
  seconds_.push_back(current);
}

size_t Demand::Peak(base::MonoTime now) {
  while (!seconds_.empty() && Expiry() <= now) seconds_.pop_front();
  return seconds_.empty() ? 0 : seconds_.front().launches;
}

base::MonoTime Demand::Expiry() const {
  CHECK(!seconds_.empty());
  return base::MonoTime(seconds_.front().since_boot) + kWindow;
}

}  // namespace hearth::sandbox
