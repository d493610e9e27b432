// ObjectIndex: what there is, in SQL: buckets, versions of objects, uploads and their parts, events
// that are to go out, and which data files are nobody's any more. Owner: DiskStore, which has one
// that writes, on one thread, and some that read beside it, each on one thread at a time.
//
// Blocking. Keys are compared as bytes. A current object is a row of `objects`; every other
// version, and a delete marker that is the newest, is one of `others`: a listing reads nothing
// else, and a bucket without versions has nothing else. Numbers of all kinds come from one counter
// and are never given twice.
//
// What changes runs inside Commit, any number of calls in one. The outer Result of an Outcome is
// the host's failure: nothing of that Commit may stand. The inner one is S3's refusal, before which
// nothing was changed.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/database.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

template <typename T>
using Outcome = base::Result<Answer<T>>;

struct NumberedBucket {
  int64_t id = 0;
  BucketRecord record;
};

class ObjectIndex {
 public:
  static base::Result<std::unique_ptr<ObjectIndex>> Open(const std::string& path);

  struct Committed {
    std::vector<OutboxRow> events;
    int64_t garbage = 0;  // The newest row of garbage that it made; 0: none.
  };
  // `sync` makes the names of files durable before rows tell of them: those of these blocks.
  using SyncBlocks = std::function<base::Result<void>(const std::set<int64_t>& blocks)>;
  base::Result<Committed> Commit(const std::function<base::Result<void>()>& body,
                                 const SyncBlocks& sync = {});
  // All that `body` reads is of one moment.
  base::Result<void> Snapshot(const std::function<void()>& body);
  int64_t last_number() const { return number_; }
  // Of the log of what is committed, which is copied to its place now and then.
  uint64_t LogBytes() const;
  base::Result<void> CutLog();  // Outside of Commit, while nobody reads: kConflict.

  // Buckets.
  base::Result<std::vector<NumberedBucket>> LoadBuckets();
  Outcome<NumberedBucket> CreateBucket(BucketRecord bucket);
  Outcome<void> DeleteBucket(const std::string& name);  // With its uploads.
  Outcome<void> SaveBucket(int64_t id, const BucketRecord& bucket);

  // Versions. `now_ms` becomes what they were modified at.
  Outcome<ObjectRecord> Put(const PutRequest& request, int64_t now_ms);
  Outcome<Deleted> Delete(const DeleteRequest& request, int64_t now_ms);
  Outcome<ObjectRecord> SetTags(const std::string& bucket, const std::string& key,
                                const std::string& version_id, const Words& tags,
                                const Announce& announce);
  Outcome<ObjectRecord> Look(int64_t bucket, const std::string& key, const std::string& version_id);
  Outcome<ListPage> List(int64_t bucket, const ListRequest& request);
  Outcome<ListPage> ListVersions(int64_t bucket, const ListRequest& request);

  // Uploads.
  Outcome<UploadRecord> CreateUpload(UploadRecord upload);
  Outcome<UploadRecord> FindUpload(const std::string& bucket, const std::string& key,
                                   const std::string& id);
  Outcome<PartRecord> PutPart(const std::string& bucket, const std::string& key,
                              const std::string& id, const PartRecord& part);
  Outcome<PartsPage> ListParts(const std::string& bucket, const std::string& key,
                               const std::string& id, int after, int most);
  Outcome<UploadsPage> ListUploads(int64_t bucket, const ListRequest& request);
  Outcome<ObjectRecord> Complete(const CompleteRequest& request, int64_t now_ms);
  Outcome<void> Abort(const std::string& bucket, const std::string& key, const std::string& id);

  // Events.
  base::Result<void> PutOutbox(const std::vector<OutgoingEvent>& events);
  base::Result<std::vector<OutboxRow>> LoadOutbox(int64_t after, int most);
  base::Result<void> ForgetOutbox(const std::vector<int64_t>& ids);

  // Data files (data_files.h). A block is reserved before a number of it is used; as long as it is,
  // a file of it without a row is nobody's.
  base::Result<int64_t> NextBlock();  // Reserved with this commit.
  base::Result<void> Release(const std::vector<int64_t>& blocks);
  base::Result<std::vector<int64_t>> ReservedBlocks();
  base::Result<std::vector<int64_t>> FilesWithRows(int64_t block);  // Of a reserved one; rising.
  struct GarbageRow {
    int64_t id = 0;
    int64_t file = 0;
  };
  base::Result<std::vector<GarbageRow>> LoadGarbage(int64_t after, int64_t until, int most);
  base::Result<void> AddGarbage(const std::vector<Extent>& extents);
  base::Result<void> ForgetGarbage(const std::vector<int64_t>& ids);

 private:
  struct Bucket {
    int64_t id = 0;
    BucketRecord::Versioning versioning = BucketRecord::Versioning::kNever;
  };
  enum class Table { kObjects, kOthers };
  using Found = base::Result<std::optional<ObjectRecord>>;

  ObjectIndex(std::unique_ptr<store::Database> database, std::string log_path)
      : database_(std::move(database)), log_path_(std::move(log_path)) {}
  static std::optional<ApiError> Unmet(const PutCondition& condition, const std::string& key,
                                       const std::optional<ObjectRecord>& current);
  base::Result<int64_t> Counter(const char* name);
  base::Result<std::optional<Bucket>> FindBucket(const std::string& name);
  Found Current(int64_t bucket, const std::string& key);
  Found NewestOther(int64_t bucket, const std::string& key);
  Found OtherNull(int64_t bucket, const std::string& key);
  Found Version(int64_t bucket, const std::string& key, const std::string& version_id);
  Found OneVersion(std::string_view sql, std::span<const store::Value> values);
  base::Result<void> Insert(Table table, int64_t bucket, const ObjectRecord& record);
  base::Result<void> Remove(int64_t bucket, const ObjectRecord& record);
  base::Result<void> Displace(int64_t bucket, const std::string& key);
  base::Result<void> Promote(int64_t bucket, const std::string& key);
  base::Result<void> MakeRoom(const Bucket& bucket, const std::optional<ObjectRecord>& current,
                              const std::string& key);
  base::Result<ObjectRecord> Enter(const Bucket& bucket, const std::optional<ObjectRecord>& current,
                                   ObjectRecord object, int64_t now_ms, const Announce& announce);
  base::Result<void> Tell(const Announce& announce, Change::Kind kind, const ObjectRecord& object);
  base::Result<void> KeepFiles(const std::vector<Extent>& extents);
  base::Result<std::optional<UploadRecord>> Upload(int64_t bucket, const std::string& key,
                                                   const std::string& id);
  base::Result<std::vector<PartRecord>> Parts(const std::string& upload, int after, int most);
  base::Result<void> RemoveUpload(int64_t bucket, const UploadRecord& upload,
                                  const std::vector<Extent>& kept);

  std::unique_ptr<store::Database> database_;
  const std::string log_path_;
  int64_t number_ = 0;  // The last one that was given.
  Committed committed_;
  std::set<int64_t> blocks_;  // With files that this commit has rows of for the first time.
};

std::vector<store::Migration> ObjectMigrations();
// Refusals that name what is missing.
ApiError NoSuchBucket(const std::string& bucket);
ApiError NoSuchKey(const std::string& key);
ApiError NoSuchUpload(const std::string& id);

}  // namespace hearth::s3
