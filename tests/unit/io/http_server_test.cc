#include "io/http_server.h"

#include "tests/unit/io/http_server_fixture.h"

namespace hearth::io {
namespace {

using namespace std::chrono_literals;
using test::HttpServerTest;
using test::RawClient;
using test::Settle;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

size_t Count(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) {
    ++count;
  }
  return count;
}

TEST_F(HttpServerTest, KeepsAConnectionForTheNextRequest) {
  Start();
  RawClient client = Connect();
  for (int i = 0; i < 3; ++i) {
    client.Forget();
    client.Send("POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    ASSERT_TRUE(client.WaitFor("POST /a?b hi"));
    EXPECT_TRUE(
        client.received().starts_with("HTTP/1.1 200 OK\r\nDate: Thu, 06 Aug 2026 12:34:56 "
                                      "GMT\r\nContent-Length: 12\r\n\r\n"));
  }
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(requests_[0].peer, "127.0.0.1:" + std::to_string(client.local_port()));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  std::vector<HttpResponder> waiting;
  handler_ = [&](HttpRequest, HttpResponder responder) { waiting.push_back(std::move(responder)); };
  Start();
  RawClient client = Connect();
  client.Send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n"
      "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  for (size_t i = 0; i < 3; ++i) {
    Settle(loop_);
    // One at a time: the next is handled when its predecessor is answered.
    ASSERT_EQ(waiting.size(), i + 1);
    EXPECT_EQ(server_->requests_in_flight(), 1u);
    waiting[i].Send({.body = "answer " + requests_[i].target});
  }
  const std::string all = client.ReadToEnd();
  EXPECT_LT(all.find("answer /1"), all.find("answer /2"));
  EXPECT_LT(all.find("answer /2"), all.find("answer /3"));
  EXPECT_EQ(Count(all, "HTTP/1.1 200"), 3u);
  EXPECT_EQ(requests_.size(), 3u);
}

TEST_F(HttpServerTest, AnswersWhatWasPipelinedBeforeTheClientEndedItsSending) {
  std::vector<HttpResponder> waiting;
  handler_ = [&](HttpRequest, HttpResponder responder) { waiting.push_back(std::move(responder)); };
  Start();
  RawClient client = Connect();
  client.Send(std::string(kGet) + std::string(kGet));
  client.EndSending();
  Settle(loop_);
  ASSERT_EQ(waiting.size(), 1u);
  waiting[0].Send({.body = "one"});
  Settle(loop_);
  ASSERT_EQ(waiting.size(), 2u);
  waiting[1].Send({.body = "two"});
  EXPECT_EQ(Count(client.ReadToEnd(), "HTTP/1.1 200"), 2u);
}

TEST_F(HttpServerTest, SaysContinueOnceAndOnlyWhereItIsExpected) {
  Start();
  RawClient client = Connect();
  client.Send("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_TRUE(requests_.empty());
  client.Send("h");
  Settle(loop_);
  client.Send("i");
  ASSERT_TRUE(client.WaitFor("PUT / hi"));
  EXPECT_EQ(Count(client.received(), "100 Continue"), 1u);
}

TEST_F(HttpServerTest, AsksForNoBodyThatItWouldRefuse) {
  Start({.max_body = base::Bytes(10)});
  RawClient client = Connect();
  client.Send("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
}

TEST_F(HttpServerTest, AnswersHeadWithTheLengthAndWithoutTheBody) {
  Start();
  RawClient client = Connect();
  client.Send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet));
  ASSERT_TRUE(client.WaitFor("GET /a "));
  const std::string head = client.received().substr(0, client.received().find("\r\n\r\n") + 4);
  EXPECT_NE(head.find("Content-Length: 8"), std::string::npos);
  EXPECT_TRUE(client.received().substr(head.size()).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, SendsNoBodyWhereTheStatusForbidsOne) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Send({.status = 204, .body = "never"});
  };
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("\r\n\r\n"));
  Settle(loop_);
  EXPECT_EQ(client.received().find("Content-Length"), std::string::npos);
  EXPECT_EQ(client.received().find("never"), std::string::npos);
}

TEST_F(HttpServerTest, StreamsAnAnswerInChunks) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  HttpHeaders headers;
  headers.Add("Content-Type", "text/plain");
  responder.Begin(201, headers);
  responder.Write("hello");
  ASSERT_TRUE(client.WaitFor("5\r\nhello\r\n"));  // Before the end.
  responder.Write("");                            // An empty chunk would end it.
  responder.Write(std::string(0x1234, 'x'));
  responder.End();
  ASSERT_TRUE(client.WaitFor("\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 201 Created\r\n"));
  EXPECT_NE(client.received().find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_EQ(client.received().find("Content-Length"), std::string::npos);
  EXPECT_NE(client.received().find("1234\r\nx"), std::string::npos);
  handler_ = nullptr;
  client.Send(kGet);
  EXPECT_TRUE(client.WaitFor("GET /a "));
}

// What a client takes for the head of its next answer must not be the function's to choose.
TEST_F(HttpServerTest, StreamsNothingWhereTheStatusHasNoBody) {
  for (const int status : {204, 304}) {
    HttpResponder responder;
    RawClient client = Ask(kGet, responder);
    responder.Begin(status, {});
    responder.Write("HTTP/1.1 200 OK\r\n\r\n");
    responder.End();
    client.Send(kGet);
    Settle(loop_);
    responder.Send({.status = 200, .body = "next"});
    ASSERT_TRUE(client.WaitFor("next"));
    const std::string head = client.received().substr(0, client.received().find("\r\n\r\n"));
    EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos) << head;
    EXPECT_EQ(client.received().substr(head.size() + 4, 12), "HTTP/1.1 200");
    EXPECT_EQ(client.received().find("OK\r\n\r\n"), std::string::npos) << client.received();
    Close();
  }
}

TEST_F(HttpServerTest, TellsAStreamWhenItsClientHasMadeRoom) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  client.SetReading(false);
  responder.Begin(200, {});
  int rooms = 0;
  responder.OnRoom([&] { ++rooms; });
  size_t sent = 0;
  const std::string piece(1000, 'x');
  while (responder.Write(piece) <= limits::kStreamQueue) {
    ++sent;
    ASSERT_LT(sent, 100000u);
  }
  Settle(loop_);
  EXPECT_EQ(rooms, 0);
  client.SetReading(true);
  loop_.RunUntil([&] { return rooms > 0; });
  EXPECT_LE(responder.Write("last"), limits::kStreamQueue);
  responder.End();
  ASSERT_TRUE(client.WaitFor("4\r\nlast\r\n0\r\n\r\n"));
  EXPECT_EQ(client.received().size(),
            client.received().find("\r\n\r\n") + 4 + (sent + 1) * (5 + 1000 + 2) + 9 + 5);
  EXPECT_EQ(rooms, 1);
}

TEST_F(HttpServerTest, TellsAStreamThatNobodyIsThereAnyMore) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  client.SetReading(false);
  responder.Begin(200, {});
  int rooms = 0;
  responder.OnRoom([&] { ++rooms; });
  while (responder.Write(std::string(65536, 'x')) <= limits::kStreamQueue) {
  }
  client.Reset();
  loop_.RunUntil([&] { return rooms > 0; });
  EXPECT_EQ(responder.Write("more"), 0u);
  EXPECT_EQ(rooms, 1);
  responder.End();
}

TEST_F(HttpServerTest, SendsNoChunksToHttp10) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Begin(200, {});
    responder.Write("one");
    responder.Write("two");
    responder.End();
  };
  Start();
  RawClient client = Connect();
  client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.ends_with("\r\nConnection: close\r\n\r\nonetwo")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST_F(HttpServerTest, KeepsAnHttp10ConnectionWhereItIsAskedTo) {
  Start();
  RawClient client = Connect();
  client.Send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("GET /a "));
  EXPECT_NE(client.received().find("\r\nConnection: keep-alive\r\n"), std::string::npos);
  client.Forget();
  client.Send("GET /b HTTP/1.0\r\n\r\n");
  EXPECT_NE(client.ReadToEnd().find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, CutsAStreamThatIsDroppedHalfWay) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Begin(200, {});
    responder.Write("part");
  };
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  const std::string answer = client.ReadToEnd();
  EXPECT_NE(answer.find("part"), std::string::npos);
  EXPECT_EQ(answer.find("0\r\n\r\n"), std::string::npos) << "it looks complete";
}

TEST_F(HttpServerTest, Answers500ForADroppedRequest) {
  handler_ = [](HttpRequest, HttpResponder) {};
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("}\n"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 500 "));
  // Replacing one that waits drops it too.
  HttpResponder kept;
  handler_ = [&](HttpRequest, HttpResponder responder) { kept = std::move(responder); };
  RawClient first = Connect();
  first.Send(kGet);
  Settle(loop_);
  RawClient second = Connect();
  second.Send(kGet);
  ASSERT_TRUE(first.WaitFor("}\n"));
  EXPECT_TRUE(first.received().starts_with("HTTP/1.1 500 "));
  kept.Send({.body = "kept"});
  EXPECT_TRUE(second.WaitFor("kept"));
}

TEST_F(HttpServerTest, LetsNoHeaderValueStartANewLine) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    HttpResponse response;
    response.headers.Add("X-From-Function", std::string("a\r\nSet-Cookie: b\nc\0d", 20));
    responder.Send(std::move(response));
  };
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("\r\n\r\n"));
  EXPECT_NE(client.received().find("\r\nX-From-Function: a  Set-Cookie: b c d\r\n"),
            std::string::npos)
      << client.received();
}

TEST_F(HttpServerTest, TellsOnceThatTheClientHasGone) {
  int told = 0;
  HttpResponder responder;
  handler_ = [&](HttpRequest, HttpResponder given) {
    responder = std::move(given);
    responder.OnClientGone([&told] { ++told; });
  };
  Start();
  for (const bool reset : {false, true}) {
    told = 0;
    RawClient client = Connect();
    client.Send(kGet);
    Settle(loop_);
    EXPECT_FALSE(responder.client_gone());
    EXPECT_EQ(told, 0);
    reset ? client.Reset() : client.Close();
    Settle(loop_);
    EXPECT_EQ(told, 1) << reset;
    EXPECT_TRUE(responder.client_gone());
    responder.Send({.body = "to nobody"});
    Settle(loop_);
    EXPECT_EQ(told, 1);
    EXPECT_EQ(server_->connections(), 0u);
  }
}

TEST_F(HttpServerTest, DoesNotTellOfAClientThatLeavesAfterItsAnswer) {
  int told = 0;
  handler_ = [&](HttpRequest, HttpResponder responder) {
    responder.OnClientGone([&told] { ++told; });
    responder.Send({});
  };
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  ASSERT_TRUE(client.WaitFor("\r\n\r\n"));
  client.Close();
  Settle(loop_);
  EXPECT_EQ(told, 0);
}

TEST_F(HttpServerTest, AnswersAClientThatHasOnlyEndedItsSending) {
  HttpResponder responder;
  handler_ = [&](HttpRequest, HttpResponder given) { responder = std::move(given); };
  Start();
  RawClient client = Connect();
  client.Send(kGet);
  client.EndSending();
  Settle(loop_);
  responder.Send({.body = "late"});
  EXPECT_TRUE(client.ReadToEnd().ends_with("\r\n\r\nlate"));
}

TEST_F(HttpServerTest, LetsAResponderOutliveItsServer) {
  HttpResponder responder;
  RawClient client = Ask(kGet, responder);
  Close();
  EXPECT_TRUE(responder.client_gone());
  responder.Send({.body = "to nobody"});
}

}  // namespace
}  // namespace hearth::io
