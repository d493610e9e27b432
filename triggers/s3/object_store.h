// ObjectStore: buckets and objects as values, below the wire. Narrow, so that another store may
// serve it one day; DiskStore serves it from this machine's disk.
//
// Everything runs on the loop; callbacks run there, exactly once, never inside the call. What has
// been answered with success is durable. Refusals are S3's own (errors.h). Owner: host.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/http_message.h"
#include "io/http_server.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

// Takes one body in. Destroyed before Finish has called back: nothing is left of it.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // False: no more before `room` (of ObjectStore::Write) runs; this piece is taken all the same.
  virtual bool Write(std::string_view piece) = 0;
  // Once, at the end. With success the bytes are durable, and whoever gets them gives them to the
  // store (Put, PutPart) or to Discard.
  virtual void Finish(Done<StagedBody> done) = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Buckets. A pointer is good until the loop's next turn.
  virtual const BucketRecord* Find(std::string_view bucket) const = 0;
  virtual std::vector<const BucketRecord*> Buckets() const = 0;  // By name.
  virtual void CreateBucket(BucketRecord bucket, Done<void> done) = 0;
  virtual void DeleteBucket(const std::string& name, Done<void> done) = 0;  // BucketNotEmpty
  // `change` runs at once and may not rename it; NoSuchBucket.
  virtual void ChangeBucket(const std::string& name,
                            const std::function<void(BucketRecord&)>& change, Done<void> done) = 0;

  // Objects.
  virtual void Put(PutRequest request, Done<ObjectRecord> done) = 0;
  // Empty version: the current one. NoSuchKey, NoSuchVersion. A delete marker is a record too.
  virtual void Look(const std::string& bucket, const std::string& key,
                    const std::string& version_id, Done<ObjectRecord> done) = 0;
  virtual void Delete(DeleteRequest request, Done<Deleted> done) = 0;
  // Replaces all; empty: removes. Of the version, or the current one.
  virtual void SetTags(const std::string& bucket, const std::string& key,
                       const std::string& version_id, Words tags, Announce announce,
                       Done<ObjectRecord> done) = 0;
  virtual void List(ListRequest request, Done<ListPage> done) = 0;
  virtual void ListVersions(ListRequest request, Done<ListPage> done) = 0;

  // Uploads in parts. NoSuchUpload.
  virtual void CreateUpload(UploadRecord upload, Done<UploadRecord> done) = 0;
  virtual void FindUpload(const std::string& bucket, const std::string& key, const std::string& id,
                          Done<UploadRecord> done) = 0;
  virtual void PutPart(const std::string& bucket, const std::string& key, const std::string& id,
                       PartRecord part, Done<PartRecord> done) = 0;
  virtual void ListParts(const std::string& bucket, const std::string& key, const std::string& id,
                         int after, int most, Done<PartsPage> done) = 0;
  virtual void ListUploads(const ListRequest& request, Done<UploadsPage> done) = 0;
  virtual void Complete(CompleteRequest request, Done<ObjectRecord> done) = 0;
  virtual void Abort(const std::string& bucket, const std::string& key, const std::string& id,
                     Done<void> done) = 0;

  // Bytes. `checksums`: algorithms that are wanted beside MD5.
  virtual std::unique_ptr<BodyWriter> Write(std::vector<std::string> checksums,
                                            std::function<void()> room) = 0;
  // Another body of the same bytes, without copying them where the whole is meant. `checksums` as
  // above: those that are wanted are computed, which reads it.
  virtual void Copy(const ObjectRecord& from, Piece piece, std::vector<std::string> checksums,
                    bool needs_md5, Done<StagedBody> done) = 0;
  virtual void Discard(std::vector<Extent> extents) = 0;
  // Answers with these bytes of the object, however many, in bounded memory; `headers` lack
  // Content-Length. A disk that fails cuts the answer, or makes it a 500 where none has begun.
  virtual void Send(const ObjectRecord& object, Piece piece, int status, io::HttpHeaders headers,
                    io::HttpResponder responder) = 0;

  // All of an object's bytes, held in memory: for those whose size the caller has looked at.
  virtual void Read(const ObjectRecord& object, Done<std::string> done) = 0;

  // Events that were committed, until they are forgotten. `heard` runs after each commit.
  virtual void OnOutbox(std::function<void(std::vector<OutboxRow>)> heard) = 0;
  virtual void PutOutbox(std::vector<OutgoingEvent> events, Done<void> done) = 0;
  virtual void LoadOutbox(int64_t after, int most, Done<std::vector<OutboxRow>> done) = 0;
  virtual void ForgetOutbox(std::vector<int64_t> ids) = 0;

  // Nothing is on its way to the disk.
  virtual bool IsQuiet() const = 0;
};

}  // namespace hearth::s3
