// DiskStore: uploads in parts.
#include "triggers/s3/disk_store.h"
#include "triggers/s3/disk_store_impl.h"

namespace hearth::s3 {

void DiskStore::CreateUpload(UploadRecord upload, Done<UploadRecord> done) {
  upload.started_ms = NowMs();
  Submit<UploadRecord>(
      [upload = std::move(upload)](ObjectIndex& index) { return index.CreateUpload(upload); },
      std::move(done));
}

void DiskStore::FindUpload(const std::string& bucket, const std::string& key, const std::string& id,
                           Done<UploadRecord> done) {
  Read<UploadRecord>(
      [bucket, key, id](ObjectIndex& index) { return index.FindUpload(bucket, key, id); },
      std::move(done));
}

void DiskStore::PutPart(const std::string& bucket, const std::string& key, const std::string& id,
                        PartRecord part, Done<PartRecord> done) {
  part.modified_ms = NowMs();
  auto extents = part.extents;
  Submit<PartRecord>(
      [bucket, key, id, part = std::move(part)](ObjectIndex& index) {
        return index.PutPart(bucket, key, id, part);
      },
      std::move(done),
      [this, extents = std::move(extents)](const Answer<PartRecord>& put, Ending ending) {
        EndBytes(extents, put.has_value(), ending);
      });
}

void DiskStore::ListParts(const std::string& bucket, const std::string& key, const std::string& id,
                          int after, int most, Done<PartsPage> done) {
  Read<PartsPage>([bucket, key, id, after, most](
                      ObjectIndex& index) { return index.ListParts(bucket, key, id, after, most); },
                  std::move(done));
}

void DiskStore::ListUploads(const ListRequest& request, Done<UploadsPage> done) {
  const Bucket* const bucket = FindBucket(request.bucket);
  if (bucket == nullptr) {
    Later<UploadsPage>(std::move(done), std::unexpected(NoSuchBucket(request.bucket)));
    return;
  }
  Read<UploadsPage>(
      [id = bucket->id, request](ObjectIndex& index) { return index.ListUploads(id, request); },
      std::move(done));
}

void DiskStore::Complete(CompleteRequest request, Done<ObjectRecord> done) {
  auto shared = std::make_shared<const CompleteRequest>(std::move(request));
  Submit<ObjectRecord>(
      [shared, now = NowMs()](ObjectIndex& index) { return index.Complete(*shared, now); },
      std::move(done),
      [this, shared](const Answer<ObjectRecord>& completed, Ending) {
        if (completed) Touch(shared->bucket, shared->key, &*completed);
      });
}

void DiskStore::Abort(const std::string& bucket, const std::string& key, const std::string& id,
                      Done<void> done) {
  Submit<void>([bucket, key, id](ObjectIndex& index) { return index.Abort(bucket, key, id); },
               std::move(done), {}, Need::kLeast);
}

}  // namespace hearth::s3
