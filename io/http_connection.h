// HttpConnection: one client of an HttpServer. Internal to io/.
//
// States: reading a request -> answering -> reading ... -> lingering (answer sent, discarding what
// the client still sends) -> closed. One request is worked on at a time, so answers keep the order
// of pipelined requests; what arrives meanwhile is kept, up to kMaxAhead, then reading stops. A
// client that does not take its answers gets no further ones: the next request waits.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "io/http_parser.h"
#include "io/http_response_head.h"
#include "io/http_server.h"

struct uv_stream_s;

namespace hearth::io {

class HttpConnection : public std::enable_shared_from_this<HttpConnection>, private HttpBodyReader {
 public:
  explicit HttpConnection(HttpServer::Impl& server);
  ~HttpConnection() override;

  // Accepts from a listener whose connection callback runs. False: nothing was accepted.
  bool Accept(uv_stream_s* listener);
  // Closes at once, whatever is under way.
  void Close();
  // Closes now where idle, else after the answer under way.
  void CloseWhenIdle();

  bool busy() const { return state_ == State::kAnswering; }
  base::MonoTime deadline() const { return deadline_; }
  // The deadline has passed: 408 where a request is half here, else just closes.
  void Expire();

  HttpResponder MakeResponder();
  // `sequence` is the responder's; a stale one is ignored.
  void Send(uint64_t sequence, HttpResponse response);
  void Begin(uint64_t sequence, int status, HttpHeaders headers);
  size_t Write(uint64_t sequence, std::string_view data);
  void End(uint64_t sequence);
  // Ends a streamed answer so that its client sees that it is not whole.
  void Cut(uint64_t sequence);
  void OnRoom(uint64_t sequence, std::function<void()> callback);
  // `sequence` is the upload's; a stale one is ignored.
  void ResumeUploadLater(uint64_t sequence);
  void RefuseUploadLater(uint64_t sequence, HttpResponse response);
  void OnClientGone(uint64_t sequence, std::function<void()> callback);
  bool client_gone() const { return client_gone_; }

 private:
  enum class State { kReading, kAnswering, kLingering, kClosed };

  void OnRead(std::string_view bytes);
  void OnEnd();
  void Process();
  void ClearAhead();
  HttpRequest TakeRequest();
  void StartAnswering(std::string_view method);
  void Dispatch();
  void Refuse(int status, const std::string& reason);
  void FinishAnswer();
  void Linger();
  // Closes once what was written has reached the kernel.
  void CloseAfterWrites();
  bool IsCongested() const;
  void SetDeadline(base::Duration wait);  // zero: none
  void UpdateReadDeadline();
  void TellClientGone();
  std::string Head(int status, const HttpHeaders& headers, Framing framing, size_t content_length,
                   size_t room = 0) const;
  void WriteBytes(std::string head, std::string body);
  // Of both, the first `written` bytes are out.
  void QueueBytes(std::string head, std::string body, size_t written);
  void WriteChunk(std::string_view data);
  void WritePlain(std::string_view data);
  void OnWritten(bool good);
  bool IsUploading(uint64_t sequence) const;
  void AnswerRefusal();
  void AbortUpload();
  bool TakesBody(const HttpRequest& head) override;
  void OnPiece(std::string_view piece) override;
  void SetReading(bool on);

  HttpServer::Impl& server_;
  uv_stream_s* stream_ = nullptr;  // Freed by its close callback.
  HttpParser parser_;
  State state_ = State::kReading;
  std::string ahead_;    // Bytes that arrived while a request is being answered.
  size_t ahead_at_ = 0;  // How many of them are used; other than 0 inside Process alone.
  std::string peer_;
  uint64_t sequence_ = 0;
  bool processing_ = false;
  bool reading_ = false;
  bool read_ended_ = false;
  bool keep_alive_ = true;
  bool no_body_ = false;  // Of the answer: it is to HEAD, or its status has none.
  bool is_head_ = false;
  bool http_1_0_ = false;
  bool streaming_ = false;
  bool chunked_ = false;
  std::optional<uint64_t> left_;  // Of a streamed answer whose length is known: bytes to come.
  bool head_timed_ = true;        // The deadline is that of a head under way.
  bool close_when_idle_ = false;
  bool client_gone_ = false;
  std::function<void()> on_client_gone_;
  // Of a streamed answer: what waits behind what the kernel has not taken. One string, lest many
  // small pieces cost more than their bytes.
  std::string behind_;
  bool is_full_ = false;
  std::function<void()> on_room_;
  std::optional<HttpUploadReader> upload_;
  bool upload_stopped_ = false;
  std::optional<HttpResponse> refusal_;  // Of the upload; goes out when the parser is not at work.
  base::MonoTime deadline_{};
};

}  // namespace hearth::io
