// The object store's refusals, in AWS's words: a code, its status, a message, and members of its
// own beside them, as XML. Source: S3 API reference, "Error responses".
#pragma once

#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/result.h"

namespace hearth::s3 {

using aws::ApiError;

// With AWS's own message and status for the code; `extra` becomes elements: {"Key": "a/b"}.
ApiError Refusal(std::string_view code, base::Json extra = base::Json::object());
// With another message.
ApiError RefusalBecause(std::string_view code, std::string message,
                        base::Json extra = base::Json::object());
// A body whose checksum of this algorithm is another than its sender's.
ApiError ChecksumMismatch(std::string_view algorithm);
// What the host could not do: SlowDown (503) for a limit or a full disk, else InternalError.
ApiError HostFailure(const base::Error& error);

// <Error><Code>…</Code><Message>…</Message>…<Resource>…</Resource><RequestId>…</RequestId></Error>.
// 304 and answers to HEAD have no body; the server leaves it away for the latter.
io::HttpResponse ErrorAnswer(const ApiError& error, std::string_view resource,
                             const std::string& request_id);

}  // namespace hearth::s3
