#include "invoker/uploaded_code.h"

#include "base/digest.h"
#include "base/limits.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {

using base::Json;

namespace {

using Zip = std::expected<std::string, aws::ApiError>;

Zip ReadZip(const std::string& text) {
  auto zip = base::Base64Decode(text);
  if (!zip) {
    return std::unexpected(aws::ApiError{.status = 400,
                                         .type = "SerializationException",
                                         .message = "ZipFile: " + zip.error().ToString()});
  }
  if (zip->size() >= limits::kMaxZippedUpload.count()) {
    return std::unexpected(
        aws::ApiError{.status = 413,
                      .type = "RequestEntityTooLargeException",
                      .message = "Zipped size must be smaller than 52428800 bytes"});
  }
  return std::move(*zip);
}

std::string Text(const Json& code, const char* name) {
  return code.contains(name) && code[name].is_string() ? code[name].get<std::string>() : "";
}

}  // namespace

void TakeZip(const FetchCode& fetch, const Json& code, std::string_view member,
             std::string_view absent, CodeDone done) {
  const auto refuse = [&done](std::string message) {
    done(std::unexpected(InvalidParameter(std::move(message))));
  };
  if (!code.is_object()) return refuse(std::string(member) + " must be an object with ZipFile.");
  for (const char* source : {"ImageUri", "SourceKMSKeyArn"}) {
    if (code.contains(source) && !code[source].is_null()) {
      return refuse(std::string("Hearth does not serve ") + source +
                    " yet; send the code as ZipFile.");
    }
  }
  const CodeObject object{.bucket = Text(code, "S3Bucket"),
                          .key = Text(code, "S3Key"),
                          .version_id = Text(code, "S3ObjectVersion")};
  const bool is_zip = code.contains("ZipFile") && code["ZipFile"].is_string();
  if (is_zip && object.bucket.empty()) {
    return done(ReadZip(code["ZipFile"].get_ref<const std::string&>()));
  }
  if (is_zip || object.bucket.empty() || object.key.empty()) return refuse(std::string(absent));
  if (!fetch) return refuse("Hearth does not serve S3Bucket here; send the code as ZipFile.");
  fetch(object, [done = std::move(done)](Zip zip) {
    if (zip) return done(std::move(zip));
    // As Lambda tells of what S3 has told it.
    done(std::unexpected(
        InvalidParameter("Error occurred while GetObject. S3 Error Code: " + zip.error().type +
                         ". S3 Error Message: " + zip.error().message)));
  });
}

std::optional<aws::ApiError> CheckZip(const std::string& zip) {
  if (zip.empty()) {
    return InvalidParameter("Uploaded file must be a non-empty zip");
  }
  return std::nullopt;
}

aws::ApiError CodeError(const base::Error& error) {
  switch (error.kind) {
    case base::ErrorKind::kLimit:
      return InvalidParameter(error.text);  // AWS's own sentence.
    case base::ErrorKind::kInvalid:
      return InvalidParameter(
          "Could not unzip uploaded file. Please check your file, then try to upload again. (" +
          error.ToString() + ")");
    case base::ErrorKind::kSystem:
    case base::ErrorKind::kNotFound:
    case base::ErrorKind::kConflict:
    case base::ErrorKind::kUnsupported:
    case base::ErrorKind::kTimeout:
    case base::ErrorKind::kCorrupt:
    case base::ErrorKind::kClosed:
      return ServiceError(error);
  }
  return ServiceError(error);
}

std::string CodeSha256(const std::string& code_digest) {
  return base::Base64Encode(base::AsBytes(MUST(base::FromHex(code_digest))));
}

}  // namespace hearth::invoker
