#include "runtime/extensions_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "runtime/api_answer.h"

namespace hearth::runtime {
namespace {

using State = Extension::State;

constexpr std::string_view kPrefix = "/2020-01-01/extension/";
// With or without a slash behind it, as AWS's pages write them.
std::optional<TelemetryApi> FindTelemetry(const io::HttpRequest& request) {
  std::string_view path = request.path();
  if (path.ends_with('/')) path.remove_suffix(1);
  if (request.method != "PUT") return {};
  if (path == "/2022-07-01/telemetry") return TelemetryApi::kTelemetry;
  if (path == "/2020-08-15/logs") return TelemetryApi::kLogs;
  return {};
}

constexpr char kNameHeader[] = "Lambda-Extension-Name";
constexpr char kIdHeader[] = "Lambda-Extension-Identifier";
constexpr char kEventIdHeader[] = "Lambda-Extension-Event-Identifier";
constexpr char kFeatureHeader[] = "Lambda-Extension-Accept-Feature";
constexpr char kErrorTypeHeader[] = "Lambda-Extension-Function-Error-Type";

void Refuse(io::HttpResponder& responder, std::string_view type, std::string_view message) {
  responder.Send(ApiError(403, type, message));
}

// A hostile sandbox's text, as an answer or a log line may carry it.
std::string Shortened(std::string_view text) { return std::string(text.substr(0, 128)); }

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

std::string WrongState(const Extension& extension, State to, std::string_view who) {
  return fmt::format(
      "State transition from {} to {} failed for extension {}. Error: State transition is not "
      "allowed",
      StateName(extension.state), StateName(to), who);
}

// The events of a register request's body; an error says what is wrong with it.
base::Result<std::vector<std::string>> ParseEvents(std::string_view body) {
  constexpr char kStep[] = "read the request";
  const base::Json parsed = TRY(base::ParseJson(body));
  if (!parsed.is_object()) return base::Invalid(kStep, "the body is no JSON object");
  if (const auto keys = parsed.find("configurationKeys");
      keys != parsed.end() && keys->is_array() && !keys->empty()) {
    return base::Invalid(kStep,
                         "configurationKeys are deprecated; use environment variables instead");
  }
  std::vector<std::string> out;
  const auto events = parsed.find("events");
  if (events == parsed.end() || events->is_null()) return out;
  if (!events->is_array()) return base::Invalid(kStep, "events is no list");
  for (const auto& event : *events) {
    if (!event.is_string()) return base::Invalid(kStep, "an event is no string");
    out.push_back(event.get<std::string>());
  }
  return out;
}

}  // namespace

std::string_view StateName(State state) {
  switch (state) {
    case State::kStarted:
      return "Started";
    case State::kRegistered:
      return "Registered";
    case State::kReady:
      return "Ready";
    case State::kRunning:
      return "Running";
    case State::kInitError:
      return "InitError";
    case State::kExitError:
      return "ExitError";
    case State::kLaunchError:
      return "LaunchError";
  }
  return {};
}

std::string EventNames(const Extension& extension) {
  std::string out = "[";
  if (extension.wants_invoke) out += "INVOKE";
  if (extension.wants_shutdown) out += extension.wants_invoke ? ",SHUTDOWN" : "SHUTDOWN";
  return out + "]";
}

ExtensionsApi::ExtensionsApi(Function function, const std::vector<std::string>& external,
                             Delegate& delegate)
    : function_(std::move(function)), delegate_(delegate) {
  extensions_.reserve(std::max(limits::kMaxExtensions, external.size()));
  for (const auto& name : external) extensions_.push_back({.name = name, .is_external = true});
}

bool ExtensionsApi::IsForIt(const io::HttpRequest& request) {
  return request.path().starts_with(kPrefix) || FindTelemetry(request).has_value();
}

bool ExtensionsApi::Handle(io::HttpRequest& request, io::HttpResponder& responder) {
  if (const auto telemetry = FindTelemetry(request)) {
    if (const Extension* const found = Find(request, responder)) {
      Subscribe(*found, *telemetry, request, responder);
    }
    return true;
  }
  std::string_view path = request.path();
  if (!path.starts_with(kPrefix)) return false;
  path.remove_prefix(kPrefix.size());
  if (path == "register" && request.method == "POST") {
    Register(request, responder);
  } else if (path == "event/next" && request.method == "GET") {
    if (Extension* const found = Find(request, responder)) Next(*found, responder);
  } else if ((path == "init/error" || path == "exit/error") && request.method == "POST") {
    Extension* const found = Find(request, responder);
    if (found != nullptr) Error(*found, path == "init/error", request, responder);
  } else {
    responder.Send(ApiError(404, "NotFound", "no such path: " + std::string(request.path())));
  }
  return true;
}

void ExtensionsApi::Register(const io::HttpRequest& request, io::HttpResponder& responder) {
  const std::string_view name = request.headers.Get(kNameHeader);
  if (name.empty()) {
    return Refuse(responder, "Extension.InvalidExtensionName", "Empty extension name");
  }
  const auto events = ParseEvents(request.body);
  if (!events) return Refuse(responder, "InvalidRequestFormat", events.error().text);
  const auto external = std::ranges::find_if(
      extensions_, [&](const Extension& one) { return one.is_external && one.name == name; });
  const bool is_external = external != extensions_.end();
  for (const std::string& event : *events) {
    if (event == "INVOKE" || (event == "SHUTDOWN" && is_external)) continue;
    return Refuse(
        responder, "Extension.InvalidEventType",
        Shortened(event) + (event == "SHUTDOWN" ? ": ShutdownEventNotSupportedForInternalExtension"
                                                : ": ErrorInvalidEventType"));
  }
  Extension* const one = is_external ? &*external : AddInternal(name, responder);
  if (one == nullptr) return;
  if (one->state != State::kStarted) {
    return Refuse(responder, "Extension.InvalidExtensionState",
                  WrongState(*one, State::kRegistered, Shortened(name)));
  }
  one->id = base::NewUuid();
  one->state = State::kRegistered;
  for (const std::string& event : *events) {
    (event == "INVOKE" ? one->wants_invoke : one->wants_shutdown) = true;
  }
  std::string body = "{\"functionName\":" + base::JsonQuote(function_.name) +
                     ",\"functionVersion\":" + base::JsonQuote(function_.version) +
                     ",\"handler\":" + base::JsonQuote(function_.handler);
  if (request.headers.Get(kFeatureHeader).find("accountId") != std::string_view::npos) {
    body += ",\"accountId\":" + base::JsonQuote(function_.account_id);
  }
  io::HttpResponse response = JsonAnswer(200, body + "}");
  response.headers.Add(kIdHeader, one->id);
  responder.Send(std::move(response));
  delegate_.OnRegistered();
}

Extension* ExtensionsApi::AddInternal(std::string_view name, io::HttpResponder& responder) {
  if (!is_open_) {
    Refuse(responder, "Extension.RegistrationClosed", "Extension registration closed already");
  } else if (extensions_.size() >= limits::kMaxExtensions) {
    Refuse(responder, "Extension.TooManyExtensions",
           fmt::format("Extension limit ({}) reached", limits::kMaxExtensions));
  } else if (std::ranges::find(extensions_, name, &Extension::name) != extensions_.end()) {
    Refuse(responder, "Extension.InvalidExtensionState",
           "Extension with this name already registered");
  } else {
    extensions_.push_back({.name = Shortened(name)});
    return &extensions_.back();
  }
  return nullptr;
}

Extension* ExtensionsApi::Find(const io::HttpRequest& request, io::HttpResponder& responder) {
  const std::string_view id = request.headers.Get(kIdHeader);
  if (id.empty()) {
    Refuse(responder, "Extension.MissingExtensionIdentifier",
           "Missing Lambda-Extension-Identifier header");
    return nullptr;
  }
  if (!IsUuid(id)) {
    Refuse(responder, "Extension.InvalidExtensionIdentifier",
           "Invalid Lambda-Extension-Identifier");
    return nullptr;
  }
  const auto found = std::ranges::find(extensions_, id, &Extension::id);
  if (found != extensions_.end()) return &*found;
  Refuse(responder, "Extension.UnknownExtensionIdentifier", "Unknown extension " + std::string(id));
  return nullptr;
}

void ExtensionsApi::Next(Extension& extension, io::HttpResponder& responder) {
  // One that lost its connection while it waited asks again.
  const bool lost = extension.state == State::kReady && extension.next->client_gone();
  if (extension.state != State::kRegistered && extension.state != State::kRunning && !lost) {
    return Refuse(responder, "Extension.InvalidExtensionState",
                  WrongState(extension, State::kReady, extension.id));
  }
  if (extension.pending) {
    extension.state = State::kRunning;
    responder.Send(*std::exchange(extension.pending, std::nullopt));
    return;
  }
  extension.state = State::kReady;
  extension.next = std::move(responder);
  if (!lost) delegate_.OnAsked();
}

void ExtensionsApi::Error(Extension& extension, bool at_init, const io::HttpRequest& request,
                          io::HttpResponder& responder) {
  const std::string_view type = request.headers.Get(kErrorTypeHeader);
  if (type.empty()) {
    return Refuse(responder, "Extension.MissingHeader",
                  std::string(kErrorTypeHeader) + " not found");
  }
  const State to = at_init ? State::kInitError : State::kExitError;
  const bool allowed =
      extension.state == State::kRegistered || extension.state == to ||
      (!at_init && (extension.state == State::kReady || extension.state == State::kRunning));
  if (!allowed) {
    return Refuse(responder, "Extension.InvalidExtensionState",
                  WrongState(extension, to, extension.id));
  }
  responder.Send(Accepted());
  if (extension.state == to) return;  // The first one counts.
  extension.state = to;
  extension.error_type = Shortened(type);
  delegate_.OnExtensionError(at_init ? "Extension.InitError" : "Extension.ExitError");
}

void ExtensionsApi::Subscribe(const Extension& extension, TelemetryApi api,
                              const io::HttpRequest& request, io::HttpResponder& responder) {
  const std::string name = api == TelemetryApi::kLogs ? "Logs" : "Telemetry";
  if (!takes_subscriptions_) {
    return Refuse(responder, name + ".SubscriptionClosed",
                  name + " API subscription is closed already");
  }
  auto subscription = ReadTelemetrySubscription(api, request.body);
  auto refusal = subscription ? delegate_.OnSubscription(extension.name, std::move(*subscription))
                              : std::move(subscription).error();
  if (refusal) {
    responder.Send(ApiError(refusal->status, refusal->type, refusal->message));
  } else {
    responder.Send(JsonAnswer(200, "\"OK\""));
  }
}

void ExtensionsApi::LaunchFailed(std::string_view name, std::string_view error_type) {
  const auto found = std::ranges::find(extensions_, name, &Extension::name);
  if (found == extensions_.end()) return;
  found->state = State::kLaunchError;
  found->error_type = error_type;
}

bool ExtensionsApi::AllRegistered() const {
  return std::ranges::all_of(extensions_,
                             [](const Extension& one) { return one.state != State::kStarted; });
}

bool ExtensionsApi::AllReady() const {
  return std::ranges::all_of(extensions_, [](const Extension& one) {
    return one.state != State::kStarted && one.state != State::kRegistered;
  });
}

bool ExtensionsApi::AllWait() const {
  return std::ranges::all_of(extensions_, [](const Extension& one) {
    return !one.wants_invoke || one.state == State::kReady;
  });
}

void ExtensionsApi::Invoke(const Call& call) {
  for (Extension& one : extensions_) {
    if (!one.wants_invoke || one.state != State::kReady) continue;
    std::string body = fmt::format(R"({{"eventType":"INVOKE","deadlineMs":{},"requestId":{},)"
                                   R"("invokedFunctionArn":{})",
                                   call.deadline_ms, base::JsonQuote(call.request_id),
                                   base::JsonQuote(call.invoked_arn));
    if (!call.trace_id.empty()) {
      body +=
          ",\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":" + base::JsonQuote(call.trace_id) +
          "}";
    }
    Tell(one, JsonAnswer(200, body + "}"));
  }
}

void ExtensionsApi::Shutdown(std::string_view reason, int64_t deadline_ms) {
  is_open_ = false;
  for (Extension& one : extensions_) {
    if (!one.wants_shutdown) continue;
    Tell(one, JsonAnswer(200, fmt::format(R"({{"eventType":"SHUTDOWN","deadlineMs":{},)"
                                          R"("shutdownReason":"{}"}})",
                                          deadline_ms, reason)));
  }
}

void ExtensionsApi::Tell(Extension& extension, io::HttpResponse event) {
  event.headers.Add(kEventIdHeader, base::NewUuid());
  if (extension.state != State::kReady) {
    extension.pending = std::move(event);
    return;
  }
  extension.state = State::kRunning;
  io::HttpResponder next = *std::exchange(extension.next, std::nullopt);
  if (next.client_gone()) {
    extension.pending = std::move(event);
  } else {
    next.Send(std::move(event));
  }
}

}  // namespace hearth::runtime
