// Demand: how many embryos are worth keeping ready.
//
// As many as launches came within one second, where that was most in the last minute: who has seen
// a burst expects the next one to be as large. Source of the idea: the look-ahead window of
// "Serverless in the Wild" (ATC'20), at the scale of what an idle embryo costs.
#pragma once

#include <cstddef>
#include <deque>

#include "base/clock.h"

namespace hearth::sandbox {

class Demand {
 public:
  static constexpr auto kWindow = std::chrono::seconds(60);

  void Count(base::MonoTime now);
  // Launches of the busiest second within the window; 0 where there was none.
  size_t Peak(base::MonoTime now);
  // When Peak falls next if no launch comes. Only where Peak is not 0.
  base::MonoTime Expiry() const;

 private:
  struct Second {
    std::chrono::seconds since_boot{};
    size_t launches = 0;
  };
  // Seconds that were busier than every later one: their launches fall from front to back.
  std::deque<Second> seconds_;
};

}  // namespace hearth::sandbox
