// ObjectIndex: objects, their versions and delete markers.
//
// A key's newest version is its current one; so a version that is removed for good makes way for
// the next newest. Source: S3 User Guide, "Retaining multiple versions of objects with S3
// Versioning", "Adding objects to versioning-suspended buckets", "Deleting object versions".
#include "triggers/s3/object_index.h"
#include "triggers/s3/object_rows.h"

namespace hearth::s3 {

using base::Result;
using store::Row;
using store::Value;
using Versioning = BucketRecord::Versioning;

namespace {

constexpr std::string_view kNull = "null";

template <typename T>
Answer<T> Refused(ApiError error) {
  return std::unexpected(std::move(error));
}

// In the order of the columns of both tables, behind "is_marker".
std::optional<ObjectRecord> ReadVersion(const Row& row) {
  auto checksum = DecodeChecksum(row.Text(7));
  auto headers = DecodeWords(row.Text(8));
  auto tags = DecodeWords(row.Text(9));
  auto extents = DecodeExtents(row.Text(10));
  if (!checksum || !headers || !tags || !extents) return std::nullopt;
  return ObjectRecord{.sequence = row.Int(2),
                      .key = std::string(row.Text(1)),
                      .version_id = std::string(row.Text(3)),
                      .is_delete_marker = row.Int(0) != 0,
                      .modified_ms = row.Int(4),
                      .size = static_cast<uint64_t>(row.Int(5)),
                      .etag = std::string(row.Text(6)),
                      .headers = std::move(*headers),
                      .tags = std::move(*tags),
                      .checksum = std::move(*checksum),
                      .extents = std::move(*extents)};
}

constexpr std::string_view kOfCurrent =
    "SELECT 0, key, sequence, version_id, modified_ms, size, etag, checksum, headers, tags, extents"
    " FROM objects WHERE bucket = ? AND key = ?";
constexpr std::string_view kNewestOfOthers =
    "SELECT is_marker, key, sequence, version_id, modified_ms, size, etag, checksum, headers, tags,"
    " extents FROM others WHERE bucket = ? AND key = ? ORDER BY sequence DESC LIMIT 1";
constexpr std::string_view kNullOfOthers =
    "SELECT is_marker, key, sequence, version_id, modified_ms, size, etag, checksum, headers, tags,"
    " extents FROM others INDEXED BY others_null"
    " WHERE bucket = ? AND key = ? AND version_id = 'null'";
constexpr std::string_view kOneOfOthers =
    "SELECT is_marker, key, sequence, version_id, modified_ms, size, etag, checksum, headers, tags,"
    " extents FROM others WHERE bucket = ? AND key = ? AND sequence = ? AND version_id = ?";

bool Matches(const std::string& wanted, const ObjectRecord& object) {
  return wanted == "*" || wanted == object.etag;
}

ApiError Failed(std::string_view condition) {
  return Refusal("PreconditionFailed", {{"Condition", condition}});
}

ApiError NoSuchVersion(const std::string& key, const std::string& version_id) {
  return Refusal("NoSuchVersion", {{"Key", key}, {"VersionId", version_id}});
}

}  // namespace

std::optional<ApiError> ObjectIndex::Unmet(const PutCondition& condition, const std::string& key,
                                           const std::optional<ObjectRecord>& current) {
  if (condition.if_none_match && current) return Failed("If-None-Match");
  if (condition.if_match.empty()) return std::nullopt;
  if (!current) return NoSuchKey(key);
  if (!Matches(condition.if_match, *current)) return Failed("If-Match");
  return std::nullopt;
}

ObjectIndex::Found ObjectIndex::OneVersion(std::string_view sql, std::span<const Value> values) {
  std::optional<ObjectRecord> out;
  bool is_malformed = false;
  TRY(database_->Run(sql, values, [&](const Row& row) {
    out = ReadVersion(row);
    is_malformed = !out;
  }));
  if (is_malformed) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read the index of objects",
                           "a row of an object is malformed");
  }
  return out;
}

ObjectIndex::Found ObjectIndex::Current(int64_t bucket, const std::string& key) {
  const Value values[] = {bucket, key};
  return OneVersion(kOfCurrent, values);
}

ObjectIndex::Found ObjectIndex::NewestOther(int64_t bucket, const std::string& key) {
  const Value values[] = {bucket, key};
  return OneVersion(kNewestOfOthers, values);
}

ObjectIndex::Found ObjectIndex::OtherNull(int64_t bucket, const std::string& key) {
  const Value values[] = {bucket, key};
  return OneVersion(kNullOfOthers, values);
}

// The current one where `version_id` is empty, a marker or not.
ObjectIndex::Found ObjectIndex::Version(int64_t bucket, const std::string& key,
                                        const std::string& version_id) {
  auto current = TRY(Current(bucket, key));
  if (current && (version_id.empty() || current->version_id == version_id)) return current;
  if (version_id.empty()) return NewestOther(bucket, key);
  std::optional<ObjectRecord> other;
  if (version_id == kNull) {
    other = TRY(OtherNull(bucket, key));
  } else if (const auto number = NumberOf(version_id)) {
    const Value values[] = {bucket, key, *number, version_id};
    other = TRY(OneVersion(kOneOfOthers, values));
  }
  if (!other) return other;
  other->is_latest = false;
  if (!current) other->is_latest = TRY(NewestOther(bucket, key))->sequence == other->sequence;
  return other;
}

Result<void> ObjectIndex::Insert(Table table, int64_t bucket, const ObjectRecord& record) {
  std::vector<Value> values = {bucket,
                               record.key,
                               record.sequence,
                               record.version_id,
                               record.modified_ms,
                               static_cast<int64_t>(record.size),
                               record.etag,
                               EncodeChecksum(record.checksum),
                               EncodeWords(record.headers),
                               EncodeWords(record.tags),
                               EncodeExtents(record.extents)};
  if (table == Table::kObjects) {
    TRY(
        database_->Run("INSERT OR REPLACE INTO objects (bucket, key, sequence, version_id,"
                       " modified_ms, size, etag, checksum, headers, tags, extents)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       values));
    return {};
  }
  values.emplace_back(int64_t{record.is_delete_marker});
  TRY(
      database_->Run("INSERT OR REPLACE INTO others (bucket, key, sequence, version_id,"
                     " modified_ms, size, etag, checksum, headers, tags, extents, is_marker)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     values));
  return {};
}

// For good, with its bytes.
Result<void> ObjectIndex::Remove(int64_t bucket, const ObjectRecord& record) {
  const Value values[] = {bucket, record.key, record.sequence};
  for (const std::string_view sql :
       {"DELETE FROM objects WHERE bucket = ? AND key = ? AND sequence = ?",
        "DELETE FROM others WHERE bucket = ? AND key = ? AND sequence = ?"}) {
    if (TRY(database_->Run(sql, values)) > 0) break;
  }
  return AddGarbage(record.extents);
}

Result<void> ObjectIndex::Displace(int64_t bucket, const std::string& key) {
  const Value values[] = {bucket, key};
  TRY(
      database_->Run("INSERT INTO others (is_marker, bucket, key, sequence, version_id,"
                     " modified_ms, size, etag, checksum, headers, tags, extents)"
                     " SELECT 0, bucket, key, sequence, version_id, modified_ms, size, etag,"
                     " checksum, headers, tags, extents FROM objects WHERE bucket = ? AND key = ?",
                     values));
  TRY(database_->Run("DELETE FROM objects WHERE bucket = ? AND key = ?", values));
  return {};
}

// The newest of the others becomes current, where nothing else is.
Result<void> ObjectIndex::Promote(int64_t bucket, const std::string& key) {
  if (TRY(Current(bucket, key))) return {};
  const auto newest = TRY(NewestOther(bucket, key));
  if (!newest || newest->is_delete_marker) return {};
  TRY(Insert(Table::kObjects, bucket, *newest));
  const Value values[] = {bucket, key, newest->sequence};
  TRY(database_->Run("DELETE FROM others WHERE bucket = ? AND key = ? AND sequence = ?", values));
  return {};
}

// Makes way for a version or a marker that is to be the newest.
Result<void> ObjectIndex::MakeRoom(const Bucket& bucket, const std::optional<ObjectRecord>& current,
                                   const std::string& key) {
  const bool keeps_null = bucket.versioning == Versioning::kEnabled;
  if (current && (keeps_null || current->version_id != kNull)) {
    TRY(Displace(bucket.id, key));
  } else if (current) {
    TRY(Remove(bucket.id, *current));
  }
  if (bucket.versioning != Versioning::kSuspended) return {};
  if (const auto null = TRY(OtherNull(bucket.id, key))) TRY(Remove(bucket.id, *null));
  return {};
}

Result<ObjectRecord> ObjectIndex::Enter(const Bucket& bucket,
                                        const std::optional<ObjectRecord>& current,
                                        ObjectRecord object, int64_t now_ms,
                                        const Announce& announce) {
  TRY(MakeRoom(bucket, current, object.key));
  object.sequence = ++number_;
  object.version_id =
      bucket.versioning == Versioning::kEnabled ? MakeId(object.sequence) : std::string(kNull);
  object.modified_ms = now_ms;
  object.is_latest = true;
  const bool is_marker = object.is_delete_marker;
  TRY(Insert(is_marker ? Table::kOthers : Table::kObjects, bucket.id, object));
  TRY(Tell(announce, is_marker ? Change::Kind::kMarkerCreated : Change::Kind::kCreated, object));
  return object;
}

Outcome<ObjectRecord> ObjectIndex::Put(const PutRequest& request, int64_t now_ms) {
  const auto bucket = TRY(FindBucket(request.bucket));
  if (!bucket) return Refused<ObjectRecord>(NoSuchBucket(request.bucket));
  const auto current = TRY(Current(bucket->id, request.object.key));
  if (auto refusal = Unmet(request.condition, request.object.key, current)) {
    return Refused<ObjectRecord>(std::move(*refusal));
  }
  TRY(KeepFiles(request.object.extents));
  return Answer<ObjectRecord>(
      TRY(Enter(*bucket, current, request.object, now_ms, request.announce)));
}

Outcome<Deleted> ObjectIndex::Delete(const DeleteRequest& request, int64_t now_ms) {
  const auto bucket = TRY(FindBucket(request.bucket));
  if (!bucket) return Refused<Deleted>(NoSuchBucket(request.bucket));
  auto current = TRY(Current(bucket->id, request.key));
  if (!request.if_match.empty() && (!current || !Matches(request.if_match, *current))) {
    return Refused<Deleted>(Failed("If-Match"));
  }
  const bool is_of_version = !request.version_id.empty();
  std::optional<ObjectRecord> version;
  if (is_of_version) version = TRY(Version(bucket->id, request.key, request.version_id));
  std::optional<ObjectRecord>& gone = is_of_version ? version : current;
  if (request.only_if && (!gone || !request.only_if(*gone))) {
    return Refused<Deleted>(Failed("OnlyIf"));
  }
  if (!is_of_version && bucket->versioning != Versioning::kNever) {
    const auto marker =
        TRY(Enter(*bucket, current, {.key = request.key, .is_delete_marker = true},
                  request.marked_ms != 0 ? request.marked_ms : now_ms, request.announce));
    return Answer<Deleted>({true, marker.version_id});
  }
  if (!gone) return Answer<Deleted>({false, request.version_id});
  TRY(Remove(bucket->id, *gone));
  if (bucket->versioning != Versioning::kNever) TRY(Promote(bucket->id, request.key));
  gone->sequence = ++number_;
  TRY(Tell(request.announce, Change::Kind::kDeleted, *gone));
  return Answer<Deleted>({gone->is_delete_marker, request.version_id});
}

Outcome<ObjectRecord> ObjectIndex::SetTags(const std::string& bucket_name, const std::string& key,
                                           const std::string& version_id, const Words& tags,
                                           const Announce& announce) {
  const auto bucket = TRY(FindBucket(bucket_name));
  if (!bucket) return Refused<ObjectRecord>(NoSuchBucket(bucket_name));
  auto answer = TRY(Look(bucket->id, key, version_id));
  if (!answer) return answer;
  if (answer->is_delete_marker) {
    return Refused<ObjectRecord>(version_id.empty() ? NoSuchKey(key) : Refusal("MethodNotAllowed"));
  }
  answer->tags = tags;
  const Value values[] = {EncodeWords(tags), bucket->id, key, answer->sequence};
  for (const std::string_view sql :
       {"UPDATE objects SET tags = ? WHERE bucket = ? AND key = ? AND sequence = ?",
        "UPDATE others SET tags = ? WHERE bucket = ? AND key = ? AND sequence = ?"}) {
    if (TRY(database_->Run(sql, values)) > 0) break;
  }
  ObjectRecord changed = *answer;
  changed.sequence = ++number_;
  TRY(Tell(announce, tags.empty() ? Change::Kind::kUntagged : Change::Kind::kTagged, changed));
  return answer;
}

Outcome<ObjectRecord> ObjectIndex::Look(int64_t bucket, const std::string& key,
                                        const std::string& version_id) {
  auto found = TRY(Version(bucket, key, version_id));
  if (found) return Answer<ObjectRecord>(std::move(*found));
  return Refused<ObjectRecord>(version_id.empty() ? NoSuchKey(key)
                                                  : NoSuchVersion(key, version_id));
}

}  // namespace hearth::s3
