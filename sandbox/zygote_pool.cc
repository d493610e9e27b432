// The zygote's pool: embryos are made ahead, as many as the last minute's busiest second asked for.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/sys.h"
#include "sandbox/zygote.h"

namespace hearth::sandbox {
namespace {

// At once. More would only compete for the CPUs, and for the kernel's locks of namespaces and
// groups.
constexpr size_t kMaxFillers = 4;
constexpr size_t kMaxPool = 64;     // some 0.4 MiB of kernel memory each
constexpr int kMaxFailedFills = 3;  // in a row, before the pool is left to the next launch

}  // namespace

void Zygote::Transition(Slot& slot, Slot::State to) {
  using State = Slot::State;
  Kind& kind = kinds_[slot.tmp];
  if (slot.state == State::kReady) std::erase(kind.ready, &slot);
  if (slot.state < State::kReady && to >= State::kReady) --kind.coming;
  slots_->Transition(slot, to);
  if (to == State::kReady) kind.ready.push_back(&slot);
}

void Zygote::Serve(const TmpSize& tmp) {
  Kind& kind = kinds_[tmp];
  while (!kind.waiting.empty() && !kind.ready.empty()) {
    Launch launch = std::move(kind.waiting.front());
    kind.waiting.pop_front();
    --waiting_;
    Order(*kind.ready.back(), std::move(launch));
  }
}

size_t Zygote::PoolTarget() {
  return std::max(options_.pool_size, std::min(kMaxPool, demand_.Peak(clock_.Now())));
}

void Zygote::Refill() {
  refill_waits_ = false;
  // Each failure answers a waiting launch, so this ends; the pool alone is left unfilled.
  for (auto at = kinds_.begin(); at != kinds_.end();) {
    auto& [tmp, kind] = *at;
    while (kind.waiting.size() > kind.coming &&
           slots_->Count(Slot::State::kFilling) < kMaxFillers) {
      FillOne(tmp);
    }
    at = kind.IsUnused() ? kinds_.erase(at) : std::next(at);
  }
  if (waiting_ > 0 || failed_fills_ >= kMaxFailedFills || IsFull()) return;
  // One at a time, and while a launch is under way only where the pool runs dry: what competes for
  // the CPUs with the start of a function is time that somebody waits.
  const Kind& usual = kinds_[kUsualTmp];
  const size_t target = PoolTarget();
  if (usual.ready.size() + usual.coming >= target) return;
  if (slots_->Count(Slot::State::kFilling) > 0) return;
  const bool launching = slots_->Count(Slot::State::kLaunching) > 0;
  if (usual.ready.size() > target / 4) {
    if (launching) return;
    // What was launched has its first moments before it, and hearthd waits to hear of it.
    if (clock_.Now() < quiet_at_) {
      refill_waits_ = true;
      return;
    }
  }
  FillOne(kUsualTmp);
}

// One at a time: the exit of this one wakes the loop for the next.
void Zygote::Shrink() {
  const Kind& usual = kinds_[kUsualTmp];
  if (usual.ready.size() > PoolTarget()) End(*usual.ready.front());
}

bool Zygote::IsFull() const { return slots_->size() - dead_.size() >= max_slots_; }

void Zygote::FillOne(const TmpSize& tmp) {
  auto started = IsFull() ? base::MakeError(base::ErrorKind::kLimit, "make a sandbox", why_full_)
                          : StartSlot(tmp);
  if (started) return;
  ++failed_fills_;
  FailWaiting(tmp, std::move(started).error());
}

base::Result<void> Zygote::StartSlot(const TmpSize& tmp) {
  Slot& slot = slots_->Add(tmp);
  ++kinds_[tmp].coming;
  const auto start = [&]() -> base::Result<void> {
    const FillerJob job{.number = slot.number,
                        .group = slot.group,
                        .governor = options_.governor,
                        .tmp = tmp,
                        .uid_index = slot.uid_index,
                        .first_uid = options_.first_uid + slot.uid_index * kUidsPerSandbox,
                        .root = root_.get(),
                        .volumes = volumes_.get(),
                        .filter = &filter_};
    slot.filler = TRY(StartFiller(job, fillers_.sending.get()));
    return Watch(slot.filler.pidfd.get(), Source::kFillerExit, slot.number, EPOLLIN);
  };
  auto started = start();
  if (!started) {
    // It may be unwatched, so its end is waited for here.
    if (slot.filler.pid > 0) {
      siginfo_t info;
      (void)base::sys::PidfdSendSignal(slot.filler.pidfd.get(), SIGKILL);
      ::waitid(P_PIDFD, static_cast<id_t>(slot.filler.pidfd.get()), &info, WEXITED);
    }
    slot.filler = {};
    End(slot);
  }
  return started;
}

void Zygote::OnFillers() {
  while (true) {
    auto report = ReceiveFillerReport(fillers_.receiving.get());
    if (!report) return;
    OnFilled(std::move(*report));
  }
}

void Zygote::OnFilled(FillerReport report) {
  Slot* const slot = slots_->Find(report.job);
  if (slot == nullptr || slot->state != Slot::State::kFilling) return;
  const auto adopt = [&]() -> base::Result<void> {
    if (!report.embryo) return std::unexpected(std::move(report.embryo).error());
    slot->embryo = std::move(*report.embryo);
    TRY(Watch(slot->embryo.control.get(), Source::kControl, slot->number, EPOLLIN));
    return Watch(slot->embryo.pidfd.get(), Source::kExit, slot->number, EPOLLIN);
  };
  const auto adopted = adopt();
  if (adopted) return Transition(*slot, Slot::State::kPreparing);
  FailFill(*slot, adopted.error());
}

void Zygote::FailFill(Slot& slot, base::Error error) {
  ++failed_fills_;
  FailWaiting(slot.tmp, std::move(error));
  End(slot);
}

void Zygote::OnFillerExit(Slot& slot) {
  siginfo_t info;
  ::waitid(P_PIDFD, static_cast<id_t>(slot.filler.pidfd.get()), &info, WEXITED | WNOHANG);
  Unwatch(slot.filler.pidfd);
  slot.filler.pid = 0;
  // What it has reported is read first: both may have come in one round.
  if (slot.state == Slot::State::kFilling) OnFillers();
  if (slot.state == Slot::State::kFilling) {
    OnFilled({slot.number,
              base::MakeError(base::ErrorKind::kClosed, "make an embryo", "the filler died")});
  }
  if (slot.state == Slot::State::kEnding) End(slot);
}

// The embryo that the longest waiting launch of this kind would have had cannot be made.
void Zygote::FailWaiting(const TmpSize& tmp, base::Error error) {
  std::deque<Launch>& waiting = kinds_[tmp].waiting;
  if (waiting.empty()) return;
  Send(EncodeFailed({waiting.front().id, std::move(error)}));
  waiting.pop_front();
  --waiting_;
}

}  // namespace hearth::sandbox
