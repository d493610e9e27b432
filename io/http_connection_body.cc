// Bodies that come and go in pieces: streamed answers, uploads.
#include <uv.h>

#include "base/check.h"
#include "io/http_connection.h"
#include "io/http_server_impl.h"

namespace hearth::io {

// --- A streamed answer

void HttpConnection::Begin(uint64_t sequence, int status, HttpHeaders headers) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  streaming_ = true;
  no_body_ = no_body_ || HasNoBody(status);
  left_ = TakeLength(headers);
  // HTTP/1.0 knows no chunks: without a length the answer ends with the connection.
  chunked_ = !left_ && !http_1_0_;
  Framing framing = Framing::kUntilClose;
  if (HasNoBody(status)) {
    framing = Framing::kNone;
  } else if (left_) {
    framing = Framing::kLength;
  } else if (chunked_) {
    framing = Framing::kChunked;
  }
  if (close_when_idle_ || framing == Framing::kUntilClose) keep_alive_ = false;
  WriteBytes(Head(status, headers, framing, left_.value_or(0)), "");
}

size_t HttpConnection::Write(uint64_t sequence, std::string_view data) {
  if (state_ != State::kAnswering || sequence != sequence_ || !streaming_) return 0;
  if (left_) {
    CHECK(data.size() <= *left_);
    *left_ -= data.size();
  }
  if (!data.empty() && !no_body_) chunked_ ? WriteChunk(data) : WritePlain(data);
  const size_t queued =
      stream_ == nullptr ? 0 : uv_stream_get_write_queue_size(stream_) + behind_.size();
  if (queued > limits::kStreamQueue) is_full_ = true;
  return queued;
}

void HttpConnection::WriteChunk(std::string_view data) {
  std::string piece;
  piece.reserve(data.size() + 20);
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  piece += size;
  piece += data;
  piece += "\r\n";
  if (stream_ == nullptr) return;
  if (uv_stream_get_write_queue_size(stream_) > 0) {
    behind_ += piece;
  } else {
    WriteBytes(std::move(piece), "");
  }
}

// What the kernel takes at once is not copied.
void HttpConnection::WritePlain(std::string_view data) {
  if (stream_ == nullptr) return;
  if (uv_stream_get_write_queue_size(stream_) > 0) {
    behind_ += data;
    return;
  }
  // libuv does not write to it.
  const uv_buf_t buffer =
      uv_buf_init(const_cast<char*>(data.data()), static_cast<unsigned>(data.size()));
  const int put = uv_try_write(stream_, &buffer, 1);
  if (put < 0 && put != UV_EAGAIN) return Close();
  const size_t written = put < 0 ? 0 : static_cast<size_t>(put);
  if (written < data.size()) QueueBytes(std::string(data.substr(written)), "", 0);
}

void HttpConnection::End(uint64_t sequence) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  // The client must see that the rest is missing.
  if (left_.value_or(0) > 0 && !no_body_) return Cut(sequence);
  std::string last = std::exchange(behind_, {});
  if (!no_body_ && chunked_) last += "0\r\n\r\n";
  if (!last.empty()) WriteBytes(std::move(last), "");
  FinishAnswer();
}

void HttpConnection::Cut(uint64_t sequence) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  if (!behind_.empty()) WriteBytes(std::exchange(behind_, {}), "");
  on_client_gone_ = nullptr;
  on_room_ = nullptr;
  Linger();
}

void HttpConnection::OnRoom(uint64_t sequence, std::function<void()> callback) {
  if (state_ != State::kAnswering || sequence != sequence_) return;
  on_room_ = std::move(callback);
}

// --- A body that is read as it comes

bool HttpConnection::TakesBody(const HttpRequest& head) {
  upload_ = server_.options.uploader(head, HttpUpload(weak_from_this(), sequence_ + 1));
  upload_stopped_ = upload_.has_value() && upload_->starts_stopped;
  return upload_.has_value();
}

void HttpConnection::OnPiece(std::string_view piece) {
  if (refusal_) return;
  if (!upload_->piece(piece)) upload_stopped_ = true;
}

// Of a request that is still being read; others have their answer.
bool HttpConnection::IsUploading(uint64_t sequence) const {
  return state_ == State::kReading && sequence == sequence_ + 1;
}

void HttpConnection::ResumeUploadLater(uint64_t sequence) {
  server_.loop.Post([weak = weak_from_this(), sequence] {
    const auto self = weak.lock();
    if (!self || !self->IsUploading(sequence)) return;
    if (std::exchange(self->upload_stopped_, false)) self->Process();
  });
}

// Later: the reader may be asking for it from inside its own call.
void HttpConnection::RefuseUploadLater(uint64_t sequence, HttpResponse response) {
  if (!IsUploading(sequence) || refusal_) return;
  refusal_ = std::move(response);
  server_.loop.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Process();
  });
}

// A body that is here already leaves the connection as it was; else what comes of it is discarded.
void HttpConnection::AnswerRefusal() {
  HttpResponse response = std::move(*refusal_);
  refusal_.reset();
  upload_.reset();
  upload_stopped_ = false;
  const std::string method = parser_.head().method;
  keep_alive_ = false;
  if (parser_.state() == HttpParser::State::kComplete) TakeRequest();
  StartAnswering(method);
  Send(sequence_, std::move(response));
}

void HttpConnection::AbortUpload() {
  upload_stopped_ = false;
  const bool is_refused = std::exchange(refusal_, std::nullopt).has_value();
  const auto upload = std::exchange(upload_, std::nullopt);
  if (upload && !is_refused) upload->aborted();
}

}  // namespace hearth::io
