#include "triggers/events/archives.h"

#include <algorithm>
#include <limits>

#include "base/log.h"

namespace hearth::events {
namespace {

using base::Result;
using store::Database;
using Refusal = ArchiveRows::Refusal;

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
constexpr auto kRetry = std::chrono::seconds(1);  // Ours: after a failure of the disk.
constexpr int64_t kDayMs = 86'400'000;            // The shortest retention.
constexpr int64_t kSweepPauseMs = 60'000;         // Ours: so that what ages goes in batches.

}  // namespace

Archives::Archives(io::Loop& loop, store::GroupCommit& commits, EventWriter& writer,
                   DiskEventBuses& buses)
    : loop_(loop),
      commits_(commits),
      writer_(writer),
      buses_(buses),
      router_(buses.table()),
      sweep_timer_(loop) {
  writer_.OnArchived([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) OnAgeing();
  });
  Resume();
  Sweep();
}

template <typename T>
void Archives::Load(std::function<Result<T>(ArchiveRows&)> read, std::function<void(T)> done,
                    std::function<void(const base::Error&)> failed) {
  commits_.commits().Load(
      [read = std::move(read)](Database& database) -> Result<T> {
        Refusal refusal;
        ArchiveRows rows(database, refusal);
        return read(rows);
      },
      [done = std::move(done), failed = std::move(failed),
       alive = std::weak_ptr<bool>(alive_)](Result<T> result) {
        if (alive.expired()) return;
        if (result) return done(*std::move(result));
        failed(result.error());
      });
}

template <typename T>
void Archives::LoadFor(std::function<Result<T>(ArchiveRows&)> read, DoneWith<T> done) {
  Load<T>(
      std::move(read), [done](T value) { done(std::move(value)); },
      [done](const base::Error& error) { done(std::unexpected(HostFailure(error))); });
}

void Archives::Create(ArchiveRecord archive, EventBuses::Done done) {
  commits_.Write<RuleRow>(
      [archive = std::move(archive)](Database& database, Refusal& refusal) {
        return ArchiveRows(database, refusal).Create(archive);
      },
      [this](RuleRow rule) { buses_.ApplyRule(std::move(rule)); }, std::move(done));
}

void Archives::Change(ArchiveChange change, DoneWith<ArchiveRecord> done) {
  using Changed = std::pair<ArchiveRecord, RuleRow>;
  const auto now = std::make_shared<ArchiveRecord>();
  commits_.Write<Changed>(
      [change = std::move(change)](Database& database, Refusal& refusal) {
        return ArchiveRows(database, refusal).Change(change);
      },
      [this, now](Changed changed) {
        *now = std::move(changed.first);
        buses_.ApplyRule(std::move(changed.second));
        Sweep();
      },
      [now, done = std::move(done)](std::expected<void, aws::ApiError> result) {
        if (!result) return done(std::unexpected(std::move(result.error())));
        done(std::move(*now));
      });
}

void Archives::Delete(const std::string& name, EventBuses::Done done) {
  commits_.Write<int64_t>(
      [name](Database& database, Refusal& refusal) {
        return ArchiveRows(database, refusal).Delete(name);
      },
      [this](int64_t rule) {
        buses_.ApplyDeletion(rule);
        Sweep();
      },
      std::move(done));
}

void Archives::Find(const std::string& name, DoneWith<ArchiveRecord> done) {
  using Found = std::optional<ArchiveRecord>;
  LoadFor<Found>([name](ArchiveRows& rows) { return rows.Find(name); },
                 [name, done = std::move(done)](std::expected<Found, aws::ApiError> found) {
                   if (!found) return done(std::unexpected(std::move(found.error())));
                   if (*found) return done(**std::move(found));
                   done(std::unexpected(NotFound("Archive " + name + " does not exist.")));
                 });
}

void Archives::List(const std::string& after, DoneWith<std::vector<ArchiveRecord>> done) {
  LoadFor<std::vector<ArchiveRecord>>([after](ArchiveRows& rows) { return rows.List(after, kAll); },
                                      std::move(done));
}

void Archives::StartReplay(ReplayRecord replay, EventBuses::Done done) {
  commits_.Write<ReplayRecord>(
      [replay = std::move(replay)](Database& database, Refusal& refusal) {
        return ArchiveRows(database, refusal).StartReplay(replay);
      },
      [this](ReplayRecord started) { Begin(std::move(started), {}); }, std::move(done));
}

void Archives::CancelReplay(const std::string& name, EventBuses::Done done) {
  // Its next step meets it.
  commits_.Write<ReplayRecord>(
      [name](Database& database, Refusal& refusal) {
        return ArchiveRows(database, refusal).CancelReplay(name);
      },
      [](const ReplayRecord&) {}, std::move(done));
}

void Archives::FindReplay(const std::string& name, DoneWith<ReplayRecord> done) {
  using Found = std::optional<ReplayRecord>;
  LoadFor<Found>([name](ArchiveRows& rows) { return rows.FindReplay(name); },
                 [name, done = std::move(done)](std::expected<Found, aws::ApiError> found) {
                   if (!found) return done(std::unexpected(std::move(found.error())));
                   if (*found) return done(**std::move(found));
                   done(std::unexpected(NotFound("Replay " + name + " does not exist.")));
                 });
}

void Archives::ListReplays(ReplayFilter filter, DoneWith<std::vector<ReplayRecord>> done) {
  LoadFor<std::vector<ReplayRecord>>(
      [filter = std::move(filter)](ArchiveRows& rows) { return rows.ListReplays(filter); },
      std::move(done));
}

void Archives::Resume() {
  Load<std::vector<ArchiveRows::Unfinished>>(
      [](ArchiveRows& rows) { return rows.UnfinishedReplays(); },
      [this](std::vector<ArchiveRows::Unfinished> all) {
        for (auto& [replay, at] : all) Begin(std::move(replay), at);
      },
      [](const base::Error& error) {
        HLOG_ERROR("unfinished replays cannot be read: {}", error.ToString());
      });
}

void Archives::Begin(ReplayRecord record, ArchiveCursor at) {
  // It was told twice: by its start and by what an earlier process left.
  if (!replaying_.insert(record.name).second) return;
  const auto replay = std::make_shared<Replay>();
  replay->only = {record.filter_arns.begin(), record.filter_arns.end()};
  replay->record = std::move(record);
  replay->progress.at = at;
  Step(replay);
}

void Archives::Step(const ReplayPtr& replay) {
  Load<ArchivePage>([record = replay->record,
                     at = replay->progress.at](ArchiveRows& rows) { return rows.Page(record, at); },
                    [this, replay](ArchivePage page) { OnPage(replay, std::move(page)); },
                    [this, replay](const base::Error& error) { StepLater(replay, error); });
}

// As much as one transaction takes; up to where that comes.
Archives::Progress Archives::RoutePage(const Replay& replay, ArchivePage& page,
                                       Routed& routed) const {
  Progress end = replay.progress;
  for (auto& [text, at] : page.entries) {
    if (routed.is_full()) break;
    auto event = ReadEvent(replay.record.bus, std::move(text));
    if (event) {
      end.behind = router_.Route(Replayed(*std::move(event), replay.record.name), NowMs(), routed,
                                 end.behind, replay.only);
      if (end.behind != 0) break;
    } else {
      HLOG_ERROR("an event of archive {} cannot be read: {}", replay.record.archive,
                 event.error().ToString());
    }
    end = {.at = at};
  }
  return end;
}

void Archives::OnPage(const ReplayPtr& replay, ArchivePage page) {
  const ReplayRecord& record = replay->record;
  if (page.is_archive_gone) {
    return End(replay, ReplayState::kFailed, "Archive " + record.archive + " does not exist.");
  }
  if (page.entries.empty()) return End(replay, ReplayState::kCompleted, "");
  Routed routed;
  const Progress end = RoutePage(*replay, page, routed);
  writer_.Write(
      std::move(routed),
      [name = record.name, at = end.at](Database& database) {
        return ArchiveRows::AdvanceReplay(database, name, at);
      },
      [this, replay, end, alive = std::weak_ptr<bool>(alive_)](const Result<void>& result) {
        if (alive.expired()) return;
        if (!result && result.error().kind == base::ErrorKind::kConflict) {
          return End(replay, ReplayState::kCancelled, "");
        }
        if (!result) return StepLater(replay, result.error());
        replay->progress = end;
        Step(replay);
      });
}

void Archives::End(const ReplayPtr& replay, ReplayState state, const std::string& reason) {
  commits_.commits().Write(
      [name = replay->record.name, state, reason, now = NowMs()](Database& database) {
        return ArchiveRows::EndReplay(database, name, state, reason, now);
      },
      [this, replay, alive = std::weak_ptr<bool>(alive_)](const Result<void>& result) {
        if (alive.expired()) return;
        if (!result) return StepLater(replay, result.error());
        replaying_.erase(replay->record.name);
        OnAgeing();
      });
}

void Archives::StepLater(const ReplayPtr& replay, const base::Error& error) {
  HLOG_ERROR("replay {} waits: {}", replay->record.name, error.ToString());
  std::erase_if(retries_, [](const auto& timer) { return !timer->active(); });
  auto& timer = retries_.emplace_back(std::make_unique<io::Timer>(loop_));
  timer->Start(kRetry, [this, replay] { Step(replay); });
}

void Archives::OnAgeing() {
  is_ageing_ = is_sweeping_;
  if (!is_sweeping_ && !sweep_timer_.active()) SweepAt(NowMs() + kDayMs);
}

void Archives::SweepAt(int64_t at_ms) {
  sweep_timer_.Start(base::WallTime(std::chrono::milliseconds(at_ms)), [this] { Sweep(); });
}

void Archives::Sweep() {
  if (std::exchange(is_sweeping_, true)) return;
  is_ageing_ = false;
  using Swept = ArchiveRows::Swept;
  const auto swept = std::make_shared<Swept>();
  commits_.Write<Swept>(
      [now = NowMs()](Database& database, Refusal& refusal) {
        return ArchiveRows(database, refusal).Sweep(now);
      },
      [swept](Swept result) { *swept = result; },
      [this, swept](const std::expected<void, aws::ApiError>& result) {
        is_sweeping_ = false;
        if (!result) HLOG_ERROR("archives cannot be swept: {}", result.error().message);
        if (result && !swept->is_done) return Sweep();
        if (result && !swept->next_ms && !is_ageing_) return;
        // No later than in a day: it may be in ten thousand years, which no timer tells.
        const int64_t now_ms = NowMs();
        SweepAt(std::clamp(swept->next_ms.value_or(result ? now_ms + kDayMs : 0),
                           now_ms + kSweepPauseMs, now_ms + kDayMs));
      });
}

}  // namespace hearth::events
