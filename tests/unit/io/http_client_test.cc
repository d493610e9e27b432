#include "io/http_client.h"

#include <optional>

#include "io/offload.h"
#include "tests/unit/io/http_server_fixture.h"
#include "tests/unit/io/raw_listener.h"

namespace hearth::io {
namespace {

using test::HttpServerTest;

class HttpClientTest : public HttpServerTest {
 protected:
  // One call, to its end.
  base::Result<HttpResponse> Call(HttpClient& client, HttpRequest request) {
    std::optional<base::Result<HttpResponse>> result;
    client.Send(std::move(request), [&result](base::Result<HttpResponse> got) {
      ASSERT_FALSE(result.has_value()) << "called twice";
      result = std::move(got);
    });
    EXPECT_FALSE(result.has_value()) << "inside Send";
    loop_.RunUntil([&] { return result.has_value(); });
    return *result;
  }
};

TEST_F(HttpClientTest, KeepsItsConnection) {
  Start();
  HttpClient client(loop_, address_);
  for (int i = 0; i < 3; ++i) {
    const auto got = Call(client, {.method = "POST", .target = "/a", .body = "hi"});
    ASSERT_TRUE(got);
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->body, "POST /a hi");
  }
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(requests_[0].headers.Get("Host"), address_);
}

TEST_F(HttpClientTest, ConnectsAgainWhereTheServerClosesAfterAnAnswer) {
  handler_ = [&](HttpRequest request, HttpResponder responder) {
    responder.Send({.body = request.target});
  };
  Start();
  HttpClient client(loop_, address_);
  HttpRequest closing{.method = "GET", .target = "/1"};
  closing.headers.Add("Connection", "close");
  EXPECT_EQ(MUST(Call(client, closing)).body, "/1");
  EXPECT_EQ(MUST(Call(client, {.method = "GET", .target = "/2"})).body, "/2");
}

TEST_F(HttpClientTest, ReadsNoBodyAfterHead) {
  Start();
  HttpClient client(loop_, address_);
  const auto head = Call(client, {.method = "HEAD", .target = "/a"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(head->headers.Get("Content-Length"), "8");
  EXPECT_EQ(MUST(Call(client, {.method = "GET", .target = "/b"})).body, "GET /b ");
}

TEST_F(HttpClientTest, JoinsAStreamedAnswer) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Begin(200, {});
    responder.Write("one ");
    responder.Write("two");
    responder.End();
  };
  Start();
  HttpClient client(loop_, address_);
  EXPECT_EQ(MUST(Call(client, {.method = "GET", .target = "/"})).body, "one two");
}

TEST_F(HttpClientTest, CarriesLargeBodiesBothWays) {
  handler_ = [](HttpRequest request, HttpResponder responder) {
    responder.Send({.body = std::move(request.body)});
  };
  Start();
  HttpClient client(loop_, address_);
  const std::string body(20 << 20, 'x');
  EXPECT_EQ(MUST(Call(client, {.method = "PUT", .target = "/", .body = body})).body, body);
}

TEST_F(HttpClientTest, SaysWhatFailed) {
  HttpClient nobody(loop_, "127.0.0.1:1");
  EXPECT_EQ(Call(nobody, {.method = "GET", .target = "/"}).error().error_number, ECONNREFUSED);
  HttpClient nonsense(loop_, "nonsense");
  EXPECT_EQ(Call(nonsense, {.method = "GET", .target = "/"}).error().kind,
            base::ErrorKind::kInvalid);
  // A server that goes in the middle of its answer.
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Begin(200, {});
    responder.Write("part");
  };
  Start();
  HttpClient cut(loop_, address_);
  EXPECT_EQ(Call(cut, {.method = "GET", .target = "/"}).error().kind, base::ErrorKind::kClosed);
  handler_ = nullptr;
  EXPECT_TRUE(Call(cut, {.method = "GET", .target = "/"})) << "it cannot be used again";
}

TEST_F(HttpClientTest, MayBeDestroyedWhileItWaits) {
  std::vector<HttpResponder> held;
  handler_ = [&](HttpRequest, HttpResponder responder) { held.push_back(std::move(responder)); };
  Start();
  auto client = std::make_unique<HttpClient>(loop_, address_);
  client->Send({.method = "GET", .target = "/"},
               [](const auto&) { ADD_FAILURE() << "called after the destructor"; });
  test::Settle(loop_);
  ASSERT_EQ(held.size(), 1u);
  client.reset();
  test::Settle(loop_);
  EXPECT_TRUE(held[0].client_gone());
}

TEST_F(HttpClientTest, MayBeDestroyedOrUsedAgainInItsCallback) {
  Start();
  auto client = std::make_unique<HttpClient>(loop_, address_);
  int answers = 0;
  client->Send({.method = "GET", .target = "/1"}, [&](const auto&) {
    ++answers;
    client->Send({.method = "GET", .target = "/2"}, [&](const auto&) {
      ++answers;
      client.reset();
    });
  });
  loop_.RunUntil([&] { return client == nullptr; });
  EXPECT_EQ(answers, 2);
}

TEST_F(HttpClientTest, ConnectsOnTheSocketThatItIsGiven) {
  Start();
  HttpClient client(loop_, address_);
  EXPECT_FALSE(client.connected());
  base::UniqueFd socket = test::RawListener::Socket();
  struct sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(0x7f000005);  // 127.0.0.5: it can be told apart.
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  client.UseSocket(std::move(socket));
  EXPECT_TRUE(Call(client, {.method = "GET", .target = "/"}));
  EXPECT_TRUE(client.connected());
  EXPECT_TRUE(requests_.back().peer.starts_with("127.0.0.5:")) << requests_.back().peer;
}

TEST_F(HttpClientTest, EndsTheConnectionOfAServerThatAnswersWhatItHasNotRead) {
  test::RawListener listener;
  HttpClient client(loop_, listener.address());
  std::optional<base::Result<HttpResponse>> result;
  client.Send({.method = "POST", .target = "/", .body = std::string(32 << 20, 'x')},
              [&](auto got) { result = std::move(got); });
  test::Settle(loop_);
  const base::UniqueFd peer = listener.Accept();
  test::RawListener::Say(peer.get(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  loop_.RunUntil([&] { return result.has_value(); });
  EXPECT_TRUE(result->has_value());
  EXPECT_FALSE(client.connected()) << "the rest of the body would wait for ever";
}

TEST_F(HttpClientTest, EndsTheConnectionOfAServerThatSaysTooMuch) {
  test::RawListener listener;
  HttpClient client(loop_, listener.address(), 1000);
  const auto ask = [&](std::string_view answer) {
    std::optional<base::Result<HttpResponse>> result;
    client.Send({.method = "GET", .target = "/"}, [&](auto got) { result = std::move(got); });
    test::Settle(loop_);
    const base::UniqueFd peer = listener.Accept();
    test::RawListener::Say(peer.get(), answer);
    for (int more = 0; more < 200 && !result; ++more) {
      std::string interim;
      for (int i = 0; i < 1000; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
      (void)!::send(peer.get(), interim.data(), interim.size(), MSG_NOSIGNAL);
      test::Settle(loop_);
    }
    EXPECT_TRUE(result.has_value());
    return result && result->has_value();
  };
  EXPECT_FALSE(ask("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"));
  EXPECT_FALSE(ask("")) << "no end of interim answers";
  EXPECT_FALSE(ask("SSH-2.0-x\r\n"));
  // What nobody has asked for.
  std::optional<base::Result<HttpResponse>> result;
  client.Send({.method = "GET", .target = "/"}, [&](auto got) { result = std::move(got); });
  test::Settle(loop_);
  const base::UniqueFd peer = listener.Accept();
  test::RawListener::Say(peer.get(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  test::Settle(loop_);
  ASSERT_TRUE(result && result->has_value());
  EXPECT_TRUE(client.connected());
  test::RawListener::Say(peer.get(), "more");
  test::Settle(loop_);
  EXPECT_FALSE(client.connected());
}

// Fetch blocks, so it runs beside the loop that serves it.
class FetchTest : public HttpClientTest {
 protected:
  base::Result<HttpResponse> FetchHere(FetchRequest request) {
    Offload offload(loop_, 1);
    std::optional<base::Result<HttpResponse>> result;
    offload.Run([request = std::move(request)] { return Fetch(request); },
                [&result](base::Result<HttpResponse> got) { result = std::move(got); });
    loop_.RunUntil([&] { return result.has_value(); });
    return *result;
  }
  std::string Url(const std::string& path) { return "http://" + address_ + path; }
};

TEST_F(FetchTest, SendsAndReadsARequest) {
  handler_ = [](HttpRequest request, HttpResponder responder) {
    HttpResponse response{.status = 404, .body = request.method + request.body};
    response.headers.Add("X-Echo", std::string(request.headers.Get("X-Ask")));
    responder.Send(std::move(response));
  };
  Start();
  FetchRequest request{.method = "PUT", .url = Url("/a"), .body = std::string("a\0b", 3)};
  request.headers.Add("X-Ask", "value");
  const auto got = FetchHere(request);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 404);
  EXPECT_EQ(got->body, std::string("PUTa\0b", 6));
  EXPECT_EQ(got->headers.Get("x-echo"), "value");
}

TEST_F(FetchTest, GivesThePiecesToItsSinkAndStopsWhereTheSinkSaysSo) {
  handler_ = [](HttpRequest, HttpResponder responder) {
    responder.Begin(200, {});
    for (int i = 0; i < 10; ++i) responder.Write(std::string(100000, 'x'));
    responder.End();
  };
  Start();
  size_t all = 0;
  FetchRequest request{.url = Url("/"), .sink = [&all](std::string_view piece) {
                         all += piece.size();
                         return true;
                       }};
  EXPECT_EQ(MUST(FetchHere(request)).body, "");
  EXPECT_EQ(all, 1000000u);
  int pieces = 0;
  request.sink = [&pieces](std::string_view) { return ++pieces < 2; };
  EXPECT_EQ(MUST(FetchHere(request)).status, 200);
  EXPECT_EQ(pieces, 2);
}

TEST_F(FetchTest, TellsTimeoutFromRefusal) {
  std::vector<HttpResponder> held;
  handler_ = [&](HttpRequest, HttpResponder responder) { held.push_back(std::move(responder)); };
  Start();
  EXPECT_EQ(FetchHere({.url = Url("/"), .timeout = std::chrono::milliseconds(50)}).error().kind,
            base::ErrorKind::kTimeout);
  EXPECT_EQ(FetchHere({.url = "http://127.0.0.1:1/"}).error().kind, base::ErrorKind::kClosed);
  EXPECT_FALSE(FetchHere({.url = "file:///etc/passwd"}));
  EXPECT_FALSE(FetchHere({.url = "nonsense"}));
  handler_ = nullptr;
}

}  // namespace
}  // namespace hearth::io
