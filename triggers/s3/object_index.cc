// ObjectIndex: the tables; buckets, events, files.
#include "triggers/s3/object_index.h"

#include <sys/stat.h>

#include "triggers/s3/data_files.h"
#include "triggers/s3/object_rows.h"

namespace hearth::s3 {

using base::Result;
using store::Row;
using store::Value;

namespace {

constexpr std::string_view kPragmas[] = {
    "PRAGMA cache_size=-8192",         // KiB: the inner pages of a large tree.
    "PRAGMA wal_autocheckpoint=2000",  // Pages: 8 MB of log, some thousand puts.
    "PRAGMA journal_size_limit=16777216",
};

// Of what stands before headers, tags and extents in a row a listing reads nothing more: they come
// last.
constexpr std::string_view kTables =
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO counters (name, value) VALUES ('number', 0), ('block', 0);"
    "CREATE TABLE buckets (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " created_ms INTEGER NOT NULL, versioning INTEGER NOT NULL, texts TEXT NOT NULL) STRICT;"
    "CREATE TABLE objects (bucket INTEGER NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " version_id TEXT NOT NULL, modified_ms INTEGER NOT NULL, size INTEGER NOT NULL,"
    " etag TEXT NOT NULL, checksum TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL,"
    " extents TEXT NOT NULL, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE others (is_marker INTEGER NOT NULL, bucket INTEGER NOT NULL, key TEXT NOT NULL,"
    " sequence INTEGER NOT NULL, version_id TEXT NOT NULL, modified_ms INTEGER NOT NULL,"
    " size INTEGER NOT NULL, etag TEXT NOT NULL, checksum TEXT NOT NULL, headers TEXT NOT NULL,"
    " tags TEXT NOT NULL, extents TEXT NOT NULL,"
    " PRIMARY KEY (bucket, key, sequence DESC)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX others_null ON others (bucket, key) WHERE version_id = 'null';"
    "CREATE TABLE uploads (bucket INTEGER NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, checksum TEXT NOT NULL, headers TEXT NOT NULL,"
    " tags TEXT NOT NULL, PRIMARY KEY (bucket, key, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE parts (upload TEXT NOT NULL, number INTEGER NOT NULL,"
    " modified_ms INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,"
    " checksum TEXT NOT NULL, extents TEXT NOT NULL, PRIMARY KEY (upload, number))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE outbox (id INTEGER PRIMARY KEY, arn TEXT NOT NULL, payload TEXT NOT NULL) STRICT;"
    "CREATE TABLE garbage (id INTEGER PRIMARY KEY, file INTEGER NOT NULL) STRICT;"
    "CREATE TABLE reserved (block INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE recent (file INTEGER PRIMARY KEY) STRICT;";

std::unexpected<base::Error> Malformed(std::string_view what) {
  return base::MakeError(base::ErrorKind::kCorrupt, "read the index of objects",
                         "a row of " + std::string(what) + " is malformed");
}

}  // namespace

std::vector<store::Migration> ObjectMigrations() { return {{"objects", std::string(kTables)}}; }

ApiError NoSuchBucket(const std::string& bucket) {
  return Refusal("NoSuchBucket", {{"BucketName", bucket}});
}
ApiError NoSuchKey(const std::string& key) { return Refusal("NoSuchKey", {{"Key", key}}); }
ApiError NoSuchUpload(const std::string& id) { return Refusal("NoSuchUpload", {{"UploadId", id}}); }

Result<std::unique_ptr<ObjectIndex>> ObjectIndex::Open(const std::string& path) {
  const auto migrations = ObjectMigrations();
  auto database = TRY(store::Database::Open(path, migrations));
  for (const std::string_view pragma : kPragmas) TRY(database->Run(pragma));
  std::unique_ptr<ObjectIndex> index(new ObjectIndex(std::move(database), path + "-wal"));
  index->number_ = TRY(index->Counter("number"));
  return index;
}

Result<int64_t> ObjectIndex::Counter(const char* name) {
  int64_t value = 0;
  const Value values[] = {std::string(name)};
  TRY(database_->Run("SELECT value FROM counters WHERE name = ?", values,
                     [&value](const Row& row) { value = row.Int(0); }));
  return value;
}

Result<ObjectIndex::Committed> ObjectIndex::Commit(const std::function<Result<void>()>& body,
                                                   const SyncBlocks& sync) {
  committed_ = {};
  blocks_.clear();
  const int64_t before = number_;
  TRY(database_->Transaction([&]() -> Result<void> {
    TRY(body());
    if (sync && !blocks_.empty()) TRY(sync(blocks_));
    if (number_ == before) return {};
    const Value values[] = {number_};
    TRY(database_->Run("UPDATE counters SET value = ? WHERE name = 'number'", values));
    return {};
  }));
  return std::exchange(committed_, {});
}

Result<void> ObjectIndex::Snapshot(const std::function<void()>& body) {
  TRY(database_->Run("BEGIN"));
  body();
  TRY(database_->Run("COMMIT"));
  return {};
}

uint64_t ObjectIndex::LogBytes() const {
  struct stat now{};
  return ::stat(log_path_.c_str(), &now) == 0 ? static_cast<uint64_t>(now.st_size) : 0;
}

Result<void> ObjectIndex::CutLog() {
  bool is_busy = false;
  TRY(database_->Run("PRAGMA wal_checkpoint(TRUNCATE)", {},
                     [&is_busy](const Row& row) { is_busy = row.Int(0) != 0; }));
  if (!is_busy) return {};
  return base::MakeError(base::ErrorKind::kConflict, "cut the log of the index of objects",
                         "it is being read");
}

Result<std::vector<NumberedBucket>> ObjectIndex::LoadBuckets() {
  std::vector<NumberedBucket> out;
  bool is_malformed = false;
  TRY(database_->Run("SELECT id, name, created_ms, versioning, texts FROM buckets", {},
                     [&](const Row& row) {
                       auto texts = DecodeWords(row.Text(4));
                       const auto versioning = static_cast<BucketRecord::Versioning>(row.Int(3));
                       if (!texts || versioning > BucketRecord::Versioning::kSuspended)
                         is_malformed = true;
                       out.push_back({row.Int(0),
                                      {.name = std::string(row.Text(1)),
                                       .created_ms = row.Int(2),
                                       .versioning = versioning,
                                       .texts = std::move(texts).value_or(Words())}});
                     }));
  if (is_malformed) return Malformed("buckets");
  return out;
}

Result<std::optional<ObjectIndex::Bucket>> ObjectIndex::FindBucket(const std::string& name) {
  std::optional<Bucket> out;
  const Value values[] = {name};
  TRY(database_->Run("SELECT id, versioning FROM buckets WHERE name = ?", values,
                     [&out](const Row& row) {
                       out = {row.Int(0), static_cast<BucketRecord::Versioning>(row.Int(1))};
                     }));
  return out;
}

Outcome<NumberedBucket> ObjectIndex::CreateBucket(BucketRecord bucket) {
  if (TRY(FindBucket(bucket.name))) {
    return Answer<NumberedBucket>(
        std::unexpected(Refusal("BucketAlreadyOwnedByYou", {{"BucketName", bucket.name}})));
  }
  const int64_t id = ++number_;
  const Value values[] = {id, bucket.name, bucket.created_ms,
                          static_cast<int64_t>(bucket.versioning), EncodeWords(bucket.texts)};
  TRY(
      database_->Run("INSERT INTO buckets (id, name, created_ms, versioning, texts)"
                     " VALUES (?, ?, ?, ?, ?)",
                     values));
  return Answer<NumberedBucket>({id, std::move(bucket)});
}

Outcome<void> ObjectIndex::DeleteBucket(const std::string& name) {
  const auto bucket = TRY(FindBucket(name));
  if (!bucket) return Answer<void>(std::unexpected(NoSuchBucket(name)));
  const Value id[] = {bucket->id};
  bool is_empty = true;
  for (const std::string_view any : {"SELECT 1 FROM objects WHERE bucket = ? LIMIT 1",
                                     "SELECT 1 FROM others WHERE bucket = ? LIMIT 1"}) {
    TRY(database_->Run(any, id, [&is_empty](const Row&) { is_empty = false; }));
  }
  if (!is_empty) {
    return Answer<void>(std::unexpected(Refusal("BucketNotEmpty", {{"BucketName", name}})));
  }
  std::vector<UploadRecord> uploads;
  TRY(database_->Run("SELECT key, id FROM uploads WHERE bucket = ?", id, [&](const Row& row) {
    uploads.push_back({.id = std::string(row.Text(1)), .key = std::string(row.Text(0))});
  }));
  for (const UploadRecord& upload : uploads) TRY(RemoveUpload(bucket->id, upload, {}));
  TRY(database_->Run("DELETE FROM buckets WHERE id = ?", id));
  return Answer<void>();
}

// By its id: one that is gone is not the one that has its name now.
Outcome<void> ObjectIndex::SaveBucket(int64_t id, const BucketRecord& bucket) {
  const Value values[] = {static_cast<int64_t>(bucket.versioning), EncodeWords(bucket.texts), id};
  if (TRY(database_->Run("UPDATE buckets SET versioning = ?, texts = ? WHERE id = ?", values)) ==
      0) {
    return Answer<void>(std::unexpected(NoSuchBucket(bucket.name)));
  }
  return Answer<void>();
}

Result<void> ObjectIndex::Tell(const Announce& announce, Change::Kind kind,
                               const ObjectRecord& object) {
  if (!announce) return {};
  return PutOutbox(announce({kind, object}));
}

Result<void> ObjectIndex::PutOutbox(const std::vector<OutgoingEvent>& events) {
  for (const OutgoingEvent& event : events) {
    const int64_t id = ++number_;
    const Value values[] = {id, event.arn, event.payload};
    TRY(database_->Run("INSERT INTO outbox (id, arn, payload) VALUES (?, ?, ?)", values));
    committed_.events.push_back({id, event});
  }
  return {};
}

Result<std::vector<OutboxRow>> ObjectIndex::LoadOutbox(int64_t after, int most) {
  std::vector<OutboxRow> out;
  const Value values[] = {after, int64_t{most}};
  TRY(database_->Run("SELECT id, arn, payload FROM outbox WHERE id > ? ORDER BY id LIMIT ?", values,
                     [&out](const Row& row) {
                       out.push_back(
                           {row.Int(0), {std::string(row.Text(1)), std::string(row.Text(2))}});
                     }));
  return out;
}

Result<void> ObjectIndex::ForgetOutbox(const std::vector<int64_t>& ids) {
  for (const int64_t id : ids) {
    const Value values[] = {id};
    TRY(database_->Run("DELETE FROM outbox WHERE id = ?", values));
  }
  return {};
}

Result<int64_t> ObjectIndex::NextBlock() {
  const int64_t block = TRY(Counter("block")) + 1;
  const Value values[] = {block};
  TRY(database_->Run("UPDATE counters SET value = ? WHERE name = 'block'", values));
  TRY(database_->Run("INSERT INTO reserved (block) VALUES (?)", values));
  return block;
}

Result<void> ObjectIndex::Release(const std::vector<int64_t>& blocks) {
  for (const int64_t block : blocks) {
    const Value files[] = {FirstOfBlock(block), FirstOfBlock(block + 1)};
    TRY(database_->Run("DELETE FROM recent WHERE file >= ? AND file < ?", files));
    const Value values[] = {block};
    TRY(database_->Run("DELETE FROM reserved WHERE block = ?", values));
  }
  return {};
}

Result<std::vector<int64_t>> ObjectIndex::ReservedBlocks() {
  std::vector<int64_t> out;
  TRY(database_->Run("SELECT block FROM reserved ORDER BY block", {},
                     [&out](const Row& row) { out.push_back(row.Int(0)); }));
  return out;
}

Result<std::vector<int64_t>> ObjectIndex::FilesWithRows(int64_t block) {
  std::vector<int64_t> out;
  const Value files[] = {FirstOfBlock(block), FirstOfBlock(block + 1)};
  TRY(database_->Run("SELECT file FROM recent WHERE file >= ? AND file < ? ORDER BY file", files,
                     [&out](const Row& row) { out.push_back(row.Int(0)); }));
  return out;
}

Result<void> ObjectIndex::KeepFiles(const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) {
    blocks_.insert(BlockOf(extent.file));
    const Value values[] = {extent.file};
    TRY(database_->Run("INSERT OR IGNORE INTO recent (file) VALUES (?)", values));
  }
  return {};
}

Result<void> ObjectIndex::AddGarbage(const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) {
    committed_.garbage = ++number_;
    const Value values[] = {number_, extent.file};
    TRY(database_->Run("INSERT INTO garbage (id, file) VALUES (?, ?)", values));
  }
  return {};
}

Result<std::vector<ObjectIndex::GarbageRow>> ObjectIndex::LoadGarbage(int64_t after, int64_t until,
                                                                      int most) {
  std::vector<GarbageRow> out;
  const Value values[] = {after, until, int64_t{most}};
  TRY(database_->Run("SELECT id, file FROM garbage WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                     values, [&out](const Row& row) { out.push_back({row.Int(0), row.Int(1)}); }));
  return out;
}

Result<void> ObjectIndex::ForgetGarbage(const std::vector<int64_t>& ids) {
  for (const int64_t id : ids) {
    const Value values[] = {id};
    TRY(database_->Run("DELETE FROM garbage WHERE id = ?", values));
  }
  return {};
}

}  // namespace hearth::s3
