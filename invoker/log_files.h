// LogFiles: a log group's events on disk. Blocking; Append from one thread at a time, reading from
// any. The format is log_store.h's. Internal to the log store, which owns it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "invoker/log_store.h"

namespace hearth::invoker {

class LogFiles {
 public:
  // Reads happen on the loop: one ends after the event with which its messages hold so much.
  static constexpr size_t kMaxReadBytes = 4 << 20;

  explicit LogFiles(std::string root) : root_(std::move(root)) {}

  // The last sequence of every group that has files. A line that a crash cut short does not count.
  base::Result<std::map<std::string, uint64_t>> Scan() const;

  // `text` is whole lines made by AppendLine, the first with `first_sequence`. Each process starts
  // a new file, since a predecessor's may end in half a line; so does what would pass a file's
  // limit.
  base::Result<void> Append(const std::string& group, uint64_t first_sequence,
                            std::string_view text);
  // Events after `after_sequence`, at most `limit` and about kMaxReadBytes, oldest first. What
  // cannot be read is left out.
  std::vector<LogEvent> Read(const std::string& group, uint64_t after_sequence, size_t limit) const;
  // The newest `count` events before `before_sequence`, or fewer of about kMaxReadBytes, oldest
  // first.
  std::vector<LogEvent> Tail(const std::string& group, uint64_t before_sequence,
                             size_t count) const;
  base::Result<void> Remove(const std::string& group);

  static void AppendLine(std::string& to, uint64_t sequence, int64_t timestamp_ms,
                         std::string_view stream, std::string_view message);

 private:
  struct Current {
    std::string path;
    size_t size = 0;
  };
  std::string FolderOf(const std::string& group) const;
  // Makes room for one more file, of `room` bytes.
  base::Result<void> RemoveOldest(const std::string& group, size_t room) const;

  const std::string root_;
  std::map<std::string, Current> current_;  // Append's and Remove's thread only.
};

}  // namespace hearth::invoker
