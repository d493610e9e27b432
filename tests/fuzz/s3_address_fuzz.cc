// What a request's line and fields say of an object: its address, a presigned URL's parameters, a
// range within its size, conditions and dates. The first line is the target, the second the host.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "triggers/s3/addressing.h"
#include "triggers/s3/conditions.h"
#include "triggers/s3/names.h"
#include "triggers/s3/presigned.h"

using namespace hearth;

namespace {

constexpr int64_t kNowMs = 1'800'000'000'000;

void CheckRange(std::string_view header, uint64_t size) {
  for (const auto& range : {s3::ReadRange(header, size), s3::ReadCopyRange(header, size)}) {
    if (!range || !*range) continue;
    CHECK((*range)->first <= (*range)->last && (*range)->last < size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  const std::string_view rest = text.substr(std::min(line + 1, text.size()));
  io::HttpRequest request;
  request.method = "GET";
  request.target = text.substr(0, line);
  request.headers.Add("Host", rest);
  if (const auto address = s3::ReadAddress(request)) {
    CHECK(!address->virtual_host || !address->bucket.empty());
    if (const auto error = s3::CheckPresigned(*address, kNowMs)) CHECK(!error->type.empty());
    if (!s3::CheckKey(address->key)) {
      CHECK(!address->key.empty() && address->key.size() <= limits::kMaxObjectKey);
      CHECK(address->key != ".." && !address->key.starts_with("../"));
    }
    if (!s3::CheckBucketName(address->bucket)) {
      CHECK(address->bucket.size() >= 3 && address->bucket.size() <= 63);
      CHECK(address->bucket.find_first_of("/\\%") == std::string::npos);
    }
  }
  CheckRange(rest, 0);
  CheckRange(rest, 10);
  CheckRange(rest, UINT64_MAX);
  for (const char* name : {"If-Match", "If-None-Match", "If-Modified-Since"}) {
    io::HttpHeaders headers;
    headers.Add(name, rest);
    const auto conditions = s3::Conditions::Of(headers);
    const std::string etag = "\"abc\"";
    (void)conditions.CheckRead(etag, kNowMs);
    (void)conditions.CheckRead(etag, kNowMs, s3::Conditions::Use::kCopy);
  }
  if (const auto moment = s3::ParseHttpDate(rest)) {
    if (*moment >= 0 && *moment < 4102444800)
      CHECK(s3::ParseHttpDate(s3::HttpDate(*moment)) == moment);
  }
  if (const auto moment = s3::ParseIsoTime(rest)) {
    if (*moment >= 0 && *moment < 4102444800000)
      CHECK(s3::ParseIsoTime(s3::IsoTime(*moment)) == moment);
  }
  return 0;
}
