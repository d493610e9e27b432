#include "runtime/channel.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <uv.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/limits.h"
#include "base/sys.h"
#include "tests/unit/runtime/session_fixture.h"

namespace hearth::runtime {
namespace {

using test::Settle;
using testing::HasSubstr;

std::string U32(uint32_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }
std::string Fields(std::initializer_list<std::string> fields) {
  std::string out;
  for (const std::string& field : fields) {
    out += U32(static_cast<uint32_t>(field.size())) + field;
  }
  return out;
}
std::string Header(uint32_t length, int type) {
  return U32(length) + static_cast<char>(type) + std::string(3, '\0');
}
std::string Frame(FrameType type, std::initializer_list<std::string> fields) {
  const std::string body = Fields(fields);
  return Header(static_cast<uint32_t>(body.size()), static_cast<int>(type)) + body;
}

TEST(DecodeFrameHeader, RefusesWhatNoFrameBeginsWith) {
  const FrameHeader good = MUST(DecodeFrameHeader(Header(kMaxFrameBody, 4)));
  EXPECT_EQ(good.length, kMaxFrameBody);
  EXPECT_EQ(good.type, FrameType::kResponse);
  for (const std::string& bad :
       {Header(kMaxFrameBody + 1, 4), Header(UINT32_MAX, 4), Header(0, 0), Header(0, 12),
        Header(kMaxStreamPiece + 1, static_cast<int>(FrameType::kStreamPiece)), Header(0, 255),
        U32(0) + std::string("\x02\x01\0\0", 4), U32(0) + std::string("\x02\0\0\x80", 4),
        std::string("GET / HT")}) {
    EXPECT_FALSE(DecodeFrameHeader(bad)) << testing::PrintToString(bad);
  }
}

TEST(DecodeFields, TakesExactlySoManyThatFillTheBody) {
  const std::string body = Fields({"a", "", "bcd"});
  EXPECT_EQ(MUST(DecodeFields(body, 3)), (std::vector<std::string_view>{"a", "", "bcd"}));
  EXPECT_FALSE(DecodeFields(body, 2)) << "bytes follow";
  EXPECT_FALSE(DecodeFields(body, 4)) << "a field is missing";
  EXPECT_FALSE(DecodeFields(body.substr(0, body.size() - 1), 3));
  EXPECT_FALSE(DecodeFields(body.substr(0, 3), 1));
  EXPECT_FALSE(DecodeFields(U32(UINT32_MAX) + "x", 1));
  EXPECT_TRUE(DecodeFields("", 0));
  EXPECT_FALSE(DecodeFields("x", 0));
}

TEST(EncodeInvokeHead, SaysHowLongTheWholeFrameIs) {
  InvocationEvent event{.request_id = "id",
                        .deadline_ms = 0x0102030405060708,
                        .invoked_function_arn = "arn",
                        .trace_id = "trace",
                        .client_context = "{}",
                        .cognito_identity = "[]",
                        .tenant_id = "t",
                        .payload = "payload"};
  const std::string frame = EncodeInvokeHead(event) + event.payload;
  const FrameHeader header = MUST(DecodeFrameHeader(frame));
  EXPECT_EQ(header.type, FrameType::kInvoke);
  EXPECT_EQ(header.length, frame.size() - kFrameHeader);
  const auto fields = MUST(DecodeFields(std::string_view(frame).substr(kFrameHeader), 8));
  EXPECT_EQ(fields[0], "id");
  EXPECT_EQ(fields[1], "\x08\x07\x06\x05\x04\x03\x02\x01");
  EXPECT_EQ(fields[2], "arn");
  EXPECT_EQ(fields[6], "t");
  EXPECT_EQ(fields[7], "payload");
}

TEST(EncodeLoad, HoldsTheEnvironmentInOneField) {
  const std::string frame = EncodeLoad({"A=1", "B="});
  const FrameHeader header = MUST(DecodeFrameHeader(frame));
  EXPECT_EQ(header.type, FrameType::kLoad);
  ASSERT_EQ(frame.size(), kFrameHeader + header.length);
  const auto fields = MUST(DecodeFields(std::string_view(frame).substr(kFrameHeader), 1));
  EXPECT_EQ(fields[0], std::string_view("A=1\0B=", 6));
}

class ChannelSessionTest : public test::SessionTest {
 protected:
  void SetUp() override {
    auto [host, peer] = MUST(base::sys::SocketPair(base::sys::SocketType::kStream));
    peer_ = std::move(peer);
    MUST(base::sys::SetNonBlocking(peer_.get()));
    session_ = MakeChannelSession(loop_, test::OnOnePair(std::move(host)), told_);
  }
  // Sends all of it, while the host reads.
  void Put(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) return;  // The host has hung up.
      if (put > 0) bytes.remove_prefix(static_cast<size_t>(put));
      Settle(loop_);
    }
  }
  void MakeReady() {
    Put(Frame(FrameType::kReady, {}));
    ASSERT_EQ(told_.events, Events{"ready"});
    told_.events.clear();
  }
  // What the host has written until now.
  std::string Take() {
    std::string all;
    std::vector<char> block(1 << 20);
    for (ssize_t got; (got = ::recv(peer_.get(), block.data(), block.size(), 0)) > 0;) {
      all.append(block.data(), static_cast<size_t>(got));
      Settle(loop_);
    }
    return all;
  }
  void Run(const std::string& id) {
    session_->Invoke(Event(id));
    Take();
  }

  base::UniqueFd peer_;
};

TEST_F(ChannelSessionTest, ServesOneCallAfterAnother) {
  EXPECT_TRUE(told_.events.empty());
  MakeReady();
  for (const std::string id : {"one", "two"}) {
    session_->Invoke(Event(id, "{\"n\":1}"));
    const std::string frame = Take();
    const auto fields = MUST(DecodeFields(std::string_view(frame).substr(kFrameHeader), 8));
    EXPECT_EQ(fields[0], id);
    EXPECT_EQ(fields[7], "{\"n\":1}");
    Put(Frame(FrameType::kResponse, {id, "application/json", "answer"}));
  }
  EXPECT_EQ(told_.events, (Events{"response one application/json answer", "idle",
                                  "response two application/json answer", "idle"}));
}

TEST_F(ChannelSessionTest, PassesAFunctionsErrorOnAndGoesOn) {
  MakeReady();
  Run("one");
  Put(Frame(FrameType::kError, {"one", "ValueError", "{\"errorMessage\":\"x\"}"}));
  EXPECT_EQ(told_.events, (Events{"error one ValueError {\"errorMessage\":\"x\"}", "idle"}));
}

TEST_F(ChannelSessionTest, AwaitsOnlyTheEndAfterALastError) {
  MakeReady();
  Run("one");
  Put(Frame(FrameType::kLastError, {"one", "Runtime.ExitError", "{}"}));
  EXPECT_EQ(told_.events, (Events{"error one Runtime.ExitError {}"})) << "it may not be idle";
  peer_.Reset();
  Settle(loop_);
  EXPECT_TRUE(told_.is_broken());
}

TEST_F(ChannelSessionTest, ReadsFramesHoweverTheyAreCut) {
  std::string all = Frame(FrameType::kReady, {});
  for (const char c : all) Put({&c, 1});
  EXPECT_EQ(told_.events, Events{"ready"});
  for (const size_t step : {1, 2, 7, 11}) {
    told_.events.clear();
    Run("id");
    all = Frame(FrameType::kResponse, {"id", "text/plain", std::string(50, 'p')});
    for (size_t at = 0; at < all.size(); at += step) Put(std::string_view(all).substr(at, step));
    ASSERT_EQ(told_.events.size(), 2u) << step;
    EXPECT_EQ(told_.last_payload, std::string(50, 'p'));
  }
}

TEST_F(ChannelSessionTest, CarriesTheLargestPayloadsBothWays) {
  MakeReady();
  const std::string event(limits::kMaxSyncPayload, 'e');
  session_->Invoke(Event("id", event));
  const std::string frame = Take();
  EXPECT_TRUE(frame.ends_with(event));
  const std::string answer(limits::kMaxResponsePayload, 'a');
  Put(Frame(FrameType::kResponse, {"id", "application/json", answer}));
  ASSERT_EQ(told_.events.size(), 2u);
  EXPECT_EQ(told_.last_payload, answer);
}

TEST_F(ChannelSessionTest, PassesAnInitErrorOnOnce) {
  Put(Frame(FrameType::kInitError, {"Runtime.ImportModuleError", "{}"}));
  EXPECT_EQ(told_.events, Events{"init error Runtime.ImportModuleError {}"});
  Put(Frame(FrameType::kInitError, {"Runtime.ImportModuleError", "{}"}));
  EXPECT_TRUE(told_.is_broken()) << "a second one";
}

struct Breach {
  const char* name;
  const char* state;  // What came before: "starting", "failed", "ready" or "running" (request "id")
  std::string bytes;
};

void PrintTo(const Breach& breach, std::ostream* out) { *out << breach.name; }

std::vector<Breach> Breaches() {
  const std::string ready = Frame(FrameType::kReady, {});
  const std::string answer = Frame(FrameType::kResponse, {"id", "t", "p"});
  return {
      {"UnknownType", "starting", Header(0, 99)},
      {"TooLong", "starting", Header(kMaxFrameBody + 1, 4)},
      {"Text", "starting", "Traceback (most recent call last):\n"},
      {"ReadyWithABody", "starting", Header(1, 2) + "x"},
      {"ReadyTwice", "ready", ready},
      {"ReadyWhileRunning", "running", ready},
      {"ReadyAfterAnInitError", "failed", ready},
      {"InvokeFromTheWrongEnd", "ready", Frame(FrameType::kInvoke, {"id"})},
      {"AnswerBeforeReady", "starting", answer},
      {"AnswerToNothing", "ready", answer},
      {"AnswerAfterAnInitError", "failed", answer},
      {"AnswerTwice", "running", answer + answer},
      {"AnswerToAnother", "running", Frame(FrameType::kResponse, {"ie", "t", "p"})},
      {"AnswerToNoId", "running", Frame(FrameType::kResponse, {"", "t", "p"})},
      {"ErrorToAnother", "running", Frame(FrameType::kError, {"i", "t", "p"})},
      {"LoadFromARuntime", "ready", Frame(FrameType::kLoad, {"A=b"})},
      {"LastErrorToNothing", "ready", Frame(FrameType::kLastError, {"id", "t", "p"})},
      {"AnswerAfterALastError", "running", Frame(FrameType::kLastError, {"id", "t", "p"}) + answer},
      {"ResponseWithTwoFields", "running", Frame(FrameType::kResponse, {"id", "p"})},
      {"ResponseWithFourFields", "running", Frame(FrameType::kResponse, {"id", "t", "p", ""})},
      {"ResponseWithoutFields", "running", Header(0, 4)},
      {"FieldLongerThanItsFrame", "running", Header(8, 4) + U32(UINT32_MAX) + "abcd"},
      {"LengthCutShort", "running", Header(2, 4) + "ab"},
      {"InitErrorWhileRunning", "running", Frame(FrameType::kInitError, {"t", "p"})},
      {"InitErrorWithOneField", "starting", Frame(FrameType::kInitError, {"t"})},
  };
}

class ChannelBreach : public ChannelSessionTest, public testing::WithParamInterface<Breach> {};

TEST_P(ChannelBreach, EndsTheSessionOnceAndForGood) {
  const std::string state = GetParam().state;
  if (state == "ready" || state == "running") MakeReady();
  if (state == "running") Run("id");
  if (state == "failed") Put(Frame(FrameType::kInitError, {"t", "p"}));
  Put(GetParam().bytes);
  EXPECT_TRUE(told_.is_broken());
  const size_t events = told_.events.size();
  Put(Frame(FrameType::kReady, {}) + Frame(FrameType::kResponse, {"id", "t", "p"}));
  peer_.Reset();
  Settle(loop_);
  EXPECT_EQ(told_.events.size(), events) << "it was told more after OnBroken";
}

INSTANTIATE_TEST_SUITE_P(Frames, ChannelBreach, testing::ValuesIn(Breaches()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(ChannelSessionTest, TellsThatTheRuntimeHasHungUpAlsoInTheMiddleOfAFrame) {
  MakeReady();
  Run("id");
  Put(Frame(FrameType::kResponse, {"id", "t", "payload"}).substr(0, 15));
  EXPECT_TRUE(told_.events.empty());
  peer_.Reset();
  Settle(loop_);
  ASSERT_EQ(told_.events.size(), 1u);
  EXPECT_THAT(told_.events[0], HasSubstr("closed its channel"));
}

TEST_F(ChannelSessionTest, RefusesAnAnswerToAnEventThatWasNotRead) {
  MakeReady();
  session_->Invoke(Event("id", std::string(limits::kMaxSyncPayload, 'e')));
  Put(Frame(FrameType::kResponse, {"id", "t", "p"}));
  EXPECT_TRUE(told_.is_broken());
}

// A lying header costs the host no memory: only what has arrived is kept.
TEST_F(ChannelSessionTest, KeepsNoMoreThanHasArrived) {
  const auto resident = [] {
    size_t pages = 0, kept = 0;
    std::ifstream("/proc/self/statm") >> pages >> kept;
    return kept * 4096;
  };
  const size_t before = resident();
  std::vector<std::unique_ptr<RuntimeSession>> sessions;
  std::vector<base::UniqueFd> peers;
  for (int i = 0; i < 100; ++i) {
    auto [host, peer] = MUST(base::sys::SocketPair(base::sys::SocketType::kStream));
    sessions.push_back(MakeChannelSession(loop_, test::OnOnePair(std::move(host)), told_));
    const std::string header = Header(kMaxFrameBody, 4) + "x";
    ASSERT_EQ(::send(peer.get(), header.data(), header.size(), 0), 9);
    peers.push_back(std::move(peer));
  }
  Settle(loop_);
  EXPECT_TRUE(told_.events.empty());
  EXPECT_LT(resident(), before + (100u << 20));
}

// The loop would spin at full speed on a socket that is writable and refuses every write.
TEST_F(ChannelSessionTest, IsQuietWhereTheRuntimeHasStoppedReading) {
  MakeReady();
  session_->Invoke(Event("id", std::string(limits::kMaxSyncPayload, 'e')));
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_RD), 0);
  std::vector<char> block(1 << 20);
  while (::recv(peer_.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
  }
  Settle(loop_);
  struct pollfd ready{uv_backend_fd(loop_.raw()), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 0) << "the loop would not sleep";
  EXPECT_TRUE(told_.events.empty()) << "its end, not its silence, tells how the call went";
}

TEST_F(ChannelSessionTest, MayBeDestroyedInAnyOfItsCalls) {
  for (const std::string_view at : {"ready", "response", "idle", "error", "init", "broken"}) {
    SetUp();
    told_.events.clear();
    told_.on_event = [&](const std::string& event) {
      if (event.starts_with(at)) session_.reset();
    };
    Put(at == "init" ? Frame(FrameType::kInitError, {"t", "p"}) : Frame(FrameType::kReady, {}));
    if (session_ != nullptr) {
      session_->Invoke(Event("id"));
      Take();
      // More frames follow in the same bytes.
      Put(Frame(at == "error" ? FrameType::kError : FrameType::kResponse, {"id", "t", "p"}) +
          Header(0, 99));
    }
    EXPECT_EQ(session_, nullptr) << at;
    EXPECT_TRUE(told_.events.back().starts_with(at)) << told_.events.back();
  }
}

TEST_F(ChannelSessionTest, TheOwnerMayInvokeFromOnIdle) {
  MakeReady();
  Run("one");
  int calls = 0;
  told_.on_event = [&](const std::string& event) {
    if (event == "idle" && ++calls == 1) session_->Invoke(Event("two"));
  };
  Put(Frame(FrameType::kResponse, {"one", "t", "p"}));
  EXPECT_THAT(Take(), HasSubstr("two"));
  Put(Frame(FrameType::kResponse, {"two", "t", "p"}));
  EXPECT_EQ(told_.events.back(), "idle");
}

using ChannelSessionDeathTest = ChannelSessionTest;
TEST_F(ChannelSessionDeathTest, AbortsOnACallWhileItIsNotReady) {
  EXPECT_DEATH(session_->Invoke(Event("early")), "CHECK");
}

std::string Piece(const std::string& bytes) {
  return Header(static_cast<uint32_t>(bytes.size()), static_cast<int>(FrameType::kStreamPiece)) +
         bytes;
}

TEST_F(ChannelSessionTest, PassesAStreamOnPieceByPiece) {
  MakeReady();
  for (const std::string id : {"one", "two"}) {
    Run(id);
    told_.events.clear();
    Put(Frame(FrameType::kStreamBegin, {id, "text/plain"}) + Piece("ab"));
    EXPECT_EQ(told_.events, (Events{"stream " + id + " text/plain", "piece 2"})) << "at once";
    Put(Piece("c") + Frame(FrameType::kStreamEnd, {}));
    EXPECT_EQ(told_.events,
              (Events{"stream " + id + " text/plain", "piece 2", "piece 1", "stream end", "idle"}));
  }
  EXPECT_EQ(told_.streamed, "abcabc");
}

TEST_F(ChannelSessionTest, AStreamMayEndInAnError) {
  MakeReady();
  Run("id");
  Put(Frame(FrameType::kStreamBegin, {"id", "t"}) + Piece("a") +
      Frame(FrameType::kError, {"id", "RangeError", "{}"}));
  EXPECT_EQ(told_.events, (Events{"stream id t", "piece 1", "error id RangeError {}", "idle"}));
}

TEST_F(ChannelSessionTest, ReadsNoMoreOfAStreamThanThereIsRoomFor) {
  MakeReady();
  Run("id");
  told_.has_room = false;
  Put(Frame(FrameType::kStreamBegin, {"id", "t"}));
  const std::string piece = Piece(std::string(kMaxStreamPiece, 'x'));
  size_t sent = 0;
  // Until the sockets are full too: the function has to wait.
  for (ssize_t put; (put = ::send(peer_.get(), piece.data(), piece.size(), MSG_NOSIGNAL)) ==
                    static_cast<ssize_t>(piece.size());) {
    sent += piece.size();
    ASSERT_LT(sent, 64u << 20) << "nobody stops it";
    Settle(loop_);
  }
  EXPECT_LE(told_.streamed.size(), 2 * kMaxStreamPiece);
  const size_t before = told_.streamed.size();
  session_->ResumeStream();
  Settle(loop_);
  EXPECT_GT(told_.streamed.size(), before) << "it reads on";
}

TEST_F(ChannelSessionTest, AStreamWithoutEndLeavesOthersTheirTurn) {
  MakeReady();
  Run("id");
  Put(Frame(FrameType::kStreamBegin, {"id", "t"}));
  // Nothing in it counts against a limit, and the socket is never empty.
  std::atomic<bool> stop = false;
  std::thread flood([&, fd = peer_.get()] {
    const std::string piece = Piece("");
    std::string pieces;
    while (pieces.size() < 65536) pieces += piece;
    size_t at = 0;  // In a piece: a full socket takes parts.
    while (!stop) {
      const ssize_t put =
          ::send(fd, pieces.data() + at, pieces.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) at = (at + static_cast<size_t>(put)) % piece.size();
    }
  });
  // A turn that never ended would hold this up for ever.
  while (told_.events.size() <= 1000) loop_.RunOnce();
  stop = true;
  flood.join();
}

TEST_F(ChannelSessionTest, TellsWhatAProcessLeftBehindAndNoMore) {
  const std::string answer = Frame(FrameType::kResponse, {"id", "t", "{}"});
  const std::string begin = Frame(FrameType::kStreamBegin, {"id", "t"});
  struct Case {
    std::string left;
    Events told;
  };
  for (const auto& [left, told] :
       std::vector<Case>{{answer, {"response id t {}"}},
                         {Frame(FrameType::kError, {"id", "E", "{}"}), {"error id E {}"}},
                         {Frame(FrameType::kLastError, {"id", "E", "{}"}), {"error id E {}"}},
                         {begin + Piece("a") + Frame(FrameType::kStreamEnd, {}),
                          {"stream id t", "piece 1", "stream end"}},
                         {begin + Piece("a"), {"stream id t", "piece 1"}},
                         {answer.substr(0, answer.size() - 1), {}},
                         {"", {}}}) {
    told_.events.clear();
    SetUp();
    MakeReady();
    Run("id");
    told_.has_room = false;  // Its caller is slow; the process needs not wait any more.
    ASSERT_EQ(::send(peer_.get(), left.data(), left.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(left.size()));
    peer_.Reset();
    session_->ReadRest();
    EXPECT_EQ(told_.events, told) << testing::PrintToString(left);
    Settle(loop_);
    EXPECT_EQ(told_.events, told) << "told once, and its closed end breaks nothing";
  }
}

TEST_F(ChannelSessionTest, AFailedInitIsToldThoughItsProcessHasEnded) {
  const std::string error = Frame(FrameType::kInitError, {"Runtime.ImportModuleError", "{}"});
  ASSERT_EQ(::send(peer_.get(), error.data(), error.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(error.size()));
  peer_.Reset();
  session_->ReadRest();
  EXPECT_EQ(told_.events, (Events{"init error Runtime.ImportModuleError {}"}));
}

TEST_F(ChannelSessionTest, AStreamThatEndsWithoutRoomDoesNotStopTheNextCall) {
  MakeReady();
  Run("one");
  told_.has_room = false;
  Put(Frame(FrameType::kStreamBegin, {"one", "t"}) + Piece("a") + Frame(FrameType::kStreamEnd, {}));
  ASSERT_EQ(told_.events.back(), "idle");
  Run("two");
  Put(Frame(FrameType::kResponse, {"two", "t", "answer"}));
  EXPECT_EQ(told_.events.back(), "idle");
  EXPECT_EQ(told_.last_payload, "answer");
}

TEST_F(ChannelSessionTest, BreaksOnAStreamOutOfTurn) {
  const std::string begin = Frame(FrameType::kStreamBegin, {"id", "t"});
  for (const std::string& bad :
       {Piece("a"), Frame(FrameType::kStreamEnd, {}), begin + begin,
        Frame(FrameType::kStreamBegin, {"other", "t"}), Frame(FrameType::kStreamBegin, {"id"}),
        begin + Frame(FrameType::kResponse, {"id", "t", "{}"}),
        begin + Frame(FrameType::kError, {"other", "E", "{}"}),
        begin + Frame(FrameType::kStreamEnd, {"field"}), begin + Frame(FrameType::kReady, {})}) {
    told_.events.clear();
    SetUp();
    MakeReady();
    Run("id");
    Put(bad);
    EXPECT_TRUE(told_.is_broken()) << testing::PrintToString(bad);
  }
}

}  // namespace
}  // namespace hearth::runtime
