#include "cli/load_runner.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

namespace hearth::cli {

base::Duration ProcessorTime() {
  timespec now{};
  CHECK(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

LoadRunner::LoadRunner(io::Loop& loop, const LoadPlan& plan, LoadTarget target)
    : loop_(loop), plan_(plan), target_(std::move(target)) {
  for (size_t i = 0; i < plan_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(loop_, target_.address));
    free_.push_back(connections_.back().get());
  }
}

base::Result<LoadResult> LoadRunner::Run() {
  CHECK(schedule_ == nullptr);
  TRY(StartTimer());
  const base::Duration cpu_before = ProcessorTime();
  schedule_ = std::make_unique<LoadSchedule>(plan_, loop_.clock().Now());
  last_reply_ = schedule_->measuring_from();
  SendWhatIsDue();
  SetAlarm();
  loop_.RunUntil([this] { return IsOver(); });
  CountWhatIsLeft();
  result_.elapsed = std::max(last_reply_, schedule_->end()) - schedule_->measuring_from();
  result_.generator_cpu = ProcessorTime() - cpu_before;
  return std::move(result_);
}

base::Result<void> LoadRunner::StartTimer() {
  alarm_ = base::UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!alarm_.valid()) return base::SystemError("timerfd_create");
  alarm_watcher_ =
      TRY(io::FdWatcher::Create(loop_, alarm_.get(), io::FdWatcher::kReadable, [this](int) {
        uint64_t expirations = 0;
        // Empty where the alarm was set anew in between; that is as good.
        [[maybe_unused]] const ssize_t got = ::read(alarm_.get(), &expirations, sizeof expirations);
        SendWhatIsDue();
        SetAlarm();
      }));
  return {};
}

void LoadRunner::SendWhatIsDue() {
  const base::MonoTime now = loop_.clock().Now();
  if (now > schedule_->end() + kDrain) return;
  while (!free_.empty()) {
    const auto shot = schedule_->Next(now);
    if (!shot) return;
    Connection* connection = free_.back();
    free_.pop_back();
    connection->shot = *shot;
    connection->busy = true;
    connection->client.SendRaw(target_.request,
                               [this, connection](base::Result<io::HttpResponse> response) {
                                 OnReply(*connection, std::move(response));
                               });
  }
}

// Wakes at the next due call of an open loop, at the end, and when the last wait is over.
void LoadRunner::SetAlarm() {
  const bool has_ended = loop_.clock().Now() >= schedule_->end();
  base::MonoTime when = schedule_->end() + (has_ended ? kDrain : base::Duration::zero());
  if (plan_.rate > 0 && !free_.empty()) {
    if (const auto due = schedule_->NextDue()) when = std::min(when, *due);
  }
  // A time that has passed must not be zero, which would disarm.
  const int64_t ns = std::max<int64_t>(when.time_since_epoch().count(), 1);
  const itimerspec setting{.it_interval = {}, .it_value = {ns / 1'000'000'000, ns % 1'000'000'000}};
  CHECK(::timerfd_settime(alarm_.get(), TFD_TIMER_ABSTIME, &setting, nullptr) == 0);
}

void LoadRunner::OnReply(Connection& connection, base::Result<io::HttpResponse> response) {
  const base::MonoTime now = loop_.clock().Now();
  connection.busy = false;
  free_.push_back(&connection);
  last_reply_ = std::max(last_reply_, now);
  if (response) {
    recorder_.RecordReply(connection.shot, now, *response);
    SendWhatIsDue();
    if (plan_.rate > 0) SetAlarm();
    return;
  }
  recorder_.RecordError(connection.shot, "connection: " + response.error().ToString());
  // A host that refuses connections must not be asked again in a tight loop: end there.
  if (response.error().error_number == ECONNREFUSED) {
    failed_to_connect_ = true;
    return;
  }
  SendWhatIsDue();
  if (plan_.rate > 0) SetAlarm();
}

bool LoadRunner::IsOver() const {
  const bool idle = free_.size() == connections_.size();
  if (failed_to_connect_ && idle) return true;
  const base::MonoTime now = loop_.clock().Now();
  if (now > schedule_->end() + kDrain) return true;
  return idle && now >= schedule_->end() && schedule_->Overdue(now) == 0;
}

void LoadRunner::CountWhatIsLeft() {
  const Shot measured{};
  for (const auto& connection : connections_) {
    if (connection->busy) recorder_.RecordError(connection->shot, "no reply");
  }
  if (failed_to_connect_) return;
  const uint64_t unsent = schedule_->Overdue(loop_.clock().Now());
  if (unsent > 0) recorder_.RecordError(measured, "never sent: the host fell behind", unsent);
}

}  // namespace hearth::cli
