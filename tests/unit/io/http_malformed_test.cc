// Malformed requests over a real socket: each gets a clear error and a closed connection, none
// reaches the handler, and the server goes on.
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/unit/io/http_server_fixture.h"

namespace hearth::io {
namespace {

struct Malformed {
  const char* name;
  std::string bytes;
  int status = 400;
  bool half_close = false;  // The client says that it will send no more.
};

void PrintTo(const Malformed& each, std::ostream* out) { *out << each.name; }

std::string Get(const std::string& fields) { return "GET / HTTP/1.1\r\n" + fields + "\r\n"; }
std::string Post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}
std::string Chunked(const std::string& body) {
  return Post("Transfer-Encoding: chunked\r\n", body);
}
std::string Bytes(const char* text, size_t size) { return std::string(text, size); }

std::vector<Malformed> RequestLines() {
  return {
      {"TlsHello", Bytes("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)},
      {"OnlyNulBytes", std::string(64, '\0')},
      {"OneWord", "GET\r\n\r\n"},
      {"NoVersion", "GET /\r\n\r\n", 505},
      {"EmptyTarget", "GET  HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"RelativeTarget", "GET a/b HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"LowerCaseMethod", "get / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"MethodWithHighByte", "G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"LeadingSpace", " GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"NulInTarget", Bytes("GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", 31)},
      {"ControlInTarget", "GET /a\x01" "b HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"WrongProtocol", "GET / HTP/1.1\r\nHost: x\r\n\r\n"},
      {"LowerCaseProtocol", "GET / http/1.1\r\nHost: x\r\n\r\n"},
      {"VersionOfThreeDigits", "GET / HTTP/1.10\r\nHost: x\r\n\r\n"},
      {"Http09", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505},
      {"Http2InHttp1", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"Http9", "GET / HTTP/9.9\r\nHost: x\r\n\r\n"},
      {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"Rtsp", "DESCRIBE / RTSP/1.0\r\nHost: x\r\n\r\n", 501},
      {"Connect", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"UnknownMethod", "HACK / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"WebDav", "PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"ResponseAsRequest", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
      {"TargetTooLong", "GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {"TargetWithoutEnd", "GET /" + std::string(300000, 'a'), 414},
      {"MethodWithoutEnd", std::string(300000, 'G')},
  };
}

std::vector<Malformed> Fields() {
  std::string many;
  for (int i = 0; i < 201; ++i) many += "A: b\r\n";
  return {
      {"NoHost", Get("")},
      {"TwoHosts", Get("Host: a\r\nhost: b\r\n")},
      {"FieldWithoutColon", Get("Host: x\r\nnonsense\r\n")},
      {"SpaceBeforeColon", Get("Host: x\r\nA : b\r\n")},
      {"SpaceInName", Get("Host: x\r\nA b: c\r\n")},
      {"EmptyName", Get("Host: x\r\n: c\r\n")},
      {"NulInName", Get(Bytes("Host: x\r\nA\0: c\r\n", 16))},
      {"NulInValue", Get(Bytes("Host: x\r\nA: b\0c\r\n", 17))},
      {"ControlInValue", Get("Host: x\r\nA: b\x01" "c\r\n")},
      {"DeleteInValue", Get("Host: x\r\nA: b\x7f" "c\r\n")},
      {"CarriageReturnInValue", Get("Host: x\r\nA: b\rC: d\r\n")},
      {"ObsoleteFolding", Get("Host: x\r\nA: b\r\n c\r\n")},
      {"FoldedLength", Post("Content-Length:\r\n 3\r\n", "abc")},
      {"FirstLineFolded", Get(" Host: x\r\nA: b\r\n")},
      {"HeadersTooLong", Get("Host: x\r\nA: " + std::string(65536, 'x') + "\r\n"), 431},
      {"HeaderWithoutEnd", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(300000, 'x'), 431},
      {"NameWithoutEnd", "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(300000, 'x'), 431},
      {"TooManyHeaders", Get("Host: x\r\n" + many), 431},
      {"HeadEndsEarly", "GET / HTTP/1.1\r\nHost: x\r\n", 400, true},
      {"RequestLineEndsEarly", "GET / HT", 400, true},
  };
}

std::vector<Malformed> Framing() {
  return {
      {"NegativeLength", Post("Content-Length: -1\r\n")},
      {"LengthWithPlus", Post("Content-Length: +1\r\n", "a")},
      {"LengthOfWords", Post("Content-Length: abc\r\n")},
      {"EmptyLength", Post("Content-Length:\r\n")},
      {"HexadecimalLength", Post("Content-Length: 0x10\r\n")},
      {"FractionalLength", Post("Content-Length: 1.5\r\n")},
      {"LengthOverflows", Post("Content-Length: 99999999999999999999999\r\n")},
      {"LengthOverflowsToSmall", Post("Content-Length: 18446744073709551617\r\n", "a")},
      {"LengthList", Post("Content-Length: 3, 3\r\n", "abc")},
      {"TwoLengths", Post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")},
      {"SameLengthTwice", Post("Content-Length: 1\r\nContent-Length: 1\r\n", "a")},
      {"LengthAndChunked",
       Post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"ChunkedAndLength",
       Post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n")},
      {"UnknownEncoding", Post("Transfer-Encoding: gzip\r\n", "abc")},
      {"ChunkedNotLast", Post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")},
      {"AlmostChunked", Post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
      {"ChunkedTwice", Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                            "0\r\n\r\n")},
      {"ChunkSizeOfWords", Chunked("zz\r\n")},
      {"NegativeChunk", Chunked("-1\r\n")},
      {"ChunkSizeWithPrefix", Chunked("0x5\r\nhello\r\n0\r\n\r\n")},
      {"EmptyChunkSize", Chunked("\r\n\r\n")},
      {"ChunkSizeOverflows", Chunked("fffffffffffffffff\r\n")},
      {"ChunkLongerThanItsSize", Chunked("3\r\nabcd\r\n0\r\n\r\n")},
      {"SpaceAfterChunkSize", Chunked("3 \r\nabc\r\n0\r\n\r\n")},
      {"LineFeedInChunkExtension", Chunked("3;a\n\r\nabc\r\n0\r\n\r\n")},
      {"BodyOverTheLimit", Post("Content-Length: 1001\r\n"), 413},
      {"LengthNearTwoToThe64", Post("Content-Length: 18446744073709551615\r\n"), 413},
      {"ChunksOverTheLimit", Chunked("3e9\r\n" + std::string(1001, 'a')), 413},
      {"BodyEndsEarly", Post("Content-Length: 5\r\n", "abc"), 400, true},
      {"ChunksEndEarly", Chunked("5\r\nhello\r\n"), 400, true},
  };
}

class MalformedHttp : public test::HttpServerTest, public testing::WithParamInterface<Malformed> {};

TEST_P(MalformedHttp, GetsAClearErrorAndAClosedConnectionAndTheServerGoesOn) {
  Start({.max_body = base::Bytes(1000)});
  test::RawClient client = Connect();
  client.Send(GetParam().bytes);
  if (GetParam().half_close) client.EndSending();
  test::Settle(loop_);
  const std::string answer = client.received();
  ASSERT_TRUE(client.ended()) << "the connection is still open, after: " << answer;
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(GetParam().status) + " ")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  const auto body = base::ParseJson(answer.substr(answer.find("\r\n\r\n") + 4));
  ASSERT_TRUE(body) << answer;
  EXPECT_GT(body->value("message", "").size(), 10u) << answer;
  EXPECT_TRUE(requests_.empty()) << "it reached the handler";
  EXPECT_TRUE(Serves());
  client.Close();
  test::Settle(loop_);
  EXPECT_EQ(server_->connections(), 0u);
}

std::string NameOf(const testing::TestParamInfo<Malformed>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(RequestLine, MalformedHttp, testing::ValuesIn(RequestLines()), NameOf);
INSTANTIATE_TEST_SUITE_P(Field, MalformedHttp, testing::ValuesIn(Fields()), NameOf);
INSTANTIATE_TEST_SUITE_P(Framing, MalformedHttp, testing::ValuesIn(Framing()), NameOf);

}  // namespace
}  // namespace hearth::io
