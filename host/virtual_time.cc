#include "host/virtual_time.h"

#include <charconv>

#include "base/check.h"
#include "base/file.h"
#include "base/limits.h"
#include "io/timer_queue.h"

namespace hearth::host {
namespace {

// How often what is under way is looked at.
constexpr auto kPoll = std::chrono::milliseconds(1);

base::Result<base::WallTime> ReadTime(const std::string& path) {
  const std::string text = TRY(base::ReadFile(path));
  int64_t millis = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (error != std::errc() || std::string_view(end, text.data() + text.size()) != "\n") {
    return base::MakeError(base::ErrorKind::kCorrupt, "read " + path,
                           "it is not a number of milliseconds: remove it to begin at the "
                           "machine's time");
  }
  return base::WallTime(std::chrono::milliseconds(millis));
}

}  // namespace

base::Result<std::unique_ptr<VirtualTime>> VirtualTime::Open(const std::string& state_folder,
                                                             base::WallTime now) {
  const std::string path = state_folder + "/clock";
  const base::WallTime start = base::FileExists(path) ? TRY(ReadTime(path)) : now;
  return std::unique_ptr<VirtualTime>(new VirtualTime(path, start));
}

void VirtualTime::Attach(io::Loop& loop, io::Offload& disk, std::function<bool()> is_quiet) {
  loop_ = &loop;
  disk_ = &disk;
  is_quiet_ = std::move(is_quiet);
  poll_ = std::make_unique<io::Timer>(loop);
}

void VirtualTime::Advance(base::Duration by, Done done) {
  CHECK(loop_ != nullptr && by >= base::Duration::zero());
  moves_.push_back({by, std::move(done)});
  if (moves_.size() == 1) Begin();
}

void VirtualTime::Stop() {
  alive_.reset();
  poll_.reset();
  moves_.clear();
}

void VirtualTime::Begin() {
  target_ = clock_.Now() + moves_.front().by;
  gives_up_ = loop_->clock().Now() + limits::kClockPatience;
  GoLater();
}

// What was set off has its turn first.
void VirtualTime::GoLater() {
  loop_->Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Go();
  });
}

void VirtualTime::Go() {
  if (!is_quiet_()) {
    if (loop_->clock().Now() < gives_up_) return poll_->Start(kPoll, [this] { Go(); });
    return Finish(base::MakeError(base::ErrorKind::kTimeout, "advance the clock",
                                  "calls or changes are still under way; it stands at " +
                                      base::FormatIso8601(clock_.WallNow())));
  }
  const auto next = loop_->timers(io::Time::kService).next();
  if (!next || *next > target_) {
    clock_.Advance(target_ - clock_.Now());
    return Finish({});
  }
  if (*next > clock_.Now()) {
    clock_.Advance(*next - clock_.Now());
    gives_up_ = loop_->clock().Now() + limits::kClockPatience;
  } else if (loop_->clock().Now() >= gives_up_) {
    return Finish(
        base::MakeError(base::ErrorKind::kTimeout, "advance the clock",
                        "something is due for ever at " + base::FormatIso8601(clock_.WallNow())));
  }
  loop_->ClockMoved();
  GoLater();
}

void VirtualTime::Finish(base::Result<void> result) {
  disk_->Run([path = path_, text = std::to_string(base::EpochMillis(clock_.WallNow())) +
                                   "\n"] { return base::WriteFileAtomically(path, text); },
             [this, alive = std::weak_ptr<bool>(alive_), result](base::Result<void> stored) {
               if (alive.expired()) return;
               Move move = std::move(moves_.front());
               moves_.pop_front();
               if (!moves_.empty()) Begin();
               move.done(result && !stored ? std::move(stored) : result);
             });
}

}  // namespace hearth::host
