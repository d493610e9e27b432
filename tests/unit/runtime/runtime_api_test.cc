// The Runtime API as a stock runtime client sees it: HTTP over a real loopback socket.
#include <gmock/gmock.h>

#include "base/limits.h"
#include "tests/unit/runtime/session_fixture.h"

namespace hearth::runtime {
namespace {

using test::RawClient;
using test::Settle;
using testing::HasSubstr;
using testing::StartsWith;

class RuntimeApiTest : public test::SessionTest {
 protected:
  void SetUp() override {
    base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    ASSERT_EQ(::listen(listener.get(), 16), 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
    session_ = MakeRuntimeApiSession(loop_, std::move(listener), told_);
    client_ = std::make_unique<RawClient>(loop_, address_);
  }
  void TearDown() override {
    client_.reset();
    session_.reset();
    Settle(loop_);
  }

  // One request on a connection of its own, and its whole answer.
  std::string Ask(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::string& headers = "") {
    RawClient client(loop_, address_);
    client.Send(Text(method, path, body, "Connection: close\r\n" + headers));
    std::string answer = client.ReadToEnd();
    client.Close();
    Settle(loop_);
    return answer;
  }
  std::string Answer(const std::string& id, const std::string& what, const std::string& body,
                     const std::string& headers = "") {
    return Ask("POST", "/2018-06-01/runtime/invocation/" + id + "/" + what, body, headers);
  }
  static std::string Text(const std::string& method, const std::string& path,
                          const std::string& body = "", const std::string& headers = "") {
    return method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  // Asks for the next event on the connection that stays.
  void Next() {
    client_->Forget();
    client_->Send(Text("GET", "/2018-06-01/runtime/invocation/next"));
    Settle(loop_);
  }
  void Run(const std::string& id) {
    Next();
    session_->Invoke(Event(id));
    ASSERT_TRUE(client_->WaitFor("{}"));
    told_.events.clear();
  }

  std::string address_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(RuntimeApiTest, ServesOneCallAfterAnother) {
  Next();
  EXPECT_EQ(told_.events, Events{"ready"});
  for (const std::string id : {"one", "two"}) {
    told_.events.clear();
    session_->Invoke(Event(id, "{\"n\":1}"));
    ASSERT_TRUE(client_->WaitFor("{\"n\":1}"));
    EXPECT_THAT(client_->received(), HasSubstr("\r\nLambda-Runtime-Aws-Request-Id: " + id));
    EXPECT_THAT(Answer(id, "response", "answer"), StartsWith("HTTP/1.1 202 "));
    EXPECT_EQ(told_.events, (Events{"response " + id + " application/json answer"}))
        << "idle before it has asked again";
    Next();
    EXPECT_EQ(told_.events.back(), "idle");
  }
}

TEST_F(RuntimeApiTest, SendsTheHeadersThatAwsSendsAndNoEmptyOnes) {
  Next();
  InvocationEvent event = Event("id");
  event.trace_id = "Root=1-2-3";
  event.client_context = R"({"a":"b"})";
  event.tenant_id = "tenant\r\nInjected: yes";
  session_->Invoke(event);
  ASSERT_TRUE(client_->WaitFor("\r\n\r\n{}"));
  for (const char* line :
       {"Lambda-Runtime-Aws-Request-Id: id", "Lambda-Runtime-Deadline-Ms: 1786019699000",
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:F",
        "Lambda-Runtime-Trace-Id: Root=1-2-3", "Lambda-Runtime-Client-Context: {\"a\":\"b\"}",
        "Content-Type: application/json"}) {
    EXPECT_THAT(client_->received(), HasSubstr(std::string("\r\n") + line + "\r\n"));
  }
  EXPECT_EQ(client_->received().find("Cognito"), std::string::npos);
  EXPECT_EQ(client_->received().find("\r\nInjected"), std::string::npos);
}

TEST_F(RuntimeApiTest, TakesAnErrorAndSanitizesItsType) {
  const std::pair<std::string, std::string> types[] = {
      {"Runtime.ExitError", "Runtime.ExitError"},
      {"Function.MyError2", "Function.MyError2"},
      {"Function.lower", "Function.Unknown"},
      {"Runtime.", "Runtime.Unknown"},
      {"Runtime.Bad-One", "Runtime.Unknown"},
      {"ValueError", "Function.Unknown"},
      {"", "Function.Unknown"},
      {"Runtime." + std::string(101, 'A'), "Runtime.Unknown"}};
  for (const auto& [sent, told] : types) {
    Run("id");
    const std::string headers =
        sent.empty() ? "" : "Lambda-Runtime-Function-Error-Type: " + sent + "\r\n";
    EXPECT_THAT(Answer("id", "error", R"({"errorMessage":"x"})", headers),
                StartsWith("HTTP/1.1 202 "));
    EXPECT_EQ(told_.events, (Events{"error id " + told + R"( {"errorMessage":"x"})"})) << sent;
  }
}

TEST_F(RuntimeApiTest, TakesAnInitErrorOnceAndThenNothingMore) {
  const std::string path = "/2018-06-01/runtime/init/error";
  const std::string type = "Lambda-Runtime-Function-Error-Type: Runtime.NoSuchHandler\r\n";
  EXPECT_THAT(Ask("POST", path, "{}", type), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events, (Events{"init error Runtime.NoSuchHandler {}"}));
  EXPECT_THAT(Ask("POST", path, "{}"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Ask("GET", "/2018-06-01/runtime/invocation/next"),
              HasSubstr("InvalidStateTransition"));
  EXPECT_EQ(told_.events.size(), 1u);
}

TEST_F(RuntimeApiTest, Refuses403WhatTheStateForbids) {
  EXPECT_THAT(Answer("id", "response", ""), HasSubstr("InvalidStateTransition")) << "starting";
  Next();
  EXPECT_THAT(Answer("id", "response", ""), StartsWith("HTTP/1.1 403 ")) << "ready";
  EXPECT_THAT(Ask("POST", "/2018-06-01/runtime/init/error"), StartsWith("HTTP/1.1 403 "));
  session_->Invoke(Event("id"));
  ASSERT_TRUE(client_->WaitFor("{}"));
  EXPECT_THAT(Ask("GET", "/2018-06-01/runtime/invocation/next"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Ask("POST", "/2018-06-01/runtime/init/error"), StartsWith("HTTP/1.1 403 "));
  told_.events.clear();
  EXPECT_THAT(Answer("id", "response", "first"), StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(Answer("id", "response", "second"), StartsWith("HTTP/1.1 403 ")) << "answered";
  EXPECT_THAT(Answer("id", "error", "third"), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(told_.events, (Events{"response id application/json first"}));
}

TEST_F(RuntimeApiTest, Refuses400AnAnswerToAnotherRequestAndGoesOn) {
  Run("id");
  for (const std::string other : {"ie", "i", "id2", "", "%69d"}) {
    const std::string answer = Answer(other, "response", "x");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << other;
    EXPECT_THAT(answer, HasSubstr("InvalidRequestID"));
  }
  EXPECT_TRUE(told_.events.empty());
  EXPECT_THAT(Answer("id", "response", "x"), StartsWith("HTTP/1.1 202 "));
}

TEST_F(RuntimeApiTest, HoldsTheSizeOfAResponseToTheByte) {
  Run("id");
  EXPECT_THAT(Answer("id", "response", std::string(6291556, 'a')), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.last_payload.size(), 6291556u);
  // One more, much more, more in chunks, and as an error: the function has failed each time.
  const std::string too_large =
      "error id Function.ResponseSizeTooLarge {\"errorMessage\":\"Response payload size exceeded "
      "maximum allowed payload size (6291556 bytes).\","
      "\"errorType\":\"Function.ResponseSizeTooLarge\"}";
  for (const size_t size : {size_t{6291557}, size_t{6291556 + 2000}, size_t{20 << 20}}) {
    Run("id");
    const std::string answer = Answer("id", "response", std::string(size, 'a'));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 ")) << size;
    EXPECT_THAT(answer, HasSubstr("Exceeded maximum allowed payload size (6291556 bytes)."));
    EXPECT_EQ(told_.events, Events{too_large}) << size;
  }
  Run("id");
  RawClient chunks(loop_, address_);
  chunks.Send(
      "POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nHost: x\r\n"
      "Transfer-Encoding: chunked\r\n\r\n600065\r\n" +
      std::string(0x600065, 'a') + "\r\n");
  EXPECT_THAT(chunks.ReadToEnd(), StartsWith("HTTP/1.1 413 "));
  Settle(loop_);
  EXPECT_EQ(told_.events, Events{too_large});
  chunks.Close();
  Next();
  EXPECT_EQ(told_.events.back(), "idle") << "it can go on";
}

TEST_F(RuntimeApiTest, BlamesNoCallForALargeBodyThatIsNotItsAnswer) {
  Run("id");
  const std::string large(6291557, 'a');
  EXPECT_THAT(Answer("other", "response", large), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("PUT", "/2018-06-01/runtime/invocation/id/response", large),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("POST", "/elsewhere", large), StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(told_.events.empty());
  EXPECT_THAT(Answer("id", "response", "x"), StartsWith("HTTP/1.1 202 "));
}

TEST_F(RuntimeApiTest, KnowsTheStreamingModeAndNoOther) {
  constexpr char kMode[] = "Lambda-Runtime-Function-Response-Mode: ";
  Run("id");
  EXPECT_THAT(Answer("id", "response", "x", std::string(kMode) + "streaming\r\n"),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events.back(), "stream end");
  Run("id");
  const std::string answer = Answer("id", "response", "x", std::string(kMode) + "buffered\"\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr("InvalidFunctionResponseMode"));
  ASSERT_EQ(told_.events.size(), 1u);
  EXPECT_THAT(told_.events[0], StartsWith("error id Runtime.InvalidResponseModeHeader {"));
}

TEST_F(RuntimeApiTest, KeepsTheContentTypeOfAResponse) {
  Run("id");
  Answer("id", "response", "<a/>", "Content-Type: text/xml\r\n");
  EXPECT_EQ(told_.events, (Events{"response id text/xml <a/>"}));
}

TEST_F(RuntimeApiTest, AnswersPingAndKnowsNoOtherPaths) {
  EXPECT_THAT(Ask("GET", "/2018-06-01/ping"), testing::EndsWith("\r\n\r\npong"));
  for (const std::string path :
       {"/", "/2018-06-01/", "/2018-06-02/runtime/invocation/next",
        "/2018-06-01/runtime/invocation", "/2018-06-01/runtime/invocation/id",
        "/2018-06-01/runtime/invocation/id/response/x", "/2018-06-01/runtime/invocation/id/other",
        "/2018-06-01/runtime/restore/next", "/2018-06-01/../2018-06-01/ping",
        "/2020-01-01/extension/register"}) {
    EXPECT_THAT(Ask("POST", path), StartsWith("HTTP/1.1 404 ")) << path;
  }
  EXPECT_THAT(Ask("DELETE", "/2018-06-01/runtime/invocation/next"), StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(told_.events.empty());
}

TEST_F(RuntimeApiTest, WaitsForADayForTheNextEvent) {
  Next();
  clock_.Advance(std::chrono::hours(24));
  loop_.ClockMoved();
  Settle(loop_);
  session_->Invoke(Event("id"));
  EXPECT_TRUE(client_->WaitFor("Lambda-Runtime-Aws-Request-Id: id"));
}

TEST_F(RuntimeApiTest, ServesTheNewestOfTwoThatAsk) {
  Next();
  RawClient newer(loop_, address_);
  newer.Send(Text("GET", "/2018-06-01/runtime/invocation/next"));
  Settle(loop_);
  EXPECT_EQ(told_.events, Events{"ready"}) << "ready twice";
  session_->Invoke(Event("id"));
  EXPECT_TRUE(newer.WaitFor("Lambda-Runtime-Aws-Request-Id: id"));
  newer.Close();
}

TEST_F(RuntimeApiTest, KeepsTheEventOfAClientThatHasLostItsConnection) {
  Next();
  client_->Close();
  Settle(loop_);
  session_->Invoke(Event("id"));
  Settle(loop_);
  client_ = std::make_unique<RawClient>(loop_, address_);
  Next();
  EXPECT_TRUE(client_->WaitFor("Lambda-Runtime-Aws-Request-Id: id"));
  told_.events.clear();
  EXPECT_THAT(Answer("id", "response", "x"), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events, (Events{"response id application/json x"}));
}

TEST_F(RuntimeApiTest, IsSilentOnceItIsGone) {
  Next();
  RawClient other(loop_, address_);
  other.Send(Text("GET", "/2018-06-01/ping"));
  told_.events.clear();
  told_.on_event = [](const std::string& event) { ADD_FAILURE() << event; };
  client_->Send("x");
  session_.reset();
  Settle(loop_);
  EXPECT_TRUE(client_->ended());
  EXPECT_TRUE(other.ended());
  other.Close();
}

TEST(RuntimeApi, MayDieTogetherWithItsLoop) {
  base::VirtualClock clock{base::WallTime{}};
  test::Recorder told;
  base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  io::Loop loop(clock);
  MakeRuntimeApiSession(loop, std::move(listener), told).reset();
}

TEST_F(RuntimeApiTest, MayBeDestroyedInAnyOfItsCalls) {
  for (const std::string_view at : {"ready", "response", "error", "init", "idle"}) {
    told_.on_event = nullptr;
    SetUp();
    told_.on_event = [&](const std::string& event) {
      if (event.starts_with(at)) session_.reset();
    };
    if (at == "init") {
      client_->Send(Text("POST", "/2018-06-01/runtime/init/error"));
    } else {
      Next();
      if (session_ != nullptr) {
        session_->Invoke(Event("id"));
        client_->Send(Text("POST", "/2018-06-01/runtime/invocation/id/" +
                                       std::string(at == "error" ? "error" : "response")) +
                      Text("GET", "/2018-06-01/runtime/invocation/next"));
      }
    }
    Settle(loop_);
    EXPECT_EQ(session_, nullptr) << at;
    EXPECT_TRUE(client_->ended()) << at;
  }
}

// --- Answers in pieces

constexpr char kStreaming[] = "Lambda-Runtime-Function-Response-Mode: streaming\r\n";

class StreamedAnswerTest : public RuntimeApiTest {
 protected:
  // The head of a streamed answer to `id`, on a connection of its own.
  RawClient Begin(const std::string& id) {
    RawClient client(loop_, address_);
    client.Send("POST /2018-06-01/runtime/invocation/" + id + "/response HTTP/1.1\r\nHost: x\r\n" +
                kStreaming + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    return client;
  }
};

TEST_F(StreamedAnswerTest, ArrivesPieceByPiece) {
  Run("one");
  RawClient client = Begin("one");
  client.Send("2\r\nab\r\n");
  Settle(loop_);
  EXPECT_EQ(told_.events, (Events{"stream one text/plain", "piece 2"}));
  EXPECT_THAT(Ask("GET", "/2018-06-01/runtime/invocation/next"), StartsWith("HTTP/1.1 403 "));
  client.Send("1\r\nc\r\n0\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("\"OK\""));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events, (Events{"stream one text/plain", "piece 2", "piece 1", "stream end"}));
  EXPECT_EQ(told_.streamed, "abc");
  client.Close();
  Next();
  EXPECT_EQ(told_.events.back(), "idle");
}

TEST_F(StreamedAnswerTest, MayBeEmptyOrHaveALength) {
  Run("one");
  EXPECT_THAT(Answer("one", "response", "", kStreaming), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events, (Events{"stream one application/json", "stream end"}));
  Run("two");
  EXPECT_THAT(Answer("two", "response", "abc", kStreaming), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events, (Events{"stream two application/json", "piece 3", "stream end"}));
}

TEST_F(StreamedAnswerTest, TellsTheErrorOfItsTrailers) {
  const struct {
    std::string trailers;
    std::string told;
  } kCases[] = {
      {"Lambda-Runtime-Function-Error-Type: Runtime.StreamError\r\n"
       "Lambda-Runtime-Function-Error-Body: eyJhIjoxfQ==\r\n",
       "error id Runtime.StreamError {\"a\":1}"},
      {"lambda-runtime-function-error-type: Odd Type\r\n"
       "lambda-runtime-function-error-body: not base64\r\n",
       "error id Function.Unknown {\"errorMessage\":\"the function failed while its response was "
       "streamed\",\"errorType\":\"Function.Unknown\"}"},
      {"Lambda-Runtime-Function-Error-Body: eyJhIjoxfQ==\r\n", "stream end"},
      {"Other: x\r\n", "stream end"}};
  for (const auto& [trailers, told] : kCases) {
    Run("id");
    RawClient client = Begin("id");
    client.Send("1\r\na\r\n0\r\n" + trailers + "\r\n");
    ASSERT_TRUE(client.WaitFor("\"OK\""));
    EXPECT_EQ(told_.events.back(), told);
    client.Close();
  }
}

TEST_F(StreamedAnswerTest, CutOffIsAnErrorWhenTheRuntimeGoesOn) {
  for (const std::string end : {"", "zz\r\n"}) {  // Leaves, or breaks the protocol.
    Run("id");
    RawClient client = Begin("id");
    client.Send("1\r\na\r\n" + end);
    Settle(loop_);
    client.Close();
    Settle(loop_);
    EXPECT_EQ(told_.events, (Events{"stream id text/plain", "piece 1"})) << "it may have died";
    Next();
    EXPECT_EQ(told_.events,
              (Events{"stream id text/plain", "piece 1",
                      "error id Runtime.TruncatedResponse {\"errorMessage\":\"The response was cut "
                      "off before its end\",\"errorType\":\"Runtime.TruncatedResponse\"}",
                      "idle"}));
  }
}

TEST_F(StreamedAnswerTest, CutOffMayBeExplained) {
  Run("id");
  Begin("id").Close();
  Settle(loop_);
  EXPECT_THAT(Answer("id", "response", "late"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Answer("id", "error", "{}", "Lambda-Runtime-Function-Error-Type: Function.Odd\r\n"),
              StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(told_.events.back(), "error id Function.Odd {}");
}

TEST_F(StreamedAnswerTest, IsReadNoFasterThanThereIsRoom) {
  Run("id");
  told_.has_room = false;
  RawClient client = Begin("id");
  std::string piece = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  for (int i = 0; i < 500; ++i) client.Send(piece);
  client.Send("0\r\n\r\n");
  Settle(loop_);
  EXPECT_GT(client.unsent(), 16u << 20) << "nobody stops it";
  EXPECT_LE(told_.streamed.size(), 3u * 65536);
  told_.has_room = true;
  session_->ResumeStream();
  ASSERT_TRUE(client.WaitFor("\"OK\""));
  EXPECT_EQ(told_.streamed.size(), 500u * 65536);
  EXPECT_EQ(told_.events.back(), "stream end");
}

TEST_F(StreamedAnswerTest, OfNobodysCallIsRefusedAndNotPassedOn) {
  EXPECT_THAT(Answer("none", "response", "abc", kStreaming), StartsWith("HTTP/1.1 403 "));
  Run("id");
  EXPECT_THAT(Answer("other", "response", "abc", kStreaming), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(told_.events, Events{});
  RawClient client = Begin("id");
  client.Send("1\r\na\r\n");
  Settle(loop_);
  // A second one, while the first is under way, is none.
  EXPECT_THAT(Answer("id", "response", "abc", kStreaming), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Answer("id", "error", "{}"), StartsWith("HTTP/1.1 403 "));
  client.Send("0\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("\"OK\""));
  EXPECT_EQ(told_.events, (Events{"stream id text/plain", "piece 1", "stream end"}));
}

TEST_F(StreamedAnswerTest, DiesWithItsSession) {
  Run("id");
  RawClient client = Begin("id");
  client.Send("1\r\na\r\n");
  Settle(loop_);
  session_.reset();
  client.ReadToEnd();
  EXPECT_EQ(told_.events, (Events{"stream id text/plain", "piece 1"}));
}

}  // namespace
}  // namespace hearth::runtime
