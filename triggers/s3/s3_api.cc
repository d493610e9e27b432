#include "triggers/s3/s3_api.h"

#include <array>

#include "aws/sigv4.h"
#include "base/id.h"
#include "triggers/s3/bucket_configurations.h"
#include "triggers/s3/incoming_body.h"
#include "triggers/s3/incoming_post.h"
#include "triggers/s3/names.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/post_form.h"
#include "triggers/s3/presigned.h"

namespace hearth::s3 {
namespace {

// What a query may name of a bucket or an object. Others than these are parameters, or nothing.
constexpr std::array<std::string_view, 38> kSubresources = {"accelerate",
                                                            "acl",
                                                            "analytics",
                                                            "attributes",
                                                            "cors",
                                                            "delete",
                                                            "encryption",
                                                            "intelligent-tiering",
                                                            "inventory",
                                                            "legal-hold",
                                                            "lifecycle",
                                                            "location",
                                                            "logging",
                                                            "metadataConfiguration",
                                                            "metadataTable",
                                                            "metrics",
                                                            "notification",
                                                            "object-lock",
                                                            "ownershipControls",
                                                            "policy",
                                                            "policyStatus",
                                                            "publicAccessBlock",
                                                            "renameObject",
                                                            "replication",
                                                            "requestPayment",
                                                            "restore",
                                                            "retention",
                                                            "select",
                                                            "session",
                                                            "tagging",
                                                            "torrent",
                                                            "uploadId",
                                                            "uploads",
                                                            "versioning",
                                                            "versions",
                                                            "website",
                                                            "list-type",
                                                            "abac"};

std::string_view SubresourceOf(const Address& address) {
  for (const auto& [name, _] : address.query) {
    if (name == "list-type") continue;
    for (const std::string_view known : kSubresources) {
      if (name == known) return known;
    }
  }
  return {};
}

}  // namespace

struct S3Api::Route {
  std::string_view method;
  bool is_object;
  std::string_view subresource;
  Operation operation;
};

S3Api::Operation S3Api::Find(const Request& request) {
  using A = S3Api;
  static constexpr auto kRoutes = std::to_array<Route>({
      {"PUT", false, "", &A::CreateBucket},
      {"HEAD", false, "", &A::HeadBucket},
      {"DELETE", false, "", &A::DeleteBucket},
      {"GET", false, "", &A::ListObjects},
      {"POST", false, "", &A::PostObject},
      {"GET", false, "location", &A::GetBucketLocation},
      {"GET", false, "versioning", &A::GetBucketVersioning},
      {"PUT", false, "versioning", &A::PutBucketVersioning},
      {"GET", false, "notification", &A::GetBucketNotification},
      {"PUT", false, "notification", &A::PutBucketNotification},
      {"GET", false, "acl", &A::GetAcl},
      {"PUT", false, "acl", &A::PutAcl},
      {"GET", false, "versions", &A::ListObjectVersions},
      {"GET", false, "uploads", &A::ListMultipartUploads},
      {"POST", false, "delete", &A::DeleteObjects},
      {"GET", true, "", &A::GetObject},
      {"HEAD", true, "", &A::GetObject},
      {"PUT", true, "", &A::PutObject},
      {"DELETE", true, "", &A::DeleteObject},
      {"GET", true, "tagging", &A::GetObjectTagging},
      {"PUT", true, "tagging", &A::PutObjectTagging},
      {"DELETE", true, "tagging", &A::DeleteObjectTagging},
      {"GET", true, "acl", &A::GetAcl},
      {"PUT", true, "acl", &A::PutAcl},
      {"GET", true, "attributes", &A::GetObjectAttributes},
      {"POST", true, "uploads", &A::CreateMultipartUpload},
      {"PUT", true, "uploadId", &A::UploadPart},
      {"GET", true, "uploadId", &A::ListParts},
      {"POST", true, "uploadId", &A::CompleteMultipartUpload},
      {"DELETE", true, "uploadId", &A::AbortMultipartUpload},
  });
  const std::string& method = request.http().method;
  if (method == "OPTIONS") return &A::Preflight;
  if (request.bucket().empty()) return method == "GET" ? &A::ListBuckets : &A::Unserved;
  const std::string_view subresource = SubresourceOf(request.address);
  for (const Route& route : kRoutes) {
    if (route.method == method && route.is_object == !request.key().empty() &&
        route.subresource == subresource) {
      return route.operation;
    }
  }
  if (request.key().empty() && FindConfiguration(subresource) != nullptr) {
    if (method == "GET") return &A::GetBucketText;
    if (method == "PUT") return &A::PutBucketText;
    if (method == "DELETE") return &A::DeleteBucketText;
  }
  return &A::Unserved;
}

S3Api::S3Api(io::Loop& loop, ObjectStore& store, NotificationBook& book, invoker::Account account)
    : loop_(loop), store_(store), book_(book), account_(std::move(account)) {}

std::string S3Api::Request::Query(std::string_view name) const {
  const std::string* const value = address.Find(name);
  return value == nullptr ? std::string() : *value;
}

int64_t S3Api::NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

bool S3Api::Claims(const io::HttpRequest& request) const {
  const auto address = ReadAddress(request);
  return address && store_.Find(address->bucket) != nullptr;
}

void S3Api::Handle(aws::Call call) {
  auto request = std::make_shared<Request>(Request{.call = std::move(call), .address = {}});
  auto address = ReadAddress(request->http());
  if (!address) return Fail(request, address.error());
  request->address = std::move(*address);
  TakeSignedHeaders(request->address, request->call.request.headers);
  if (auto error = CheckPresigned(request->address, NowMs())) return Fail(request, *error);
  if (auto error = CheckHeaders(request->http().headers)) return Fail(request, *error);
  if (!request->key().empty()) {
    if (auto error = CheckKey(request->key())) return Fail(request, *error);
  }
  const Operation operation = Find(*request);
  const bool makes_bucket = operation == &S3Api::CreateBucket;
  if (!request->bucket().empty() && !makes_bucket && store_.Find(request->bucket()) == nullptr) {
    return Fail(request, Refusal("NoSuchBucket", {{"BucketName", request->bucket()}}));
  }
  (this->*operation)(request);
}

// --- Bodies that go to the disk as they come

bool S3Api::TakesObject(const io::HttpRequest& head, const Address& address) {
  if (head.method != "PUT" || address.key.empty()) return false;
  if (head.headers.Has("x-amz-copy-source")) return false;
  const std::string_view subresource = SubresourceOf(address);
  return subresource.empty() || (subresource == "uploadId" && address.Has("partNumber"));
}

std::optional<io::HttpUploadReader> S3Api::Upload(const io::HttpRequest& sent,
                                                  io::HttpUpload upload) {
  const auto address = ReadAddress(sent);
  if (!address) return {};
  io::HttpRequest head{.method = sent.method,
                       .target = sent.target,
                       .headers = sent.headers,
                       .body = "",
                       .peer = sent.peer};
  TakeSignedHeaders(*address, head.headers);
  const auto room = [upload]() mutable { upload.Resume(); };
  if (auto boundary = BoundaryOf(head.headers.Get("Content-Type"));
      boundary && head.method == "POST" && address->key.empty()) {
    auto post = std::make_shared<IncomingPost>(store_, *boundary, room);
    return io::HttpUploadReader{
        .piece = [post](std::string_view piece) { return post->Feed(piece); },
        .aborted = [] {},
        .state = post};
  }
  if (!TakesObject(head, *address)) return {};
  auto refuse = [path = std::string(head.path()), upload](const ApiError& error) mutable {
    upload.Refuse(ErrorAnswer(error, path, base::NewUuid()));
  };
  std::optional<ApiError> error;
  if (store_.Find(address->bucket) == nullptr) {
    error = Refusal("NoSuchBucket", {{"BucketName", address->bucket}});
  }
  if (!error) error = CheckKey(address->key);
  if (!error) error = CheckPresigned(*address, NowMs());
  if (!error) error = CheckHeaders(head.headers);
  if (error) {
    refuse(*error);
    return {};
  }
  const auto body = std::make_shared<IncomingBody>(store_);
  const std::string* const upload_id = address->Find("uploadId");
  if (upload_id == nullptr) {
    if (auto wrong = body->Begin(head.headers, nullptr, room)) {
      refuse(*wrong);
      return {};
    }
  } else {
    // The checksum of a part is its upload's: nothing is read before that is known.
    store_.FindUpload(address->bucket, address->key, *upload_id,
                      [body = std::weak_ptr<IncomingBody>(body), headers = head.headers, room,
                       refuse, upload](const s3::Answer<UploadRecord>& found) mutable {
                        const auto part = body.lock();
                        if (part == nullptr) return;
                        if (!found) return refuse(found.error());
                        if (auto wrong = part->Begin(headers, &found->checksum, room)) {
                          return refuse(*wrong);
                        }
                        upload.Resume();
                      });
  }
  return io::HttpUploadReader{.piece = [body](std::string_view piece) { return body->Feed(piece); },
                              .aborted = [] {},
                              .state = body,
                              .starts_stopped = upload_id != nullptr};
}

// --- What every operation shares

Announce S3Api::Announcer(const Request& request, const std::string& bucket, std::string created) {
  const io::HttpRequest& http = request.http();
  const auto signature = aws::ReadSignature(http);
  return MakeAnnounce(book_.Of(bucket),
                      {.created_by = std::move(created),
                       .request_id = request.call.request_id,
                       .source_ip = http.peer.substr(0, http.peer.rfind(':')),
                       .principal = signature ? "AWS:" + signature->access_key : "Anonymous",
                       .time_ms = NowMs()});
}

void S3Api::Unserved(const RequestPtr& request) {
  const std::string_view subresource = SubresourceOf(request->address);
  if (subresource.empty()) {
    return Fail(request, Refusal("MethodNotAllowed",
                                 {{"Method", request->http().method}, {"ResourceType", "OBJECT"}}));
  }
  Fail(request, RefusalBecause("NotImplemented", "this object store does not serve " +
                                                     request->http().method + " ?" +
                                                     std::string(subresource)));
}

io::HttpHeaders S3Api::Headers(const Request& request) const {
  io::HttpHeaders out;
  out.Add("x-amz-request-id", request.call.request_id);
  out.Add("Server", "Hearth");
  if (const BucketRecord* const bucket = store_.Find(request.bucket())) {
    AddCors(*bucket, request.http(), out);
  }
  return out;
}

void S3Api::Fail(const RequestPtr& request, const ApiError& error) {
  io::HttpResponse answer =
      ErrorAnswer(error, io::PercentDecode(request->http().path()), request->call.request_id);
  if (error.type == "NoSuchBucket" && request->http().method == "HEAD") answer.body.clear();
  if (const BucketRecord* const bucket = store_.Find(request->bucket())) {
    AddCors(*bucket, request->http(), answer.headers);
  }
  request->call.responder.Send(std::move(answer));
}

void S3Api::Answer(const RequestPtr& request, int status, io::HttpHeaders headers,
                   std::string body) {
  request->call.responder.Send(
      {.status = status, .headers = std::move(headers), .body = std::move(body)});
}

void S3Api::Answer200(const RequestPtr& request, XmlWriter& xml) {
  io::HttpHeaders headers = Headers(*request);
  headers.Add("Content-Type", "application/xml");
  Answer(request, 200, std::move(headers), xml.Take());
}

}  // namespace hearth::s3
