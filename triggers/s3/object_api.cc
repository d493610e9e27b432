// Objects: put, get, head, delete, their tags and attributes.
#include <charconv>

#include "base/limits.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/conditions.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/incoming_body.h"
#include "triggers/s3/multipart_assembly.h"
#include "triggers/s3/names.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/s3_api.h"
#include "triggers/s3/tags.h"
#include "triggers/s3/words.h"
#include "triggers/s3/xml_input.h"

namespace hearth::s3 {
namespace {

// Deletes of one DeleteObjects, on their way together.
struct Deletion {
  DeleteObjects wanted;
  std::vector<Answer<Deleted>> outcomes;
  size_t left = 0;
};

void WriteOutcome(XmlWriter& xml, const DeleteObjects::One& one, const Answer<Deleted>& outcome,
                  bool quiet) {
  if (!outcome) {
    xml.Open("Error");
    xml.Element("Key", one.key);
    if (!one.version_id.empty()) xml.Element("VersionId", one.version_id);
    xml.Element("Code", outcome.error().type);
    xml.Element("Message", outcome.error().message);
    xml.Close();
    return;
  }
  if (quiet) return;
  xml.Open("Deleted");
  xml.Element("Key", one.key);
  if (!one.version_id.empty()) xml.Element("VersionId", one.version_id);
  if (outcome->is_delete_marker) {
    xml.Element("DeleteMarker", true);
    xml.Element("DeleteMarkerVersionId", outcome->version_id);
  }
  xml.Close();
}

// How many parts it was put in, as its ETag says ("…-3"); nullopt: it was put as a whole.
std::optional<size_t> PartsOf(const ObjectRecord& object) {
  const auto dash = object.etag.find('-');
  if (dash == std::string::npos) return {};
  size_t out = 0;
  std::from_chars(object.etag.data() + dash + 1, object.etag.data() + object.etag.size(), out);
  return out;
}

// A part of an object that was put in parts; an object that was not has one.
Answer<Piece> PieceOfPart(const ObjectRecord& object, const std::string& number) {
  const size_t part = TRY(ReadPartNumber(number));
  if (part > PartsOf(object).value_or(1)) {
    return std::unexpected(Refusal("InvalidPartNumber", {{"PartNumberRequested", number}}));
  }
  // The last part may be empty: it has no bytes then.
  Piece out;
  const size_t behind = std::min(part - 1, object.extents.size());
  for (size_t i = 0; i < behind; ++i) out.first += object.extents[i].size;
  out.size = part > object.extents.size() ? 0 : object.extents[part - 1].size;
  return out;
}

}  // namespace

// --- PutObject

void S3Api::PutObject(const RequestPtr& request) {
  if (request->http().headers.Has("x-amz-copy-source")) return CopyObject(request);
  const auto condition = ReadPutCondition(request->http().headers);
  if (!condition) return Fail(request, condition.error());
  auto described = Describe(request->http().headers);
  if (!described) return Fail(request, described.error());
  const auto body = std::static_pointer_cast<IncomingBody>(request->http().upload);
  if (body == nullptr) return Fail(request, Refusal("MissingContentLength"));
  body->Finish(
      request->http(), OrFail<IncomingBody::Whole>(request, [this, request, condition = *condition,
                                                             described = *described,
                                                             body](IncomingBody::Whole whole) {
        PutRequest put{.bucket = request->bucket(),
                       .condition = condition,
                       .announce = Announcer(*request, request->bucket(), "ObjectCreated:Put")};
        put.object.key = request->key();
        put.object.size = whole.body.size;
        put.object.etag = std::move(whole.body.md5);
        put.object.headers = described.headers;
        put.object.tags = described.tags;
        put.object.checksum = std::move(whole.checksum);
        put.object.extents = std::move(whole.body.extents);
        store_.Put(std::move(put),
                   OrFail<ObjectRecord>(request, [this, request, body](const ObjectRecord& object) {
                     io::HttpHeaders headers = Headers(*request);
                     headers.Add("ETag", Quoted(object.etag));
                     AddChecksum(object.checksum, headers);
                     AddVersion(*request, object, headers);
                     AddExpiration(*request, object, headers);
                     Answer(request, 200, std::move(headers));
                   }));
      }));
}

// --- GetObject, HeadObject

void S3Api::AddVersion(const Request& request, const ObjectRecord& object,
                       io::HttpHeaders& headers) const {
  const BucketRecord* const bucket = store_.Find(request.bucket());
  const bool is_versioned =
      bucket != nullptr && bucket->versioning != BucketRecord::Versioning::kNever;
  if (is_versioned) headers.Add("x-amz-version-id", object.version_id);
}

void S3Api::AddExpiration(const Request& request, const ObjectRecord& object,
                          io::HttpHeaders& headers) {
  const BucketRecord* const bucket = store_.Find(request.bucket());
  if (bucket == nullptr || !object.is_latest) return;
  const LifecycleRulesRef rules = lifecycles_.Of(*bucket);
  if (rules == nullptr) return;
  if (const auto due = CurrentDue(*rules, object)) {
    headers.Add("x-amz-expiration", ExpirationHeader(*due));
  }
}

void S3Api::GetObject(const RequestPtr& request) {
  const std::string version = request->Query("versionId");
  store_.Look(request->bucket(), request->key(), version,
              OrFail<ObjectRecord>(request, [this, request, version](ObjectRecord object) {
                if (!object.is_delete_marker) return AnswerObject(request, std::move(object));
                ApiError error =
                    version.empty()
                        ? Refusal("NoSuchKey", {{"Key", object.key}})
                        : Refusal("MethodNotAllowed",
                                  {{"Method", "GET"}, {"ResourceType", "DeleteMarker"}});
                io::HttpResponse answer =
                    ErrorAnswer(error, request->http().path(), request->call.request_id);
                answer.headers.Add("x-amz-delete-marker", "true");
                answer.headers.Add("x-amz-version-id", object.version_id);
                if (!version.empty()) answer.headers.Add("Allow", "DELETE");
                request->call.responder.Send(std::move(answer));
              }));
}

void S3Api::AnswerObject(const RequestPtr& request, ObjectRecord object) {
  const io::HttpHeaders& asked = request->http().headers;
  if (auto error = Conditions::Of(asked).CheckRead(object.etag, object.modified_ms)) {
    if (error->status != 304) return Fail(request, *error);
    io::HttpHeaders headers = Headers(*request);
    headers.Add("ETag", Quoted(object.etag));
    headers.Add("Last-Modified", HttpDate(object.modified_ms / 1000));
    AddVersion(*request, object, headers);
    return Answer(request, 304, std::move(headers));
  }
  Piece piece{.first = 0, .size = object.size};
  int status = 200;
  const std::string part = request->Query("partNumber");
  const auto range = ReadRange(asked.Get("Range"), object.size);
  if (!range) return Fail(request, range.error());
  if (*range) piece = {.first = (*range)->first, .size = (*range)->size()};
  if (!part.empty()) {
    if (*range) {
      return Fail(request, RefusalBecause("InvalidRequest",
                                          "Cannot specify both Range header and partNumber query "
                                          "parameter"));
    }
    const auto found = PieceOfPart(object, part);
    if (!found) return Fail(request, found.error());
    piece = *found;
  }
  const bool is_whole = piece.size == object.size;
  io::HttpHeaders headers = Headers(*request);
  const bool with_checksum = io::SameName(asked.Get("x-amz-checksum-mode"), "ENABLED") && is_whole;
  AddObjectHeaders(object, with_checksum, headers);
  AddVersion(*request, object, headers);
  AddExpiration(*request, object, headers);
  OverrideHeaders(request->address, headers);
  if (*range || !part.empty()) {
    status = 206;
    headers.Add("Content-Range", piece.size == 0
                                     ? "bytes */" + std::to_string(object.size)
                                     : "bytes " + std::to_string(piece.first) + "-" +
                                           std::to_string(piece.first + piece.size - 1) + "/" +
                                           std::to_string(object.size));
  }
  if (const auto parts = PartsOf(object); parts && !part.empty()) {
    headers.Add("x-amz-mp-parts-count", std::to_string(*parts));
  }
  if (request->http().method == "HEAD") {
    headers.Add("Content-Length", std::to_string(piece.size));
    return Answer(request, status, std::move(headers));
  }
  store_.Send(object, piece, status, std::move(headers), std::move(request->call.responder));
}

// --- Deletes

void S3Api::DeleteObject(const RequestPtr& request) {
  DeleteRequest wanted{.bucket = request->bucket(),
                       .key = request->key(),
                       .version_id = request->Query("versionId"),
                       .if_match = std::string(Unquoted(request->http().headers.Get("If-Match"))),
                       .announce = Announcer(*request, request->bucket(), "")};
  store_.Delete(std::move(wanted),
                OrFail<Deleted>(request, [this, request](const Deleted& deleted) {
                  io::HttpHeaders headers = Headers(*request);
                  if (deleted.is_delete_marker) headers.Add("x-amz-delete-marker", "true");
                  if (!deleted.version_id.empty()) {
                    headers.Add("x-amz-version-id", deleted.version_id);
                  }
                  Answer(request, 204, std::move(headers));
                }));
}

void S3Api::DeleteObjects(const RequestPtr& request) {
  if (auto error = CheckBodyDigest(request->http())) return Fail(request, *error);
  auto wanted = ReadDeleteObjects(request->http().body);
  if (!wanted) return Fail(request, wanted.error());
  const auto deletion = std::make_shared<Deletion>();
  deletion->wanted = std::move(*wanted);
  const auto& objects = deletion->wanted.objects;
  deletion->left = objects.size();
  deletion->outcomes.resize(objects.size());
  const Announce announce = Announcer(*request, request->bucket(), "");
  const auto done = [this, request, deletion](size_t at, s3::Answer<Deleted> outcome) {
    deletion->outcomes[at] = std::move(outcome);
    if (--deletion->left > 0) return;
    XmlWriter xml;
    xml.Open("DeleteResult");
    for (size_t i = 0; i < deletion->outcomes.size(); ++i) {
      WriteOutcome(xml, deletion->wanted.objects[i], deletion->outcomes[i], deletion->wanted.quiet);
    }
    Answer200(request, xml);
  };
  for (size_t i = 0; i < objects.size(); ++i) {
    if (auto error = CheckKey(objects[i].key)) {
      loop_.Post([done, i, error = *error] { done(i, std::unexpected(error)); });
      continue;
    }
    store_.Delete({.bucket = request->bucket(),
                   .key = objects[i].key,
                   .version_id = objects[i].version_id,
                   .if_match = objects[i].etag,
                   .announce = announce},
                  [done, i](s3::Answer<Deleted> outcome) { done(i, std::move(outcome)); });
  }
}

// --- Tags and attributes

void S3Api::GetObjectTagging(const RequestPtr& request) {
  store_.Look(request->bucket(), request->key(), request->Query("versionId"),
              OrFail<ObjectRecord>(request, [this, request](const ObjectRecord& object) {
                if (object.is_delete_marker) {
                  return Fail(request, Refusal("NoSuchKey", {{"Key", object.key}}));
                }
                io::HttpHeaders headers = Headers(*request);
                headers.Add("Content-Type", "application/xml");
                AddVersion(*request, object, headers);
                Answer(request, 200, std::move(headers), TaggingXml(object.tags));
              }));
}

void S3Api::PutObjectTagging(const RequestPtr& request) {
  if (auto error = CheckBodyDigest(request->http())) return Fail(request, *error);
  auto tags = ReadTagging(request->http().body, limits::kMaxObjectTags);
  if (!tags) return Fail(request, tags.error());
  ChangeTags(request, std::move(*tags), 200);
}

void S3Api::DeleteObjectTagging(const RequestPtr& request) { ChangeTags(request, {}, 204); }

void S3Api::ChangeTags(const RequestPtr& request, Words tags, int status) {
  store_.SetTags(request->bucket(), request->key(), request->Query("versionId"), std::move(tags),
                 Announcer(*request, request->bucket(), ""),
                 OrFail<ObjectRecord>(request, [this, request, status](const ObjectRecord& object) {
                   io::HttpHeaders headers = Headers(*request);
                   AddVersion(*request, object, headers);
                   Answer(request, status, std::move(headers));
                 }));
}

void S3Api::GetObjectAttributes(const RequestPtr& request) {
  const std::string wanted(request->http().headers.Get("x-amz-object-attributes"));
  if (wanted.empty()) {
    return Fail(request, RefusalBecause("InvalidRequest",
                                        "The x-amz-object-attributes header specifying the "
                                        "attributes to be retrieved is either missing or empty"));
  }
  const auto wants = [wanted](std::string_view name) {
    return wanted.find(name) != std::string_view::npos;
  };
  store_.Look(request->bucket(), request->key(), request->Query("versionId"),
              OrFail<ObjectRecord>(request, [this, request, wants](const ObjectRecord& object) {
                if (object.is_delete_marker) {
                  return Fail(request, Refusal("NoSuchKey", {{"Key", object.key}}));
                }
                XmlWriter xml;
                xml.Open("GetObjectAttributesResponse");
                if (wants("ETag")) xml.Element("ETag", object.etag);
                const auto kind = ParseChecksumKind(object.checksum.algorithm);
                if (wants("Checksum") && kind) {
                  xml.Open("Checksum");
                  xml.Element(ChecksumElement(*kind), object.checksum.value);
                  xml.Element("ChecksumType", ChecksumType(object.checksum));
                  xml.Close();
                }
                if (const auto parts = PartsOf(object); parts && wants("ObjectParts")) {
                  xml.Open("ObjectParts");
                  xml.Element("PartsCount", *parts);
                  xml.Close();
                }
                if (wants("StorageClass")) {
                  xml.Element("StorageClass", StorageClassOf(object.headers));
                }
                if (wants("ObjectSize")) xml.Element("ObjectSize", object.size);
                io::HttpHeaders headers = Headers(*request);
                headers.Add("Content-Type", "application/xml");
                headers.Add("Last-Modified", HttpDate(object.modified_ms / 1000));
                AddVersion(*request, object, headers);
                Answer(request, 200, std::move(headers), xml.Take());
              }));
}

}  // namespace hearth::s3
