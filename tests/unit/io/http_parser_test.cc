#include "io/http_parser.h"

#include <gtest/gtest.h>

namespace hearth::io {
namespace {

using State = HttpParser::State;

HttpParser::Options Small() {
  return {.kind = HttpKind::kRequest,
          .max_body = 100,
          .max_header_bytes = 300,
          .max_headers = 5,
          .max_target = 50};
}

// Feeds all of it, `step` bytes at a time, until the parser stops taking any.
size_t FeedAll(HttpParser& parser, std::string_view bytes, size_t step) {
  size_t fed = 0;
  while (fed < bytes.size()) {
    const size_t used = parser.Feed(bytes.substr(fed, step));
    fed += used;
    if (parser.state() == State::kComplete || parser.state() == State::kRefused) break;
  }
  return fed;
}

TEST(HttpParser, ReadsARequestHoweverItIsCut) {
  constexpr std::string_view kText =
      "POST /a/b?c=d%20e HTTP/1.1\r\nHost: x\r\nX-Two: a\r\nx-two:   b \r\n"
      "Content-Length: 5\r\n\r\nhello";
  for (size_t step = 1; step <= kText.size(); ++step) {
    HttpParser parser(Small());
    EXPECT_EQ(FeedAll(parser, kText, step), kText.size());
    ASSERT_EQ(parser.state(), State::kComplete) << step;
    const HttpRequest request = parser.TakeRequest();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/a/b?c=d%20e");
    EXPECT_EQ(request.path(), "/a/b");
    EXPECT_EQ(request.query(), "c=d%20e");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(request.headers.Get("HOST"), "x");
    EXPECT_EQ(request.headers.size(), 4u);
    EXPECT_EQ(request.headers[2].second, "b");
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(HttpParser, LeavesAPipelinedSuccessorToTheCaller) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string second = "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
  HttpParser parser(Small());
  EXPECT_EQ(parser.Feed(first + second), first.size());
  EXPECT_EQ(parser.Feed(second), 0u);  // Not before the first is taken.
  EXPECT_EQ(parser.TakeRequest().target, "/1");
  EXPECT_EQ(parser.state(), State::kIdle);
  EXPECT_EQ(parser.Feed(second), second.size());
  const HttpRequest request = parser.TakeRequest();
  EXPECT_EQ(request.target, "/2");
  EXPECT_EQ(request.body, "hi");
  EXPECT_EQ(request.headers.size(), 2u);
}

TEST(HttpParser, RefusesAFoldedFieldHoweverItIsCut) {
  constexpr std::string_view kText = "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n";
  for (size_t step = 1; step <= kText.size(); ++step) {
    HttpParser parser(Small());
    FeedAll(parser, kText, step);
    EXPECT_EQ(parser.state(), State::kRefused) << step;
  }
  // White space at the start of a body is no folding.
  HttpParser parser(Small());
  parser.Feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\n \n");
  EXPECT_EQ(parser.state(), State::kComplete);
}

TEST(HttpParser, JoinsChunksAndDropsTrailers) {
  constexpr std::string_view kText =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=\"v\"\r\nhello\r\n1\r\n \r\n005\r\nworld\r\n0\r\nHost: evil\r\nX-Late: 1\r\n\r\n";
  for (const size_t step : {size_t{1}, size_t{3}, kText.size()}) {
    HttpParser parser(Small());
    FeedAll(parser, kText, step);
    ASSERT_EQ(parser.state(), State::kComplete) << parser.refused_reason();
    const HttpRequest request = parser.TakeRequest();
    EXPECT_EQ(request.body, "hello world");
    // RFC 9110, 6.5.1: a trailer may not pass for a header field.
    EXPECT_FALSE(request.headers.Has("X-Late"));
    EXPECT_EQ(request.headers.Get("Host"), "x");
  }
}

TEST(HttpParser, KnowsWhenAConnectionEnds) {
  const std::pair<std::string, bool> cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: Close, x\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}};
  for (const auto& [text, keep] : cases) {
    HttpParser parser(Small());
    parser.Feed(text);
    ASSERT_EQ(parser.state(), State::kComplete) << text;
    parser.TakeRequest();
    EXPECT_EQ(parser.keep_alive(), keep) << text;
  }
}

TEST(HttpParser, HoldsEachLimitToTheByte) {
  const auto status_of = [](const std::string& text) {
    HttpParser parser(Small());
    parser.Feed(text);
    return parser.state() == State::kRefused ? parser.refused_status() : 0;
  };
  const auto target = [](size_t size) {
    return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  };
  EXPECT_EQ(status_of(target(50)), 0);
  EXPECT_EQ(status_of(target(51)), 414);
  const auto header = [](size_t size) {  // "Host" and "x" count, and the name "A".
    return "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(size - 6, 'a') + "\r\n\r\n";
  };
  EXPECT_EQ(status_of(header(300)), 0);
  EXPECT_EQ(status_of(header(301)), 431);
  const auto headers = [](int count) {
    std::string text = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (int i = 1; i < count; ++i) text += "A: b\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(status_of(headers(5)), 0);
  EXPECT_EQ(status_of(headers(6)), 431);
  const auto body = [](size_t size) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'b');
  };
  EXPECT_EQ(status_of(body(100)), 0);
  EXPECT_EQ(status_of(body(101)), 413);
  const auto chunks = [](int count) {
    std::string text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < count; ++i) text += "1\r\nb\r\n";
    return text + "0\r\n\r\n";
  };
  EXPECT_EQ(status_of(chunks(100)), 0);
  EXPECT_EQ(status_of(chunks(101)), 413);
}

TEST(HttpParser, CountsTrailersAgainstTheLimitsOfHeaders) {
  HttpParser parser(Small());
  std::string text = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 10; ++i) text += "T: " + std::string(100, 't') + "\r\n";
  parser.Feed(text + "\r\n");
  ASSERT_EQ(parser.state(), State::kRefused);
  EXPECT_EQ(parser.refused_status(), 431);
}

TEST(HttpParser, ReservesNoMemoryForABodyThatIsOnlyPromised) {
  HttpParser::Options options = Small();
  options.max_body = 70 << 20;
  HttpParser parser(options);
  parser.Feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000000\r\n\r\nx");
  ASSERT_EQ(parser.state(), State::kBody);
  EXPECT_LT(parser.head().body.capacity(), size_t{2} << 20);
}

TEST(HttpParser, TellsOnceThatTheClientWaitsToBeContinued) {
  HttpParser parser(Small());
  parser.Feed("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n");
  EXPECT_FALSE(parser.TakeExpectContinue());
  parser.Feed("\r\n");
  EXPECT_TRUE(parser.TakeExpectContinue());
  EXPECT_FALSE(parser.TakeExpectContinue());
  parser.Feed("hi");
  EXPECT_EQ(parser.TakeRequest().body, "hi");
}

TEST(HttpParser, RefusesWhatEndsEarly) {
  for (const std::string_view text :
       {"GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    HttpParser parser(Small());
    parser.Feed(text);
    parser.FeedEnd();
    ASSERT_EQ(parser.state(), State::kRefused) << text;
    EXPECT_EQ(parser.refused_status(), 400);
  }
  HttpParser idle(Small());
  idle.FeedEnd();
  EXPECT_EQ(idle.state(), State::kIdle);
  for (const std::string_view before :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    HttpParser served(Small());
    EXPECT_EQ(served.Feed(before), before.size());
    ASSERT_EQ(served.state(), State::kComplete);
    (void)served.TakeRequest();
    served.FeedEnd();
    EXPECT_EQ(served.state(), State::kIdle) << before;
  }
}

TEST(HttpParser, IsSpentOnceItHasRefused) {
  HttpParser parser(Small());
  parser.Feed("nonsense\r\n\r\n");
  ASSERT_EQ(parser.state(), State::kRefused);
  EXPECT_EQ(parser.Feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0u);
  EXPECT_EQ(parser.state(), State::kRefused);
  EXPECT_FALSE(parser.refused_reason().empty());
}

TEST(HttpParser, KeepsTheHeadOfARequestItRefusesForItsBody) {
  HttpParser parser(Small());
  parser.Feed("PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  ASSERT_EQ(parser.refused_status(), 413);
  EXPECT_EQ(parser.head().method, "PUT");
  EXPECT_EQ(parser.head().target, "/big");
  EXPECT_EQ(parser.head().headers.Get("host"), "x");
}

HttpParser::Options Responses() {
  HttpParser::Options options = Small();
  options.kind = HttpKind::kResponse;
  return options;
}

TEST(HttpParser, ReadsResponsesWithAndWithoutALength) {
  HttpParser parser(Responses());
  parser.Feed("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  HttpResponse response = parser.TakeResponse();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "no");
  parser.Feed("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart");
  EXPECT_EQ(parser.state(), State::kBody);
  parser.FeedEnd();
  ASSERT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.TakeResponse().body, "part");
  EXPECT_FALSE(parser.keep_alive());
}

TEST(HttpParser, ExpectsNoBodyInTheAnswerToHead) {
  HttpParser parser(Responses());
  parser.SetResponseHasNoBody(true);
  parser.Feed("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n");
  ASSERT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.TakeResponse().body, "");
}

}  // namespace
}  // namespace hearth::io
