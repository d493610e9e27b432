// ExtensionsApi: the Lambda Extensions API, 2020-01-01, of one sandbox.
//
// External extensions are known by name before they register; whoever else registers is internal,
// a part of the runtime's process. An extension registers, asks for its next event, and is told of
// calls and of the end. Each request is answered by AWS's states and errors; what is asked by a
// sandbox is hostile. Owner: an invoker::InstanceExtensions, which learns of each step, and hands
// over the requests that the sandbox's server gets. Delegate calls come last in a request, and may
// destroy nothing of this before they return.
// Subscriptions to the Telemetry API (2022-07-01) and the Logs API (2020-08-15) come here as well:
// they are read here, and made by the delegate.
// Source: "Using the Lambda Extensions API", the runtime interface emulator (aws-facts 4.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/http_server.h"
#include "runtime/telemetry_subscription.h"

namespace hearth::runtime {

struct Extension {
  enum class State {
    kStarted,
    kRegistered,
    kReady,
    kRunning,
    kInitError,
    kExitError,
    kLaunchError
  };
  std::string name;
  bool is_external = false;
  std::string id;  // From its registration on.
  bool wants_invoke = false;
  bool wants_shutdown = false;
  State state = State::kStarted;
  std::string error_type;  // As it, or its failed launch, says.
  // While it waits for its next event.
  std::optional<io::HttpResponder> next;
  // An event that came while it did not wait.
  std::optional<io::HttpResponse> pending;
};
std::string_view StateName(Extension::State state);
// "[INVOKE,SHUTDOWN]", as log lines have it.
std::string EventNames(const Extension& extension);

class ExtensionsApi {
 public:
  class Delegate {
   public:
    virtual ~Delegate() = default;
    virtual void OnRegistered() = 0;
    // One has asked for its next event.
    virtual void OnAsked() = 0;
    // `type` is "Extension.InitError" or "Extension.ExitError": it will serve no more.
    virtual void OnExtensionError(std::string_view type) = 0;
    // An extension asks for what is told of its instance; nullopt: it will be.
    virtual std::optional<TelemetryRefusal> OnSubscription(std::string_view name,
                                                           TelemetrySubscription subscription) = 0;
  };
  struct Function {
    std::string name;
    std::string version;
    std::string handler;
    std::string account_id;
  };
  struct Call {
    std::string_view request_id;
    int64_t deadline_ms = 0;
    std::string_view invoked_arn;
    std::string_view trace_id;
  };

  ExtensionsApi(Function function, const std::vector<std::string>& external, Delegate& delegate);

  // True: the request was for this API, and has been taken.
  bool Handle(io::HttpRequest& request, io::HttpResponder& responder);
  static bool IsForIt(const io::HttpRequest& request);

  const std::vector<Extension>& all() const { return extensions_; }
  bool AllRegistered() const;  // The external ones.
  // Those that registered have asked for an event, each at least once.
  bool AllReady() const;
  // Those that are told of calls wait for the next one.
  bool AllWait() const;
  // None may register any more.
  void CloseRegistration() { is_open_ = false; }
  // None may subscribe any more.
  void CloseSubscriptions() { takes_subscriptions_ = false; }
  void LaunchFailed(std::string_view name, std::string_view error_type);

  // To those that asked for it.
  void Invoke(const Call& call);
  void Shutdown(std::string_view reason, int64_t deadline_ms);

 private:
  Extension* Find(const io::HttpRequest& request, io::HttpResponder& responder);
  void Register(const io::HttpRequest& request, io::HttpResponder& responder);
  Extension* AddInternal(std::string_view name, io::HttpResponder& responder);
  void Next(Extension& extension, io::HttpResponder& responder);
  void Error(Extension& extension, bool at_init, const io::HttpRequest& request,
             io::HttpResponder& responder);
  void Subscribe(const Extension& extension, TelemetryApi api, const io::HttpRequest& request,
                 io::HttpResponder& responder);
  void Tell(Extension& extension, io::HttpResponse event);

  const Function function_;
  Delegate& delegate_;
  std::vector<Extension> extensions_;  // Their places are fixed: none more than the limit.
  bool is_open_ = true;
  bool takes_subscriptions_ = true;
};

}  // namespace hearth::runtime
