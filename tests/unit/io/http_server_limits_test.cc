// What a server does when clients are slow, greedy or many, and when it closes.
#include <fcntl.h>

#include "io/http_server.h"
#include "tests/unit/io/http_server_fixture.h"

namespace hearth::io {
namespace {

using namespace std::chrono_literals;
using test::HttpServerTest;
using test::RawClient;
using test::Settle;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
// More than the kernel's socket buffers take, on both ends.
constexpr size_t kHuge = 32u << 20;

TEST_F(HttpServerTest, Answers408ToAHeadThatDripsIn) {
  Start();
  RawClient client = Connect();
  Settle(loop_);
  // A byte every two seconds keeps no connection open.
  for (const char c : std::string_view("GET /slow HTTP")) {
    client.Send({&c, 1});
    Advance(2s);
    EXPECT_FALSE(client.ended());
  }
  Advance(2s);
  EXPECT_TRUE(client.ReadToEnd().starts_with("HTTP/1.1 408 ")) << client.received();
  EXPECT_TRUE(requests_.empty());
  EXPECT_TRUE(Serves());
}

TEST_F(HttpServerTest, ClosesAConnectionThatNeverSpeaks) {
  Start();
  RawClient client = Connect();
  Settle(loop_);
  Advance(29s);
  EXPECT_FALSE(client.ended());
  Advance(1s);
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(HttpServerTest, TimesTheHeadOfALaterRequestLikeTheFirst) {
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("GET /a "));
  client.Forget();
  Advance(100s);  // Idle for a while: allowed.
  client.Send("GET /");
  Advance(29s);
  EXPECT_FALSE(client.ended());
  Advance(2s);
  EXPECT_TRUE(client.ReadToEnd().starts_with("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, GivesALongUploadItsTimeButNotAStalledOne) {
  Start();
  RawClient client = Connect();
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n");
  for (int i = 0; i < 19; ++i) {
    client.Send("x");
    Advance(20s);
  }
  ASSERT_FALSE(client.ended()) << client.received();
  client.Send("x");
  ASSERT_TRUE(client.WaitFor("POST / xxxxxxxxxxxxxxxxxxxx"));
  RawClient stalled = Connect();
  stalled.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nx");
  Settle(loop_);
  Advance(31s);
  EXPECT_TRUE(stalled.ReadToEnd().starts_with("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, ClosesAnIdleConnectionAfterItsTimeAndNotBefore) {
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("GET /a "));
  Advance(299s);
  EXPECT_FALSE(client.ended());
  Advance(2s);
  client.Forget();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(HttpServerTest, NeverTimesOutARequestThatIsBeingWorkedOn) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  Advance(900s);
  responder.Send({.body = "after fifteen minutes"});
  EXPECT_TRUE(client.WaitFor("after fifteen minutes"));
}

TEST_F(HttpServerTest, HasNoTimeoutsWhereNoneAreAskedFor) {
  Start({.header_timeout = 0s, .idle_timeout = 0s});
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("GET /a "));
  client.Forget();
  Advance(24h);
  client.Send("GET /b HTTP/1.1\r\n");
  Advance(24h);
  client.Send("Host: x\r\n\r\n");
  EXPECT_TRUE(client.WaitFor("GET /b "));
}

TEST_F(HttpServerTest, TurnsTheNewestAwayBeyondItsConnections) {
  Start({.max_connections = 2});
  RawClient first = Connect();
  RawClient second = Connect();
  Settle(loop_);
  RawClient third = Connect();
  EXPECT_EQ(third.ReadToEnd(), "");
  EXPECT_EQ(server_->connections(), 2u);
  first.Send(kGet);
  EXPECT_TRUE(first.WaitFor("GET /a "));
  second.Close();
  Settle(loop_);
  RawClient fourth = Connect();
  fourth.Send(kGet);
  EXPECT_TRUE(fourth.WaitFor("GET /a "));
}

TEST_F(HttpServerTest, StopsReadingFromAClientThatPipelinesWithoutWaiting) {
  std::vector<HttpResponder> waiting;
  handler_ = [&](HttpRequest, HttpResponder responder) { waiting.push_back(std::move(responder)); };
  Start();
  RawClient client = Connect();
  std::string many;
  while (many.size() < kHuge) many += kGet;
  client.Send(many);
  Settle(loop_);
  EXPECT_EQ(waiting.size(), 1u);
  EXPECT_GT(client.unsent(), 0u) << "the server has read it all";
}

TEST_F(HttpServerTest, WorksForNobodyWhoDoesNotReadTheAnswers) {
  const std::string body(1 << 20, 'b');
  handler_ = [&](HttpRequest, HttpResponder responder) { responder.Send({.body = body}); };
  Start();
  RawClient client = Connect();
  client.SetReading(false);
  constexpr size_t kRequests = 100;
  for (size_t i = 0; i < kRequests; ++i) client.Send(kGet);
  Settle(loop_);
  const size_t worked = requests_.size();
  EXPECT_LT(worked, kRequests) << "every answer lies in memory";
  Settle(loop_);
  EXPECT_EQ(requests_.size(), worked);
  // It gets them all once it reads.
  client.SetReading(true);
  EXPECT_TRUE(client.WaitForBytes(kRequests * body.size()));
  EXPECT_EQ(requests_.size(), kRequests);
}

TEST_F(HttpServerTest, FinishesALongAnswerBeforeItCloses) {
  const std::string body(kHuge, 'b');
  handler_ = [&](HttpRequest, HttpResponder responder) { responder.Send({.body = body}); };
  Start();
  RawClient closing = Connect();
  closing.SetReading(false);
  closing.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  RawClient ending = Connect();
  ending.SetReading(false);
  ending.Send(kGet);
  Settle(loop_);
  ending.EndSending();
  Settle(loop_);
  Advance(60s);  // A slow reader is not a gone one.
  closing.SetReading(true);
  ending.SetReading(true);
  EXPECT_GT(closing.ReadToEnd().size(), kHuge);
  EXPECT_GT(ending.ReadToEnd().size(), kHuge);
}

TEST_F(HttpServerTest, DiscardsWhatArrivesAfterARefusalButNotForEver) {
  Start({.max_body = base::Bytes(10)});
  RawClient client = Connect();
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  client.Send(std::string(1 << 20, 'x'));
  // The answer is not lost to a reset, though its body was still on the way.
  EXPECT_TRUE(client.ReadToEnd().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(server_->connections(), 1u);
  Advance(6s);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpServerTest, AnswersTooLargeInTheServicesOwnWords) {
  HttpServerOptions options{.max_body = base::Bytes(10)};
  options.too_large = [](const HttpRequest& head) {
    return HttpResponse{.status = 413, .body = "too large: " + head.method + " " + head.target};
  };
  Start(std::move(options));
  RawClient client = Connect();
  client.Send("POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  EXPECT_TRUE(client.ReadToEnd().ends_with("too large: POST /f"));
}

TEST_F(HttpServerTest, ClosesIdleConnectionsAtOnceAndBusyOnesAfterTheirAnswer) {
  std::vector<HttpResponder> waiting;
  handler_ = [&](HttpRequest, HttpResponder responder) { waiting.push_back(std::move(responder)); };
  Start();
  RawClient busy = Connect();
  busy.Send(kGet);
  RawClient idle = Connect();
  Settle(loop_);
  bool closed = false;
  server_->Close([&closed] { closed = true; });
  EXPECT_FALSE(closed) << "inside the call";
  EXPECT_EQ(idle.ReadToEnd(), "");
  Settle(loop_);
  EXPECT_FALSE(closed);
  RawClient late = Connect();
  EXPECT_FALSE(late.connected()) << "it still listens";
  waiting[0].Send({.body = "the last word"});
  EXPECT_TRUE(busy.ReadToEnd().ends_with("the last word"));
  busy.Close();
  loop_.RunUntil([&closed] { return closed; });
  server_.reset();
}

TEST_F(HttpServerTest, DoesNotCutAnAnswerThatIsStillBeingSentWhenItCloses) {
  const std::string body(kHuge, 'b');
  handler_ = [&](HttpRequest, HttpResponder responder) { responder.Send({.body = body}); };
  Start();
  RawClient client = Connect();
  client.SetReading(false);
  client.Send(kGet);
  Settle(loop_);
  bool closed = false;
  server_->Close([&closed] { closed = true; });
  Settle(loop_);
  client.SetReading(true);
  EXPECT_GT(client.ReadToEnd().size(), kHuge);
  client.Close();
  loop_.RunUntil([&closed] { return closed; });
  server_.reset();
}

TEST_F(HttpServerTest, CallsEveryCloserOnceEvenWhereNothingWasOpen) {
  server_ = std::make_unique<HttpServer>(loop_, HttpServerOptions{}, nullptr);
  int first = 0;
  int second = 0;
  server_->Close([&] { ++first; });
  server_->CloseNow([&] { ++second; });
  EXPECT_EQ(first + second, 0);
  Settle(loop_);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  server_.reset();
}

TEST_F(HttpServerTest, ClosesInTheMiddleOfEverything) {
  std::vector<HttpResponder> waiting;
  handler_ = [&](HttpRequest, HttpResponder responder) { waiting.push_back(std::move(responder)); };
  Start();
  RawClient half = Connect();
  half.Send("GET / HT");
  RawClient body = Connect();
  body.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  RawClient streaming = Connect();
  streaming.Send(kGet);
  Settle(loop_);
  ASSERT_EQ(waiting.size(), 1u);
  waiting[0].Begin(200, {});
  waiting[0].Write(std::string(kHuge, 'x'));
  RawClient lingering = Connect();
  lingering.Send("nonsense\r\n\r\n");
  Settle(loop_);
  Close();
  waiting[0].Write("more");
  waiting[0].End();
  EXPECT_EQ(half.ReadToEnd(), "");
}

TEST_F(HttpServerTest, NamesTheAddressItCannotListenOn) {
  Start();
  for (const std::string bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                                "127.0.0.1:-1", "localhost:1", "1.2.3:80", "[::1]"}) {
    const auto bound = server_->Listen(bad);
    ASSERT_FALSE(bound) << bad;
    EXPECT_EQ(bound.error().kind, base::ErrorKind::kInvalid) << bad;
  }
  const auto taken = server_->Listen(address_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().error_number, EADDRINUSE);
  EXPECT_NE(taken.error().ToString().find(address_), std::string::npos);
  EXPECT_FALSE(server_->ListenFd(base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))));
  EXPECT_TRUE(Serves());
}

}  // namespace
}  // namespace hearth::io
