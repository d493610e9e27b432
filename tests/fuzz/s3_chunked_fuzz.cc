// A body in AWS's chunks says the same however it is cut: what it holds, its trailers, and whether
// it is whole; and never gives more than was announced. The first bytes: the cut, the length.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "triggers/s3/chunked_body.h"

using namespace hearth;

namespace {

struct Seen {
  std::string code;
  std::string data;
  std::string trailers;
  bool operator==(const Seen&) const = default;
};

Seen Read(std::string_view bytes, uint64_t length, bool has_trailers, size_t step) {
  s3::ChunkedBody body(length, has_trailers);
  Seen seen;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    const auto error = body.Feed(piece, [&](std::string_view data) {
      CHECK(!data.empty());
      seen.data += data;
    });
    if (!error) continue;
    seen.code = error->type;
    CHECK(seen.data.size() <= length);
    return seen;
  }
  const auto error = body.Finish();
  if (error) seen.code = error->type;
  CHECK(error ? seen.data.size() <= length : seen.data.size() == length);
  seen.trailers = body.trailers().lines();
  CHECK(seen.trailers.size() <= 2 * s3::kMaxChunkTrailers + 4096);
  (void)body.CheckTrailers(bytes);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const uint64_t length = data[1] | uint64_t{data[2]} << 8;
  for (const bool has_trailers : {false, true}) {
    const Seen whole = Read(bytes, length, has_trailers, bytes.size() + 1);
    CHECK(whole == Read(bytes, length, has_trailers, 1 + data[0] % 64));
  }
  (void)s3::ReadPayloadForm(bytes);
  return 0;
}
