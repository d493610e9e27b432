// The Lambda Runtime API, 2018-06-01, served to one sandbox. Source: AWS's Runtime API guide and
// the runtime interface emulator's answers (aws-facts 4.1).
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "io/http_server.h"
#include "runtime/api_answer.h"
#include "runtime/session.h"

namespace hearth::runtime {
namespace {

constexpr std::string_view kPrefix = "/2018-06-01/";
constexpr char kErrorType[] = "Lambda-Runtime-Function-Error-Type";
constexpr std::string_view kInvocation = "runtime/invocation/";

io::HttpResponse TooLarge() {
  return ApiError(413, "RequestEntityTooLarge",
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
  RuntimeApiSession(io::Loop& loop, Delegate& delegate, OtherApis other)
      : loop_(loop),
        delegate_(delegate),
        other_(std::move(other)),
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
  // An HTTP client waits for its answer before it lets its process end.
  void ReadRest() override {}
  void ResumeStream() override {
    if (upload_) upload_->Resume();
  }
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
  // kStreaming: an answer's pieces are coming. kCutOff: they have ended before their end; the
  // runtime's exit, its report or its next request will say what that means.
  enum class State { kStarting, kReady, kRunning, kStreaming, kCutOff, kAnswered, kInitFailed };

  io::HttpServerOptions Options() {
    io::HttpServerOptions options;
    options.max_body = base::Bytes(limits::kMaxResponsePayload);
    options.header_timeout = base::Duration::zero();
    options.idle_timeout = base::Duration::zero();
    options.max_connections = limits::kMaxSandboxConnections;
    options.uploader = [this](const io::HttpRequest& head, io::HttpUpload upload) {
      return BeginStream(head, std::move(upload));
    };
    options.too_large = [this](const io::HttpRequest& head) {
      HandleTooLarge(head);
      return TooLarge();
    };
    return options;
  }

  // A streamed answer of the call that runs is read as it comes. All else, also a streamed answer
  // that is none's or comes too late, is read as a whole, up to the usual limit, and refused.
  std::optional<io::HttpUploadReader> BeginStream(const io::HttpRequest& head,
                                                  io::HttpUpload upload) {
    if (state_ != State::kRunning || head.method != "POST" ||
        head.headers.Get("Lambda-Runtime-Function-Response-Mode") != "streaming" ||
        head.path() != MyPath("response")) {
      return std::nullopt;
    }
    state_ = State::kStreaming;
    upload_ = std::move(upload);
    delegate_.OnStreamBegin(request_id_, ContentTypeOf(head));
    // A function may end its stream by another request, and go on with this one.
    const auto is_current = [this, stream = ++stream_, closed = closed_] {
      return !*closed && state_ == State::kStreaming && stream == stream_;
    };
    return io::HttpUploadReader{.piece =
                                    [this, is_current](std::string_view piece) {
                                      return !is_current() || delegate_.OnStreamPiece(piece);
                                    },
                                .aborted =
                                    [this, is_current] {
                                      if (is_current()) state_ = State::kCutOff;
                                    }};
  }

  void EndStream(std::optional<FunctionError> error) {
    state_ = State::kAnswered;
    upload_.reset();
    const std::string request_id = std::exchange(request_id_, {});
    if (error) return delegate_.OnError(request_id, std::move(*error));
    delegate_.OnStreamEnd();
  }

  // What its trailers say went wrong while it was being made.
  static std::optional<FunctionError> ErrorOfTrailers(const io::HttpHeaders& trailers) {
    if (!trailers.Has(kErrorType)) return std::nullopt;
    FunctionError error{SanitizeErrorType(trailers.Get(kErrorType)), {}};
    auto body = base::Base64Decode(trailers.Get("Lambda-Runtime-Function-Error-Body"));
    if (body && !body->empty()) {
      error.payload = std::move(*body);
      return error;
    }
    return MakeError(error.type.c_str(), "the function failed while its response was streamed");
  }

  std::string MyPath(std::string_view what) const {
    std::string path(kPrefix);
    return path.append(kInvocation).append(request_id_).append("/").append(what);
  }

  static std::string ContentTypeOf(const io::HttpRequest& request) {
    const std::string_view type = request.headers.Get("Content-Type");
    return std::string(type.empty() ? "application/json" : type);
  }

  void Handle(io::HttpRequest request, io::HttpResponder responder) {
    std::string_view path = request.path();
    if (!path.starts_with(kPrefix)) {
      if (other_ && other_(request, responder)) return;
      responder.Send(ApiError(404, "NotFound", "no such path: " + std::string(path)));
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
        responder.Send(ApiError(404, "NotFound", "no such path: " + std::string(request.path())));
      }
    } else {
      responder.Send(ApiError(404, "NotFound", "no such path: " + std::string(request.path())));
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
      case State::kCutOff:
        EndStream(
            MakeError("Runtime.TruncatedResponse", "The response was cut off before its end"));
        [[fallthrough]];
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
      case State::kStreaming:
      case State::kInitFailed:
        responder.Send(ApiError(403, "InvalidStateTransition",
                                state_ != State::kInitFailed
                                    ? "State transition from Running to Ready "
                                      "failed: the invocation is unanswered"
                                    : "State transition from InitError to "
                                      "Ready failed"));
        return;
    }
  }

  void HandleInitError(io::HttpRequest request, io::HttpResponder responder) {
    if (state_ != State::kStarting) {
      responder.Send(ApiError(403, "InvalidStateTransition", "init has ended already"));
      return;
    }
    state_ = State::kInitFailed;
    FunctionError error{SanitizeErrorType(request.headers.Get(kErrorType)),
                        std::move(request.body)};
    responder.Send(Accepted());
    Later([this, error = std::move(error)]() mutable { delegate_.OnInitError(std::move(error)); });
  }

  void HandleAnswer(bool is_mine, bool is_response, io::HttpRequest request,
                    io::HttpResponder responder) {
    // A body that is whole while a stream is under way can only be the stream's.
    if (state_ == State::kStreaming && is_mine && is_response && request.body.empty()) {
      EndStream(ErrorOfTrailers(request.trailers));
      return responder.Send(Accepted());
    }
    const bool tells_cut_off = state_ == State::kCutOff && !is_response;
    if (state_ != State::kRunning && !tells_cut_off) {
      responder.Send(ApiError(403, "InvalidStateTransition", "no invocation is running"));
      return;
    }
    if (!is_mine) {
      responder.Send(ApiError(400, "InvalidRequestID", "Invalid request ID"));
      return;
    }
    const std::string_view mode = request.headers.Get("Lambda-Runtime-Function-Response-Mode");
    std::optional<FunctionError> error;
    io::HttpResponse answer = Accepted();
    if (is_response && !mode.empty() && mode != "streaming") {
      answer = ApiError(400, "InvalidFunctionResponseMode", "Invalid function response mode");
      error = MakeError("Runtime.InvalidResponseModeHeader",
                        "the response mode '" + std::string(mode.substr(0, 100)) + "' is invalid");
    } else if (!is_response) {
      error = FunctionError{SanitizeErrorType(request.headers.Get(kErrorType)),
                            std::move(request.body)};
    }
    state_ = State::kAnswered;
    const std::string request_id = std::exchange(request_id_, {});
    // The caller first: it waits for this, the runtime will only ask for the next event.
    if (error) {
      delegate_.OnError(request_id, std::move(*error));
    } else {
      std::string type = ContentTypeOf(request);
      delegate_.OnResponse(request_id, std::move(request.body), std::move(type));
    }
    // Where that has ended this session its connections are closed, and this goes nowhere.
    responder.Send(std::move(answer));
  }

  // The server refuses a body over the limit before all of it is here: the function's failure.
  void HandleTooLarge(const io::HttpRequest& head) {
    if (state_ != State::kRunning || head.method != "POST" ||
        (head.path() != MyPath("response") && head.path() != MyPath("error"))) {
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
  const OtherApis other_;
  std::shared_ptr<io::HttpServer> server_;
  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
  State state_ = State::kStarting;
  std::optional<io::HttpResponder> next_;
  std::optional<io::HttpResponse> undelivered_;  // The event of the call that is running.
  std::string request_id_;
  uint64_t stream_ = 0;
  std::optional<io::HttpUpload> upload_;  // Of the answer that is streamed.
};

}  // namespace

std::unique_ptr<RuntimeSession> MakeRuntimeApiSession(io::Loop& loop, base::UniqueFd listener,
                                                      RuntimeSession::Delegate& delegate,
                                                      OtherApis other) {
  auto session = std::make_unique<RuntimeApiSession>(loop, delegate, std::move(other));
  MUST(session->Start(std::move(listener)));
  return session;
}

}  // namespace hearth::runtime
