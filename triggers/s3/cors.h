// CORS: which pages of other origins a bucket answers. Source: S3 User Guide, "Using cross-origin
// resource sharing"; S3 API reference, PutBucketCors and OPTIONS object; Fetch Standard, 3.3.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/http_message.h"
#include "triggers/s3/errors.h"
#include "triggers/s3/text_cache.h"

namespace hearth::s3 {

struct CorsRule {
  std::string id;  // Empty: none.
  std::vector<std::string> origins;
  std::vector<std::string> methods;
  std::vector<std::string> headers;  // Asked for by a preflight request.
  std::vector<std::string> exposed;
  std::optional<int64_t> max_age_s;
};
using CorsRules = std::vector<CorsRule>;

std::expected<CorsRules, ApiError> ReadCors(std::string_view body);
std::string CorsXml(const CorsRules& rules);

// The rules of the buckets that have some.
class CorsCache : public TextCache<CorsRules> {
 public:
  CorsCache();
};

// What an answer to a page of `origin` carries, by the first rule that allows it: Access-Control-*
// and Vary; nullopt: none does. `asked_headers` is Access-Control-Request-Headers of a preflight
// request, whose `method` is Access-Control-Request-Method; empty for the request itself.
std::optional<io::HttpHeaders> CorsAnswer(const CorsRules& rules, std::string_view origin,
                                          std::string_view method, std::string_view asked_headers);

// The answer to OPTIONS of a bucket or an object; `rules` is nullptr where the bucket has none.
// BadRequest for what is no preflight request; AccessForbidden for one that no rule allows.
std::expected<io::HttpHeaders, ApiError> PreflightAnswer(const CorsRules* rules,
                                                         const io::HttpHeaders& request,
                                                         bool is_object);

}  // namespace hearth::s3
