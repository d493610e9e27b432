#include "invoker/uploaded_code.h"

#include "base/digest.h"
#include "base/limits.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {

using base::Json;

std::expected<std::string, aws::ApiError> ReadZip(const Json& code, std::string_view member,
                                                  std::string_view absent) {
  if (!code.is_object()) {
    return std::unexpected(
        InvalidParameter(std::string(member) + " must be an object with ZipFile."));
  }
  for (const char* source :
       {"S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri", "SourceKMSKeyArn"}) {
    if (code.contains(source) && !code[source].is_null()) {
      return std::unexpected(InvalidParameter(std::string("Hearth does not serve ") + source +
                                              " yet; send the code as ZipFile."));
    }
  }
  if (!code.contains("ZipFile") || !code["ZipFile"].is_string()) {
    return std::unexpected(InvalidParameter(std::string(absent)));
  }
  auto zip = base::Base64Decode(code["ZipFile"].get_ref<const std::string&>());
  if (!zip) {
    return std::unexpected(aws::ApiError{.status = 400,
                                         .type = "SerializationException",
                                         .message = "ZipFile: " + zip.error().ToString()});
  }
  return std::move(*zip);
}

std::optional<aws::ApiError> CheckZip(const std::string& zip) {
  if (zip.empty()) {
    return InvalidParameter("Uploaded file must be a non-empty zip");
  }
  if (zip.size() >= limits::kMaxZippedUpload.count()) {
    return aws::ApiError{.status = 413,
                         .type = "RequestEntityTooLargeException",
                         .message = "Zipped size must be smaller than 52428800 bytes"};
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
