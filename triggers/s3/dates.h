// Moments as S3's wire writes them. Source: RFC 9110, 5.6.7; ISO 8601 as the S3 API uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::s3 {

std::string HttpDate(int64_t epoch_s);  // "Sat, 28 Nov 2026 13:00:00 GMT"
// That form, the two older ones of HTTP, and ISO 8601's. In seconds; nullopt: none of them.
std::optional<int64_t> ParseHttpDate(std::string_view text);

// "2026-11-28T13:00:00.000Z". What a clock cannot tell, before 1677 and after 2262, becomes the
// nearest moment that it can.
std::string IsoTime(int64_t epoch_ms);
// "2026-11-28T13:00:00.5Z", "2026-11-28T13:00:00Z", "2026-11-28T13:00:00+01:00", "2026-11-28". In
// ms.
std::optional<int64_t> ParseIsoTime(std::string_view text);
// "20261128T130000Z", as X-Amz-Date has it. In seconds.
std::optional<int64_t> ParseBasicTime(std::string_view text);

}  // namespace hearth::s3
