// LogFiles: log groups on disk: their events (log_line.h) and what is known of them (log_group.h).
//
// Blocking. Changes from one thread at a time; reading from any, also beside a change: a file that
// goes meanwhile is left out. Owner: the log store; the Logs API reads from it too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "invoker/log_store.h"

namespace hearth::invoker {

class LogFiles {
 public:
  // Reads happen on the loop: one ends after the event with which its messages hold so much.
  static constexpr size_t kMaxReadBytes = 4 << 20;

  explicit LogFiles(std::string root) : root_(std::move(root)) {}

  // One of a group's files.
  struct File {
    uint64_t first_sequence = 0;  // Its name.
    std::string path;
    size_t size = 0;
  };

  // Every group there is. A line that a crash cut short does not count for its next sequence.
  base::Result<std::vector<LogGroup>> Scan() const;
  // Durable.
  base::Result<void> SaveGroup(const LogGroup& group) const;

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
  base::Result<void> RemoveStream(const std::string& group, const std::string& stream);
  // Removes the files that have no event since `before_ms`; where there is one, saves the group
  // first. One that cannot be read stays.
  base::Result<void> RemoveBefore(const LogGroup& group, int64_t before_ms);
  // Removes the files written longest ago, and then the groups, as long as there are too many.
  // Returns the names of the groups that are gone.
  base::Result<std::vector<std::string>> Bound(size_t max_bytes, size_t max_groups);

  // Oldest first.
  std::vector<File> List(const std::string& group) const;
  // Of one file, empty where it cannot be read.
  static std::string Text(const File& file);
  // Its first line, as far as that is short.
  static std::string Head(const File& file);
  size_t StoredBytes(const std::string& group) const;

 private:
  struct Current {
    std::string path;
    size_t size = 0;
  };
  std::string FolderOf(const std::string& group) const;
  base::Result<std::vector<LogGroup>> ReadGroups() const;  // Without what their files say.
  base::Result<void> Unlink(const std::string& group, const File& file);
  // Makes room for one more file, of `room` bytes.
  base::Result<void> RemoveOldest(const std::string& group, size_t room) const;

  const std::string root_;
  std::map<std::string, Current> current_;  // Append's and Remove's thread only.
};

}  // namespace hearth::invoker
