// ObjectIndex: uploads in parts.
#include <algorithm>
#include <set>

#include "triggers/s3/object_index.h"
#include "triggers/s3/object_rows.h"

namespace hearth::s3 {

using base::Result;
using store::Row;
using store::Value;

namespace {

std::unexpected<base::Error> Malformed() {
  return base::MakeError(base::ErrorKind::kCorrupt, "read the index of objects",
                         "a row of an upload or a part is malformed");
}

}  // namespace

Result<std::optional<UploadRecord>> ObjectIndex::Upload(int64_t bucket, const std::string& key,
                                                        const std::string& id) {
  std::optional<UploadRecord> out;
  bool is_malformed = false;
  const Value values[] = {bucket, key, id};
  TRY(
      database_->Run("SELECT started_ms, checksum, headers, tags FROM uploads"
                     " WHERE bucket = ? AND key = ? AND id = ?",
                     values, [&](const Row& row) {
                       auto checksum = DecodeChecksum(row.Text(1));
                       auto headers = DecodeWords(row.Text(2));
                       auto tags = DecodeWords(row.Text(3));
                       if (!checksum || !headers || !tags) {
                         is_malformed = true;
                         return;
                       }
                       out = {.id = id,
                              .key = key,
                              .started_ms = row.Int(0),
                              .headers = std::move(*headers),
                              .tags = std::move(*tags),
                              .checksum = std::move(*checksum)};
                     }));
  if (is_malformed) return Malformed();
  return out;
}

Result<std::vector<PartRecord>> ObjectIndex::Parts(const std::string& upload, int after, int most) {
  std::vector<PartRecord> out;
  bool is_malformed = false;
  const Value values[] = {upload, int64_t{after}, int64_t{most}};
  TRY(
      database_->Run("SELECT number, modified_ms, size, etag, checksum, extents FROM parts"
                     " WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
                     values, [&](const Row& row) {
                       auto checksum = DecodeChecksum(row.Text(4));
                       auto extents = DecodeExtents(row.Text(5));
                       if (!checksum || !extents) {
                         is_malformed = true;
                         return;
                       }
                       out.push_back({.number = static_cast<int>(row.Int(0)),
                                      .modified_ms = row.Int(1),
                                      .size = static_cast<uint64_t>(row.Int(2)),
                                      .etag = std::string(row.Text(3)),
                                      .checksum = std::move(*checksum),
                                      .extents = std::move(*extents)});
                     }));
  if (is_malformed) return Malformed();
  return out;
}

Outcome<UploadRecord> ObjectIndex::CreateUpload(UploadRecord upload) {
  const auto bucket = TRY(FindBucket(upload.bucket));
  if (!bucket) return Answer<UploadRecord>(std::unexpected(NoSuchBucket(upload.bucket)));
  upload.id = MakeId(++number_);
  const Value values[] = {bucket->id,
                          upload.key,
                          upload.id,
                          upload.started_ms,
                          EncodeChecksum(upload.checksum),
                          EncodeWords(upload.headers),
                          EncodeWords(upload.tags)};
  TRY(
      database_->Run("INSERT INTO uploads (bucket, key, id, started_ms, checksum, headers, tags)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?)",
                     values));
  return Answer<UploadRecord>(std::move(upload));
}

Outcome<UploadRecord> ObjectIndex::FindUpload(const std::string& bucket_name,
                                              const std::string& key, const std::string& id) {
  const auto bucket = TRY(FindBucket(bucket_name));
  if (!bucket) return Answer<UploadRecord>(std::unexpected(NoSuchBucket(bucket_name)));
  auto upload = TRY(Upload(bucket->id, key, id));
  if (!upload) return Answer<UploadRecord>(std::unexpected(NoSuchUpload(id)));
  upload->bucket = bucket_name;
  return Answer<UploadRecord>(std::move(*upload));
}

Outcome<PartRecord> ObjectIndex::PutPart(const std::string& bucket, const std::string& key,
                                         const std::string& id, const PartRecord& part) {
  const auto upload = TRY(FindUpload(bucket, key, id));
  if (!upload) return Answer<PartRecord>(std::unexpected(upload.error()));
  for (const PartRecord& former : TRY(Parts(id, part.number - 1, 1))) {
    if (former.number == part.number) TRY(AddGarbage(former.extents));
  }
  const Value values[] = {id,
                          int64_t{part.number},
                          part.modified_ms,
                          static_cast<int64_t>(part.size),
                          part.etag,
                          EncodeChecksum(part.checksum),
                          EncodeExtents(part.extents)};
  TRY(
      database_->Run("INSERT OR REPLACE INTO parts (upload, number, modified_ms, size, etag,"
                     " checksum, extents) VALUES (?, ?, ?, ?, ?, ?, ?)",
                     values));
  TRY(KeepFiles(part.extents));
  return Answer<PartRecord>(part);
}

Outcome<PartsPage> ObjectIndex::ListParts(const std::string& bucket, const std::string& key,
                                          const std::string& id, int after, int most) {
  auto upload = TRY(FindUpload(bucket, key, id));
  if (!upload) return Answer<PartsPage>(std::unexpected(upload.error()));
  PartsPage page{.upload = std::move(*upload), .parts = TRY(Parts(id, after, most + 1))};
  page.is_truncated = most > 0 && page.parts.size() > static_cast<size_t>(most);
  if (page.parts.size() > static_cast<size_t>(most)) page.parts.resize(static_cast<size_t>(most));
  return Answer<PartsPage>(std::move(page));
}

// With its parts; the bytes of those go, but for what is kept.
Result<void> ObjectIndex::RemoveUpload(int64_t bucket, const UploadRecord& upload,
                                       const std::vector<Extent>& kept) {
  std::set<int64_t> files;
  for (const Extent& extent : kept) files.insert(extent.file);
  for (const PartRecord& part : TRY(Parts(upload.id, -1, limits::kMaxObjectParts + 1))) {
    for (const Extent& extent : part.extents) {
      if (!files.contains(extent.file)) TRY(AddGarbage({extent}));
    }
  }
  const Value id[] = {upload.id};
  TRY(database_->Run("DELETE FROM parts WHERE upload = ?", id));
  const Value values[] = {bucket, upload.key, upload.id};
  TRY(database_->Run("DELETE FROM uploads WHERE bucket = ? AND key = ? AND id = ?", values));
  return {};
}

Outcome<ObjectRecord> ObjectIndex::Complete(const CompleteRequest& request, int64_t now_ms) {
  using Refused = std::unexpected<ApiError>;
  const auto bucket = TRY(FindBucket(request.bucket));
  if (!bucket) return Answer<ObjectRecord>(Refused(NoSuchBucket(request.bucket)));
  const auto upload = TRY(FindUpload(request.bucket, request.key, request.upload_id));
  if (!upload) return Answer<ObjectRecord>(Refused(upload.error()));
  const auto current = TRY(Current(bucket->id, request.key));
  if (auto refusal = Unmet(request.condition, request.key, current)) {
    return Answer<ObjectRecord>(Refused(std::move(*refusal)));
  }
  auto object = request.assemble(*upload, TRY(Parts(upload->id, -1, limits::kMaxObjectParts + 1)));
  if (!object) return object;
  object->key = request.key;
  if (object->headers.empty()) object->headers = upload->headers;
  if (object->tags.empty()) object->tags = upload->tags;
  TRY(RemoveUpload(bucket->id, *upload, object->extents));
  return Answer<ObjectRecord>(
      TRY(Enter(*bucket, current, std::move(*object), now_ms, request.announce)));
}

Outcome<void> ObjectIndex::Abort(const std::string& bucket_name, const std::string& key,
                                 const std::string& id) {
  const auto bucket = TRY(FindBucket(bucket_name));
  if (!bucket) return Answer<void>(std::unexpected(NoSuchBucket(bucket_name)));
  const auto upload = TRY(Upload(bucket->id, key, id));
  if (!upload) return Answer<void>(std::unexpected(NoSuchUpload(id)));
  TRY(RemoveUpload(bucket->id, *upload, {}));
  return Answer<void>();
}

}  // namespace hearth::s3
