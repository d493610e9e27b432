// DiskStore: objects on this machine's disk: bytes in files (object_disk.h), what they are in an
// index (object_index.h).
//
// Changes queue up on the loop; one commit at a time takes all that wait and syncs once. Each is
// refused or applied on its own; where a commit fails, all of it fail and the loop's memory stays
// as it was. Reads run beside it, on threads of their own; current records that were put or read
// lately come from memory. On a full disk what needs room is refused, with SlowDown, and asked for
// again after a while; deletes go on in what was kept for them. Files that nobody's row tells of
// any more are removed some time later: whoever has just looked a record up may still read them.
// Source: docs/decisions/0011. Owner: host. What runs when it is destroyed is not called back.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "io/timer.h"
#include "triggers/s3/disk_reserve.h"
#include "triggers/s3/object_disk.h"
#include "triggers/s3/object_index.h"
#include "triggers/s3/object_store.h"
#include "triggers/s3/record_cache.h"

namespace hearth::s3 {

struct DiskStoreOptions {
  size_t cache_bytes = 16 << 20;   // Ours: of current records.
  size_t reserve_bytes = 4 << 20;  // Ours: of the disk, for deletes when it is full.
  uint64_t log_bytes = 64 << 20;   // Ours: of the index's log; above, reads wait until it is cut.
  base::Duration full_pause = std::chrono::seconds(1);  // In the machine's time, as below.
  base::Duration garbage_rest = std::chrono::seconds(1);
};

class DiskStore final : public ObjectStore {
 public:
  // Blocking. `folder` is made where it is missing. A full disk is started on with what is kept for
  // deletes, and refuses puts.
  static base::Result<std::unique_ptr<DiskStore>> Open(io::Loop& loop, const std::string& folder,
                                                       DiskStoreOptions options = {});
  ~DiskStore() override;

  const BucketRecord* Find(std::string_view bucket) const override;
  std::vector<const BucketRecord*> Buckets() const override;
  void CreateBucket(BucketRecord bucket, Done<void> done) override;
  void DeleteBucket(const std::string& name, Done<void> done) override;
  void ChangeBucket(const std::string& name, const std::function<void(BucketRecord&)>& change,
                    Done<void> done) override;

  void Put(PutRequest request, Done<ObjectRecord> done) override;
  void Look(const std::string& bucket, const std::string& key, const std::string& version_id,
            Done<ObjectRecord> done) override;
  void Delete(DeleteRequest request, Done<Deleted> done) override;
  void SetTags(const std::string& bucket, const std::string& key, const std::string& version_id,
               Words tags, Announce announce, Done<ObjectRecord> done) override;
  void List(ListRequest request, Done<ListPage> done) override;
  void ListVersions(ListRequest request, Done<ListPage> done) override;

  void CreateUpload(UploadRecord upload, Done<UploadRecord> done) override;
  void FindUpload(const std::string& bucket, const std::string& key, const std::string& id,
                  Done<UploadRecord> done) override;
  void PutPart(const std::string& bucket, const std::string& key, const std::string& id,
               PartRecord part, Done<PartRecord> done) override;
  void ListParts(const std::string& bucket, const std::string& key, const std::string& id,
                 int after, int most, Done<PartsPage> done) override;
  void ListUploads(const ListRequest& request, Done<UploadsPage> done) override;
  void Complete(CompleteRequest request, Done<ObjectRecord> done) override;
  void Abort(const std::string& bucket, const std::string& key, const std::string& id,
             Done<void> done) override;

  std::unique_ptr<BodyWriter> Write(std::vector<std::string> checksums,
                                    std::function<void()> room) override;
  void Copy(const ObjectRecord& from, Piece piece, std::vector<std::string> checksums,
            bool needs_md5, Done<StagedBody> done) override;
  void Discard(std::vector<Extent> extents) override;
  void Send(const ObjectRecord& object, Piece piece, int status, io::HttpHeaders headers,
            io::HttpResponder responder) override;
  void Read(const ObjectRecord& object, Done<std::string> done) override;

  void OnOutbox(std::function<void(std::vector<OutboxRow>)> heard) override;
  void PutOutbox(std::vector<OutgoingEvent> events, Done<void> done) override;
  void LoadOutbox(int64_t after, int most, Done<std::vector<OutboxRow>> done) override;
  void ForgetOutbox(std::vector<int64_t> ids) override;

  bool IsQuiet() const override;

 private:
  struct Bucket {
    int64_t id = 0;
    BucketRecord record;  // As it is committed.
    BucketRecord newest;  // With changes that are not committed yet.
    // Of those changes: true where one before them failed, which they hold too. Written between
    // two batches, read inside one.
    std::shared_ptr<bool> is_stale = std::make_shared<bool>(false);
  };
  // How a change ended, beside its answer.
  enum class Ending { kCommitted, kNotTried, kCommitFailed };
  enum class Need { kRoom, kLeast };  // Of a full disk: kLeast makes room.
  struct Operation {
    std::function<base::Result<void>(ObjectIndex&)> apply;  // On the writer's thread.
    std::function<void(const base::Error* failure)> end;
    Need need = Need::kRoom;
  };
  struct Batch;
  struct Fill {
    std::shared_ptr<bool> is_fresh = std::make_shared<bool>(true);
    int looks = 0;
  };
  // The indexes that read; a reading thread takes one at a time.
  struct Readers {
    std::mutex mutex;
    std::vector<std::unique_ptr<ObjectIndex>> idle;
  };
  template <typename T>
  using Ended = std::function<void(const Answer<T>&, Ending)>;

  DiskStore(io::Loop& loop, const std::string& folder, DataFiles files,
            std::unique_ptr<ObjectIndex> index, DiskStoreOptions options);
  static base::Result<std::unique_ptr<DiskStore>> TryOpen(io::Loop& loop, const std::string& folder,
                                                          const DiskStoreOptions& options);
  base::Result<void> Start(const std::string& index_path);
  base::Result<void> Sweep();

  // `ended` sees to the loop's memory, before `done`.
  template <typename T>
  void Submit(std::function<Outcome<T>(ObjectIndex&)> apply, Done<T> done, Ended<T> ended = {},
              Need need = Need::kRoom);
  std::optional<ApiError> Overload(Need need) const;
  void Queue(Operation operation);
  void FlushSoon();
  void Flush();
  void EndBatch(Batch& batch);
  void SetFull(const std::optional<base::Error>& full);
  void WatchLog(uint64_t bytes);
  void CutLog();
  template <typename T>
  void Read(std::function<Outcome<T>(ObjectIndex&)> read, Done<T> done);
  template <typename T>
  void Later(Done<T> done, Answer<T> answer);

  const Bucket* FindBucket(const std::string& name) const;
  void EndBytes(const std::vector<Extent>& extents, bool is_success, Ending ending);
  void Touch(const std::string& bucket, const std::string& key, const ObjectRecord* current);
  void ReserveBlock();
  void ReleaseBlocks();
  void NoteGarbage(int64_t newest);
  void CollectLater(int64_t until, uint64_t first_read);
  void Collect(int64_t after, int64_t until);
  void RemoveGarbage(std::vector<ObjectIndex::GarbageRow> rows, int64_t until);
  int64_t NowMs() const;

  io::Loop& loop_;
  const DiskStoreOptions options_;
  std::map<std::string, Bucket, std::less<>> buckets_;
  RecordCache cache_;
  // Looks under way that may fill the cache, by bucket and key, until a commit changes the key.
  std::map<std::pair<int64_t, std::string>, Fill> fills_;
  std::function<void(std::vector<OutboxRow>)> heard_;

  std::deque<Operation> queue_;
  bool flush_posted_ = false;
  bool is_writing_ = false;
  std::vector<Extent> doubtful_;  // Of commits that failed: garbage, with the next one.

  uint64_t next_read_ = 1;
  std::set<uint64_t> reads_;  // Under way.
  bool holds_reads_ = false;  // The log is to be cut: those that come wait until it is.
  std::deque<std::function<void()>> held_reads_;
  uint64_t log_bound_;
  int64_t newest_garbage_ = 0;
  bool is_collecting_ = false;
  bool has_left_garbage_ = false;  // It was being read.
  io::Timer garbage_timer_;

  io::Timer full_timer_;

  std::unique_ptr<ObjectIndex> index_;    // The writer's.
  std::unique_ptr<DiskReserve> reserve_;  // So too.
  std::shared_ptr<Readers> readers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  ObjectDisk disk_;
  io::Offload writing_;
  io::Offload reading_;
};

}  // namespace hearth::s3
