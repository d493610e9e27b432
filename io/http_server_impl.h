// HttpServer's inside, shared with its connections. Internal to io/.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "io/http_connection.h"
#include "io/http_server.h"
#include "io/timer.h"

struct uv_stream_s;

namespace hearth::io {

struct HttpServer::Impl {
  Impl(Loop& on_loop, HttpServerOptions with, HttpHandler handle)
      : loop(on_loop), options(std::move(with)), handler(std::move(handle)), sweep(on_loop) {}

  Loop& loop;
  HttpServerOptions options;
  HttpHandler handler;
  Timer sweep;
  base::MonoTime sweep_at{};
  std::vector<uv_stream_s*> listeners;
  size_t open_handles = 0;  // Listeners and connections whose close callback has not run.
  std::unordered_map<HttpConnection*, std::shared_ptr<HttpConnection>> connections;
  std::function<void()> on_closed;
  bool closing = false;
  bool closed = false;
  // Every connection reads into this one buffer and parses at once: one thread, no copies kept.
  std::array<char, 65536> read_buffer;
  int64_t date_second = 0;
  std::string date;

  base::Result<std::string> AddListener(uv_stream_s* stream);
  void StartClosing(std::function<void()> closed_callback);
  void HandleClosed();  // A libuv handle's close callback has run.
  void ExpectDeadline(base::MonoTime deadline);
  void Sweep();
  const std::string& Date();
};

}  // namespace hearth::io
