// What an extension asks for when it subscribes to the Telemetry API or the Logs API, read from the
// body of its request.
//
// Pure: hostile bytes in, a subscription or AWS's refusal out. A destination is always inside the
// extension's own sandbox. Source: "Lambda Telemetry API reference" and "Using the Lambda Logs API"
// for members, bounds and the form of refusals ("URI port is not provided; types should not be
// empty"); where they give no words, the words are ours.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace hearth::runtime {

enum class TelemetryApi { kTelemetry, kLogs };

struct TelemetrySubscription {
  TelemetryApi api = TelemetryApi::kTelemetry;
  std::string schema_version;
  std::vector<std::string> types;  // "platform", "function", "extension", each once.
  size_t max_items = limits::kDefaultTelemetryItems;
  size_t max_bytes = limits::kMinTelemetryBytes;
  std::chrono::milliseconds timeout{1000};
  bool is_tcp = false;
  uint16_t port = 0;
  // Of HTTP.
  std::string method = "POST";
  std::string host;    // "sandbox.localdomain:8080"
  std::string target;  // "/path?query"

  bool Wants(std::string_view type) const;
  bool operator==(const TelemetrySubscription&) const = default;
};

struct TelemetryRefusal {
  int status = 400;
  std::string type;  // "ValidationError", "Logs.ValidationError"
  std::string message;
};

std::expected<TelemetrySubscription, TelemetryRefusal> ReadTelemetrySubscription(
    TelemetryApi api, std::string_view body);

}  // namespace hearth::runtime
