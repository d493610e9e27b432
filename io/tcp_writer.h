// TcpWriter: one TCP connection to a port of 127.0.0.1 that is only written to, on the loop.
//
// Each connection is made on a socket that the caller has made, which may be one of another
// network. Owner: the caller. One write at a time; the callback runs exactly once, never inside
// Write, when the kernel has taken everything, or with what failed: the connection is then closed,
// and how much of the bytes went out is unknown. Destroying it calls nobody back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/loop.h"

namespace hearth::io {

class TcpWriter {
 public:
  TcpWriter(Loop& loop, uint16_t port) : loop_(loop), port_(port) {}
  TcpWriter(const TcpWriter&) = delete;
  TcpWriter& operator=(const TcpWriter&) = delete;

  // Whether the next Write needs no new connection.
  bool connected() const { return connected_; }
  // Non-blocking, not connected.
  void UseSocket(base::UniqueFd socket);
  using Callback = std::function<void(base::Result<void>)>;
  void Write(std::shared_ptr<const std::string> bytes, Callback callback);

 private:
  base::Result<void> Connect();
  void OnWritable();
  void Continue();
  void Finish(base::Result<void> result);

  Loop& loop_;
  const uint16_t port_;
  base::UniqueFd socket_;
  std::unique_ptr<FdWatcher> watcher_;  // Of socket_, so it goes first.
  bool connected_ = false;
  std::shared_ptr<const std::string> bytes_;
  size_t sent_ = 0;
  Callback callback_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::io
