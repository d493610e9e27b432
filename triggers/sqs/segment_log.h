// SegmentLog: one append-only log, in numbered files of a fixed size, with group commit.
//
// What Append has answered for has been written and synced: it survives kill -9 and power loss.
// Records that wait for the disk share one fdatasync. A file is preallocated, so that a full disk
// shows when the next one is made: records that need room are then refused (kLimit), while those
// that need little (deletes, receives) go on in the last limits::kQueueReserve of the file. After a
// failed write or sync nothing is known of the disk: all is refused until a restart.
//
// A record: u32 size, u32 CRC-32C of size and payload, payload. A size of zero ends a file. Torn
// records at the very end are cut off at Open; anywhere else they are kCorrupt.
// Loop's thread only; files are touched on threads of its own. Owner: the engine.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "io/offload.h"

namespace hearth::sqs {

// Where a record's payload stands.
struct LogPosition {
  uint32_t segment = 0;
  uint32_t offset = 0;
  uint32_t size = 0;
  bool operator==(const LogPosition&) const = default;
};

struct SegmentLogOptions {
  size_t segment_bytes = limits::kQueueSegment;
  size_t reserve_bytes = limits::kQueueReserve;
};

class SegmentLog {
 public:
  using OnRecord = std::function<void(std::string_view payload, LogPosition at)>;

  // Reads every record, oldest first; blocking. `folder` is made where it is missing.
  static base::Result<std::unique_ptr<SegmentLog>> Open(io::Loop& loop, const std::string& folder,
                                                        const OnRecord& on_record,
                                                        SegmentLogOptions options = {});
  ~SegmentLog();

  enum class Need { kRoom, kLittle };
  using Appended = std::function<void(base::Result<std::vector<LogPosition>>)>;
  // All payloads or none, in this order, though others' may stand between. `done` runs once, later,
  // when they are durable; in order of Append. A payload has at most kMaxPayload bytes.
  void Append(std::vector<std::string> payloads, Need need, Appended done);
  // Bytes appended with kRoom that are not durable yet.
  size_t unwritten() const { return unwritten_; }
  bool is_idle() const { return pending_.empty() && !writing_; }

  // Reads payloads beside the loop. What RemoveOldest has removed meanwhile is still read.
  using Reading = std::function<void(base::Result<std::vector<std::string>>)>;
  void Read(std::vector<LogPosition> positions, Reading done);
  // Every record of the oldest segment.
  struct Record {
    std::string payload;
    LogPosition at;
  };
  void ReadOldest(std::function<void(base::Result<std::vector<Record>>)> done);

  uint32_t oldest() const { return segments_.begin()->first; }
  uint32_t newest() const { return segments_.rbegin()->first; }
  size_t segments() const { return segments_.size(); }
  size_t bytes() const { return segments_.size() * options_.segment_bytes; }
  // Never the newest. The file is gone some time later; a kill may leave it.
  void RemoveOldest();

  // A number that a new segment keeps in its head, for what no record tells any more.
  void set_floor(uint64_t floor) { floor_ = floor; }
  uint64_t recovered_floor() const { return recovered_floor_; }

  size_t max_payload() const { return options_.segment_bytes - options_.reserve_bytes - 64; }

 private:
  struct Entry {
    std::vector<std::string> payloads;
    Need need = Need::kRoom;
    Appended done;
    size_t size = 0;  // As it stands in the file.
  };
  struct Batch;
  struct Writer;  // The writing thread's.
  using Files = std::map<uint32_t, std::shared_ptr<base::UniqueFd>>;

  SegmentLog(io::Loop& loop, std::string folder, SegmentLogOptions options);
  base::Result<void> Recover(const OnRecord& on_record);
  void FlushSoon();
  void Flush();

  io::Loop& loop_;
  const std::string folder_;
  const SegmentLogOptions options_;
  Files segments_;
  std::vector<Entry> pending_;
  bool flush_posted_ = false;
  bool writing_ = false;
  size_t unwritten_ = 0;
  uint64_t floor_ = 0;
  uint64_t recovered_floor_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<Writer> writer_;
  io::Offload writing_thread_;
  io::Offload reading_thread_;
};

// The records of one file's bytes, up to the first that is not whole; returns where that stands.
// Never reads beyond `bytes`. kInvalid where the head is not a segment's.
struct SegmentHead {
  uint64_t floor = 0;
};
base::Result<size_t> ReadSegment(std::string_view bytes, uint32_t segment, SegmentHead& head,
                                 const SegmentLog::OnRecord& on_record);

}  // namespace hearth::sqs
