#include "io/tcp_writer.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/check.h"

namespace hearth::io {

void TcpWriter::UseSocket(base::UniqueFd socket) {
  CHECK(callback_ == nullptr);
  watcher_.reset();
  connected_ = false;
  socket_ = std::move(socket);
}

void TcpWriter::Write(std::shared_ptr<const std::string> bytes, Callback callback) {
  CHECK(callback_ == nullptr);
  bytes_ = std::move(bytes);
  sent_ = 0;
  callback_ = std::move(callback);
  // Its outcome, which may be known at once, is told on a later turn.
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    if (connected_) return Continue();
    if (auto begun = Connect(); !begun) Finish(std::move(begun));
  });
}

base::Result<void> TcpWriter::Connect() {
  if (!socket_.valid()) return base::Invalid("connect", "there is no socket");
  watcher_ = TRY(
      FdWatcher::Create(loop_, socket_.get(), FdWatcher::kWritable, [this](int) { OnWritable(); }));
  struct sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port_);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int done =
      ::connect(socket_.get(), reinterpret_cast<struct sockaddr*>(&where), sizeof where);
  if (done != 0 && errno != EINPROGRESS) return base::SystemError("connect");
  return {};
}

void TcpWriter::OnWritable() {
  if (!callback_) return watcher_->SetEvents(0);
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Finish(base::SystemError("connect", error));
    connected_ = true;
  }
  Continue();
}

void TcpWriter::Continue() {
  while (sent_ < bytes_->size()) {
    const ssize_t sent = ::send(socket_.get(), bytes_->data() + sent_, bytes_->size() - sent_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      sent_ += static_cast<size_t>(sent);
    } else if (errno == EAGAIN) {
      return watcher_->SetEvents(FdWatcher::kWritable);
    } else if (errno != EINTR) {
      return Finish(base::SystemError("send"));
    }
  }
  watcher_->SetEvents(0);
  Finish({});
}

void TcpWriter::Finish(base::Result<void> result) {
  if (!result) {
    connected_ = false;
    watcher_.reset();
    socket_.Reset();
  }
  bytes_.reset();
  if (auto tell = std::exchange(callback_, nullptr)) tell(std::move(result));
}

}  // namespace hearth::io
