// Bodies in pieces: uploads that are read as they come, answers whose length is known before.
#include "io/http_server.h"
#include "tests/unit/io/http_server_fixture.h"

namespace hearth::io {
namespace {

using test::HttpServerTest;
using test::RawClient;
using test::Settle;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kPut = "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
constexpr std::string_view kAskingPut =
    "PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";

HttpHeaders Length(std::string_view length) {
  HttpHeaders headers;
  headers.Add("content-length", length);
  return headers;
}

struct Body {
  std::string text;
};

class HttpUploadTest : public HttpServerTest {
 protected:
  // PUT is read as it comes.
  void StartUploads() {
    HttpServerOptions options;
    options.max_body = base::Bytes(20);
    options.uploader = [this](const HttpRequest& head,
                              HttpUpload upload) -> std::optional<HttpUploadReader> {
      if (head.method != "PUT") return std::nullopt;
      upload_ = upload;
      ++uploads_;
      if (on_head_) on_head_();
      auto body = std::make_shared<Body>();
      body_ = body;
      return HttpUploadReader{.piece =
                                  [this, body](std::string_view piece) {
                                    body->text += piece;
                                    return on_piece_ ? on_piece_() : true;
                                  },
                              .aborted = [this] { ++aborted_; },
                              .state = body,
                              .starts_stopped = starts_stopped_};
    };
    handler_ = [this](HttpRequest request, HttpResponder responder) {
      ++handled_;
      const auto body = std::static_pointer_cast<Body>(request.upload);
      responder.Send({.body = "got " + (body ? body->text : "a whole " + request.body)});
    };
    Start(std::move(options));
  }
  void Refuse() {
    HttpResponse response{.status = 404, .body = "no such bucket"};
    upload_.Refuse(std::move(response));
  }

  HttpUpload upload_;
  std::weak_ptr<Body> body_;
  std::function<void()> on_head_;
  std::function<bool()> on_piece_;
  bool starts_stopped_ = false;
  int uploads_ = 0;
  int handled_ = 0;
  int aborted_ = 0;
};

TEST_F(HttpUploadTest, HandsTheReadersStateToTheHandlerOfThatRequestAlone) {
  StartUploads();
  RawClient client = Connect();
  client.Send(std::string(kPut) + "0123456789POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" +
              "\r\nz" + std::string(kPut) + "abcdefghij");
  ASSERT_TRUE(client.WaitFor("got abcdefghij"));
  EXPECT_NE(client.received().find("got 0123456789"), std::string::npos);
  EXPECT_NE(client.received().find("got a whole z"), std::string::npos);
  requests_.clear();
  EXPECT_TRUE(body_.expired()) << "the server holds what the handler let go of";
  EXPECT_EQ(aborted_, 0);
}

TEST_F(HttpUploadTest, GivesPiecesOfABodyThatIsLongerThanTheLimitOfWholeOnes) {
  StartUploads();
  RawClient client = Connect();
  client.Send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n");
  client.Send(std::string(300000, 'x'));
  ASSERT_TRUE(client.WaitFor(std::string(300000, 'x')));
  EXPECT_EQ(handled_, 1);
}

TEST_F(HttpUploadTest, RefusesBeforeItAsksForTheBody) {
  on_head_ = [this] { Refuse(); };
  StartUploads();
  RawClient client = Connect();
  client.Send(kAskingPut);
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  EXPECT_TRUE(answer.ends_with("no such bucket")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_EQ(answer.find("100 Continue"), std::string::npos);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(aborted_, 0);
}

// Closing with unread bytes would reset the connection, and the answer with it.
TEST_F(HttpUploadTest, DiscardsWhatStillComesOfARefusedBody) {
  on_piece_ = [this] {
    Refuse();
    Refuse();  // The first counts.
    return true;
  };
  StartUploads();
  RawClient client = Connect();
  client.Send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
  client.Send(std::string(2000000, 'x'));
  ASSERT_TRUE(client.WaitFor("no such bucket"));
  client.Send(std::string(2000000, 'x'));
  Settle(loop_);
  EXPECT_EQ(client.unsent(), 0u);
  EXPECT_TRUE(body_.expired());
  EXPECT_EQ(handled_ + aborted_, 0);
  EXPECT_EQ(server_->connections(), 1u);
  Advance(std::chrono::minutes(1));  // For a while, not for ever.
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpUploadTest, KeepsTheConnectionWhereTheRefusedBodyIsHereAlready) {
  on_head_ = [this] { Refuse(); };
  StartUploads();
  RawClient client = Connect();
  client.Send(std::string(kPut) + "0123456789" + std::string(kGet));
  ASSERT_TRUE(client.WaitFor("got a whole"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 404 ")) << client.received();
  EXPECT_EQ(client.received().find("Connection: close"), std::string::npos);
  EXPECT_EQ(handled_, 1);
  EXPECT_EQ(aborted_, 0);
}

TEST_F(HttpUploadTest, AsksForTheBodyOnlyWhenItsReaderIsReady) {
  starts_stopped_ = true;
  StartUploads();
  RawClient client = Connect();
  client.Send(kAskingPut);
  Settle(loop_);
  EXPECT_EQ(client.received(), "");
  upload_.Resume();
  ASSERT_TRUE(client.WaitFor("100 Continue\r\n\r\n"));
  client.Send("0123456789");
  EXPECT_TRUE(client.WaitFor("got 0123456789"));
}

TEST_F(HttpUploadTest, RefusesLaterWhileItsReaderIsNotReady) {
  starts_stopped_ = true;
  StartUploads();
  RawClient client = Connect();
  client.Send(kAskingPut);
  Settle(loop_);
  Refuse();
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  EXPECT_EQ(handled_ + aborted_, 0);
}

TEST_F(HttpUploadTest, LetsAnUploadThatIsOverChangeNothing) {
  StartUploads();
  RawClient client = Connect();
  client.Send(std::string(kPut) + "0123456789");
  ASSERT_TRUE(client.WaitFor("got 0123456789"));
  HttpUpload old = upload_;
  starts_stopped_ = true;
  client.Forget();
  client.Send(kAskingPut);
  Settle(loop_);
  ASSERT_EQ(uploads_, 2);
  old.Resume();
  old.Refuse({.status = 500});
  Settle(loop_);
  EXPECT_EQ(client.received(), "");
  upload_.Resume();
  ASSERT_TRUE(client.WaitFor("100 Continue"));
  client.Close();
  Settle(loop_);
  EXPECT_EQ(aborted_, 1);
  Refuse();
  upload_.Resume();
  HttpUpload().Refuse({});
}

TEST_F(HttpUploadTest, SaysNothingToAReaderWhoseRefusalFoundNobody) {
  starts_stopped_ = true;
  StartUploads();
  RawClient client = Connect();
  client.Send(kAskingPut);
  Settle(loop_);
  Refuse();
  Close();
  EXPECT_EQ(handled_ + aborted_, 0);
  EXPECT_TRUE(body_.expired());
}

// A HEAD before it may not take the body of the next answer.
TEST_F(HttpUploadTest, RefusesWithABodyAfterAnAnswerThatHadNone) {
  on_head_ = [this] { Refuse(); };
  StartUploads();
  RawClient client = Connect();
  client.Send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kAskingPut));
  EXPECT_TRUE(client.ReadToEnd().ends_with("no such bucket"));
}

// --- Answers of a known length

TEST_F(HttpUploadTest, StreamsAnAnswerOfAKnownLengthWithoutChunks) {
  for (const bool old : {false, true}) {
    HttpResponder responder;
    const std::string request =
        old ? "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" : std::string(kGet);
    RawClient client = Ask(request, responder);
    responder.Begin(206, Length("8"));
    responder.Write("part");
    ASSERT_TRUE(client.WaitFor("\r\n\r\npart"));
    responder.Write("");
    responder.Write("last");
    responder.End();
    ASSERT_TRUE(client.WaitFor("\r\n\r\npartlast"));
    const std::string& got = client.received();
    EXPECT_NE(got.find("\r\nContent-Length: 8\r\n"), std::string::npos) << got;
    EXPECT_EQ(got.find("content-length"), std::string::npos) << got;
    EXPECT_EQ(got.find("chunked"), std::string::npos) << got;
    EXPECT_EQ(got.find("close"), std::string::npos) << got;
    handler_ = nullptr;
    client.Send(kGet);
    EXPECT_TRUE(client.WaitFor("partlastHTTP/1.1 200"));
    Close();
  }
}

TEST_F(HttpUploadTest, StreamsMoreThanTheKernelTakesAtOnceByteForByte) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  client.SetReading(false);
  std::string all;
  for (int i = 0; i < 1500000; ++i) all += std::to_string(i);
  responder.Begin(200, Length(std::to_string(all.size())));
  size_t at = 0;
  const auto produce = [&] {
    while (at < all.size()) {
      const std::string_view piece = std::string_view(all).substr(at, 65521);
      at += piece.size();
      if (responder.Write(piece) > limits::kStreamQueue) return;
    }
    responder.End();
  };
  responder.OnRoom(produce);
  produce();
  Settle(loop_);
  ASSERT_LT(at, all.size()) << "the kernel took all";
  client.SetReading(true);
  ASSERT_TRUE(client.WaitFor("\r\n\r\n"));
  const size_t head = client.received().find("\r\n\r\n") + 4;
  ASSERT_TRUE(client.WaitForBytes(head + all.size()));
  EXPECT_TRUE(client.received().substr(head) == all);
}

TEST_F(HttpUploadTest, CutsAnAnswerThatIsShorterThanItSaid) {
  for (const bool ends : {true, false}) {
    handler_ = [ends](HttpRequest, HttpResponder responder) {
      responder.Begin(200, Length("10"));
      responder.Write("part");
      if (ends) responder.End();
    };
    Start();
    RawClient client = Connect();
    client.Send(kGet);
    EXPECT_TRUE(client.ReadToEnd().ends_with("\r\n\r\npart"));
    Close();
  }
}

TEST_F(HttpUploadTest, EndsAnEmptyAnswerOfAKnownLength) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Begin(200, Length("0"));
    responder.End();
  };
  Start();
  RawClient client = Connect();
  client.Send(std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(client.WaitFor("Content-Length: 0\r\n\r\nHTTP/1.1 200"));
}

TEST_F(HttpUploadTest, TellsHeadTheLengthThatGetWouldHave) {
  handler_ = [](HttpRequest request, HttpResponder responder) {
    if (request.target == "/stream") {
      responder.Begin(200, Length("5000000000"));
      responder.End();
      return;
    }
    responder.Send({.headers = Length(request.target.substr(1)), .body = ""});
  };
  Start();
  RawClient client = Connect();
  const auto ask = [&](std::string_view method, std::string_view target) {
    client.Forget();
    client.Send(std::string(method) + " /" + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.WaitFor("\r\n\r\n"));
    const auto at = client.received().find("Content-Length: ") + 16;
    return client.received().substr(at, client.received().find("\r\n", at) - at);
  };
  EXPECT_EQ(ask("HEAD", "5000000000000"), "5000000000000");
  EXPECT_EQ(ask("HEAD", "stream"), "5000000000");
  EXPECT_EQ(ask("HEAD", "many"), "0");
  EXPECT_EQ(ask("HEAD", "-1"), "0");
  EXPECT_EQ(ask("HEAD", "18446744073709551616"), "0");
  EXPECT_EQ(ask("GET", "5"), "0");
  EXPECT_EQ(client.received().find("Content-Length"), client.received().rfind("Content-Length"));
}

TEST_F(HttpUploadTest, SaysNoLengthWhereTheStatusHasNoBody) {
  for (const int status : {204, 304}) {
    HttpResponder responder;
    RawClient client = Ask(kGet, responder);
    responder.Begin(status, Length("5"));
    responder.Write("hello");
    responder.End();
    client.Send(kGet);
    Settle(loop_);
    responder.Send({.body = "next"});
    ASSERT_TRUE(client.WaitFor("next"));
    const std::string head = client.received().substr(0, client.received().find("\r\n\r\n"));
    EXPECT_EQ(head.find("Length"), std::string::npos) << head;
    EXPECT_EQ(client.received().find("hello"), std::string::npos);
    Close();
  }
}

using HttpUploadDeathTest = HttpUploadTest;

TEST_F(HttpUploadDeathTest, WritesNoMoreThanItSaid) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  responder.Begin(200, Length("4"));
  responder.Write("part");
  EXPECT_DEATH(responder.Write("s"), "CHECK");
  responder.End();
}

}  // namespace
}  // namespace hearth::io
