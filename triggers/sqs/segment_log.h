// SegmentLog: one append-only log, in numbered files of a fixed size, with group commit.
//
// What Append has answered for has been written and synced: it survives kill -9 and power loss.
// Records that wait for the disk share one fdatasync. A file is preallocated, so that a full disk
// shows when the next one is made: sends are then refused (kLimit), while receives go on in what
// is kept of the file, and deletes in the last half of that, which no receive takes. The disk is
// asked again after a pause, or when a file is removed. After a failed write or sync nothing is
// known of the disk: all is refused until a restart.
//
// Torn records at the very end are cut off at Open; anywhere else they are kCorrupt.
// Loop's thread only; files are touched on threads of its own. Owner: the engine.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "io/offload.h"
#include "triggers/sqs/segment_file.h"

namespace hearth::sqs {

struct SegmentLogOptions {
  size_t segment_bytes = limits::kQueueSegment;
  size_t reserve_bytes = 2 * limits::kQueueReserve;     // Half of it is the deletes'.
  base::Duration full_pause = std::chrono::seconds(1);  // In the machine's time.
  Preallocate preallocate{};                            // None: PreallocateOnDisk.
};

class SegmentLog {
 public:
  // Reads every record, oldest first; blocking. `folder` is made where it is missing.
  static base::Result<std::unique_ptr<SegmentLog>> Open(io::Loop& loop, const std::string& folder,
                                                        const OnLogRecord& on_record,
                                                        SegmentLogOptions options = {});
  ~SegmentLog();

  // What a full disk leaves to whom, see above.
  enum class Need {
    kRoom,    // Sends, copies.
    kLittle,  // Receives, changes of visibility, dead letters.
    kLeast,   // What makes room: deletes, purges.
  };
  using Appended = std::function<void(base::Result<std::vector<LogPosition>>)>;
  // All payloads or none, in this order, though others' may stand between. `done` runs once, later,
  // when they are durable; in order of Append. A payload has at most max_payload() bytes.
  void Append(std::vector<std::string> payloads, Need need, Appended done);
  // Bytes appended with kRoom that are not durable yet.
  size_t unwritten() const { return unwritten_; }
  bool is_idle() const { return pending_.empty() && !writing_; }

  // Reads payloads beside the loop. What RemoveOldest has removed meanwhile is still read.
  using Reading = std::function<void(base::Result<std::vector<std::string>>)>;
  void Read(std::vector<LogPosition> positions, Reading done);
  // Some records of the oldest segment, from that byte of it on; 0: from its first record.
  struct Record {
    std::string payload;
    LogPosition at;
  };
  struct Part {
    std::vector<Record> records;
    uint32_t next = 0;  // Where the next part begins; 0: there is none.
  };
  void ReadOldest(uint32_t from, std::function<void(base::Result<Part>)> done);

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
  base::Result<void> Recover(const OnLogRecord& on_record);
  base::Result<void> RecoverSegment(uint32_t segment, bool is_newest, const OnLogRecord& on_record);
  void FlushSoon();
  void Flush();

  io::Loop& loop_;
  const std::string folder_;
  SegmentLogOptions options_;
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

}  // namespace hearth::sqs
