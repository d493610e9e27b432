// Tags of buckets and objects: as XML, as the field x-amz-tagging, and what they may be. Source: S3
// User Guide, "Categorizing your objects using tags"; S3 API reference, PutObjectTagging.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "triggers/s3/errors.h"

namespace hearth::s3 {

using Tags = std::map<std::string, std::string>;

// InvalidTag for a tag that may not be; BadRequest for more than `most`.
std::expected<Tags, ApiError> ReadTagging(std::string_view body, size_t most);
// "a=b&c=d", percent-encoded. InvalidArgument for a name that comes twice.
std::expected<Tags, ApiError> ReadTagHeader(std::string_view form, size_t most);

std::string TaggingXml(const Tags& tags);
// Of a text that TaggingXml made; the system's ("aws:…") too, which no request may set.
Tags TagsOf(std::string_view text);
// `text`, which may be empty, and the system's tags of `before`: they are not a client's to remove.
std::string WithSystemTags(std::string text, std::string_view before);

}  // namespace hearth::s3
