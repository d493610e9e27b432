#include "invoker/url_service.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/limits.h"
#include "invoker/invoke_api.h"
#include "invoker/url_event.h"
#include "invoker/url_response.h"

namespace hearth::invoker {
namespace {

constexpr char kForbidden[] =
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

io::HttpResponse Refusal(int status, const char* type, const base::Json& body) {
  io::HttpResponse out{.status = status, .headers = {}, .body = base::ToJsonText(body)};
  out.headers.Add("Content-Type", "application/json");
  if (type != nullptr) out.headers.Add("x-amzn-ErrorType", type);
  return out;
}

// As AWS says it: no JSON, whatever its type says.
io::HttpResponse BadGateway(int status = 502) {
  io::HttpResponse out{.status = status, .headers = {}, .body = "Internal Server Error"};
  out.headers.Add("Content-Type", "application/json");
  return out;
}

std::string Joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

void SetWhere(bool wanted, io::HttpHeaders& headers, const char* name, const std::string& value) {
  headers.Remove(name);
  if (wanted) headers.Add(name, value);
}

// A request to a URL, on its way to the function and back.
struct Exchange {
  aws::Call call;
  FunctionUrl url;
  std::string trace_id;

  // Whether CORS is spoken of at all, and what is allowed to the asking page.
  const UrlCors* CorsFor(std::string& origin) const {
    origin = std::string(call.request.headers.Get("Origin"));
    if (!url.cors || origin.empty()) return nullptr;
    const auto& allowed = url.cors->allow_origins;
    const bool any = std::ranges::find(allowed, "*") != allowed.end();
    if (!any && std::ranges::find(allowed, origin) == allowed.end()) return nullptr;
    if (any && !url.cors->allow_credentials) origin = "*";
    return &*url.cors;
  }

  // The fields that are the host's to say, on any answer.
  void Finish(io::HttpHeaders& headers) const {
    headers.Set("x-amzn-RequestId", call.request_id);
    headers.Set("X-Amzn-Trace-Id", trace_id);
    std::string origin;
    const UrlCors* const cors = CorsFor(origin);
    if (!url.cors) return;
    SetWhere(cors != nullptr, headers, "Access-Control-Allow-Origin", origin);
    if (cors == nullptr) return;
    if (origin != "*") headers.Add("Vary", "Origin");
    SetWhere(cors->allow_credentials, headers, "Access-Control-Allow-Credentials", "true");
    SetWhere(!cors->expose_headers.empty(), headers, "Access-Control-Expose-Headers",
             Joined(cors->expose_headers));
  }

  void Send(io::HttpResponse response) {
    Finish(response.headers);
    call.responder.Send(std::move(response));
  }

  bool IsPreflight() const {
    return url.cors && call.request.method == "OPTIONS" && call.request.headers.Has("Origin") &&
           call.request.headers.Has("Access-Control-Request-Method");
  }

  void AnswerPreflight() {
    io::HttpResponse response{.status = 200, .headers = {}, .body = {}};
    std::string origin;
    if (const UrlCors* const cors = CorsFor(origin)) {
      io::HttpHeaders& headers = response.headers;
      SetWhere(!cors->allow_methods.empty(), headers, "Access-Control-Allow-Methods",
               Joined(cors->allow_methods));
      SetWhere(!cors->allow_headers.empty(), headers, "Access-Control-Allow-Headers",
               Joined(cors->allow_headers));
      SetWhere(cors->max_age_s.has_value(), headers, "Access-Control-Max-Age",
               std::to_string(cors->max_age_s.value_or(0)));
    }
    Send(std::move(response));
  }
};

// An answer in pieces as an HTTP response. A function that sends no prelude makes a 200.
class UrlStream final : public ResponseSink {
 public:
  explicit UrlStream(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  void Begin(std::string content_type, std::function<void()> has_room) override {
    has_room_ = std::move(has_room);
    if (content_type == kHttpIntegration) {
      state_ = State::kPrelude;
      return;
    }
    io::HttpHeaders headers;
    headers.Add("Content-Type", content_type);
    BeginHead(200, std::move(headers));
  }

  bool Write(std::string_view piece) override {
    if (state_ == State::kPrelude) {
      switch (prelude_.Feed(piece)) {
        case PreludeReader::State::kReading:
          return true;
        case PreludeReader::State::kBroken:
          state_ = State::kRefused;
          exchange_->Send(BadGateway());
          return true;
        case PreludeReader::State::kDone: {
          io::HttpResponse head = prelude_.TakeHead();
          if (!head.headers.Has("Content-Type")) {
            head.headers.Add("Content-Type", "application/octet-stream");
          }
          BeginHead(head.status, std::move(head.headers));
          break;
        }
      }
    }
    if (state_ != State::kBody || piece.empty()) return true;
    return exchange_->call.responder.Write(piece) <= limits::kStreamQueue;
  }

  void End(const InvocationResult& result) {
    const bool good = result.status == InvocationStatus::kSuccess;
    switch (std::exchange(state_, State::kRefused)) {
      case State::kNothing:
        if (!good) return exchange_->Send(BadGateway());
        return AnswerWhole(result);
      case State::kPrelude:
        return exchange_->Send(BadGateway());
      case State::kBody:
        if (good) return exchange_->call.responder.End();
        // Dropped half way: the caller sees that it is not whole.
        exchange_->call.responder = {};
        return;
      case State::kRefused:
        return;
    }
  }

  bool has_begun() const { return state_ != State::kNothing; }

 private:
  enum class State { kNothing, kPrelude, kBody, kRefused };

  void BeginHead(int status, io::HttpHeaders headers) {
    exchange_->Finish(headers);
    exchange_->call.responder.Begin(status, std::move(headers));
    exchange_->call.responder.OnRoom(has_room_);
    state_ = State::kBody;
  }

  // Of a function that does not stream: its payload is the body, as it is.
  void AnswerWhole(const InvocationResult& result) {
    io::HttpResponse response{.status = 200, .headers = {}, .body = result.payload};
    response.headers.Add("Content-Type", result.content_type);
    exchange_->Send(std::move(response));
  }

  std::shared_ptr<Exchange> exchange_;
  std::function<void()> has_room_;
  State state_ = State::kNothing;
  PreludeReader prelude_;
};

// Of a call that never came to an answer of the function's own.
bool RefuseEarly(Exchange& exchange, const InvocationResult& result) {
  if (result.status == InvocationStatus::kThrottled) {
    exchange.Send(Refusal(429, "TooManyRequestsException",
                          {{"Message", "Rate Exceeded."}, {"Reason", result.throttle_reason}}));
    return true;
  }
  if (result.status != InvocationStatus::kHostError) return false;
  exchange.Send(BadGateway(500));
  return true;
}

void AnswerBuffered(Exchange& exchange, InvocationResult result) {
  if (RefuseEarly(exchange, result)) return;
  if (result.status != InvocationStatus::kSuccess) return exchange.Send(BadGateway());
  if (result.content_type == kHttpIntegration) {
    PreludeReader prelude;
    std::string_view rest = result.payload;
    if (prelude.Feed(rest) != PreludeReader::State::kDone) return exchange.Send(BadGateway());
    io::HttpResponse response = prelude.TakeHead();
    response.body = rest;
    return exchange.Send(std::move(response));
  }
  auto response = UrlResponseOf(std::move(result.payload));
  exchange.Send(response ? *std::move(response) : BadGateway());
}

class UrlService final : public aws::Service {
 public:
  UrlService(const Registry& registry, Invoker& invoker, const base::Clock& clock, Account account)
      : registry_(registry), invoker_(invoker), clock_(clock), account_(std::move(account)) {}

  std::string_view name() const override { return "lambda-url"; }

  void Handle(aws::Call call) override {
    const std::string_view host = call.request.headers.Get("Host");
    const auto place = registry_.FindUrl(host.substr(0, host.find('.')));
    const RecordRef record = place ? registry_.Record(place->name) : nullptr;
    if (record == nullptr) {
      return call.responder.Send(Refusal(404, "ResourceNotFoundException", {{"Message", nullptr}}));
    }
    FunctionUrl url = record->urls.at(place->qualifier.empty() ? "$LATEST" : place->qualifier);
    auto exchange = std::make_shared<Exchange>(
        Exchange{std::move(call), std::move(url), NewTraceId(clock_.WallNow())});
    if (exchange->IsPreflight()) return exchange->AnswerPreflight();
    std::optional<aws::Signature> signature;
    if (exchange->url.needs_iam) {
      signature = aws::ReadSignature(exchange->call.request);
      if (!signature || signature->service != "lambda") {
        return exchange->Send(Refusal(403, "AccessDeniedException", {{"Message", kForbidden}}));
      }
    }
    FunctionRef function = registry_.Resolve(*place);
    if (function == nullptr) {
      return exchange->Send(Refusal(404, "ResourceNotFoundException", {{"Message", nullptr}}));
    }
    if (const auto refusal = CheckInvocable(*function)) {
      return exchange->Send(
          Refusal(refusal->status, refusal->type.c_str(), {{"Message", refusal->message}}));
    }
    Invoke(std::move(exchange), std::move(function), *place, std::move(signature));
  }

 private:
  void Invoke(std::shared_ptr<Exchange> exchange, FunctionRef function, const FunctionName& place,
              std::optional<aws::Signature> signature) {
    io::HttpRequest& http = exchange->call.request;
    InvokeRequest request{.request_id = exchange->call.request_id,
                          .function = std::move(function),
                          .invoked_arn = FunctionArn(account_, place.name, place.qualifier),
                          .trace_id = exchange->trace_id,
                          .client_context = {},
                          .payload = http.body.size() > limits::kMaxSyncPayload
                                         ? std::string()
                                         : MakeUrlEvent({.http = http,
                                                         .url_id = exchange->url.id,
                                                         .request_id = exchange->call.request_id,
                                                         .trace_id = exchange->trace_id,
                                                         .signature = std::move(signature)},
                                                        account_, clock_.WallNow()),
                          .want_log_tail = false,
                          .received = clock_.Now()};
    if (request.payload.empty() || request.payload.size() > limits::kMaxSyncPayload) {
      return exchange->Send(Refusal(
          413, "RequestEntityTooLargeException",
          {{"Message", "Request must be smaller than " + std::to_string(limits::kMaxSyncPayload) +
                           " bytes for the InvokeFunction operation"}}));
    }
    http.body = {};
    if (!exchange->url.streams) {
      return invoker_.Invoke(std::move(request), [exchange](InvocationResult result) {
        AnswerBuffered(*exchange, std::move(result));
      });
    }
    auto stream = std::make_shared<UrlStream>(exchange);
    request.sink = stream;
    invoker_.Invoke(std::move(request), [exchange, stream](const InvocationResult& result) {
      if (!stream->has_begun() && RefuseEarly(*exchange, result)) return;
      stream->End(result);
    });
  }

  const Registry& registry_;
  Invoker& invoker_;
  const base::Clock& clock_;
  const Account account_;
};

}  // namespace

std::unique_ptr<aws::Service> MakeUrlService(const Registry& registry, Invoker& invoker,
                                             const base::Clock& clock, Account account) {
  return std::make_unique<UrlService>(registry, invoker, clock, std::move(account));
}

}  // namespace hearth::invoker
