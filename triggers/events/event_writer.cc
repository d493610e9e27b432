#include "triggers/events/event_writer.h"

#include "triggers/events/archive_rows.h"

namespace hearth::events {

void EventWriter::Write(Routed routed, store::GroupCommit::Work more, Done done) {
  counters_.matched += routed.deliveries.size();
  counters_.archived += routed.archived.size();
  if (routed.deliveries.empty() && routed.archived.empty() && !more) {
    return loop_.Post([done = std::move(done)] { done({}); });
  }
  store::GroupCommit::Work work = std::move(more);
  if (!routed.archived.empty()) {
    const auto archived = std::make_shared<std::vector<ArchivedEvent>>(std::move(routed.archived));
    const int64_t now_ms = base::EpochMillis(loop_.service_clock().WallNow());
    work = [archived, now_ms,
            more = std::move(work)](store::Database& database) -> base::Result<void> {
      if (more) TRY(more(database));
      return ArchiveRows::Append(database, *archived, now_ms);
    };
    if (on_archived_) on_archived_();
  }
  if (routed.deliveries.empty()) return commits_.Write(std::move(work), std::move(done));
  deliveries_.Put(std::move(routed.deliveries), std::move(work), std::move(done));
}

}  // namespace hearth::events
