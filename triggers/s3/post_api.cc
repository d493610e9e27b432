// PostObject: a browser's form.
#include "base/digest.h"
#include "base/limits.h"
#include "io/http_parser.h"
#include "triggers/s3/incoming_body.h"
#include "triggers/s3/incoming_post.h"
#include "triggers/s3/names.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/post_policy.h"
#include "triggers/s3/s3_api.h"
#include "triggers/s3/tags.h"

namespace hearth::s3 {
namespace {

std::string Field(const PostFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

// The form's fields as the headers of a PutObject. A name that is none of a header never becomes
// one: what is kept of it would stand in every answer.
Answer<io::HttpHeaders> HeadersOf(const IncomingPost::Whole& whole) {
  io::HttpHeaders out;
  for (const auto& [name, value] : whole.fields) {
    if (!io::IsToken(name)) {
      return std::unexpected(RefusalBecause("InvalidArgument",
                                            "A field's name may not be sent as a header's.",
                                            {{"ArgumentName", name}}));
    }
    if (name != "content-length" && name != "tagging") out.Add(name, value);
  }
  if (!out.Has("content-type") && !whole.file_type.empty()) {
    out.Add("content-type", whole.file_type);
  }
  return out;
}

Answer<std::string> KeyOf(const IncomingPost::Whole& whole) {
  constexpr std::string_view kName = "${filename}";
  std::string key = Field(whole.fields, "key");
  if (key.empty()) {
    return std::unexpected(
        RefusalBecause("InvalidArgument",
                       "Bucket POST must contain a field named 'key'.  If it is specified, "
                       "please check the order of the fields.",
                       {{"ArgumentName", "key"}, {"ArgumentValue", ""}}));
  }
  if (const auto at = key.find(kName); at != std::string::npos) {
    key.replace(at, kName.size(), whole.file_name);
  }
  if (auto error = CheckKey(key)) return std::unexpected(*error);
  return key;
}

}  // namespace

void S3Api::PostObject(const RequestPtr& request) {
  if (request->http().upload == nullptr) {
    return Fail(request, RefusalBecause("PreconditionFailed",
                                        "Bucket POST must be of the enclosure-type "
                                        "multipart/form-data",
                                        {{"Condition",
                                          "Bucket POST must be of the enclosure-type "
                                          "multipart/form-data"}}));
  }
  const auto post = std::static_pointer_cast<IncomingPost>(request->http().upload);
  post->Finish(
      OrFail<IncomingPost::Whole>(request, [this, request, post](IncomingPost::Whole whole) {
        auto object = DescribePost(*request, whole);
        if (!object) {
          store_.Discard(std::move(whole.body.extents));
          return Fail(request, object.error());
        }
        PutRequest put{.bucket = request->bucket(),
                       .object = std::move(*object),
                       .announce = Announcer(*request, request->bucket(), "ObjectCreated:Post")};
        put.object.extents = std::move(whole.body.extents);
        store_.Put(std::move(put),
                   OrFail<ObjectRecord>(request, [this, request, fields = std::move(whole.fields)](
                                                     const ObjectRecord& made) {
                     AnswerPost(request, fields, made);
                   }));
      }));
}

Answer<ObjectRecord> S3Api::DescribePost(const Request& request, const IncomingPost::Whole& whole) {
  if (auto error = CheckPostPolicy(whole.fields, request.bucket(), whole.body.size, NowMs())) {
    return std::unexpected(*error);
  }
  const io::HttpHeaders headers = TRY(HeadersOf(whole));
  if (auto error = CheckHeaders(headers)) return std::unexpected(*error);
  Described described = TRY(Describe(headers));
  ObjectRecord out{.key = TRY(KeyOf(whole)),
                   .size = whole.body.size,
                   .etag = whole.body.md5,
                   .headers = std::move(described.headers)};
  if (const std::string tagging = Field(whole.fields, "tagging"); !tagging.empty()) {
    out.tags = TRY(ReadTagging(tagging, limits::kMaxObjectTags));
  }
  const std::string algorithm(kUsualChecksum);
  out.checksum = {.algorithm = algorithm,
                  .value = base::Base64Encode(whole.body.checksums.at(algorithm))};
  return out;
}

void S3Api::AnswerPost(const RequestPtr& request, const PostFields& fields,
                       const ObjectRecord& object) {
  io::HttpHeaders headers = Headers(*request);
  headers.Add("ETag", Quoted(object.etag));
  AddVersion(*request, object, headers);
  const std::string location = "http://" + std::string(request->http().headers.Get("Host")) +
                               std::string(request->http().path()) +
                               (request->http().path().ends_with('/') ? "" : "/") +
                               UrlEncoded(object.key, "/");
  headers.Add("Location", location);
  std::string redirect = Field(fields, "success_action_redirect");
  if (redirect.empty()) redirect = Field(fields, "redirect");
  if (redirect.starts_with("http://") || redirect.starts_with("https://")) {
    redirect += redirect.find('?') == std::string::npos ? "?" : "&";
    redirect += "bucket=" + request->bucket() + "&key=" + UrlEncoded(object.key) + "&etag=%22" +
                object.etag + "%22";
    headers.Set("Location", redirect);
    return Answer(request, 303, std::move(headers));
  }
  const std::string status = Field(fields, "success_action_status");
  if (status != "201") return Answer(request, status == "200" ? 200 : 204, std::move(headers));
  XmlWriter xml;
  xml.Open("PostResponse");
  xml.Element("Location", location);
  xml.Element("Bucket", request->bucket());
  xml.Element("Key", object.key);
  xml.Element("ETag", Quoted(object.etag));
  headers.Add("Content-Type", "application/xml");
  Answer(request, 201, std::move(headers), xml.Take());
}

}  // namespace hearth::s3
