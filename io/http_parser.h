// HttpParser: bytes in, HTTP/1.1 messages out. The only door to llhttp. Internal to io/.
//
// Feed() takes bytes until one message is complete, then stops, so that a pipelined successor stays
// with the caller. What the message violates is a Refusal with the status to answer; the parser is
// then spent. Source: RFC 9112; limits in base/limits.h.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/http_message.h"

namespace hearth::io {

// What a field's name is made of. RFC 9110, 5.6.2.
bool IsToken(std::string_view name);

enum class HttpKind { kRequest, kResponse };

// Takes bodies as they come, in place of HttpRequest::body.
class HttpBodyReader {
 public:
  virtual ~HttpBodyReader() = default;
  // True: this message's body is its own, of any length, in pieces; its trailers are kept.
  virtual bool TakesBody(const HttpRequest& head) = 0;
  virtual void OnPiece(std::string_view piece) = 0;
};

class HttpParser {
 public:
  struct Options {
    HttpKind kind = HttpKind::kRequest;
    size_t max_body = 0;
    size_t max_header_bytes = 0;
    size_t max_headers = 0;
    size_t max_target = 0;
    HttpBodyReader* reader = nullptr;  // Not owned. Called inside Feed.
  };
  enum class State { kIdle, kHead, kBody, kComplete, kRefused };

  explicit HttpParser(Options options);
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  // How many bytes were used. After kComplete or kRefused nothing more is.
  size_t Feed(std::string_view bytes);
  // The peer has closed: a response without a length is then complete.
  void FeedEnd();

  State state() const;
  // Head is complete and the body is announced by Expect: 100-continue; true once a message.
  bool TakeExpectContinue();

  // After kComplete. Moves the message out and makes ready for the next.
  HttpRequest TakeRequest();
  HttpResponse TakeResponse();
  bool keep_alive() const;  // Of the message just taken.
  bool http_1_0() const;    // Likewise.

  // After kRefused.
  int refused_status() const;
  const std::string& refused_reason() const;
  // What is known of the refused request (method, target, headers), for its answer.
  const HttpRequest& head() const;
  // A response to HEAD has no body.
  void SetResponseHasNoBody(bool value);

 private:
  size_t FeedToLlhttp(std::string_view bytes);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::io
