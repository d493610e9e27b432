#include "triggers/s3/bucket_configurations.h"

#include <array>

#include "base/limits.h"
#include "triggers/s3/tags.h"

namespace hearth::s3 {
namespace {

constexpr size_t kMaxBucketTags = 50;  // AWS.
constexpr size_t kMaxPolicy = 20480;   // AWS: bytes.

Answer<std::string> ReadTags(std::string_view body) {
  return TaggingXml(TRY(ReadTagging(body, kMaxBucketTags)));
}

Answer<std::string> ReadPolicy(std::string_view body) {
  const auto json = base::ParseJson(body);
  if (body.size() > kMaxPolicy) {
    return std::unexpected(RefusalBecause("MalformedPolicy",
                                          "Normalized policy document exceeds "
                                          "the maximum allowed size of 20480 "
                                          "bytes."));
  }
  if (!json || !json->is_object()) return std::unexpected(Refusal("MalformedPolicy"));
  if (!json->contains("Statement")) {
    return std::unexpected(RefusalBecause("MalformedPolicy", "Missing required field Statement"));
  }
  return std::string(body);
}

constexpr std::array<BucketConfiguration, 2> kConfigurations = {{
    {"policy", "NoSuchBucketPolicy", "application/json", 204, ReadPolicy},
    {"tagging", "NoSuchTagSet", "application/xml", 204, ReadTags},
}};

}  // namespace

const BucketConfiguration* FindConfiguration(std::string_view name) {
  for (const BucketConfiguration& one : kConfigurations) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

void AddCors(const BucketRecord&, const io::HttpRequest&, io::HttpHeaders&) {}

std::optional<ApiError> AnswerPreflight(const BucketRecord*, const io::HttpRequest&,
                                        io::HttpHeaders&) {
  return RefusalBecause("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.");
}

}  // namespace hearth::s3
