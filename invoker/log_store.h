// LogStore: what functions wrote, kept by log group and log stream, as CloudWatch Logs names them.
//
// Append is called on the warm path: it only buffers; a flush a few times a second appends to files
// through io::Offload. A group's file is <root>/<group, '/' as '%'>/<first sequence>.log, one event
// a line (log_line.h); rotated by size, the oldest removed. A line is readable (Read, followers) at
// once, and outlives a restart once flushed. A group begins with its first event, or when it is
// made, and stays when its function is deleted; events past its retention, and the oldest files of
// all groups together, are removed (kMaxLogBytesOfAll). Owner: host; nothing may be appended after
// Flush at shutdown.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "invoker/log_group.h"
#include "io/loop.h"
#include "io/offload.h"

namespace hearth::invoker {

struct LogEvent {
  uint64_t sequence = 0;     // Grows by one an event within a group; the cursor of Read.
  int64_t timestamp_ms = 0;  // Epoch; when it happened.
  int64_t ingested_ms = 0;   // When it was taken in: the same, but for PutLogEvents.
  std::string stream;        // "2026/11/24/[$LATEST]<32 hex>"
  std::string message;       // No trailing newline.
};

// AWS: an event is dated at most so far ahead of when it is taken in.
constexpr auto kLogEventAhead = std::chrono::hours(2);

class LogFiles;

class LogStore {
 public:
  using Done = std::function<void(base::Result<void>)>;

  // An empty `root` keeps logs in memory only (tests).
  static base::Result<std::unique_ptr<LogStore>> Open(io::Loop& loop, io::Offload& disk,
                                                      const std::string& root);
  virtual ~LogStore() = default;

  virtual void Append(const std::string& group, const std::string& stream,
                      std::string_view message) = 0;
  // Of an event that happened at another time. False: too much waits for the disk already, and it
  // is not taken.
  virtual bool AppendAt(const std::string& group, const std::string& stream, int64_t timestamp_ms,
                        std::string_view message) = 0;
  // Events after `after_sequence` (0: the oldest kept), at most `limit`, oldest first; fewer where
  // they are long (LogFiles::kMaxReadBytes): the next Read goes on from there. Recent events come
  // from memory; older ones, and those from before a restart, from disk, in blocking reads.
  virtual std::vector<LogEvent> Read(const std::string& group, uint64_t after_sequence,
                                     size_t limit) = 0;
  // The newest `count` events, or fewer where they are long, oldest first.
  virtual std::vector<LogEvent> Tail(const std::string& group, size_t count) = 0;
  // Calls back on the loop, after Append, whenever the group has something new. Returns a token.
  virtual uint64_t Follow(const std::string& group, std::function<void()> on_new) = 0;
  virtual void Unfollow(uint64_t token) = 0;
  // `done` runs when it is gone from the disk too.
  virtual void Remove(const std::string& group, Done done) = 0;
  // Everything buffered is on disk when `done` runs; an error: some of it is not, and will not be.
  virtual void Flush(Done done) = 0;

  // Null where there is no such group. Valid until the loop's next turn.
  virtual const LogGroup* Find(const std::string& group) const = 0;
  // By name.
  virtual std::vector<const LogGroup*> Groups() const = 0;
  // Changes a group, or makes it, at once; durable when `done` runs.
  virtual void Change(const std::string& group, const std::function<void(LogGroup&)>& change,
                      Done done) = 0;
  // Removes the events that a stream has had so far.
  virtual void RemoveStream(const std::string& group, const std::string& stream, Done done) = 0;
  // To read from on another thread, after a Flush. Null where there is no disk.
  virtual std::shared_ptr<const LogFiles> files() const = 0;
};

}  // namespace hearth::invoker
