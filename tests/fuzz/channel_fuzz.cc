// Frames from a sandbox: hostile. Each breach is told once, and then nothing more; what is told
// before keeps the order of the state machine.
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/sys.h"
#include "runtime/channel.h"

namespace {

using hearth::runtime::FunctionError;
using hearth::runtime::RuntimeSession;

class Host final : public RuntimeSession::Delegate {
 public:
  void OnReady() override {
    CHECK(state_ == State::kStarting);
    Invoke();
  }
  void OnInitError(FunctionError) override {
    CHECK(state_ == State::kStarting);
    state_ = State::kLeaving;
  }
  void OnResponse(std::string_view id, std::string, std::string) override { Answered(id); }
  void OnError(std::string_view id, FunctionError) override { Answered(id); }
  void OnStreamBegin(std::string_view id, std::string) override {
    CHECK(state_ == State::kRunning);
    CHECK(id == "id");
    state_ = State::kStreaming;
  }
  bool OnStreamPiece(std::string_view piece) override {
    CHECK(state_ == State::kStreaming);
    CHECK(piece.size() <= hearth::runtime::kMaxStreamPiece);
    // Now and then there is no room; the test makes some.
    return piece.size() % 3 != 0;
  }
  void OnStreamEnd() override {
    CHECK(state_ == State::kStreaming);
    state_ = State::kLeaving;
  }
  void OnIdle() override {
    CHECK(state_ == State::kLeaving);
    Invoke();
  }
  void OnBroken(std::string reason) override {
    CHECK(state_ != State::kBroken);
    CHECK(!reason.empty());
    state_ = State::kBroken;
  }
  bool broken() const { return state_ == State::kBroken; }
  std::unique_ptr<RuntimeSession> session;

 private:
  // kLeaving: answered; idle or the end comes next.
  enum class State { kStarting, kRunning, kStreaming, kLeaving, kBroken };
  void Invoke() {
    state_ = State::kRunning;
    session->Invoke({.request_id = "id", .payload = "{}"});
  }
  void Answered(std::string_view id) {
    CHECK(state_ == State::kRunning || state_ == State::kStreaming);
    CHECK(id == "id");
    state_ = State::kLeaving;
  }
  State state_ = State::kStarting;
};

void Decode(std::string_view bytes) {
  for (size_t count = 0; count <= 8; ++count) {
    const auto fields = hearth::runtime::DecodeFields(bytes, count);
    if (!fields) continue;
    size_t total = 4 * count;
    for (const std::string_view field : *fields) total += field.size();
    CHECK(total == bytes.size());
  }
  if (bytes.size() < hearth::runtime::kFrameHeader) return;
  if (const auto header = hearth::runtime::DecodeFrameHeader(bytes)) {
    CHECK(header->length <= hearth::runtime::kMaxFrameBody);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const hearth::base::SystemClock clock;
  static hearth::io::Loop loop(clock);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Decode(bytes);
  // The first byte says how the rest is cut.
  const size_t step = data[0] == 0 ? std::max<size_t>(bytes.size(), 1) : data[0];
  auto [host_end, peer] =
      MUST(hearth::base::sys::SocketPair(hearth::base::sys::SocketType::kStream));
  Host host;
  host.session = hearth::runtime::MakeChannelSession(
      loop, {hearth::base::UniqueFd(::dup(host_end.get())), std::move(host_end)}, host);
  // Each send fits the socket's buffer, so it does not block; a broken session reads no more.
  while (!bytes.empty() && !host.broken()) {
    const std::string_view piece = bytes.substr(0, std::min<size_t>(step, 32768));
    if (::send(peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    bytes.remove_prefix(piece.size());
    loop.RunOnce();
    host.session->ResumeStream();
  }
  peer.Reset();
  for (int turn = 0; turn < 3; ++turn) {
    host.session->ResumeStream();
    loop.RunOnce();
  }
  CHECK(host.broken());
  host.session.reset();
  loop.RunOnce();
  return 0;
}
