#include "triggers/s3/object_disk.h"

#include "base/log.h"

namespace hearth::s3 {

void ObjectDisk::TakeNumbers(size_t count,
                             std::function<void(base::Result<std::vector<int64_t>>)> taken) {
  waiting_.push_back({count, std::move(taken)});
  Serve();
}

void ObjectDisk::Serve() {
  while (!waiting_.empty()) {
    if (!numbers_.Has(waiting_.front().count)) break;
    const Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    std::vector<int64_t> out;
    for (size_t i = 0; i < first.count; ++i) out.push_back(*numbers_.Take());
    first.taken(std::move(out));
  }
  if (numbers_.wants_block() || !waiting_.empty()) AskForBlock();
}

void ObjectDisk::AskForBlock() {
  if (std::exchange(has_asked_, true)) return;
  wants_block_();
}

void ObjectDisk::GrantBlock(base::Result<int64_t> block) {
  has_asked_ = false;
  if (block) {
    numbers_.Grant(*block);
    Serve();
    return;
  }
  for (Waiting& each : std::exchange(waiting_, {})) each.taken(std::unexpected(block.error()));
}

void ObjectDisk::Settle(const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) numbers_.Settle(extent.file);
}

void ObjectDisk::Discard(const std::vector<Extent>& extents) {
  if (extents.empty()) return;
  writers_.Run(
      [extents, &files = files_] {
        std::vector<Extent> gone;
        for (const Extent& extent : extents) {
          const auto removed = files.Remove(extent.file);
          if (removed)
            gone.push_back(extent);
          else
            HLOG_WARN("{}; the next start tries again", removed.error().ToString());
        }
        return gone;
      },
      [this](const std::vector<Extent>& gone) { Settle(gone); });
}

void ObjectDisk::Unpin(int64_t file) {
  const auto at = pins_.find(file);
  if (at != pins_.end() && --at->second == 0) pins_.erase(at);
}

}  // namespace hearth::s3
