// Clock: where every part of Hearth reads the time, so that tests and `--clock virtual` move it.
//
// Owner: main() (or a test) makes one and hands it down by reference; it outlives everything.
// Units: std::chrono throughout. `Now` is monotonic; `WallNow` is UTC since the epoch.
#pragma once

#include <chrono>
#include <string>

namespace hearth::base {

using Duration = std::chrono::nanoseconds;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
  // True where time only moves by hand: a waiter must then be woken by whoever moves it.
  virtual bool is_virtual() const { return false; }
};

class SystemClock final : public Clock {
 public:
  MonoTime Now() const override;
  WallTime WallNow() const override;
};

// Moves only when told to. Single-threaded, as the loop that reads it is.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(WallTime start) : wall_(start) {}
  MonoTime Now() const override { return mono_; }
  WallTime WallNow() const override { return wall_; }
  bool is_virtual() const override { return true; }
  void Advance(Duration by) {
    mono_ += by;
    wall_ += by;
  }

 private:
  MonoTime mono_{};
  WallTime wall_;
};

// A moment by which a wait must have ended.
class Deadline {
 public:
  static Deadline At(MonoTime when) { return Deadline(when); }
  static Deadline After(const Clock& clock, Duration wait) { return Deadline(clock.Now() + wait); }
  MonoTime when() const { return when_; }
  bool HasPassed(const Clock& clock) const { return clock.Now() >= when_; }
  // Zero where it has passed.
  Duration Remaining(const Clock& clock) const {
    const auto left = when_ - clock.Now();
    return left > Duration::zero() ? left : Duration::zero();
  }

 private:
  explicit Deadline(MonoTime when) : when_(when) {}
  MonoTime when_;
};

// "2026-08-06T12:34:56.789+0000", the form of Lambda's LastModified.
std::string FormatLambdaTime(WallTime time);
// "2026-08-06T12:34:56.789Z"
std::string FormatIso8601(WallTime time);
int64_t EpochMillis(WallTime time);

}  // namespace hearth::base
