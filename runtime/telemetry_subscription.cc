#include "runtime/telemetry_subscription.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "base/json.h"

namespace hearth::runtime {
namespace {

constexpr std::string_view kTelemetryVersions[] = {"2022-07-01", "2022-12-13", "2025-01-29"};
constexpr std::string_view kLogsVersions[] = {"2020-08-15", "2021-03-18"};
constexpr std::string_view kTypes[] = {"platform", "function", "extension"};
constexpr std::string_view kHosts[] = {"sandbox.localdomain", "sandbox.local", "sandbox"};
constexpr uint16_t kReservedPort = 9001;  // AWS: the only one.

// Reads one body, and collects what is wrong with it.
class Reader {
 public:
  Reader(TelemetryApi api, const base::Json& body) : api_(api), body_(body) { out_.api = api; }

  TelemetrySubscription Read() {
    ReadVersion();
    ReadDestination();
    ReadTypes();
    ReadBuffering();
    return std::move(out_);
  }
  const std::string& problems() const { return problems_; }

 private:
  void Problem(std::string_view what) {
    if (!problems_.empty()) problems_ += "; ";
    problems_ += what;
  }

  // nullptr where it is absent.
  static const base::Json* Member(const base::Json& of, const char* name) {
    const auto found = of.find(name);
    return found == of.end() || found->is_null() ? nullptr : &*found;
  }
  // Empty where it is absent or, which is a problem, of another type.
  std::string Text(const base::Json& of, const char* name) {
    const base::Json* const member = Member(of, name);
    if (member == nullptr) return {};
    if (member->is_string()) return member->get<std::string>();
    Problem(std::string(name) + " should be a string");
    return {};
  }

  void ReadVersion() {
    const bool is_logs = api_ == TelemetryApi::kLogs;
    const std::span<const std::string_view> allowed =
        is_logs ? std::span<const std::string_view>(kLogsVersions) : kTelemetryVersions;
    out_.schema_version = Text(body_, "schemaVersion");
    if (is_logs && Member(body_, "schemaVersion") == nullptr) out_.schema_version = allowed[0];
    if (std::ranges::find(allowed, out_.schema_version) != allowed.end()) return;
    Problem(fmt::format("schemaVersion should be one of {}", fmt::join(allowed, ", ")));
  }

  void ReadTypes() {
    const base::Json* const types = Member(body_, "types");
    if (types == nullptr || (types->is_array() && types->empty())) {
      return Problem("types should not be empty");
    }
    if (!types->is_array()) return Problem("types should be a list");
    for (const auto& type : *types) {
      const std::string name = type.is_string() ? type.get<std::string>() : std::string();
      if (std::ranges::find(kTypes, name) == std::end(kTypes)) {
        return Problem(fmt::format("types should be of {}", fmt::join(kTypes, ", ")));
      }
      if (out_.Wants(name)) return Problem("types should be unique");
      out_.types.push_back(name);
    }
  }

  size_t Bounded(const base::Json& of, const char* name, size_t least, size_t most, size_t usual) {
    const base::Json* const member = Member(of, name);
    if (member == nullptr) return usual;
    const uint64_t value = member->is_number_unsigned() ? member->get<uint64_t>() : 0;
    if (value >= least && value <= most) return value;
    Problem(fmt::format("{} should be between {} and {}", name, least, most));
    return usual;
  }

  void ReadBuffering() {
    const base::Json* const buffering = Member(body_, "buffering");
    if (buffering == nullptr) return;
    if (!buffering->is_object()) return Problem("buffering should be an object");
    out_.max_items = Bounded(*buffering, "maxItems", limits::kMinTelemetryItems,
                             limits::kMaxTelemetryItems, out_.max_items);
    out_.max_bytes = Bounded(*buffering, "maxBytes", limits::kMinTelemetryBytes,
                             limits::kMaxTelemetryBytes, out_.max_bytes);
    out_.timeout = std::chrono::milliseconds(
        Bounded(*buffering, "timeoutMs", static_cast<size_t>(limits::kMinTelemetryTimeout.count()),
                static_cast<size_t>(limits::kMaxTelemetryTimeout.count()),
                static_cast<size_t>(out_.timeout.count())));
  }

  void ReadDestination() {
    const base::Json* const to = Member(body_, "destination");
    if (to == nullptr || !to->is_object()) return Problem("destination is not provided");
    const std::string protocol = Text(*to, "protocol");
    if (protocol == "TCP") {
      out_.is_tcp = true;
      if (Member(*to, "port") == nullptr) return Problem("port is not provided");
      out_.port = static_cast<uint16_t>(Bounded(*to, "port", 1, UINT16_MAX, 0));
    } else if (protocol == "HTTP") {
      const std::string method = Text(*to, "method");
      if (!method.empty()) out_.method = method;
      if (out_.method != "POST" && out_.method != "PUT") Problem("method should be POST or PUT");
      const std::string encoding = Text(*to, "encoding");
      if (!encoding.empty() && encoding != "JSON") Problem("encoding should be JSON");
      ReadUri(Text(*to, "URI"));
    } else {
      return Problem("protocol should be HTTP or TCP");
    }
    if (out_.port == kReservedPort) Problem("port 9001 is reserved");
  }

  // http://HOST:PORT[/path][?query]
  void ReadUri(std::string_view uri) {
    constexpr std::string_view kScheme = "http://";
    if (uri.empty()) return Problem("URI is not provided");
    if (uri.size() > limits::kMaxTarget) return Problem("URI is too long");
    // It becomes the head of our requests: neither space nor line end.
    if (!std::ranges::all_of(uri, [](char c) { return c > ' ' && c < 127; })) {
      return Problem("URI should have printable ASCII characters only");
    }
    if (!uri.starts_with(kScheme)) return Problem("Only 'http' scheme is supported.");
    uri.remove_prefix(kScheme.size());
    uri = uri.substr(0, uri.find('#'));
    const size_t end = std::min(uri.find_first_of("/?"), uri.size());
    const std::string_view authority = uri.substr(0, end);
    const size_t colon = authority.find(':');
    if (std::ranges::find(kHosts, authority.substr(0, colon)) == std::end(kHosts)) {
      return Problem("Only 'sandbox.localdomain' hostname is supported.");
    }
    if (colon == std::string_view::npos || colon + 1 == authority.size()) {
      return Problem("URI port is not provided");
    }
    const std::string_view digits = authority.substr(colon + 1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out_.port);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || out_.port == 0) {
      return Problem("URI port should be between 1 and 65535");
    }
    out_.host = authority;
    out_.target = uri.substr(end);
    if (!out_.target.starts_with('/')) out_.target.insert(0, "/");
  }

  const TelemetryApi api_;
  const base::Json& body_;
  TelemetrySubscription out_;
  std::string problems_;
};

}  // namespace

bool TelemetrySubscription::Wants(std::string_view type) const {
  return std::ranges::find(types, type) != types.end();
}

std::expected<TelemetrySubscription, TelemetryRefusal> ReadTelemetrySubscription(
    TelemetryApi api, std::string_view body) {
  const char* const type = api == TelemetryApi::kLogs ? "Logs.ValidationError" : "ValidationError";
  const auto parsed = base::ParseJson(body);
  if (!parsed || !parsed->is_object()) {
    return std::unexpected(TelemetryRefusal{
        400, type, parsed ? "the body should be a JSON object" : parsed.error().text});
  }
  Reader reader(api, *parsed);
  TelemetrySubscription out = reader.Read();
  if (reader.problems().empty()) return out;
  return std::unexpected(TelemetryRefusal{400, type, reader.problems()});
}

}  // namespace hearth::runtime
