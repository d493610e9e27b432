// HttpClient: one HTTP/1.1 keep-alive connection, on the loop; what load generators, health checks
// and the delivery of telemetry use. CLI calls that need no loop use Fetch (libcurl).
//
// Owner: the caller. One request at a time; the callback runs exactly once, never inside Send.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/http_message.h"
#include "io/loop.h"

namespace hearth::io {

class HttpClient {
 public:
  // `address` is "127.0.0.1:4566". Connects on the first Send, and again after a close.
  // An answer of more than `max_answer` bytes, and what comes without being asked for, end the
  // connection: a server may be hostile.
  HttpClient(Loop& loop, std::string address, size_t max_answer = size_t{1} << 30);
  ~HttpClient();
  using Callback = std::function<void(base::Result<HttpResponse>)>;
  void Send(HttpRequest request, Callback callback);
  // Whether the next Send needs no new connection.
  bool connected() const;
  // The next connection is made on this socket (non-blocking, not connected), which may be one of
  // another network.
  void UseSocket(base::UniqueFd socket);
  // A whole request as raw bytes, made once and sent many times (load generation).
  void SendRaw(std::shared_ptr<const std::string> bytes, Callback callback);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Blocking, through libcurl. `url` is absolute; `sink`, where given, gets the body piece by piece
// (return false to stop).
struct FetchRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers;
  std::string body;
  base::Duration timeout{};  // zero: none
  std::function<bool(std::string_view)> sink;
};
base::Result<HttpResponse> Fetch(const FetchRequest& request);

}  // namespace hearth::io
