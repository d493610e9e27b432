// DiskStore: removes the files of what is gone.
//
// A read that began before the commit which made them garbage may still give their record out, and
// whoever has one opens its files a moment later: they rest until such reads are done, and a while.
#include "base/log.h"
#include "triggers/s3/disk_store.h"
#include "triggers/s3/disk_store_impl.h"

namespace hearth::s3 {

namespace {

constexpr int kAtOnce = 1000;

}  // namespace

void DiskStore::NoteGarbage(int64_t newest) {
  newest_garbage_ = std::max(newest_garbage_, newest);
  if (std::exchange(is_collecting_, true)) return;
  has_left_garbage_ = false;
  CollectLater(newest_garbage_, next_read_);
}

// `first_read`: those that began before it may have seen what is garbage now.
void DiskStore::CollectLater(int64_t until, uint64_t first_read) {
  garbage_timer_.Start(options_.garbage_rest, [this, until, first_read] {
    if (!reads_.empty() && *reads_.begin() < first_read)
      CollectLater(until, first_read);
    else
      Collect(0, until);
  });
}

void DiskStore::Collect(int64_t after, int64_t until) {
  using Rows = std::vector<ObjectIndex::GarbageRow>;
  Read<Rows>(
      [after, until](ObjectIndex& index) -> Outcome<Rows> {
        return Answer<Rows>(TRY(index.LoadGarbage(after, until, kAtOnce)));
      },
      [this, until](Answer<Rows> rows) {
        if (rows && !rows->empty()) {
          RemoveGarbage(std::move(*rows), until);
          return;
        }
        is_collecting_ = false;
        if (!rows) HLOG_ERROR("objects: {}", rows.error().message);
        if (rows && (has_left_garbage_ || newest_garbage_ > until)) NoteGarbage(newest_garbage_);
      });
}

void DiskStore::RemoveGarbage(std::vector<ObjectIndex::GarbageRow> rows, int64_t until) {
  const int64_t last = rows.back().id;
  if (std::erase_if(rows, [this](const auto& row) { return disk_.IsPinned(row.file); }) > 0) {
    has_left_garbage_ = true;
  }
  std::set<int64_t> blocks;
  for (const auto& row : rows) {
    if (!disk_.IsInUse(BlockOf(row.file))) blocks.insert(BlockOf(row.file));
  }
  disk_.writers().Run(
      [rows = std::move(rows), blocks = std::move(blocks), &files = disk_.files()] {
        std::map<int64_t, std::vector<int64_t>> gone;  // By block: of the rows.
        for (const auto& row : rows) {
          const auto result = files.Remove(row.file);
          if (result)
            gone[BlockOf(row.file)].push_back(row.id);
          else
            HLOG_WARN("{}; the next start tries again", result.error().ToString());
        }
        // A file that a power failure brings back must still have its row.
        std::vector<int64_t> removed;
        for (const auto& [block, ids] : gone) {
          const auto synced = files.SyncRemoved(block);
          if (synced)
            removed.insert(removed.end(), ids.begin(), ids.end());
          else
            HLOG_WARN("{}; the next start tries again", synced.error().ToString());
        }
        for (const int64_t block : blocks) files.RemoveBlock(block);
        return removed;
      },
      [this, last, until](std::vector<int64_t> removed) {
        Queue({[removed = std::move(removed)](ObjectIndex& index) {
                 return index.ForgetGarbage(removed);
               },
               [this, last, until](const base::Error* failure) {
                 if (failure != nullptr) has_left_garbage_ = true;
                 Collect(last, until);
               },
               Need::kLeast});
      });
}

}  // namespace hearth::s3
