// Code as a request brings it: of a function or of a layer. Source: Lambda API, shapes FunctionCode
// and LayerVersionContentInput.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"

namespace hearth::invoker {

// The archive in `code`'s ZipFile, decoded. `member` is what holds `code`, for messages; `absent`
// AWS's words for one without a source.
std::expected<std::string, aws::ApiError> ReadZip(const base::Json& code, std::string_view member,
                                                  std::string_view absent);
// Why the archive is refused before anybody looks inside.
std::optional<aws::ApiError> CheckZip(const std::string& zip);
// What layers::CodeStore says, in AWS's words.
aws::ApiError CodeError(const base::Error& error);
// The digest as the API shows it.
std::string CodeSha256(const std::string& code_digest);

}  // namespace hearth::invoker
