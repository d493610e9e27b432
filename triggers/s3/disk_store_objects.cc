// DiskStore: objects and their bytes.
#include "triggers/s3/body_writer.h"
#include "triggers/s3/disk_store.h"
#include "triggers/s3/disk_store_impl.h"
#include "triggers/s3/object_copier.h"
#include "triggers/s3/object_sender.h"

namespace hearth::s3 {

// Bytes that were given to a change: they have a row now, or nobody's.
void DiskStore::EndBytes(const std::vector<Extent>& extents, bool is_success, Ending ending) {
  if (is_success) {
    disk_.Settle(extents);
  } else if (ending == Ending::kCommitFailed && !disk_.full()) {
    // Whether its rows are on the disk is only known when the next commit is. A full one took none.
    doubtful_.insert(doubtful_.end(), extents.begin(), extents.end());
  } else {
    disk_.Discard(extents);
  }
}

// A key's current object was changed by a commit: to this one, or to what must be looked up.
void DiskStore::Touch(const std::string& bucket, const std::string& key,
                      const ObjectRecord* current) {
  const Bucket* const found = FindBucket(bucket);
  if (found == nullptr) return;
  if (const auto fill = fills_.find({found->id, key}); fill != fills_.end()) {
    *fill->second.is_fresh = false;
    fills_.erase(fill);
  }
  if (current != nullptr)
    cache_.Keep(found->id, *current);
  else
    cache_.Forget(found->id, key);
}

void DiskStore::Put(PutRequest request, Done<ObjectRecord> done) {
  auto shared = std::make_shared<const PutRequest>(std::move(request));
  Submit<ObjectRecord>(
      [shared, now = NowMs()](ObjectIndex& index) { return index.Put(*shared, now); },
      std::move(done),
      [this, shared](const Answer<ObjectRecord>& put, Ending ending) {
        EndBytes(shared->object.extents, put.has_value(), ending);
        if (put) Touch(shared->bucket, put->key, &*put);
      });
}

void DiskStore::Look(const std::string& bucket_name, const std::string& key,
                     const std::string& version_id, Done<ObjectRecord> done) {
  const Bucket* const bucket = FindBucket(bucket_name);
  if (bucket == nullptr) {
    Later<ObjectRecord>(std::move(done), std::unexpected(NoSuchBucket(bucket_name)));
    return;
  }
  const int64_t id = bucket->id;
  const ObjectRecord* const kept = cache_.Find(id, key);
  if (kept != nullptr && (version_id.empty() || kept->version_id == version_id)) {
    Later<ObjectRecord>(std::move(done), *kept);
    return;
  }
  Fill& fill = fills_[{id, key}];
  ++fill.looks;
  Read<ObjectRecord>(
      [id, key, version_id](ObjectIndex& index) { return index.Look(id, key, version_id); },
      [this, id, key, is_fresh = fill.is_fresh,
       done = std::move(done)](Answer<ObjectRecord> found) {
        if (*is_fresh) {
          const auto at = fills_.find({id, key});
          if (--at->second.looks == 0) fills_.erase(at);
          if (found && found->is_latest && !found->is_delete_marker) cache_.Keep(id, *found);
        }
        done(std::move(found));
      });
}

void DiskStore::Delete(DeleteRequest request, Done<Deleted> done) {
  auto shared = std::make_shared<const DeleteRequest>(std::move(request));
  Submit<Deleted>(
      [shared, now = NowMs()](ObjectIndex& index) { return index.Delete(*shared, now); },
      std::move(done),
      [this, shared](const Answer<Deleted>& deleted, Ending) {
        if (deleted) Touch(shared->bucket, shared->key, nullptr);
      },
      Need::kLeast);
}

void DiskStore::SetTags(const std::string& bucket, const std::string& key,
                        const std::string& version_id, Words tags, Announce announce,
                        Done<ObjectRecord> done) {
  Submit<ObjectRecord>(
      [bucket, key, version_id, tags = std::move(tags), announce = std::move(announce)](
          ObjectIndex& index) { return index.SetTags(bucket, key, version_id, tags, announce); },
      std::move(done),
      [this, bucket, key](const Answer<ObjectRecord>& tagged, Ending) {
        if (tagged && tagged->is_latest) Touch(bucket, key, &*tagged);
      });
}

void DiskStore::List(ListRequest request, Done<ListPage> done) {
  const Bucket* const bucket = FindBucket(request.bucket);
  if (bucket == nullptr) {
    Later<ListPage>(std::move(done), std::unexpected(NoSuchBucket(request.bucket)));
    return;
  }
  Read<ListPage>([id = bucket->id, request = std::move(request)](
                     ObjectIndex& index) { return index.List(id, request); },
                 std::move(done));
}

void DiskStore::ListVersions(ListRequest request, Done<ListPage> done) {
  const Bucket* const bucket = FindBucket(request.bucket);
  if (bucket == nullptr) {
    Later<ListPage>(std::move(done), std::unexpected(NoSuchBucket(request.bucket)));
    return;
  }
  Read<ListPage>([id = bucket->id, request = std::move(request)](
                     ObjectIndex& index) { return index.ListVersions(id, request); },
                 std::move(done));
}

std::unique_ptr<BodyWriter> DiskStore::Write(std::vector<std::string> checksums,
                                             std::function<void()> room) {
  return std::make_unique<DiskBodyWriter>(disk_, std::move(checksums), std::move(room));
}

void DiskStore::Copy(const ObjectRecord& from, Piece piece, std::vector<std::string> checksums,
                     bool needs_md5, Done<StagedBody> done) {
  CopyObject(disk_, from, piece, std::move(checksums), needs_md5, std::move(done));
}

void DiskStore::Discard(std::vector<Extent> extents) { disk_.Discard(extents); }

void DiskStore::Send(const ObjectRecord& object, Piece piece, int status, io::HttpHeaders headers,
                     io::HttpResponder responder) {
  SendObject(disk_, object, piece, status, std::move(headers), std::move(responder));
}

void DiskStore::Read(const ObjectRecord& object, Done<std::string> done) {
  ReadObject(disk_, object, std::move(done));
}

}  // namespace hearth::s3
