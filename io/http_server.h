// HttpServer: HTTP/1.1 on a listening socket, parsed by llhttp.
//
// Keep-alive, pipelining (answers in order), chunked bodies, Expect: 100-continue. A malformed
// request gets 400 and the connection is closed; limits (base/limits.h) give 413, 414, 431; a
// client that dawdles over its headers, or stops in its body, gets 408; one that does not read its
// answers gets no more of them. One handler call a request, with its whole body, unless an uploader
// takes that as it comes.
// Owner: whoever serves; must be closed (Close) before its loop dies, and destroyed after.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "io/http_message.h"
#include "io/loop.h"

namespace hearth::io {

class HttpConnection;  // internal to http_server.cc

// The right, and the duty, to answer one request. Movable. Dropping it unanswered sends 500.
// Safe to use after the client is gone: the answer then goes nowhere.
class HttpResponder {
 public:
  HttpResponder() = default;
  HttpResponder(HttpResponder&& other) noexcept;
  HttpResponder& operator=(HttpResponder&& other) noexcept;
  ~HttpResponder();

  // Whole answer. At most one of Send and Begin, once. Its Content-Length is the server's; but
  // where the request is HEAD and there is no body, one among the headers says how long GET's would
  // be.
  void Send(HttpResponse response);

  // A streamed answer: head, then any number of Write, then End. With a Content-Length among the
  // headers it is just that many bytes: more is a bug, fewer before End cuts the connection, as
  // dropping the responder does, so that the client sees it. Else it is chunked.
  void Begin(int status, HttpHeaders headers);
  // Bytes queued but not yet taken by the kernel, after this write. Over limits::kStreamQueue a
  // producer waits for OnRoom.
  size_t Write(std::string_view data);
  void End();

  // Runs, on the loop, whenever a streamed answer that had too much queued has room again, and when
  // its connection is gone. Replaces the callback before.
  void OnRoom(std::function<void()> callback);

  // Runs once, on the loop, where the client leaves before the answer has ended.
  void OnClientGone(std::function<void()> callback);
  bool client_gone() const;

 private:
  friend class HttpConnection;
  HttpResponder(std::weak_ptr<HttpConnection> connection, uint64_t sequence)
      : connection_(std::move(connection)), sequence_(sequence) {}
  std::weak_ptr<HttpConnection> connection_;
  uint64_t sequence_ = 0;  // 0: answered, or empty.
  bool streaming_ = false;
};

using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

// One request's body on its way. Safe to use after the client is gone, or after its end.
class HttpUpload {
 public:
  HttpUpload() = default;
  // Goes on with a body that its reader has stopped.
  void Resume();
  // Answers before the body has come: nothing more of it is read, also no 100 asks for it where
  // none has gone out; neither the handler nor `aborted` is called. The connection then closes,
  // after a while in which what still comes is discarded; but goes on where all had come. May be
  // called from inside the uploader and the reader. The first refusal counts.
  void Refuse(HttpResponse response);

 private:
  friend class HttpConnection;
  HttpUpload(std::weak_ptr<HttpConnection> connection, uint64_t sequence)
      : connection_(std::move(connection)), sequence_(sequence) {}
  std::weak_ptr<HttpConnection> connection_;
  uint64_t sequence_ = 0;
};

// Reads one request's body as it comes. Its end is the handler's call, with the request's head and
// trailers; or `aborted`, where the client left or broke the protocol before.
struct HttpUploadReader {
  // False: no more before HttpUpload::Resume; what has been read already still comes.
  std::function<bool(std::string_view piece)> piece;
  std::function<void()> aborted;
  std::shared_ptr<void> state{};  // The handler finds it as HttpRequest::upload.
  // As if `piece` had said false already; a client that waits for 100 waits on.
  bool starts_stopped = false;
};
// Asked of each request when its head is there; nullopt: its body comes as a whole.
using HttpUploader =
    std::function<std::optional<HttpUploadReader>(const HttpRequest& head, HttpUpload upload)>;

struct HttpServerOptions {
  base::Bytes max_body{limits::kMaxRequestBody};
  // For a request's head, and between two reads of its body. zero: none.
  base::Duration header_timeout = limits::kHeaderTimeout;
  // Between requests. zero: none (Runtime API: GET /next blocks).
  base::Duration idle_timeout = limits::kIdleConnection;
  size_t max_connections = limits::kMaxConnections;
  // The body of the 413 that an over-long request gets; AWS services each have their own.
  std::function<HttpResponse(const HttpRequest& head)> too_large;
  HttpUploader uploader;  // Empty: every body comes as a whole.
};

class HttpServer {
 public:
  struct Impl;  // internal to io/

  HttpServer(Loop& loop, HttpServerOptions options, HttpHandler handler);
  ~HttpServer();  // CHECKs that Close has finished, or that it never listened.

  // "127.0.0.1:4566", "[::1]:0"; returns the address actually bound. May be called several times.
  base::Result<std::string> Listen(const std::string& address);
  // Takes over a socket that already listens (a sandbox's Runtime API).
  base::Result<void> ListenFd(base::UniqueFd listener);

  size_t connections() const;
  size_t requests_in_flight() const;
  // Stops listening; idle connections close now, busy ones after their answer. `closed` runs when
  // the last is gone.
  void Close(std::function<void()> closed);
  // Closes every connection at once; still asynchronous towards libuv: wait for `closed`.
  void CloseNow(std::function<void()> closed);

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::io
