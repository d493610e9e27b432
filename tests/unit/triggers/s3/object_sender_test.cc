// Objects as answers: any piece of any object, at the pace of who takes it.
#include "tests/unit/io/raw_client.h"
#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using hearth::test::RawClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Pattern(size_t size) {
  std::string out(size, '\0');
  uint32_t state = 1;
  for (char& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

class ObjectSenderTest : public test::StoreTest {
 protected:
  ObjectSenderTest() {
    MakeBucket("b");
    server = std::make_unique<io::HttpServer>(
        loop, io::HttpServerOptions{}, [this](io::HttpRequest, io::HttpResponder responder) {
          io::HttpHeaders headers;
          headers.Add("ETag", "\"x\"");
          store->Send(object, piece, 206, std::move(headers), std::move(responder));
        });
    address = MUST(server->Listen("127.0.0.1:0"));
  }
  ~ObjectSenderTest() override {
    bool closed = false;
    server->CloseNow([&closed] { closed = true; });
    loop.RunUntil([&closed] { return closed; });
    loop.RunUntil([this] { return store->IsQuiet(); });
  }
  std::string Answer() {
    RawClient client(loop, address);
    client.Send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.ReadToEnd();
  }
  std::string Body() {
    const std::string answer = Answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 206 "));
    EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(piece.size) + "\r\n"));
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }

  ObjectRecord object;
  Piece piece;
  std::unique_ptr<io::HttpServer> server;
  std::string address;
};

TEST_F(ObjectSenderTest, AnyPieceOfAnObjectOfSeveralFilesComesAsItIs) {
  const std::string bytes = Pattern(3 << 20);
  const size_t cuts[] = {0, 5, 70000, 70001, 2 << 20, bytes.size()};
  for (size_t i = 0; i + 1 < std::size(cuts); ++i) {
    const auto body = MustHave(Stage(bytes.substr(cuts[i], cuts[i + 1] - cuts[i])));
    object.extents.push_back(body.extents.at(0));
    object.size += body.size;
  }
  for (const Piece each :
       {Piece{0, bytes.size()}, Piece{0, 1}, Piece{4, 2}, Piece{69999, 3}, Piece{1, 65536},
        Piece{1, 65537}, Piece{bytes.size() - 1, 1}, Piece{60000, 2 << 20}, Piece{7, 0}}) {
    piece = each;
    ASSERT_EQ(Body(), bytes.substr(piece.first, piece.size)) << piece.first << " " << piece.size;
  }
}

TEST_F(ObjectSenderTest, WhoTakesNothingHoldsLittleAndGetsTheRestOfWhatIsGoneMeanwhile) {
  const std::string bytes = Pattern(20 << 20);
  object = Put("b", "k", bytes);
  piece = {0, bytes.size()};
  RawClient client(loop, address);
  client.SetReading(false);
  client.Send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  hearth::test::Settle(loop);
  Delete({.bucket = "b", .key = "k"});
  Settle();
  EXPECT_EQ(CountFiles(), 1u) << "it is being read";
  client.SetReading(true);
  const std::string answer = client.ReadToEnd();
  EXPECT_TRUE(answer.substr(answer.find("\r\n\r\n") + 4) == bytes);
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(ObjectSenderTest, AClientThatLeavesEndsTheReading) {
  object = Put("b", "k", Pattern(20 << 20));
  piece = {0, object.size};
  RawClient client(loop, address);
  client.SetReading(false);
  client.Send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  hearth::test::Settle(loop);
  client.Reset();
  Delete({.bucket = "b", .key = "k"});
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(ObjectSenderTest, AMissingFileIsA500AndACutOneACutAnswer) {
  object = Put("b", "k", Pattern(1 << 20));
  piece = {0, object.size};
  std::filesystem::resize_file(PathOf(object.extents[0].file), 700000);
  const std::string cut = Answer();
  EXPECT_THAT(cut, StartsWith("HTTP/1.1 206 "));
  EXPECT_LT(cut.size(), 700500u);
  std::filesystem::remove(PathOf(object.extents[0].file));
  EXPECT_THAT(Answer(), StartsWith("HTTP/1.1 500 "));
  piece = {0, 10};
  EXPECT_THAT(Answer(), StartsWith("HTTP/1.1 500 "));
}

}  // namespace
}  // namespace hearth::s3
