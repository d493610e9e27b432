#include "triggers/s3/presigned.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/limits.h"
#include "io/http_parser.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

constexpr int64_t kSkew = 15 * 60;  // AWS, in seconds: that a signer's clock may be ahead.
constexpr int64_t kLongest = std::chrono::seconds(limits::kMaxPresigned).count();

ApiError BadParameter(std::string message) {
  return RefusalBecause("AuthorizationQueryParametersError", std::move(message));
}

std::optional<int64_t> Number(const std::string& text) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    return text.starts_with('-') ? INT64_MIN : INT64_MAX;
  }
  return error == std::errc() ? std::optional(out) : std::nullopt;
}

std::string IsoSeconds(int64_t epoch_s) {
  const std::string text = IsoTime(epoch_s * 1000);
  return text.substr(0, text.size() - std::string_view(".000Z").size()) + "Z";
}

ApiError Expired(int64_t expired_s, int64_t now_s, base::Json extra = base::Json::object()) {
  // A year of five digits has no form that a reader knows.
  constexpr int64_t kLastMoment = 253402300799;
  extra["Expires"] = IsoSeconds(std::clamp<int64_t>(expired_s, 0, kLastMoment));
  extra["ServerTime"] = IsoSeconds(now_s);
  return RefusalBecause("AccessDenied", "Request has expired", std::move(extra));
}

// "KEY/20260806/us-east-1/s3/aws4_request"; a key may hold a '/'.
bool IsCredential(std::string_view text) {
  constexpr std::string_view kEnd = "/aws4_request";
  return text.ends_with(kEnd) && std::ranges::count(text, '/') >= 4 && !text.starts_with('/') &&
         text.find("//") == std::string_view::npos;
}

std::optional<ApiError> CheckV4(const Address& address, int64_t now_s) {
  constexpr std::array<std::string_view, 6> kAll = {"X-Amz-Algorithm",     "X-Amz-Credential",
                                                    "X-Amz-Signature",     "X-Amz-Date",
                                                    "X-Amz-SignedHeaders", "X-Amz-Expires"};
  for (const std::string_view name : kAll) {
    if (address.Has(name)) continue;
    return BadParameter(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  const std::string& algorithm = *address.Find("X-Amz-Algorithm");
  if (algorithm != "AWS4-HMAC-SHA256" && algorithm != "AWS4-ECDSA-P256-SHA256") {
    return BadParameter(
        "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"");
  }
  if (!IsCredential(*address.Find("X-Amz-Credential"))) {
    return BadParameter(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  const auto signed_s = ParseBasicTime(*address.Find("X-Amz-Date"));
  if (!signed_s) {
    return BadParameter("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  const auto lasts_s = Number(*address.Find("X-Amz-Expires"));
  if (!lasts_s) return BadParameter("X-Amz-Expires should be a number");
  if (*lasts_s < 0) return BadParameter("X-Amz-Expires must be non-negative");
  if (*lasts_s > kLongest) {
    return BadParameter(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
        "must be less than 604800 seconds");
  }
  if (*signed_s > now_s + kSkew) return RefusalBecause("AccessDenied", "Request is not valid yet");
  if (now_s > *signed_s + *lasts_s) {
    return Expired(*signed_s + *lasts_s, now_s, {{"X-Amz-Expires", *lasts_s}});
  }
  return std::nullopt;
}

std::optional<ApiError> CheckV2(const Address& address, int64_t now_s) {
  if (!address.Has("Signature") || !address.Has("Expires") || !address.Has("AWSAccessKeyId")) {
    return RefusalBecause(
        "AccessDenied",
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
        "parameters");
  }
  const std::string& text = *address.Find("Expires");
  const auto expires_s = Number(text);
  if (!expires_s) {
    return RefusalBecause("AccessDenied", "Invalid date (should be seconds since epoch): " + text);
  }
  if (now_s > *expires_s) return Expired(*expires_s, now_s);
  return std::nullopt;
}

}  // namespace

std::optional<ApiError> CheckPresigned(const Address& address, int64_t now_ms) {
  const int64_t now_s = now_ms / 1000;
  if (address.Has("X-Amz-Algorithm") || address.Has("X-Amz-Signature") ||
      address.Has("X-Amz-Credential")) {
    return CheckV4(address, now_s);
  }
  if (address.Has("Signature") || address.Has("AWSAccessKeyId")) return CheckV2(address, now_s);
  return std::nullopt;
}

void TakeSignedHeaders(const Address& address, io::HttpHeaders& headers) {
  constexpr auto kSignatures = std::to_array<std::string_view>(
      {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signature",
       "x-amz-signedheaders", "x-amz-security-token", "x-amz-content-sha256",
       "x-amz-sdk-checksum-algorithm", "x-amz-user-agent"});
  const bool is_v2 = address.Has("AWSAccessKeyId") && address.Has("Signature");
  if (!is_v2 && !address.Has("X-Amz-Signature")) return;
  for (const auto& [name, value] : address.query) {
    const std::string lower = LowerCase(name);
    const bool is_own = std::ranges::find(kSignatures, lower) != kSignatures.end() ||
                        lower.starts_with("x-amz-checksum-");
    const bool is_moved = lower.starts_with("x-amz-") ||
                          (is_v2 && (lower == "content-type" || lower == "content-md5"));
    if (is_own || !is_moved || !io::IsToken(lower) || headers.Has(lower)) continue;
    headers.Add(lower, value);
  }
}

}  // namespace hearth::s3
