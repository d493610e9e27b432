// HttpClient: one HTTP/1.1 keep-alive connection, on the loop; what load generators and health
// checks use. CLI calls that need no loop use Fetch (libcurl).
//
// Owner: the caller. One request at a time; the callback runs exactly once, never inside Send.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "io/http_message.h"
#include "io/loop.h"

namespace hearth::io {

class HttpClient {
 public:
  // `address` is "127.0.0.1:4566". Connects on the first Send, and again after a close.
  HttpClient(Loop& loop, std::string address);
  ~HttpClient();
  using Callback = std::function<void(base::Result<HttpResponse>)>;
  void Send(HttpRequest request, Callback callback);
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
