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
constexpr auto kSubresources = std::to_array<std::string_view>({"abac",
                                                                "accelerate",
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
                                                                "website"});

std::string_view SubresourceOf(const Address& address) {
  for (const auto& [name, _] : address.query) {
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

// What holds for any request, before anything else of it is looked at.
std::optional<ApiError> S3Api::CheckRequest(const Address& address,
                                            const io::HttpHeaders& headers) const {
  if (auto error = CheckPresigned(address, NowMs())) return error;
  if (auto error = CheckHeaders(headers)) return error;
  if (!address.key.empty()) return CheckKey(address.key);
  return {};
}

std::optional<ApiError> S3Api::CheckBucket(const std::string& name) const {
  if (store_.Find(name) != nullptr) return {};
  return Refusal("NoSuchBucket", {{"BucketName", name}});
}

void S3Api::Handle(aws::Call call) {
  auto request = std::make_shared<Request>(Request{.call = std::move(call), .address = {}});
  auto address = ReadAddress(request->http());
  if (!address) return Fail(request, address.error());
  request->address = std::move(*address);
  TakeSignedHeaders(request->address, request->call.request.headers);
  if (auto error = CheckRequest(request->address, request->http().headers)) {
    return Fail(request, *error);
  }
  const Operation operation = Find(*request);
  if (!request->bucket().empty() && operation != &S3Api::CreateBucket) {
    if (auto error = CheckBucket(request->bucket())) return Fail(request, *error);
  }
  (this->*operation)(request);
}

// --- Bodies that go to the disk as they come

bool S3Api::TakesObject(const io::HttpHeaders& headers, const Address& address) {
  if (address.key.empty() || headers.Has("x-amz-copy-source")) return false;
  const std::string_view subresource = SubresourceOf(address);
  return subresource.empty() || (subresource == "uploadId" && address.Has("partNumber"));
}

std::optional<io::HttpUploadReader> S3Api::Upload(const io::HttpRequest& head,
                                                  io::HttpUpload upload) {
  const bool is_post = head.method == "POST";
  if (!is_post && head.method != "PUT") return {};
  const auto address = ReadAddress(head);
  if (!address) return {};
  if (is_post) {
    const auto boundary = BoundaryOf(head.headers.Get("Content-Type"));
    if (!boundary || !address->key.empty()) return {};
    auto post =
        std::make_shared<IncomingPost>(store_, *boundary, [upload]() mutable { upload.Resume(); });
    return io::HttpUploadReader{
        .piece = [post](std::string_view piece) { return post->Feed(piece); },
        .aborted = [] {},
        .state = post};
  }
  io::HttpHeaders headers = head.headers;
  TakeSignedHeaders(*address, headers);
  if (!TakesObject(headers, *address)) return {};
  auto error = CheckBucket(address->bucket);
  if (!error) error = CheckRequest(*address, headers);
  if (!error) return UploadObject(head.path(), *address, headers, std::move(upload));
  upload.Refuse(ErrorAnswer(*error, head.path(), base::NewUuid()));
  return {};
}

std::optional<io::HttpUploadReader> S3Api::UploadObject(std::string_view path,
                                                        const Address& address,
                                                        const io::HttpHeaders& headers,
                                                        io::HttpUpload upload) {
  const auto body = std::make_shared<IncomingBody>(store_);
  // False: it is refused. `part_of`: as IncomingBody::Begin.
  auto begin = [path = std::string(path), headers, upload](IncomingBody& begun,
                                                           const ObjectChecksum* part_of) mutable {
    const auto wrong = begun.Begin(headers, part_of, [upload]() mutable { upload.Resume(); });
    if (wrong) upload.Refuse(ErrorAnswer(*wrong, path, base::NewUuid()));
    return !wrong;
  };
  io::HttpUploadReader reader{.piece = [body](std::string_view piece) { return body->Feed(piece); },
                              .aborted = [] {},
                              .state = body};
  const std::string* const upload_id = address.Find("uploadId");
  if (upload_id == nullptr) {
    if (!begin(*body, nullptr)) return {};
    return reader;
  }
  // The checksum of a part is its upload's: nothing is read before that is known.
  reader.starts_stopped = true;
  store_.FindUpload(address.bucket, address.key, *upload_id,
                    [weak = std::weak_ptr<IncomingBody>(body), path = std::string(path), begin,
                     upload](const s3::Answer<UploadRecord>& found) mutable {
                      const auto part = weak.lock();
                      if (part == nullptr) return;
                      if (!found) {
                        return upload.Refuse(ErrorAnswer(found.error(), path, base::NewUuid()));
                      }
                      if (begin(*part, &found->checksum)) upload.Resume();
                    });
  return reader;
}

// --- What every operation shares

Announce S3Api::Announcer(const Request& request, const std::string& bucket, std::string created) {
  auto rules = book_.Of(bucket);
  if (rules == nullptr) return nullptr;
  const io::HttpRequest& http = request.http();
  const auto signature = aws::ReadSignature(http);
  return MakeAnnounce(std::move(rules),
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

io::HttpHeaders S3Api::Headers(const Request& request) {
  io::HttpHeaders out;
  out.Add("x-amz-request-id", request.call.request_id);
  out.Add("Server", "Hearth");
  AddCors(request, out);
  return out;
}

// What a page of another origin may do with an answer; nothing where the bucket does not say.
void S3Api::AddCors(const Request& request, io::HttpHeaders& out) {
  const std::string_view origin = request.http().headers.Get("Origin");
  if (origin.empty()) return;
  const BucketRecord* const bucket = store_.Find(request.bucket());
  const auto rules = bucket == nullptr ? nullptr : cors_.Of(*bucket);
  if (rules == nullptr) return;
  const auto allowed = CorsAnswer(*rules, origin, request.http().method, "");
  if (!allowed) return;
  for (size_t i = 0; i < allowed->size(); ++i) out.Add((*allowed)[i].first, (*allowed)[i].second);
}

void S3Api::Fail(const RequestPtr& request, const ApiError& error) {
  io::HttpResponse answer =
      ErrorAnswer(error, io::PercentDecode(request->http().path()), request->call.request_id);
  AddCors(*request, answer.headers);
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
