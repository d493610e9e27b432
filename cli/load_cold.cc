#include "cli/load_cold.h"

#include <fmt/format.h>

#include "cli/load_runner.h"
#include "io/timer.h"

namespace hearth::cli {
namespace {

// Between two looks at whether a busy instance has become idle.
constexpr auto kLookAgain = std::chrono::milliseconds(1);

}  // namespace

std::expected<LoadResult, Failure> ColdRunner::Run() {
  const base::Duration cpu_before = ProcessorTime();
  const bool at_once = plan_.order == ColdPlan::Order::kAtOnce;
  if (const auto open = Connect(at_once ? plan_.calls : 1); !open) {
    return std::unexpected(open.error());
  }
  const size_t a_round = connections_.size();
  for (size_t done = 0; done < plan_.calls; done += a_round) {
    if (const auto ended = EndWhatIsWarm(); !ended) return std::unexpected(ended.error());
    if (plan_.interval > base::Duration::zero()) Wait(plan_.interval);
    const base::MonoTime began = loop_.clock().Now();
    const bool answered = Call(a_round);
    result_.elapsed += loop_.clock().Now() - began;
    if (!answered) break;
  }
  result_.generator_cpu = ProcessorTime() - cpu_before;
  return std::move(result_);
}

// By a request that costs nothing: connecting is no part of a start.
std::expected<void, Failure> ColdRunner::Connect(size_t count) {
  const auto hello = std::make_shared<const std::string>(
      "GET /_hearth/health HTTP/1.1\r\nHost: " + target_.address + "\r\n\r\n");
  base::Result<void> outcome;
  // One after the other: each answer looks at every instance.
  while (connections_.size() < count) {
    connections_.push_back(std::make_unique<io::HttpClient>(loop_, target_.address));
    bool over = false;
    connections_.back()->SendRaw(hello, [&](base::Result<io::HttpResponse> response) {
      if (!response) outcome = std::unexpected(response.error());
      over = true;
    });
    loop_.RunUntil([&over] { return over; });
    if (!outcome) {
      return std::unexpected(Failure{
          kHostError, fmt::format("connection {} of {} to {} failed: {}", connections_.size(),
                                  count, target_.address, outcome.error().ToString())});
    }
  }
  return {};
}

std::expected<void, Failure> ColdRunner::EndWhatIsWarm() {
  const auto deadline = base::Deadline::After(loop_.clock(), kBusy);
  while (true) {
    const auto left = target_.end_idle();
    if (!left) return std::unexpected(left.error());
    if (*left == 0) return {};
    if (deadline.HasPassed(loop_.clock())) {
      return std::unexpected(
          Failure{kHostError, fmt::format("{} instances stay busy: a cold start is measured on a "
                                          "function that nobody else calls",
                                          *left)});
    }
    Wait(kLookAgain);
  }
}

bool ColdRunner::Call(size_t count) {
  size_t answered = 0;
  for (size_t i = 0; i < count; ++i) {
    const Shot shot{loop_.clock().Now()};
    const auto& request = target_.requests[next_request_++ % target_.requests.size()];
    connections_[i]->SendRaw(
        request, [this, shot, &answered](base::Result<io::HttpResponse> response) {
          ++answered;
          if (response) {
            recorder_.RecordReply(shot, loop_.clock().Now(), *response);
          } else {
            recorder_.RecordError(shot, "connection: " + response.error().ToString());
          }
        });
  }
  bool too_late = false;
  io::Timer patience(loop_);
  patience.Start(kReply, [&too_late] { too_late = true; });
  loop_.RunUntil([&] { return answered == count || too_late; });
  if (answered < count) {
    recorder_.RecordError({}, "no reply", count - answered);
    connections_.clear();  // Their callbacks die with them.
    return false;
  }
  return true;
}

void ColdRunner::Wait(base::Duration time) {
  bool over = false;
  io::Timer timer(loop_);
  timer.Start(time, [&over] { over = true; });
  loop_.RunUntil([&over] { return over; });
}

}  // namespace hearth::cli
