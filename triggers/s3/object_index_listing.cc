// ObjectIndex: pages of objects, of versions, of uploads.
#include "triggers/s3/object_index.h"
#include "triggers/s3/object_walk.h"

namespace hearth::s3 {

using base::Result;
using store::Row;
using store::Value;

namespace {

constexpr std::string_view kObjects =
    "SELECT 0, key, sequence, version_id, modified_ms, size, etag, checksum FROM objects"
    " WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?";
// What is behind a version may be the current one by now: those above it were removed. Tags stand
// behind an object's headers: who does not ask for them does not read so far.
constexpr std::string_view kVersionsOfKey =
    "SELECT 0, key, sequence, version_id, modified_ms, size, etag, checksum,"
    " CASE WHEN ?5 THEN tags ELSE '' END FROM objects"
    " WHERE bucket = ?1 AND key = ?2 AND sequence < ?3"
    " UNION ALL"
    " SELECT is_marker, key, sequence, version_id, modified_ms, size, etag, checksum,"
    " CASE WHEN ?5 THEN tags ELSE '' END FROM others"
    " WHERE bucket = ?1 AND key = ?2 AND sequence < ?3"
    " ORDER BY sequence DESC LIMIT ?4";
// Both are read in their tables' order and merged.
constexpr std::string_view kVersions =
    "SELECT 0, key, sequence, version_id, modified_ms, size, etag, checksum,"
    " CASE WHEN ?5 THEN tags ELSE '' END FROM objects"
    " WHERE bucket = ?1 AND key >= ?2 AND key < ?3"
    " UNION ALL"
    " SELECT is_marker, key, sequence, version_id, modified_ms, size, etag, checksum,"
    " CASE WHEN ?5 THEN tags ELSE '' END FROM others"
    " WHERE bucket = ?1 AND key >= ?2 AND key < ?3"
    " ORDER BY key, sequence DESC LIMIT ?4";
constexpr std::string_view kUploadsOfKey =
    "SELECT key, id, started_ms, checksum, headers, tags FROM uploads"
    " WHERE bucket = ? AND key = ? AND id > ? ORDER BY id LIMIT ?";
constexpr std::string_view kUploads =
    "SELECT key, id, started_ms, checksum, headers, tags FROM uploads"
    " WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, id LIMIT ?";

ObjectRecord ReadListed(const Row& row) {
  return {.sequence = row.Int(2),
          .key = std::string(row.Text(1)),
          .version_id = std::string(row.Text(3)),
          .is_delete_marker = row.Int(0) != 0,
          .modified_ms = row.Int(4),
          .size = static_cast<uint64_t>(row.Int(5)),
          .etag = std::string(row.Text(6)),
          .checksum = DecodeChecksum(row.Text(7)).value_or(ObjectChecksum())};
}

ObjectRecord ReadListedVersion(const Row& row) {
  ObjectRecord out = ReadListed(row);
  out.tags = DecodeWords(row.Text(8)).value_or(Words());
  return out;
}

// The least id behind all of that number.
std::string IdsBehind(int64_t number) {
  std::string id = MakeId(number);
  std::fill(id.begin() + static_cast<ptrdiff_t>(id.size() / 2), id.end(), 'g');
  return id;
}

}  // namespace

Outcome<ListPage> ObjectIndex::List(int64_t bucket, const ListRequest& request) {
  auto page = TRY(Walk<ObjectRecord>(
      request, FirstOf(request, std::nullopt),
      [&](const WalkCursor& cursor, const std::string& below,
          int most) -> Result<std::vector<ObjectRecord>> {
        std::vector<ObjectRecord> out;
        const Value values[] = {bucket, cursor.key, below, int64_t{most}};
        TRY(database_->Run(kObjects, values,
                           [&out](const Row& row) { out.push_back(ReadListed(row)); }));
        return out;
      },
      [](const ObjectRecord& object) { return WalkCursor{object.key + '\0'}; }));
  return Answer<ListPage>({.objects = std::move(page.rows),
                           .common_prefixes = std::move(page.common_prefixes),
                           .is_truncated = page.is_truncated,
                           .next = std::move(page.next)});
}

Outcome<ListPage> ObjectIndex::ListVersions(int64_t bucket, const ListRequest& request) {
  std::optional<int64_t> behind = NumberOf(request.after_version);
  if (request.after_version == "null") {
    // Where it is gone, all of its key are told again, rather than none.
    const auto null = TRY(Version(bucket, request.after, "null"));
    behind = null ? null->sequence : INT64_MAX;
  }
  if (request.after_sequence) behind = request.after_sequence;
  const int64_t with_tags = request.with_tags ? 1 : 0;
  auto page = TRY(Walk<ObjectRecord>(
      request, FirstOf(request, behind),
      [&](const WalkCursor& cursor, const std::string& below,
          int most) -> Result<std::vector<ObjectRecord>> {
        std::vector<ObjectRecord> out;
        std::string from = cursor.key;
        if (cursor.behind != 0) {
          const Value values[] = {bucket, cursor.key, cursor.behind, int64_t{most}, with_tags};
          TRY(database_->Run(kVersionsOfKey, values, [&out](const Row& row) {
            out.push_back(ReadListedVersion(row));
            out.back().is_latest = false;
          }));
          if (!out.empty()) {
            const auto newest = TRY(Version(bucket, cursor.key, {}));
            out.front().is_latest = newest && newest->sequence == out.front().sequence;
          }
          from += '\0';
        }
        const int left = most - static_cast<int>(out.size());
        if (left <= 0) return out;
        const Value values[] = {bucket, from, below, int64_t{left}, with_tags};
        TRY(database_->Run(kVersions, values, [&out](const Row& row) {
          ObjectRecord object = ReadListedVersion(row);
          object.is_latest = out.empty() || out.back().key != object.key;
          out.push_back(std::move(object));
        }));
        return out;
      },
      [](const ObjectRecord& object) { return WalkCursor{object.key, object.sequence}; }));
  ListPage out{.objects = std::move(page.rows),
               .common_prefixes = std::move(page.common_prefixes),
               .is_truncated = page.is_truncated,
               .next = std::move(page.next)};
  if (!out.objects.empty() && out.objects.back().key == out.next) {
    out.next_version = out.objects.back().version_id;
  }
  return Answer<ListPage>(std::move(out));
}

Outcome<UploadsPage> ObjectIndex::ListUploads(int64_t bucket, const ListRequest& request) {
  bool is_malformed = false;
  const auto read = [&](const Row& row) {
    auto checksum = DecodeChecksum(row.Text(3));
    auto headers = DecodeWords(row.Text(4));
    auto tags = DecodeWords(row.Text(5));
    is_malformed = is_malformed || !checksum || !headers || !tags;
    return UploadRecord{.id = std::string(row.Text(1)),
                        .bucket = request.bucket,
                        .key = std::string(row.Text(0)),
                        .started_ms = row.Int(2),
                        .headers = std::move(headers).value_or(Words()),
                        .tags = std::move(tags).value_or(Words()),
                        .checksum = std::move(checksum).value_or(ObjectChecksum())};
  };
  auto page = TRY(Walk<UploadRecord>(
      request, FirstOf(request, NumberOf(request.after_version)),
      [&](const WalkCursor& cursor, const std::string& below,
          int most) -> Result<std::vector<UploadRecord>> {
        std::vector<UploadRecord> out;
        const auto keep = [&](const Row& row) { out.push_back(read(row)); };
        std::string from = cursor.key;
        if (cursor.behind != 0) {
          const Value values[] = {bucket, cursor.key, IdsBehind(cursor.behind), int64_t{most}};
          TRY(database_->Run(kUploadsOfKey, values, keep));
          from += '\0';
        }
        const int left = most - static_cast<int>(out.size());
        if (left <= 0) return out;
        const Value values[] = {bucket, from, below, int64_t{left}};
        TRY(database_->Run(kUploads, values, keep));
        return out;
      },
      [](const UploadRecord& upload) {
        return WalkCursor{upload.key, NumberOf(upload.id).value_or(0)};
      }));
  if (is_malformed) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read the index of objects",
                           "a row of an upload is malformed");
  }
  UploadsPage out{.uploads = std::move(page.rows),
                  .common_prefixes = std::move(page.common_prefixes),
                  .is_truncated = page.is_truncated,
                  .next_key = std::move(page.next)};
  if (!out.uploads.empty() && out.uploads.back().key == out.next_key) {
    out.next_id = out.uploads.back().id;
  }
  return Answer<UploadsPage>(std::move(out));
}

}  // namespace hearth::s3
