// Uploads in parts: create, upload a part, complete, abort.
#include "base/limits.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/incoming_body.h"
#include "triggers/s3/multipart_assembly.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/s3_api.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {

namespace {

// The checksum of an upload's parts, and whether the whole has one of theirs.
Answer<ObjectChecksum> ReadUploadChecksum(const io::HttpHeaders& headers) {
  const std::string_view named = headers.Get("x-amz-checksum-algorithm");
  const std::string_view type = headers.Get("x-amz-checksum-type");
  ObjectChecksum out;
  out.algorithm = named.empty() ? std::string(kUsualChecksum) : TRY(ReadAlgorithm(named));
  const bool is_crc = IsCrc(*ParseChecksumKind(out.algorithm));
  const bool only_whole = out.algorithm == "CRC64NVME";
  if (!type.empty() && type != "COMPOSITE" && type != "FULL_OBJECT") {
    return std::unexpected(
        RefusalBecause("InvalidRequest", "Value for x-amz-checksum-type header is invalid."));
  }
  // CRCs of the whole follow from those of the parts; digests do not.
  out.is_composite = type.empty() ? !only_whole : type == "COMPOSITE";
  if ((out.is_composite && only_whole) || (!out.is_composite && !is_crc)) {
    return std::unexpected(RefusalBecause(
        "InvalidRequest", "The " + std::string(type) + " checksum type cannot be used with the " +
                              out.algorithm + " checksum algorithm."));
  }
  return out;
}

}  // namespace

void S3Api::CreateMultipartUpload(const RequestPtr& request) {
  auto described = Describe(request->http().headers);
  if (!described) return Fail(request, described.error());
  auto checksum = ReadUploadChecksum(request->http().headers);
  if (!checksum) return Fail(request, checksum.error());
  const bool is_named = request->http().headers.Has("x-amz-checksum-algorithm");
  store_.CreateUpload(
      {.id = "",
       .bucket = request->bucket(),
       .key = request->key(),
       .headers = std::move(described->headers),
       .tags = std::move(described->tags),
       .checksum = std::move(*checksum)},
      OrFail<UploadRecord>(request, [this, request, is_named](const UploadRecord& upload) {
        XmlWriter xml;
        xml.Open("InitiateMultipartUploadResult");
        xml.Element("Bucket", upload.bucket);
        xml.Element("Key", upload.key);
        xml.Element("UploadId", upload.id);
        io::HttpHeaders headers = Headers(*request);
        headers.Add("Content-Type", "application/xml");
        if (is_named) {
          headers.Add("x-amz-checksum-algorithm", upload.checksum.algorithm);
          headers.Add("x-amz-checksum-type", ChecksumType(upload.checksum));
        }
        Answer(request, 200, std::move(headers), xml.Take());
      }));
}

void S3Api::UploadPart(const RequestPtr& request) {
  const auto number = ReadPartNumber(request->Query("partNumber"));
  if (!number) return Fail(request, number.error());
  if (request->http().headers.Has("x-amz-copy-source")) return UploadPartCopy(request, *number);
  const auto body = std::static_pointer_cast<IncomingBody>(request->http().upload);
  if (body == nullptr) return Fail(request, Refusal("MissingContentLength"));
  body->Finish(request->http(),
               OrFail<IncomingBody::Whole>(
                   request, [this, request, number = *number, body](IncomingBody::Whole whole) {
                     StorePart(request, number, std::move(whole.body), std::move(whole.checksum),
                               [this, request, body](const PartRecord& part) {
                                 io::HttpHeaders headers = Headers(*request);
                                 headers.Add("ETag", Quoted(part.etag));
                                 if (const auto kind = ParseChecksumKind(part.checksum.algorithm)) {
                                   headers.Add(ChecksumHeader(*kind), part.checksum.value);
                                 }
                                 Answer(request, 200, std::move(headers));
                               });
                   }));
}

void S3Api::StorePart(const RequestPtr& request, int number, StagedBody body,
                      ObjectChecksum checksum, std::function<void(const PartRecord&)> then) {
  PartRecord part{.number = number,
                  .size = body.size,
                  .etag = std::move(body.md5),
                  .checksum = std::move(checksum),
                  .extents = std::move(body.extents)};
  store_.PutPart(request->bucket(), request->key(), request->Query("uploadId"), std::move(part),
                 OrFail<PartRecord>(request, std::move(then)));
}

void S3Api::CompleteMultipartUpload(const RequestPtr& request) {
  auto wanted = ReadCompletedParts(request->http().body);
  if (!wanted) return Fail(request, wanted.error());
  auto condition = ReadPutCondition(request->http().headers);
  if (!condition) return Fail(request, condition.error());
  Assembly assembly{.wanted = std::move(*wanted)};
  const io::HttpHeaders& headers = request->http().headers;
  if (const auto size = headers.Get("x-amz-mp-object-size"); !size.empty()) {
    assembly.size = ReadNumber(size);
    if (!assembly.size) {
      return Fail(request, RefusalBecause("InvalidRequest",
                                          "Value for x-amz-mp-object-size header is invalid."));
    }
  }
  for (const ChecksumKind kind : kChecksumKinds) {
    if (headers.Has(ChecksumHeader(kind))) assembly.checksum = headers.Get(ChecksumHeader(kind));
  }
  CompleteRequest complete{
      .bucket = request->bucket(),
      .key = request->key(),
      .upload_id = request->Query("uploadId"),
      .assemble =
          [assembly = std::move(assembly)](const UploadRecord& upload,
                                           std::vector<PartRecord> parts) {
            return AssembleObject(assembly, upload, std::move(parts));
          },
      .condition = std::move(*condition),
      .announce = Announcer(*request, request->bucket(), "ObjectCreated:CompleteMultipartUpload")};
  store_.Complete(std::move(complete),
                  OrFail<ObjectRecord>(request, [this, request](const ObjectRecord& object) {
                    XmlWriter xml;
                    xml.Open("CompleteMultipartUploadResult");
                    xml.Element("Location", "http://" +
                                                std::string(request->http().headers.Get("Host")) +
                                                std::string(request->http().path()));
                    xml.Element("Bucket", request->bucket());
                    xml.Element("Key", object.key);
                    xml.Element("ETag", Quoted(object.etag));
                    if (const auto kind = ParseChecksumKind(object.checksum.algorithm)) {
                      xml.Element(ChecksumElement(*kind), object.checksum.value);
                      xml.Element("ChecksumType", ChecksumType(object.checksum));
                    }
                    io::HttpHeaders answer = Headers(*request);
                    answer.Add("Content-Type", "application/xml");
                    AddVersion(*request, object, answer);
                    AddExpiration(*request, object, answer);
                    Answer(request, 200, std::move(answer), xml.Take());
                  }));
}

void S3Api::AbortMultipartUpload(const RequestPtr& request) {
  store_.Abort(request->bucket(), request->key(), request->Query("uploadId"),
               OrFail<void>(request, [this, request] { Answer(request, 204, Headers(*request)); }));
}

}  // namespace hearth::s3
