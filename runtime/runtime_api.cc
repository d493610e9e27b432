// The Lambda Runtime API, 2018-06-01, served to one sandbox. Source: AWS's Runtime API guide and
// the runtime interface emulator's answers (aws-facts 4.1).
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/limits.h"
#include "io/http_server.h"
#include "runtime/session.h"

namespace hearth::runtime {
namespace {

constexpr std::string_view kPrefix = "/2018-06-01/";
constexpr std::string_view kInvocation = "runtime/invocation/";

io::HttpResponse JsonAnswer(int status, std::string body) {
  io::HttpResponse response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

io::HttpResponse Accepted() { return JsonAnswer(202, "{\"status\":\"OK\"}\n"); }

io::HttpResponse Refused(int status, const char* type, const std::string& message) {
  return JsonAnswer(status, "{\"errorMessage\":" + base::JsonQuote(message) + ",\"errorType\":\"" +
                                type + "\"}\n");
}

io::HttpResponse TooLarge() {
  return Refused(413, "RequestEntityTooLarge",
                 "Exceeded maximum allowed payload size (" +
                     std::to_string(limits::kMaxResponsePayload) + " bytes).");
}

// Lambda passes an error's type on only where it looks like one: (Runtime|Function).Name.
std::string SanitizeErrorType(std::string_view type) {
  for (const std::string_view family : {"Runtime.", "Function."}) {
    if (!type.starts_with(family)) continue;
    const std::string_view name = type.substr(family.size());
    bool good = !name.empty() && name.front() >= 'A' && name.front() <= 'Z' && name.size() <= 100;
    for (const char c : name) {
      good = good && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_');
    }
    return good ? std::string(type) : std::string(family) + "Unknown";
  }
  return "Function.Unknown";
}

void AddHeader(io::HttpHeaders& headers, const char* name, const std::string& value) {
  if (!value.empty()) headers.Add(name, value);
}

class RuntimeApiSession final : public RuntimeSession {
 public:
  RuntimeApiSession(io::Loop& loop, Delegate& delegate)
      : loop_(loop),
        delegate_(delegate),
        server_(std::make_shared<io::HttpServer>(
            loop, Options(), [this](io::HttpRequest request, io::HttpResponder responder) {
              Handle(std::move(request), std::move(responder));
            })) {}

  ~RuntimeApiSession() override {
    next_.reset();
    *closed_ = true;
    // The server outlives us until libuv has closed its handles.
    server_->CloseNow([server = server_, &loop = loop_] { loop.Post([server] {}); });
  }

  base::Result<void> Start(base::UniqueFd listener) {
    return server_->ListenFd(std::move(listener));
  }

  void Load(const std::vector<std::string>&) override { CHECK(false); }
  void Prepare() override { CHECK(false); }

  bool HasUnread() const override { return false; }
  void Invoke(InvocationEvent event) override {
    CHECK(state_ == State::kReady && next_.has_value());
    state_ = State::kRunning;
    request_id_ = event.request_id;
    io::HttpResponse response;
    response.headers.Add("Content-Type", event.content_type);
    AddHeader(response.headers, "Lambda-Runtime-Aws-Request-Id", event.request_id);
    AddHeader(response.headers, "Lambda-Runtime-Deadline-Ms", std::to_string(event.deadline_ms));
    AddHeader(response.headers, "Lambda-Runtime-Invoked-Function-Arn", event.invoked_function_arn);
    AddHeader(response.headers, "Lambda-Runtime-Trace-Id", event.trace_id);
    AddHeader(response.headers, "Lambda-Runtime-Client-Context", event.client_context);
    AddHeader(response.headers, "Lambda-Runtime-Cognito-Identity", event.cognito_identity);
    AddHeader(response.headers, "Lambda-Runtime-Aws-Tenant-Id", event.tenant_id);
    response.body = std::move(event.payload);
    io::HttpResponder responder = std::move(*next_);
    next_.reset();
    if (responder.client_gone()) {
      // It lost its connection while it waited; it will ask again.
      undelivered_ = std::move(response);
      return;
    }
    responder.Send(std::move(response));
  }

 private:
  enum class State { kStarting, kReady, kRunning, kAnswered, kInitFailed };

  io::HttpServerOptions Options() {
    io::HttpServerOptions options;
    options.max_body = base::Bytes(limits::kMaxResponsePayload);
    options.header_timeout = base::Duration::zero();
    options.idle_timeout = base::Duration::zero();
    options.max_connections = 64;
    options.too_large = [this](const io::HttpRequest& head) {
      HandleTooLarge(head);
      return TooLarge();
    };
    return options;
  }

  void Handle(io::HttpRequest request, io::HttpResponder responder) {
    std::string_view path = request.path();
    if (!path.starts_with(kPrefix)) {
      responder.Send(Refused(404, "NotFound", "no such path: " + std::string(path)));
      return;
    }
    path.remove_prefix(kPrefix.size());
    if (path == "ping" && request.method == "GET") {
      io::HttpResponse pong;
      pong.body = "pong";
      responder.Send(std::move(pong));
    } else if (path == "runtime/invocation/next" && request.method == "GET") {
      HandleNext(std::move(responder));
    } else if (path == "runtime/init/error" && request.method == "POST") {
      HandleInitError(std::move(request), std::move(responder));
    } else if (path.starts_with(kInvocation) && request.method == "POST") {
      path.remove_prefix(kInvocation.size());
      const auto slash = path.find('/');
      const std::string_view id = path.substr(0, slash);
      const std::string_view what = slash == std::string_view::npos ? "" : path.substr(slash + 1);
      if (what == "response" || what == "error") {
        const bool is_mine = id == request_id_;
        HandleAnswer(is_mine, what == "response", std::move(request), std::move(responder));
      } else {
        responder.Send(Refused(404, "NotFound", "no such path: " + std::string(request.path())));
      }
    } else {
      responder.Send(Refused(404, "NotFound", "no such path: " + std::string(request.path())));
    }
  }

  void HandleNext(io::HttpResponder responder) {
    switch (state_) {
      case State::kStarting:
        next_ = std::move(responder);
        state_ = State::kReady;
        Later([this] { delegate_.OnReady(); });
        return;
      case State::kReady:
        // A client that lost its connection asks again; the newest one is served.
        next_ = std::move(responder);
        return;
      case State::kAnswered:
        next_ = std::move(responder);
        state_ = State::kReady;
        delegate_.OnIdle();
        return;
      case State::kRunning:
        if (undelivered_) {
          responder.Send(std::move(*undelivered_));
          undelivered_.reset();
          return;
        }
        [[fallthrough]];
      case State::kInitFailed:
        responder.Send(Refused(403, "InvalidStateTransition",
                               state_ == State::kRunning ? "State transition from Running to Ready "
                                                           "failed: the invocation is unanswered"
                                                         : "State transition from InitError to "
                                                           "Ready failed"));
        return;
    }
  }

  void HandleInitError(io::HttpRequest request, io::HttpResponder responder) {
    if (state_ != State::kStarting) {
      responder.Send(Refused(403, "InvalidStateTransition", "init has ended already"));
      return;
    }
    state_ = State::kInitFailed;
    FunctionError error{
        SanitizeErrorType(request.headers.Get("Lambda-Runtime-Function-Error-Type")),
        std::move(request.body)};
    responder.Send(Accepted());
    Later([this, error = std::move(error)]() mutable { delegate_.OnInitError(std::move(error)); });
  }

  void HandleAnswer(bool is_mine, bool is_response, io::HttpRequest request,
                    io::HttpResponder responder) {
    if (state_ != State::kRunning) {
      responder.Send(Refused(403, "InvalidStateTransition", "no invocation is running"));
      return;
    }
    if (!is_mine) {
      responder.Send(Refused(400, "InvalidRequestID", "Invalid request ID"));
      return;
    }
    const std::string_view mode = request.headers.Get("Lambda-Runtime-Function-Response-Mode");
    std::optional<FunctionError> error;
    io::HttpResponse answer = Accepted();
    if (is_response && !mode.empty() && mode != "streaming") {
      answer = Refused(400, "InvalidFunctionResponseMode", "Invalid function response mode");
      error = MakeError("Runtime.InvalidResponseModeHeader",
                        "the response mode '" + std::string(mode.substr(0, 100)) + "' is invalid");
    } else if (!is_response) {
      error = FunctionError{
          SanitizeErrorType(request.headers.Get("Lambda-Runtime-Function-Error-Type")),
          std::move(request.body)};
    }
    state_ = State::kAnswered;
    const std::string request_id = std::exchange(request_id_, {});
    // The caller first: it waits for this, the runtime will only ask for the next event.
    if (error) {
      delegate_.OnError(request_id, std::move(*error));
    } else {
      const std::string_view type = request.headers.Get("Content-Type");
      delegate_.OnResponse(request_id, std::move(request.body),
                           std::string(type.empty() ? "application/json" : type));
    }
    // Where that has ended this session its connections are closed, and this goes nowhere.
    responder.Send(std::move(answer));
  }

  // The server refuses a body over the limit before all of it is here: the function's failure.
  void HandleTooLarge(const io::HttpRequest& head) {
    const std::string mine = std::string(kPrefix) + std::string(kInvocation) + request_id_ + "/";
    if (state_ != State::kRunning || head.method != "POST" ||
        (head.path() != mine + "response" && head.path() != mine + "error")) {
      return;
    }
    state_ = State::kAnswered;
    TellError(std::exchange(request_id_, {}),
              MakeError("Function.ResponseSizeTooLarge",
                        "Response payload size exceeded maximum allowed payload size (" +
                            std::to_string(limits::kMaxResponsePayload) + " bytes)."));
  }

  void TellError(std::string request_id, FunctionError error) {
    Later([this, request_id = std::move(request_id), error = std::move(error)]() mutable {
      delegate_.OnError(request_id, std::move(error));
    });
  }

  static FunctionError MakeError(const char* type, const std::string& message) {
    return {type,
            "{\"errorMessage\":" + base::JsonQuote(message) + ",\"errorType\":\"" + type + "\"}"};
  }

  // For a delegate call that shall come after the HTTP answer; never once this session is gone.
  void Later(std::function<void()> task) {
    loop_.Post([closed = closed_, task = std::make_shared<std::function<void()>>(std::move(task))] {
      if (!*closed) (*task)();
    });
  }

  io::Loop& loop_;
  Delegate& delegate_;
  std::shared_ptr<io::HttpServer> server_;
  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
  State state_ = State::kStarting;
  std::optional<io::HttpResponder> next_;
  std::optional<io::HttpResponse> undelivered_;  // The event of the call that is running.
  std::string request_id_;
};

}  // namespace

std::unique_ptr<RuntimeSession> MakeRuntimeApiSession(io::Loop& loop, base::UniqueFd listener,
                                                      RuntimeSession::Delegate& delegate) {
  auto session = std::make_unique<RuntimeApiSession>(loop, delegate);
  MUST(session->Start(std::move(listener)));
  return session;
}

}  // namespace hearth::runtime
