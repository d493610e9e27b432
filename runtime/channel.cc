#include "runtime/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/sys.h"
#include "io/fd_watcher.h"

namespace hearth::runtime {
namespace {

using base::Invalid;
using base::Result;

constexpr char kStep[] = "read channel frame";

void PutU32(std::string& out, uint32_t value) {
  char bytes[4];
  std::memcpy(bytes, &value, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

void PutField(std::string& out, std::string_view field) {
  PutU32(out, static_cast<uint32_t>(field.size()));
  out += field;
}

uint32_t GetU32(const char* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

Result<FrameHeader> DecodeFrameHeader(std::string_view bytes) {
  CHECK(bytes.size() >= kFrameHeader);
  const uint32_t length = GetU32(bytes.data());
  const auto type = static_cast<uint8_t>(bytes[4]);
  if (type < static_cast<uint8_t>(FrameType::kInvoke) ||
      type > static_cast<uint8_t>(FrameType::kStreamEnd)) {
    return Invalid(kStep, "frame type " + std::to_string(type) + " is unknown");
  }
  if (bytes[5] != 0 || bytes[6] != 0 || bytes[7] != 0) {
    return Invalid(kStep, "the header's last bytes are not zero");
  }
  const auto known = static_cast<FrameType>(type);
  const size_t limit = known == FrameType::kStreamPiece ? kMaxStreamPiece : kMaxFrameBody;
  if (length > limit) {
    return Invalid(kStep, "a body of " + std::to_string(length) + " bytes is over the limit of " +
                              std::to_string(limit));
  }
  return FrameHeader{length, known};
}

Result<std::vector<std::string_view>> DecodeFields(std::string_view body, size_t count) {
  std::vector<std::string_view> fields;
  fields.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (body.size() < 4) return Invalid(kStep, "the body ends inside a field's length");
    const uint32_t length = GetU32(body.data());
    body.remove_prefix(4);
    if (length > body.size()) return Invalid(kStep, "a field is longer than its body");
    fields.push_back(body.substr(0, length));
    body.remove_prefix(length);
  }
  if (!body.empty()) return Invalid(kStep, "bytes follow the last field");
  return fields;
}

std::string EncodePrepare() {
  std::string frame(kFrameHeader, '\0');
  frame[4] = static_cast<char>(FrameType::kPrepare);
  return frame;
}

std::string EncodeLoad(const std::vector<std::string>& environment) {
  std::string variables;
  for (const auto& variable : environment) {
    if (!variables.empty()) variables.push_back('\0');
    variables += variable;
  }
  std::string out(kFrameHeader, '\0');
  PutField(out, variables);
  const auto length = static_cast<uint32_t>(out.size() - kFrameHeader);
  std::memcpy(out.data(), &length, sizeof length);
  out[4] = static_cast<char>(FrameType::kLoad);
  return out;
}

std::string EncodeInvokeHead(const InvocationEvent& event) {
  std::string out(kFrameHeader, '\0');
  out.reserve(256);
  PutField(out, event.request_id);
  char deadline[8];
  std::memcpy(deadline, &event.deadline_ms, sizeof deadline);
  PutField(out, {deadline, sizeof deadline});
  PutField(out, event.invoked_function_arn);
  PutField(out, event.trace_id);
  PutField(out, event.client_context);
  PutField(out, event.cognito_identity);
  PutField(out, event.tenant_id);
  PutU32(out, static_cast<uint32_t>(event.payload.size()));
  const auto length = static_cast<uint32_t>(out.size() - kFrameHeader + event.payload.size());
  std::memcpy(out.data(), &length, sizeof length);
  out[4] = static_cast<char>(FrameType::kInvoke);
  return out;
}

namespace {

// Of one session, in a turn of the loop.
constexpr size_t kBytesATurn = 256 * 1024;
// Left behind by a process: more than a socket holds, less than one that still writes may send.
constexpr size_t kMaxRest = 1024 * 1024;

class ChannelSession final : public RuntimeSession {
 public:
  ChannelSession(io::Loop& loop, ChannelSockets sockets, Delegate& delegate)
      : loop_(loop),
        events_(std::move(sockets.events)),
        answers_(std::move(sockets.answers)),
        delegate_(delegate) {}

  Result<void> Start() {
    TRY(base::sys::SetNonBlocking(events_.get()));
    TRY(base::sys::SetNonBlocking(answers_.get()));
    watcher_ = TRY(io::FdWatcher::Create(loop_, answers_.get(), io::FdWatcher::kReadable,
                                         [this](int) { Read(kBytesATurn); }));
    return {};
  }

  void Load(const std::vector<std::string>& environment) override {
    CHECK(state_ == State::kStarting && head_.empty());
    head_ = EncodeLoad(environment);
    WriteSome();
  }

  void Prepare() override {
    CHECK(state_ == State::kReady);
    state_ = State::kStarting;
    head_ = EncodePrepare();
    WriteSome();
  }

  // A peer that closes a socket with something to read in it resets the connection (unix(7)).
  bool HasUnread() const override {
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(events_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
           error == ECONNRESET;
  }

  void ReadRest() override {
    if (state_ == State::kBroken) return;
    has_ended_ = true;
    Read(kMaxRest);
  }

  void Invoke(InvocationEvent event) override {
    CHECK(state_ == State::kReady && !has_ended_);
    state_ = State::kRunning;
    request_id_ = event.request_id;
    head_ = EncodeInvokeHead(event);
    payload_ = std::move(event.payload);
    written_ = 0;
    WriteSome();
  }

  void ResumeStream() override {
    if (!std::exchange(stopped_, false) || state_ == State::kBroken) return;
    watcher_->SetEvents(io::FdWatcher::kReadable);
  }

 private:
  // kStreaming: its answer comes in pieces. kLeaving: has answered, or failed to start, and will
  // exit; only its end is awaited.
  enum class State { kStarting, kReady, kRunning, kStreaming, kLeaving, kBroken };

  void WriteSome() {
    const size_t total = head_.size() + payload_.size();
    while (written_ < total) {
      struct iovec parts[2];
      size_t count = 0;
      if (written_ < head_.size()) {
        parts[count++] = {head_.data() + written_, head_.size() - written_};
        parts[count++] = {payload_.data(), payload_.size()};
      } else {
        const size_t done = written_ - head_.size();
        parts[count++] = {payload_.data() + done, payload_.size() - done};
      }
      struct msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = count;
      const ssize_t put = ::sendmsg(events_.get(), &message, MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        if (errno == EAGAIN) {
          WaitForRoom();
          return;
        }
        // The bootstrap is gone: its exit says more than this error, and reading will find it. One
        // that only stopped reading stays writable for ever; it must not keep the loop busy.
        room_watcher_.reset();
        return;
      }
      written_ += static_cast<size_t>(put);
    }
    room_watcher_.reset();
    payload_.clear();
    payload_.shrink_to_fit();
    head_.clear();
    written_ = 0;
  }

  void WaitForRoom() {
    if (room_watcher_) return;
    auto watcher = io::FdWatcher::Create(loop_, events_.get(), io::FdWatcher::kWritable,
                                         [this](int) { WriteSome(); });
    if (watcher) room_watcher_ = std::move(*watcher);
  }

  // What is left after a turn's share is read on the next one: there is no end to a stream's
  // pieces, and others want their turn.
  void Read(size_t share) {
    static thread_local std::array<char, 65536> block;
    const std::weak_ptr<bool> alive = alive_;
    for (size_t left = share; left > 0; left -= std::min(left, block.size())) {
      const ssize_t got = ::recv(answers_.get(), block.data(), block.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        watcher_->SetEvents(0);
        if (!has_ended_) Break("the runtime closed its channel");
        return;
      }
      std::string_view bytes(block.data(), static_cast<size_t>(got));
      while (!bytes.empty()) {
        if (!Take(bytes) || alive.expired()) return;
      }
      if (stopped_ && !has_ended_) return watcher_->SetEvents(0);
      // A short read has taken what was there; another call would only say EAGAIN.
      if (static_cast<size_t>(got) < block.size()) return;
    }
  }

  // Uses some of `bytes`; false where the session is broken or gone.
  bool Take(std::string_view& bytes) {
    // Most frames come whole, in one read: they are delivered where they lie.
    if (buffer_.empty() && bytes.size() >= kFrameHeader) {
      const auto header = DecodeFrameHeader(bytes);
      if (!header) return Break(header.error().ToString());
      const size_t whole = kFrameHeader + header->length;
      if (bytes.size() >= whole) {
        const std::string_view body = bytes.substr(kFrameHeader, header->length);
        bytes.remove_prefix(whole);
        const std::weak_ptr<bool> alive = alive_;
        return Deliver(header->type, body) && !alive.expired();
      }
    }
    const size_t wanted = header_known_ ? kFrameHeader + header_.length : kFrameHeader;
    const size_t take = std::min(wanted - buffer_.size(), bytes.size());
    buffer_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (!header_known_) {
      if (buffer_.size() < kFrameHeader) return true;
      const auto header = DecodeFrameHeader(buffer_);
      if (!header) return Break(header.error().ToString());
      header_ = *header;
      header_known_ = true;
    }
    if (buffer_.size() < kFrameHeader + header_.length) {
      // Grown as bytes come, not as a header promises: a liar costs us nothing.
      return true;
    }
    const std::string frame = std::exchange(buffer_, {});
    header_known_ = false;
    const std::weak_ptr<bool> alive = alive_;
    const bool good = Deliver(header_.type, std::string_view(frame).substr(kFrameHeader));
    return good && !alive.expired();
  }

  bool Deliver(FrameType type, std::string_view body) {
    switch (type) {
      case FrameType::kReady:
        if (state_ != State::kStarting || !body.empty()) return Break("unexpected 'ready' frame");
        if (has_ended_) return true;
        state_ = State::kReady;
        delegate_.OnReady();
        return true;
      case FrameType::kInitError: {
        const auto fields = DecodeFields(body, 2);
        if (!fields) return Break(fields.error().ToString());
        if (state_ != State::kStarting) return Break("unexpected 'init error' frame");
        state_ = State::kLeaving;
        delegate_.OnInitError({std::string((*fields)[0]), std::string((*fields)[1])});
        return true;
      }
      case FrameType::kResponse:
      case FrameType::kError:
      case FrameType::kLastError: {
        const auto fields = DecodeFields(body, 3);
        if (!fields) return Break(fields.error().ToString());
        return Answer(type, (*fields)[0], (*fields)[1], (*fields)[2]);
      }
      case FrameType::kStreamBegin: {
        const auto fields = DecodeFields(body, 2);
        if (!fields) return Break(fields.error().ToString());
        if (!MayAnswer((*fields)[0])) return false;
        state_ = State::kStreaming;
        delegate_.OnStreamBegin(request_id_, std::string((*fields)[1]));
        return true;
      }
      case FrameType::kStreamPiece:
        if (state_ != State::kStreaming) return Break("a piece of an answer that has not begun");
        if (!delegate_.OnStreamPiece(body)) stopped_ = true;
        return true;
      case FrameType::kStreamEnd:
        if (state_ != State::kStreaming || !body.empty()) {
          return Break("unexpected 'stream end' frame");
        }
        return EndStream();
      case FrameType::kInvoke:
      case FrameType::kLoad:
      case FrameType::kPrepare:
        return Break("a runtime may not send the host's own frames");
    }
    return Break("unknown frame");
  }

  bool MayAnswer(std::string_view id) {
    if (state_ != State::kRunning || id != request_id_) {
      return Break("an answer to a request that is not running");
    }
    if (written_ < head_.size() + payload_.size()) {
      return Break("an answer before the event was read");
    }
    return true;
  }

  bool EndStream() {
    state_ = has_ended_ ? State::kLeaving : State::kReady;
    stopped_ = false;
    request_id_.clear();
    const std::weak_ptr<bool> alive = alive_;
    delegate_.OnStreamEnd();
    if (!alive.expired() && state_ == State::kReady) delegate_.OnIdle();
    return true;
  }

  bool Answer(FrameType type, std::string_view id, std::string_view second,
              std::string_view payload) {
    const bool ends_stream =
        type != FrameType::kResponse && state_ == State::kStreaming && id == request_id_;
    if (!ends_stream && !MayAnswer(id)) return false;
    stopped_ = false;
    state_ = type == FrameType::kLastError || has_ended_ ? State::kLeaving : State::kReady;
    const std::weak_ptr<bool> alive = alive_;
    const std::string request_id = std::exchange(request_id_, {});
    if (type == FrameType::kResponse) {
      delegate_.OnResponse(request_id, std::string(payload), std::string(second));
    } else {
      delegate_.OnError(request_id, {std::string(second), std::string(payload)});
    }
    // On the channel an answer ends the call: the bootstrap waits for the next event.
    if (!alive.expired() && state_ == State::kReady) delegate_.OnIdle();
    return true;
  }

  bool Break(std::string reason) {
    if (state_ == State::kBroken) return false;
    state_ = State::kBroken;
    watcher_->SetEvents(0);
    room_watcher_.reset();
    delegate_.OnBroken(std::move(reason));
    return false;
  }

  io::Loop& loop_;
  const base::UniqueFd events_;
  const base::UniqueFd answers_;
  Delegate& delegate_;
  std::unique_ptr<io::FdWatcher> watcher_;       // For answers.
  std::unique_ptr<io::FdWatcher> room_watcher_;  // For room to write; while that is awaited.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  State state_ = State::kStarting;
  std::string request_id_;
  std::string head_;
  std::string payload_;
  size_t written_ = 0;
  std::string buffer_;
  FrameHeader header_;
  bool header_known_ = false;
  bool has_ended_ = false;  // The process; what is read is what it left behind.
  bool stopped_ = false;    // Reading, until the owner has room for more of a stream.
};

}  // namespace

std::unique_ptr<RuntimeSession> MakeChannelSession(io::Loop& loop, ChannelSockets sockets,
                                                   RuntimeSession::Delegate& delegate) {
  auto session = std::make_unique<ChannelSession>(loop, std::move(sockets), delegate);
  MUST(session->Start());
  return session;
}

}  // namespace hearth::runtime
