// CopyObject and UploadPartCopy: bytes that are here already.
#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/limits.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/conditions.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/incoming_body.h"
#include "triggers/s3/names.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/s3_api.h"

namespace hearth::s3 {
namespace {

struct Source {
  std::string bucket;
  std::string key;
  std::string version_id;
};

// "/bucket/key?versionId=…", percent-encoded; or an access point's ARN, which there is none of.
Answer<Source> ReadSource(std::string_view header) {
  const auto refuse = [&](std::string message) {
    return std::unexpected(RefusalBecause(
        "InvalidArgument", std::move(message),
        {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", std::string(header)}}));
  };
  constexpr std::string_view kVersion = "?versionId=";
  Source out;
  std::string_view path = header;
  if (const auto at = path.rfind(kVersion); at != std::string_view::npos) {
    out.version_id = io::PercentDecode(path.substr(at + kVersion.size()));
    path = path.substr(0, at);
  }
  std::string decoded = io::PercentDecode(path);
  if (decoded.starts_with('/')) decoded.erase(0, 1);
  const auto slash = decoded.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == decoded.size()) {
    return refuse(
        "Copy Source must mention the source bucket and key: "
        "sourcebucket/sourcekey");
  }
  out.bucket = decoded.substr(0, slash);
  out.key = decoded.substr(slash + 1);
  if (auto error = CheckKey(out.key)) return std::unexpected(*error);
  return out;
}

Answer<bool> ReplacesMetadata(const io::HttpHeaders& headers, std::string_view name) {
  const std::string_view directive = headers.Get(name);
  if (directive.empty() || directive == "COPY") return false;
  if (directive == "REPLACE") return true;
  return std::unexpected(RefusalBecause(
      "InvalidArgument", "Unknown metadata directive.",
      {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(directive)}}));
}

constexpr auto kNeverCopied =
    std::to_array<const char*>({"x-amz-storage-class", "x-amz-website-redirect-location"});

// What a copy with its source's metadata has: these are its own all the same.
Words CopiedHeaders(const ObjectRecord& source, const Described& described) {
  Words out = source.headers;
  for (const char* const name : kNeverCopied) {
    out.erase(name);
    if (const auto own = described.headers.find(name); own != described.headers.end()) {
      out.insert(*own);
    }
  }
  return out;
}

bool ChangesTheRest(const io::HttpHeaders& headers) {
  return std::ranges::any_of(kNeverCopied, [&](const char* name) { return headers.Has(name); }) ||
         headers.Has("x-amz-server-side-encryption");
}

std::string CopyXml(std::string_view root, const std::string& etag, int64_t modified_ms,
                    const ObjectChecksum& checksum) {
  XmlWriter xml;
  xml.Open(root);
  xml.Element("LastModified", IsoTime(modified_ms));
  xml.Element("ETag", Quoted(etag));
  if (const auto kind = ParseChecksumKind(checksum.algorithm)) {
    xml.Element(ChecksumElement(*kind), checksum.value);
  }
  return xml.Take();
}

}  // namespace

// `then` gets the source, where it is there and as its conditions want it.
void S3Api::LookAtSource(const RequestPtr& request, std::function<void(ObjectRecord source)> then) {
  const auto source = ReadSource(request->http().headers.Get("x-amz-copy-source"));
  if (!source) return Fail(request, source.error());
  if (auto error = CheckBucket(source->bucket)) return Fail(request, *error);
  store_.Look(
      source->bucket, source->key, source->version_id,
      OrFail<ObjectRecord>(
          request, [this, request, source = *source, then = std::move(then)](ObjectRecord object) {
            if (object.is_delete_marker) {
              return Fail(request, source.version_id.empty()
                                       ? Refusal("NoSuchKey", {{"Key", source.key}})
                                       : RefusalBecause("InvalidRequest",
                                                        "The source of a copy request may not "
                                                        "specifically refer to a delete marker "
                                                        "by version id."));
            }
            const auto conditions = Conditions::Of(request->http().headers, "x-amz-copy-source-");
            if (auto error =
                    conditions.CheckRead(object.etag, object.modified_ms, Conditions::Use::kCopy)) {
              return Fail(request, *error);
            }
            then(std::move(object));
          }));
}

void S3Api::CopyObject(const RequestPtr& request) {
  const io::HttpHeaders& headers = request->http().headers;
  const auto replaces = ReplacesMetadata(headers, "x-amz-metadata-directive");
  if (!replaces) return Fail(request, replaces.error());
  const auto replaces_tags = ReplacesMetadata(headers, "x-amz-tagging-directive");
  if (!replaces_tags) return Fail(request, replaces_tags.error());
  const auto described = Describe(headers);
  if (!described) return Fail(request, described.error());
  const auto condition = ReadPutCondition(headers);
  if (!condition) return Fail(request, condition.error());
  std::string algorithm;
  if (const auto named = headers.Get("x-amz-checksum-algorithm"); !named.empty()) {
    const auto read = ReadAlgorithm(named);
    if (!read) return Fail(request, read.error());
    algorithm = *read;
  }
  LookAtSource(request, [this, request, replaces = *replaces, replaces_tags = *replaces_tags,
                         described = *described, condition = *condition,
                         algorithm](const ObjectRecord& source) {
    CopyFrom(request, source,
             {.headers = replaces ? described.headers : CopiedHeaders(source, described),
              .tags = replaces_tags ? described.tags : source.tags,
              .changes_nothing = !replaces && !ChangesTheRest(request->http().headers),
              .algorithm = algorithm,
              .condition = condition});
  });
}

void S3Api::CopyFrom(const RequestPtr& request, const ObjectRecord& source, NewCopy copy) {
  if (source.size > limits::kMaxObjectPut) {
    return Fail(request, RefusalBecause("InvalidRequest",
                                        "The specified copy source is larger than the maximum "
                                        "allowable size for a copy source: 5368709120"));
  }
  const auto from = ReadSource(request->http().headers.Get("x-amz-copy-source"));
  if (copy.changes_nothing && from->bucket == request->bucket() && from->key == request->key() &&
      from->version_id.empty()) {
    return Fail(request,
                RefusalBecause("InvalidRequest",
                               "This copy request is illegal because it is trying to copy an "
                               "object to itself without changing the object's metadata, storage "
                               "class, website redirect location or encryption attributes."));
  }
  // A whole object's ETag is its MD5, which its bytes have already unless they came in parts.
  const bool needs_md5 = source.etag.find('-') != std::string::npos;
  std::vector<std::string> wanted;
  const bool keeps_checksum = copy.algorithm.empty() && !source.checksum.is_composite;
  if (!keeps_checksum) {
    wanted.push_back(copy.algorithm.empty() ? source.checksum.algorithm : copy.algorithm);
  }
  const std::string algorithm = wanted.empty() ? "" : wanted.front();
  store_.Copy(
      source, {.first = 0, .size = source.size}, std::move(wanted), needs_md5,
      OrFail<StagedBody>(request, [this, request, source, copy = std::move(copy), algorithm,
                                   needs_md5](StagedBody body) {
        PutRequest put{.bucket = request->bucket(),
                       .condition = copy.condition,
                       .announce = Announcer(*request, request->bucket(), "ObjectCreated:Copy")};
        put.object.key = request->key();
        put.object.size = source.size;
        put.object.etag = needs_md5 ? body.md5 : source.etag;
        put.object.headers = copy.headers;
        put.object.tags = copy.tags;
        put.object.checksum =
            algorithm.empty()
                ? source.checksum
                : ObjectChecksum{.algorithm = algorithm,
                                 .value = base::Base64Encode(body.checksums.at(algorithm))};
        put.object.extents = std::move(body.extents);
        store_.Put(std::move(put),
                   OrFail<ObjectRecord>(request, [this, request, source](const ObjectRecord& made) {
                     io::HttpHeaders answer = Headers(*request);
                     answer.Add("Content-Type", "application/xml");
                     AddVersion(*request, made, answer);
                     AddExpiration(*request, made, answer);
                     if (source.version_id != "null") {
                       answer.Add("x-amz-copy-source-version-id", source.version_id);
                     }
                     Answer(
                         request, 200, std::move(answer),
                         CopyXml("CopyObjectResult", made.etag, made.modified_ms, made.checksum));
                   }));
      }));
}

void S3Api::UploadPartCopy(const RequestPtr& request, int number) {
  store_.FindUpload(
      request->bucket(), request->key(), request->Query("uploadId"),
      OrFail<UploadRecord>(request, [this, request, number](const UploadRecord& upload) {
        LookAtSource(request, [this, request, number, upload](const ObjectRecord& source) {
          const auto range =
              ReadCopyRange(request->http().headers.Get("x-amz-copy-source-range"), source.size);
          if (!range) return Fail(request, range.error());
          Piece piece{.first = 0, .size = source.size};
          if (*range) piece = {.first = (*range)->first, .size = (*range)->size()};
          if (piece.size > limits::kMaxObjectPut) return Fail(request, Refusal("EntityTooLarge"));
          const std::string algorithm = upload.checksum.algorithm;
          store_.Copy(
              source, piece, {algorithm}, true,
              OrFail<StagedBody>(request, [this, request, number, algorithm](StagedBody body) {
                ObjectChecksum checksum{.algorithm = algorithm,
                                        .value = base::Base64Encode(body.checksums.at(algorithm))};
                StorePart(
                    request, number, std::move(body), std::move(checksum),
                    [this, request](const PartRecord& part) {
                      io::HttpHeaders answer = Headers(*request);
                      answer.Add("Content-Type", "application/xml");
                      Answer(request, 200, std::move(answer),
                             CopyXml("CopyPartResult", part.etag, part.modified_ms, part.checksum));
                    });
              }));
        });
      }));
}

}  // namespace hearth::s3
