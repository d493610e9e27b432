#include "io/http_parser.h"

#include <llhttp.h>
#include <strings.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace hearth::io {
namespace {

constexpr std::array kMethods = {HTTP_GET,    HTTP_HEAD,  HTTP_POST,   HTTP_PUT,
                                 HTTP_DELETE, HTTP_PATCH, HTTP_OPTIONS};
constexpr uint64_t kMaxReserve = 1u << 20;

constexpr std::array<bool, 256> kTokenBytes = [] {
  std::array<bool, 256> out{};
  for (unsigned char c = 'a'; c <= 'z'; ++c) out[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) out[c] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) out[c] = true;
  for (const unsigned char c : std::string_view("!#$%&'*+-.^_`|~")) out[c] = true;
  return out;
}();

}  // namespace

// llhttp lets spaces pass, and names without a letter.
bool IsToken(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return kTokenBytes[c]; });
}

namespace {

// Finds a line of a head that begins with white space. RFC 9112, 5.2: such folding is refused, lest
// two readers of one message see different fields. llhttp unfolds it.
class FoldFinder {
 public:
  // True where one is among these bytes; the head's successors are not looked at.
  bool Look(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size() && at_ != At::kAfterHead; ++i) {
      const char c = bytes[i];
      switch (at_) {
        case At::kBeforeHead:  // Empty lines may precede a request.
          if (c != '\r' && c != '\n') at_ = At::kInLine;
          break;
        case At::kInLine: {
          const size_t end = bytes.find('\n', i);
          if (end == std::string_view::npos) return false;
          i = end;
          at_ = At::kLineStart;
          break;
        }
        case At::kLineStart:
          if (c == ' ' || c == '\t') return true;
          if (c == '\r') break;
          at_ = c == '\n' ? At::kAfterHead : At::kInLine;
          break;
        case At::kAfterHead:
          break;
      }
    }
    return false;
  }

 private:
  enum class At { kBeforeHead, kInLine, kLineStart, kAfterHead };
  At at_ = At::kBeforeHead;
};

}  // namespace

struct HttpParser::Impl {
  explicit Impl(Options chosen) : options(chosen) {
    llhttp_init(&parser, options.kind == HttpKind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE,
                &Settings());
    parser.data = this;
  }

  Options options;
  llhttp_t parser{};
  State state = State::kIdle;
  HttpRequest message;  // Responses use headers and body alone.
  std::string field;
  std::string value;
  size_t header_bytes = 0;
  size_t trailers = 0;
  FoldFinder folds;
  bool expects_continue = false;
  bool keep_alive = false;
  bool http_1_0 = false;
  bool no_body = false;
  bool streams_body = false;
  int status = 0;  // Of a response.
  int refused_status = 0;
  std::string refused_reason;

  // Remembers the refusal; the value makes llhttp stop.
  int Refuse(int with_status, std::string reason) {
    if (state != State::kRefused) {
      state = State::kRefused;
      refused_status = with_status;
      refused_reason = std::move(reason);
    }
    return HPE_USER;
  }

  int OnTarget(std::string_view part) {
    message.target += part;
    if (message.target.size() > options.max_target) {
      return Refuse(414, "the request target is longer than " + std::to_string(options.max_target) +
                             " bytes");
    }
    return 0;
  }

  int CountHeaderBytes(size_t more) {
    header_bytes += more;
    if (header_bytes > options.max_header_bytes) {
      return Refuse(431, "the header fields are longer than " +
                             std::to_string(options.max_header_bytes) + " bytes");
    }
    return 0;
  }

  int OnField() {
    if (!IsToken(field)) return Refuse(400, "a header field's name is not a token");
    // A trailer may not pass for a header field (RFC 9110, 6.5.1): it is counted, and dropped
    // unless somebody reads the body as it comes.
    if (state == State::kBody) {
      if (++trailers > options.max_headers) return TooManyFields();
      if (streams_body) message.trailers.Add(field, value);
      field.clear();
      value.clear();
      return 0;
    }
    if (message.headers.size() >= options.max_headers) return TooManyFields();
    // White space around a value is no part of it; llhttp strips the leading part only.
    while (value.ends_with(' ') || value.ends_with('\t')) value.pop_back();
    message.headers.Add(field, value);
    field.clear();
    value.clear();
    return 0;
  }

  int TooManyFields() {
    return Refuse(431,
                  "there are more than " + std::to_string(options.max_headers) + " header fields");
  }

  // What llhttp accepts and an HTTP/1.1 server must not; 0 where nothing is wrong.
  int CheckRequest() {
    const auto method = static_cast<llhttp_method_t>(parser.method);
    message.method = llhttp_method_name(method);
    if (parser.http_major != 1) {
      return Refuse(505, "the version is not HTTP/1.1 or HTTP/1.0");
    }
    // llhttp knows WebDAV's and RTSP's methods too; and after CONNECT it would take the body for
    // the next request.
    if (std::ranges::find(kMethods, method) == kMethods.end()) {
      return Refuse(501, "the method " + message.method + " is not served");
    }
    size_t hosts = 0;
    for (size_t i = 0; i < message.headers.size(); ++i) {
      const std::string_view name = message.headers[i].first;
      if (name.size() == 4 && ::strncasecmp(name.data(), "host", 4) == 0) ++hosts;
    }
    if (hosts > 1) return Refuse(400, "there is more than one Host field");
    if (hosts == 0 && parser.http_minor >= 1) return Refuse(400, "there is no Host field");
    return 0;
  }

  int OnHead() {
    state = State::kBody;
    status = parser.status_code;
    if (options.kind == HttpKind::kRequest) {
      if (const int refused = CheckRequest(); refused != 0) return refused;
      const std::string_view expect = message.headers.Get("Expect");
      // The size first: an absent field is a null view, which strncasecmp may not be given.
      expects_continue =
          expect.size() == 12 && ::strncasecmp(expect.data(), "100-continue", expect.size()) == 0;
    }
    streams_body = options.reader != nullptr && options.reader->TakesBody(message);
    if (streams_body) return 0;
    if (parser.content_length > options.max_body && (parser.flags & F_CONTENT_LENGTH) != 0) {
      return Refuse(413, "the body is longer than " + std::to_string(options.max_body) + " bytes");
    }
    // A promise is not yet a body: many liars together may not take our memory.
    if ((parser.flags & F_CONTENT_LENGTH) != 0) {
      message.body.reserve(std::min<uint64_t>(parser.content_length, kMaxReserve));
    }
    return options.kind == HttpKind::kResponse && no_body ? 1 : 0;
  }

  int OnBody(std::string_view part) {
    if (streams_body) {
      options.reader->OnPiece(part);
      return 0;
    }
    if (message.body.size() + part.size() > options.max_body) {
      return Refuse(413, "the body is longer than " + std::to_string(options.max_body) + " bytes");
    }
    message.body += part;
    return 0;
  }

  static const llhttp_settings_t& Settings();
};

namespace {

template <typename Impl>
Impl& Of(llhttp_t* parser) {
  return *static_cast<Impl*>(parser->data);
}

}  // namespace

const llhttp_settings_t& HttpParser::Impl::Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = [](llhttp_t* p) noexcept {
      Of<Impl>(p).state = State::kHead;
      return 0;
    };
    s.on_url = [](llhttp_t* p, const char* at, size_t size) noexcept {
      return Of<Impl>(p).OnTarget({at, size});
    };
    s.on_header_field = [](llhttp_t* p, const char* at, size_t size) noexcept {
      Of<Impl>(p).field.append(at, size);
      return Of<Impl>(p).CountHeaderBytes(size);
    };
    s.on_header_value = [](llhttp_t* p, const char* at, size_t size) noexcept {
      Of<Impl>(p).value.append(at, size);
      return Of<Impl>(p).CountHeaderBytes(size);
    };
    s.on_header_value_complete = [](llhttp_t* p) noexcept { return Of<Impl>(p).OnField(); };
    s.on_headers_complete = [](llhttp_t* p) noexcept { return Of<Impl>(p).OnHead(); };
    s.on_body = [](llhttp_t* p, const char* at, size_t size) noexcept {
      return Of<Impl>(p).OnBody({at, size});
    };
    s.on_message_complete = [](llhttp_t* p) noexcept {
      auto& self = Of<Impl>(p);
      self.state = State::kComplete;
      self.keep_alive = llhttp_should_keep_alive(p) != 0;
      self.http_1_0 = p->http_minor == 0;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return settings;
}

HttpParser::HttpParser(Options options) : impl_(std::make_unique<Impl>(options)) {}
HttpParser::~HttpParser() = default;

size_t HttpParser::Feed(std::string_view bytes) {
  if (impl_->state == State::kComplete || impl_->state == State::kRefused) return 0;
  const size_t used = FeedToLlhttp(bytes);
  if (impl_->state != State::kRefused && impl_->folds.Look(bytes.substr(0, used))) {
    impl_->Refuse(400, "malformed HTTP: a header field is folded over several lines");
  }
  return used;
}

size_t HttpParser::FeedToLlhttp(std::string_view bytes) {
  const llhttp_errno_t error = llhttp_execute(&impl_->parser, bytes.data(), bytes.size());
  if (error == HPE_OK) return bytes.size();
  if (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE) {
    const auto used = static_cast<size_t>(llhttp_get_error_pos(&impl_->parser) - bytes.data());
    if (error == HPE_PAUSED_UPGRADE) {
      // Upgrades are not served: what follows is the next HTTP/1.1 request.
      llhttp_resume_after_upgrade(&impl_->parser);
      if (impl_->state == State::kIdle) return used + FeedToLlhttp(bytes.substr(used));
    }
    return used;
  }
  const char* reason = llhttp_get_error_reason(&impl_->parser);
  impl_->Refuse(400,
                std::string("malformed HTTP: ") +
                    (reason != nullptr && *reason != '\0' ? reason : llhttp_errno_name(error)));
  return bytes.size();
}

void HttpParser::FeedEnd() {
  // Between two messages a peer may leave.
  if (impl_->state == State::kIdle) return;
  if (impl_->state == State::kComplete || impl_->state == State::kRefused) return;
  const llhttp_errno_t error = llhttp_finish(&impl_->parser);
  if (error != HPE_OK && error != HPE_PAUSED) {
    impl_->Refuse(400, "malformed HTTP: the message ended early");
  } else if (impl_->state == State::kHead) {
    impl_->Refuse(400, "malformed HTTP: the message ended early");
  }
}

HttpParser::State HttpParser::state() const { return impl_->state; }

bool HttpParser::TakeExpectContinue() {
  if (impl_->state != State::kBody || !impl_->expects_continue) return false;
  impl_->expects_continue = false;
  return true;
}

namespace {

template <typename Impl>
HttpRequest TakeMessage(Impl& impl) {
  CHECK(impl.state == HttpParser::State::kComplete);
  HttpRequest message = std::move(impl.message);
  impl.message = {};
  impl.header_bytes = 0;
  impl.trailers = 0;
  impl.folds = {};
  impl.expects_continue = false;
  impl.streams_body = false;
  impl.state = HttpParser::State::kIdle;
  llhttp_resume(&impl.parser);
  return message;
}

}  // namespace

HttpRequest HttpParser::TakeRequest() { return TakeMessage(*impl_); }

HttpResponse HttpParser::TakeResponse() {
  const int status = impl_->status;
  HttpRequest message = TakeMessage(*impl_);
  return {status, std::move(message.headers), std::move(message.body)};
}

bool HttpParser::keep_alive() const { return impl_->keep_alive; }
bool HttpParser::http_1_0() const { return impl_->http_1_0; }
int HttpParser::refused_status() const { return impl_->refused_status; }
const std::string& HttpParser::refused_reason() const { return impl_->refused_reason; }
const HttpRequest& HttpParser::head() const { return impl_->message; }
void HttpParser::SetResponseHasNoBody(bool value) { impl_->no_body = value; }

}  // namespace hearth::io
