#include "triggers/s3/errors.h"

#include <array>

#include "aws/query_protocol.h"

namespace hearth::s3 {
namespace {

struct Known {
  std::string_view code;
  int status;
  std::string_view message;
};

constexpr std::array<Known, 60> kKnown = {{
    {"AccessDenied", 403, "Access Denied"},
    {"BadDigest", 400, "The Content-MD5 you specified did not match what we received."},
    {"BucketAlreadyExists", 409,
     "The requested bucket name is not available. The bucket namespace is shared by all users of "
     "the system. Please select a different name and try again."},
    {"BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and you already own it."},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
    {"ConditionalRequestConflict", 409,
     "The conditional request cannot succeed due to a conflicting operation against this "
     "resource."},
    {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
    {"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"},
    {"ExpiredToken", 400, "The provided token has expired."},
    {"IllegalVersioningConfigurationException", 400, "The Versioning element must be specified"},
    {"IncompleteBody", 400,
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {"InternalError", 500, "We encountered an internal error. Please try again."},
    {"InvalidArgument", 400, "Invalid Argument"},
    {"InvalidBucketName", 400, "The specified bucket is not valid."},
    {"InvalidBucketState", 409, "The request is not valid with the current state of the bucket."},
    {"InvalidChunkSizeError", 403,
     "Only the last chunk is allowed to have a size less than 8192 bytes"},
    {"InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
    {"InvalidLocationConstraint", 400, "The specified location-constraint is not valid"},
    {"InvalidPart", 400,
     "One or more of the specified parts could not be found.  The part may not have been "
     "uploaded, or the specified entity tag may not match the part's entity tag."},
    {"InvalidPartNumber", 416, "The requested partnumber is not satisfiable"},
    {"InvalidPartOrder", 400,
     "The list of parts was not in ascending order. Parts must be ordered by part number."},
    {"InvalidRange", 416, "The requested range is not satisfiable"},
    {"InvalidRequest", 400, "Invalid Request"},
    {"InvalidStorageClass", 400, "The storage class you specified is not valid"},
    {"InvalidTag", 400, "The tag provided was not a valid tag."},
    {"InvalidTargetBucketForLogging", 400, "The target bucket for logging does not exist"},
    {"InvalidURI", 400, "Couldn't parse the specified URI."},
    {"KeyTooLongError", 400, "Your key is too long"},
    {"MalformedPolicy", 400, "This policy contains invalid Json"},
    {"MalformedPOSTRequest", 400,
     "The body of your POST request is not well-formed multipart/form-data."},
    {"MalformedXML", 400,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {"MaxMessageLengthExceeded", 400, "Your request was too big."},
    {"MaxPostPreDataLengthExceededError", 400,
     "Your POST request fields preceding the upload file were too large."},
    {"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"},
    {"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    {"NoSuchBucket", 404, "The specified bucket does not exist"},
    {"NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
    {"NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"},
    {"NoSuchPublicAccessBlockConfiguration", 404,
     "The public access block configuration was not found"},
    {"NoSuchTagSet", 404, "The TagSet does not exist"},
    {"NoSuchUpload", 404,
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
     "been aborted or completed."},
    {"NoSuchVersion", 404, "The specified version does not exist."},
    {"NoSuchWebsiteConfiguration", 404,
     "The specified bucket does not have a website configuration"},
    {"NotImplemented", 501, "A header you provided implies functionality that is not implemented"},
    {"NotModified", 304, "Not Modified"},
    {"ObjectLockConfigurationNotFoundError", 404,
     "Object Lock configuration does not exist for this bucket"},
    {"OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    {"ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"},
    {"RequestTimeout", 400,
     "Your socket connection to the server was not read from or written to within the timeout "
     "period. Idle connections will be closed."},
    {"ServerSideEncryptionConfigurationNotFoundError", 404,
     "The server side encryption configuration was not found"},
    {"SlowDown", 503, "Please reduce your request rate."},
    {"TooManyBuckets", 400, "You have attempted to create more buckets than allowed"},
    {"UnresolvableGrantByEmailAddress", 400,
     "The e-mail address you provided does not match any account on record."},
    {"UserKeyMustBeSpecified", 400,
     "The bucket POST must contain the specified field name. If it is specified, please check the "
     "order of the fields."},
    {"XAmzContentChecksumMismatch", 400,
     "The provided 'x-amz-checksum' header does not match what was computed."},
    {"XAmzContentSHA256Mismatch", 400,
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
}};

const Known& Find(std::string_view code) {
  for (const Known& known : kKnown) {
    if (known.code == code) return known;
  }
  static constexpr Known kOther{"", 400, "Bad Request"};
  return kOther;
}

}  // namespace

ApiError Refusal(std::string_view code, base::Json extra) {
  return RefusalBecause(code, std::string(Find(code).message), std::move(extra));
}

ApiError RefusalBecause(std::string_view code, std::string message, base::Json extra) {
  return {Find(code).status, std::string(code), std::move(message), std::move(extra)};
}

ApiError ChecksumMismatch(std::string_view algorithm) {
  return RefusalBecause("BadDigest", "The " + std::string(algorithm) +
                                         " you specified did not match the calculated checksum.");
}

ApiError HostFailure(const base::Error& error) {
  return RefusalBecause(error.kind == base::ErrorKind::kLimit ? "SlowDown" : "InternalError",
                        error.ToString());
}

io::HttpResponse ErrorAnswer(const ApiError& error, std::string_view resource,
                             const std::string& request_id) {
  io::HttpResponse out;
  out.status = error.status;
  out.headers.Add("x-amz-request-id", request_id);
  if (error.status == 304) return out;
  out.headers.Add("Content-Type", "application/xml");
  std::string& xml = out.body;
  const auto element = [&xml](std::string_view name, std::string_view text) {
    xml += "<";
    xml += name;
    xml += ">" + aws::XmlText(text) + "</";
    xml += name;
    xml += ">";
  };
  xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>";
  element("Code", error.type);
  element("Message", error.message);
  for (const auto& [name, value] : error.extra.items()) {
    element(name, value.is_string() ? value.get<std::string>() : base::ToJsonText(value));
  }
  element("Resource", resource);
  element("RequestId", request_id);
  xml += "</Error>";
  return out;
}

}  // namespace hearth::s3
