// DiskStore: keeps the index's log short.
#include "base/log.h"
#include "triggers/s3/disk_store.h"

namespace hearth::s3 {

// The log begins anew where nobody reads; where somebody always does, it would grow and grow.
void DiskStore::WatchLog(uint64_t bytes) {
  if (bytes < log_bound_ || std::exchange(holds_reads_, true)) return;
  if (reads_.empty()) CutLog();
}

void DiskStore::CutLog() {
  writing_.Run([index = index_.get()] { return index->CutLog(); },
               [this](base::Result<void> cut) {
                 if (!cut) HLOG_WARN("objects: {}", cut.error().ToString());
                 log_bound_ = cut ? options_.log_bytes : 2 * log_bound_;
                 holds_reads_ = false;
                 for (const auto& read : std::exchange(held_reads_, {})) read();
               });
}

}  // namespace hearth::s3
