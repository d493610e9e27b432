// S3Api: the object store on the wire: REST with XML, in path style and virtual-host style.
//
// Bodies of PutObject, UploadPart and POST go to the disk as they come (incoming_body.h); those
// of configurations come whole. Anybody may do anything, as everywhere while authorisation is off;
// what a presigned URL or a POST policy promises is kept all the same. Source: S3 API 2006-03-01.
// Owner: host.
#pragma once

#include <memory>
#include <string>

#include "aws/gateway.h"
#include "invoker/function.h"
#include "io/loop.h"
#include "triggers/s3/addressing.h"
#include "triggers/s3/cors.h"
#include "triggers/s3/incoming_post.h"
#include "triggers/s3/lifecycle_due.h"
#include "triggers/s3/notification_book.h"
#include "triggers/s3/object_store.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {

class S3Api final : public aws::Service {
 public:
  // All outlive it.
  S3Api(io::Loop& loop, ObjectStore& store, NotificationBook& book, invoker::Account account);
  std::string_view name() const override { return "s3"; }
  void Handle(aws::Call call) override;
  std::optional<io::HttpUploadReader> Upload(const io::HttpRequest& head,
                                             io::HttpUpload upload) override;
  // Unsigned: a bucket's that exists.
  bool Claims(const io::HttpRequest& request) const override;

 private:
  // Owned by whoever will answer it.
  struct Request {
    aws::Call call;
    Address address;
    const io::HttpRequest& http() const { return call.request; }
    const std::string& bucket() const { return address.bucket; }
    const std::string& key() const { return address.key; }
    // Of a query's member, empty where it is not there.
    std::string Query(std::string_view name) const;
  };
  using RequestPtr = std::shared_ptr<Request>;
  using Operation = void (S3Api::*)(const RequestPtr&);
  struct Route;
  static Operation Find(const Request& request);
  static bool TakesObject(const io::HttpHeaders& headers, const Address& address);
  std::optional<io::HttpUploadReader> UploadObject(std::string_view path, const Address& address,
                                                   const io::HttpHeaders& headers,
                                                   io::HttpUpload upload);
  std::optional<ApiError> CheckRequest(const Address& address,
                                       const io::HttpHeaders& headers) const;
  std::optional<ApiError> CheckBucket(const std::string& name) const;

  // bucket_api.cc
  void ListBuckets(const RequestPtr& request);
  void CreateBucket(const RequestPtr& request);
  void HeadBucket(const RequestPtr& request);
  void DeleteBucket(const RequestPtr& request);
  void GetBucketLocation(const RequestPtr& request);
  void GetBucketVersioning(const RequestPtr& request);
  void PutBucketVersioning(const RequestPtr& request);
  void GetBucketText(const RequestPtr& request);
  void PutBucketText(const RequestPtr& request);
  void DeleteBucketText(const RequestPtr& request);
  void GetBucketNotification(const RequestPtr& request);
  void PutBucketNotification(const RequestPtr& request);
  void GetAcl(const RequestPtr& request);
  void PutAcl(const RequestPtr& request);
  void Preflight(const RequestPtr& request);
  void ChangeBucket(const RequestPtr& request, int status,
                    const std::function<void(BucketRecord&)>& change);

  // list_api.cc
  void ListObjects(const RequestPtr& request);
  void ListObjectVersions(const RequestPtr& request);
  void ListMultipartUploads(const RequestPtr& request);
  void ListParts(const RequestPtr& request);

  // object_api.cc
  void GetObject(const RequestPtr& request);
  void AnswerObject(const RequestPtr& request, ObjectRecord object);
  void PutObject(const RequestPtr& request);
  void DeleteObject(const RequestPtr& request);
  void DeleteObjects(const RequestPtr& request);
  void GetObjectTagging(const RequestPtr& request);
  void PutObjectTagging(const RequestPtr& request);
  void DeleteObjectTagging(const RequestPtr& request);
  void GetObjectAttributes(const RequestPtr& request);
  void ChangeTags(const RequestPtr& request, Words tags, int status);

  // copy_api.cc
  void CopyObject(const RequestPtr& request);
  void UploadPartCopy(const RequestPtr& request, int number);
  void LookAtSource(const RequestPtr& request, std::function<void(ObjectRecord source)> then);
  struct NewCopy {
    Words headers{};
    Words tags{};
    bool changes_nothing = false;
    std::string algorithm{};  // Of its checksum; empty: its source's.
    PutCondition condition{};
  };
  void CopyFrom(const RequestPtr& request, const ObjectRecord& source, NewCopy copy);

  // multipart_api.cc
  void CreateMultipartUpload(const RequestPtr& request);
  void UploadPart(const RequestPtr& request);
  void StorePart(const RequestPtr& request, int number, StagedBody body, ObjectChecksum checksum,
                 std::function<void(const PartRecord&)> then);
  void CompleteMultipartUpload(const RequestPtr& request);
  void AbortMultipartUpload(const RequestPtr& request);

  // post_api.cc
  void PostObject(const RequestPtr& request);
  s3::Answer<ObjectRecord> DescribePost(const Request& request, const IncomingPost::Whole& whole);
  void AnswerPost(const RequestPtr& request, const PostFields& fields, const ObjectRecord& object);

  void Unserved(const RequestPtr& request);

  // `created`: what its creation is called, "ObjectCreated:Put".
  Announce Announcer(const Request& request, const std::string& bucket, std::string created);
  int64_t NowMs() const;
  // x-amz-version-id, where its bucket has ever been versioned.
  void AddVersion(const Request& request, const ObjectRecord& object,
                  io::HttpHeaders& headers) const;
  // x-amz-expiration, where a rule of its bucket's lifecycle will remove it.
  void AddExpiration(const Request& request, const ObjectRecord& object, io::HttpHeaders& headers);

  io::HttpHeaders Headers(const Request& request);
  void AddCors(const Request& request, io::HttpHeaders& out);
  void Fail(const RequestPtr& request, const ApiError& error);
  void Answer200(const RequestPtr& request, XmlWriter& xml);
  void Answer(const RequestPtr& request, int status, io::HttpHeaders headers,
              std::string body = "");
  // The request goes on with `then` where the store could, else it fails.
  template <typename T, typename Then>
  Done<T> OrFail(const RequestPtr& request, Then then) {
    return [this, request, then = std::move(then)](s3::Answer<T> answer) mutable {
      if (!answer) return Fail(request, answer.error());
      if constexpr (std::is_void_v<T>) {
        then();
      } else {
        then(std::move(*answer));
      }
    };
  }

  io::Loop& loop_;
  ObjectStore& store_;
  NotificationBook& book_;
  LifecycleCache lifecycles_;
  CorsCache cors_;
  const invoker::Account account_;
};

}  // namespace hearth::s3
