#include "cli/invoke.h"

#include <fmt/format.h>

#include <iterator>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/json_fields.h"

namespace hearth::cli {
namespace {

using base::Json;

std::expected<std::string, Failure> ReadPayload(std::istream& input, const InvokeOptions& options) {
  std::string payload = options.payload;
  std::string source = "--payload";
  if (payload == "-" || options.payload_file == "-") {
    payload.assign(std::istreambuf_iterator<char>(input), {});
    source = "standard input";
  } else if (!options.payload_file.empty()) {
    auto text = base::ReadFile(options.payload_file, base::Bytes(limits::kMaxSyncPayload));
    if (!text) {
      return std::unexpected(
          Failure{kUsage, fmt::format("cannot read --payload-file: {}", text.error().ToString())});
    }
    payload = std::move(*text);
    source = options.payload_file;
  } else if (payload.empty()) {
    return "{}";
  }
  const auto parsed = base::ParseJson(payload);
  if (!parsed) {
    return std::unexpected(Failure{
        kUsage, fmt::format("the payload ({}) is not JSON: {}\n  a text needs its own quotes: "
                            "--payload '\"text\"'",
                            source, parsed.error().ToString())});
  }
  return payload;
}

void AppendTrace(std::string& text, const Json& frames) {
  if (!frames.is_array()) return;
  for (const Json& frame : frames) {
    std::string line = frame.is_string() ? frame.get<std::string>() : base::ToJsonText(frame);
    while (line.ends_with('\n')) line.pop_back();
    text += "\n  ";
    for (const char c : line) {
      text += c;
      if (c == '\n') text += "  ";
    }
  }
}

// "Hello failed (Unhandled): ValueError: no such thing", then the stack trace.
std::string ErrorText(const std::string& function, std::string_view kind,
                      const std::string& payload) {
  const auto body = base::ParseJson(payload);
  if (!body || !body->is_object()) {
    return fmt::format("{} failed ({}): {}", function, kind, payload);
  }
  const std::string type = Text(*body, "errorType");
  std::string text = fmt::format("{} failed ({}): {}{}{}", function, kind, type,
                                 type.empty() ? "" : ": ", Text(*body, "errorMessage"));
  AppendTrace(text, Field(*body, "stackTrace"));
  AppendTrace(text, Field(*body, "trace"));
  return text;
}

void PrintLogTail(Console& console, std::string_view encoded) {
  const auto log = base::Base64Decode(encoded);
  if (!log || log->empty()) return;
  console.err << "--- log (last 4 KB) ---\n" << *log;
  if (!log->ends_with('\n')) console.err << '\n';
  console.err << "-----------------------\n";
}

}  // namespace

std::string InvocationPath(const std::string& function, const std::string& qualifier) {
  std::string path = "/2015-03-31/functions/" + PercentEncode(function) + "/invocations";
  if (!qualifier.empty()) path += "?Qualifier=" + PercentEncode(qualifier);
  return path;
}

int RunInvoke(const Client& client, Console& console, std::istream& input,
              const InvokeOptions& options) {
  auto payload = ReadPayload(input, options);
  if (!payload) return Fail(console, payload.error());
  Client::Call call{.method = "POST",
                    .path = InvocationPath(options.function, options.qualifier),
                    .body = std::move(*payload)};
  call.headers.Set("X-Amz-Invocation-Type", options.async ? "Event" : "RequestResponse");
  if (options.log_tail) call.headers.Set("X-Amz-Log-Type", "Tail");
  const auto response = client.Ask(std::move(call));
  if (!response) return Fail(console, response.error());
  if (options.async) {
    const std::string id(response->headers.Get("x-amzn-RequestId"));
    if (console.json) {
      console.out << base::ToJsonText({{"status", response->status}, {"request_id", id}}) << '\n';
    } else {
      console.out << fmt::format("accepted, request {}\n", id);
    }
    return kOk;
  }
  PrintLogTail(console, response->headers.Get("X-Amz-Log-Result"));
  const std::string_view error = response->headers.Get("X-Amz-Function-Error");
  if (error.empty() || console.json) {
    console.out << response->body;
    if (!response->body.ends_with('\n')) console.out << '\n';
    console.out.flush();
  }
  if (error.empty()) return kOk;
  return Fail(console, {kFunctionError, ErrorText(options.function, error, response->body)});
}

}  // namespace hearth::cli
