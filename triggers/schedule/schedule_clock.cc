#include "triggers/schedule/schedule_clock.h"

#include <utility>

#include "base/log.h"

namespace hearth::schedule {
namespace {

constexpr auto kPause = std::chrono::seconds(1);

struct Definition {
  ScheduleRecord record;
  Timetable timetable;
};

std::expected<Definition, std::string> Read(const DueRow& row) {
  const auto json = base::ParseJson(row.definition);
  if (!json) {
    return std::unexpected(json.error().ToString());
  }
  auto record = ReadSchedule(*json, {}, std::nullopt);
  if (!record) {
    return std::unexpected(record.error().message);
  }
  auto timetable = TRY(Timetable::Of(*record, row.anchor_ms, row.id));
  return Definition{.record = *std::move(record), .timetable = std::move(timetable)};
}

// AWS: when it has come to its end, which a recurring schedule has by an EndDate only.
bool DeletesItself(const Definition& of) {
  return of.record.deletes_itself && (of.timetable.is_one_time() || of.record.end_ms);
}

}  // namespace

ScheduleClock::ScheduleClock(Parts parts)
    : parts_(std::move(parts)),
      timer_(parts_.loop),
      pause_(parts_.loop),
      window_(parts_.loop,
              {.most_rows = kMaxHeldSchedules,
               .most_bytes = kMaxHeldScheduleBytes,
               .load = store::DuePages<DueRow>(parts_.commits, kMaxHeldScheduleBytes, ListDue),
               .on_page = [this] { PumpLater(); }}) {}

void ScheduleClock::OnChange(const ScheduleRow& row) {
  if (auto due = ToDueRow(row)) {
    window_.Put(*std::move(due));
  } else {
    window_.Forget(row.id);
  }
  PumpLater();
}

void ScheduleClock::OnRemoval(int64_t id) { window_.Forget(id); }

bool ScheduleClock::IsQuiet() const {
  const auto due = window_.next_due_ms();
  return in_flight_ == 0 && !is_pump_posted_ && !window_.IsLoading() && !pause_.active() &&
         (!due || *due > NowMs());
}

void ScheduleClock::PumpLater() {
  if (std::exchange(is_pump_posted_, true)) {
    return;
  }
  parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) {
      return;
    }
    is_pump_posted_ = false;
    Pump();
  });
}

void ScheduleClock::Pump() {
  if (pause_.active()) {
    return;
  }
  const int64_t now_ms = NowMs();
  for (size_t bytes = 0; HasRoom();) {
    if (bytes >= kMaxFiringBytesATurn) {
      return PumpLater();
    }
    auto row = window_.TakeDue(now_ms);
    if (!row) {
      break;
    }
    bytes += Fire(*std::move(row), now_ms);
  }
  const auto due = window_.next_due_ms();
  if (!due || !HasRoom()) {
    return timer_.Cancel();
  }
  timer_.Start(base::WallTime(std::chrono::milliseconds(*due)), [this] { Pump(); });
}

bool ScheduleClock::HasRoom() const {
  return in_flight_ < kMaxFiringsInFlight && bytes_in_flight_ < kMaxFiringBytesInFlight;
}

size_t ScheduleClock::Fire(DueRow row, int64_t now_ms) {
  const size_t row_bytes = row.bytes();
  const auto definition = Read(row);
  if (!definition) {
    // It stays taken: the next start tries it again.
    HLOG_ERROR("schedule {} cannot be fired: {}", row.id, definition.error());
    return row_bytes;
  }
  auto plan = std::make_shared<FiringPlan>(
      PlanFiring(definition->record, definition->timetable,
                 {.schedule_id = row.id, .at_ms = row.occurrence_ms, .due_ms = row.due_ms}, now_ms,
                 parts_.account));
  const bool is_removed = !plan->next && DeletesItself(*definition);
  counters_.expired += plan->is_any_expired ? 1 : 0;
  const size_t bytes = row_bytes + plan->bytes;
  ++in_flight_;
  bytes_in_flight_ += bytes;
  auto fired = std::make_shared<DueRow>(std::move(row));
  fired->definition.shrink_to_fit();
  std::vector<invoker::TargetDelivery> deliveries = std::move(plan->deliveries);
  const size_t count = deliveries.size();
  parts_.deliveries.Put(
      std::move(deliveries),
      [fired, next = plan->next, is_removed](store::Database& database) {
        return is_removed ? RemoveFired(database, *fired) : MoveRow(database, *fired, next);
      },
      [this, alive = std::weak_ptr<bool>(alive_), fired, plan, is_removed, count,
       bytes](const base::Result<void>& done) {
        if (alive.expired()) {
          return;
        }
        bytes_in_flight_ -= bytes;
        counters_.fired += done ? count : 0;
        OnFired(std::move(*fired), *plan, is_removed, done);
      });
  return bytes;
}

void ScheduleClock::OnFired(DueRow row, const FiringPlan& plan, bool is_removed,
                            const base::Result<void>& done) {
  --in_flight_;
  if (done && plan.next) {
    std::tie(row.occurrence_ms, row.due_ms) = *plan.next;
    window_.Put(std::move(row));
  } else if (done) {
    window_.Forget(row.id);
    if (is_removed) {
      parts_.on_removed();
    }
  } else if (done.error().kind != base::ErrorKind::kConflict) {
    HLOG_ERROR("schedule {} cannot be fired yet: {}", row.id, done.error().ToString());
    window_.Put(std::move(row));
    pause_.Start(kPause, [this] { Pump(); });
  }
  // Else whoever changed it has told of it already.
  PumpLater();
}

}  // namespace hearth::schedule
