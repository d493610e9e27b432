// Code as a request brings it: of a function or of a layer. Source: Lambda API, shapes FunctionCode
// and LayerVersionContentInput.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"

namespace hearth::invoker {

// An object of the object store that is an archive.
struct CodeObject {
  std::string bucket;
  std::string key;
  std::string version_id;  // Empty: the newest.
};
using CodeDone = std::function<void(std::expected<std::string, aws::ApiError>)>;
// Gets such an object's bytes; an error has S3's code.
using FetchCode = std::function<void(const CodeObject& object, CodeDone done)>;

// The archive: `code`'s ZipFile, decoded, or what `fetch` gets of its S3Bucket and S3Key; an empty
// `fetch` serves no objects. `member` is what holds `code`, for messages; `absent` AWS's words for
// one without a source. `done` runs once, maybe inside the call.
void TakeZip(const FetchCode& fetch, const base::Json& code, std::string_view member,
             std::string_view absent, CodeDone done);
// Why the archive is refused before anybody looks inside.
std::optional<aws::ApiError> CheckZip(const std::string& zip);
// What layers::CodeStore says, in AWS's words.
aws::ApiError CodeError(const base::Error& error);
// The digest as the API shows it.
std::string CodeSha256(const std::string& code_digest);

}  // namespace hearth::invoker
