// Presigned URLs: whether they are whole, and still good. Their signatures are not verified: this
// host knows no secret keys. Source: S3 API reference, "Authenticating requests: using query
// parameters"; S3 User Guide, "Signing and authenticating REST requests (version 2)".
#pragma once

#include <cstdint>
#include <optional>

#include "triggers/s3/addressing.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {

// nullopt: it is good, or the request is not presigned. AuthorizationQueryParametersError for what
// is malformed; AccessDenied for what has expired, or is not good yet.
std::optional<ApiError> CheckPresigned(const Address& address, int64_t now_ms);

// Signers move what is a request's header into its URL: x-amz-…, and by the second version
// Content-Type and Content-MD5. Adds those that are no header already; nothing where the request is
// not presigned. Digests of a body that nobody had when the URL was made are left out.
void TakeSignedHeaders(const Address& address, io::HttpHeaders& headers);

}  // namespace hearth::s3
