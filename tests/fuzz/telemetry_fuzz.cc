// A subscription's body from a hostile sandbox: refused with words, or complete, in its bounds, and
// fit for the head of a request.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "runtime/telemetry_subscription.h"

using namespace hearth;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto api : {runtime::TelemetryApi::kTelemetry, runtime::TelemetryApi::kLogs}) {
    const auto read = runtime::ReadTelemetrySubscription(api, body);
    if (!read) {
      CHECK(read.error().status == 400 && !read.error().message.empty());
      continue;
    }
    CHECK(!read->types.empty() && read->types.size() <= 3);
    CHECK(read->max_items >= limits::kMinTelemetryItems);
    CHECK(read->max_items <= limits::kMaxTelemetryItems);
    CHECK(read->max_bytes >= limits::kMinTelemetryBytes);
    CHECK(read->max_bytes <= limits::kMaxTelemetryBytes);
    CHECK(read->timeout >= limits::kMinTelemetryTimeout);
    CHECK(read->timeout <= limits::kMaxTelemetryTimeout);
    CHECK(read->port != 0 && read->port != 9001);
    if (read->is_tcp) continue;
    CHECK(read->method == "POST" || read->method == "PUT");
    CHECK(read->target.starts_with('/') && read->host.starts_with("sandbox"));
    for (const auto& text : {read->target, read->host}) {
      CHECK(std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; }));
    }
  }
  return 0;
}
