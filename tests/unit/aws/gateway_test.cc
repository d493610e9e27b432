#include "aws/gateway.h"

#include "base/json.h"
#include "tests/unit/io/http_server_fixture.h"

namespace hearth::aws {
namespace {

constexpr char kLambdaScope[] =
    "AWS4-HMAC-SHA256 Credential=AKID/20260806/us-east-1/lambda/aws4_request, SignedHeaders=host, "
    "Signature=0";

io::HttpRequest Request(const std::string& target,
                        std::initializer_list<std::pair<const char*, const char*>> headers = {},
                        const std::string& body = "") {
  io::HttpRequest request{.method = "POST", .target = target, .body = body};
  for (const auto& [name, value] : headers) request.headers.Add(name, value);
  return request;
}

TEST(ServiceOf, FindsTheServiceByEachSign) {
  EXPECT_EQ(ServiceOf(Request("/", {{"Authorization", kLambdaScope}})), "lambda");
  EXPECT_EQ(ServiceOf(Request("/?X-Amz-Credential=K%2F20260806%2Fus-east-1%2Fs3%2Faws4_request")),
            "s3");
  EXPECT_EQ(ServiceOf(Request("/", {{"X-Amz-Target", "AmazonSQS.SendMessage"}})), "sqs");
  EXPECT_EQ(ServiceOf(Request("/", {{"X-Amz-Target", "DynamoDBStreams_20120810.GetRecords"}})),
            "dynamodb");
  EXPECT_EQ(ServiceOf(Request("/?Action=GetCallerIdentity&Version=2011-06-15")), "sts");
  EXPECT_EQ(ServiceOf(Request("/", {{"Content-Type", "application/x-www-form-urlencoded; a=b"}},
                              "Version=2010-03-31&Action=Publish")),
            "sns");
  EXPECT_EQ(ServiceOf(Request("/", {{"Host", "sqs.us-east-1.amazonaws.com"}})), "sqs");
  EXPECT_EQ(ServiceOf(Request("/", {{"Host", "events.localhost.localstack.cloud:4566"}})),
            "events");
  EXPECT_EQ(ServiceOf(Request("/2015-03-31/functions/F/invocations")), "lambda");
  EXPECT_EQ(ServiceOf(Request("/schedules/nightly?groupName=g")), "scheduler");
}

TEST(ServiceOf, KnowsTheObjectStoreByItsAddressesAndItsOldSignature) {
  for (const char* host :
       {"s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3-us-west-2.amazonaws.com",
        "photos.s3.us-east-1.amazonaws.com", "photos.s3-us-west-2.amazonaws.com",
        "my.photos.2026.s3.localhost:4566", "photos.s3.localhost.localstack.cloud:4566",
        "s3.storage.example.com", "photos.s3.storage.example.com"}) {
    EXPECT_EQ(ServiceOf(Request("/key", {{"Host", host}})), "s3") << host;
  }
  EXPECT_EQ(ServiceOf(Request("/b/k?AWSAccessKeyId=K&Expires=1&Signature=x%3D")), "s3");
  EXPECT_EQ(ServiceOf(Request("/b/k", {{"Authorization", "AWS K:c2ln"}})), "s3");
  // Other services sign so too; they say what they are.
  EXPECT_EQ(ServiceOf(Request("/?Action=SendMessage&Version=2012-11-05&AWSAccessKeyId=K&"
                              "SignatureVersion=2&Signature=x")),
            "sqs");
  EXPECT_EQ(ServiceOf(Request("/2015-03-31/functions", {{"Host", "s3.example.com"}})), "lambda");
  for (const char* host :
       {"s3", "s3:4566", "photos.s3express-use1-az4.us-east-1.amazonaws.com", "as3.example.com",
        "b.s3-website-us-east-1.amazonaws.com", "1.s3-control.us-east-1.amazonaws.com"}) {
    EXPECT_NE(ServiceOf(Request("/key", {{"Host", host}})), "s3") << host;
  }
  EXPECT_EQ(ServiceOf(Request("/k", {{"Authorization",
                                      "AWS4-HMAC-SHA256 Credential=K/d/r/s3express/aws4_request,"},
                                     {"Host", "b.s3.amazonaws.com"}})),
            "s3express");
  EXPECT_EQ(ServiceOf(Request("/?AWSAccessKeyId=K")), "");
}

// Two signs that disagree: the one further up the list is believed.
TEST(ServiceOf, BelievesTheSignsInTheirOrder) {
  const auto all = [] {
    return Request("/2015-03-31/functions?Action=Publish&Version=2010-03-31",
                   {{"Authorization", "AWS4-HMAC-SHA256 Credential=K/d/r/kinesis/aws4_request,"},
                    {"X-Amz-Target", "AmazonSQS.SendMessage"},
                    {"Host", "events.us-east-1.amazonaws.com"}});
  };
  io::HttpRequest request = all();
  EXPECT_EQ(ServiceOf(request), "kinesis");
  request.headers.Remove("Authorization");
  EXPECT_EQ(ServiceOf(request), "sqs");
  request.headers.Remove("X-Amz-Target");
  EXPECT_EQ(ServiceOf(request), "sns");
  request.target = "/2015-03-31/functions";
  EXPECT_EQ(ServiceOf(request), "events");
  request.headers.Set("Host", "127.0.0.1:4566");
  EXPECT_EQ(ServiceOf(request), "lambda");
  request.target = "/";
  EXPECT_EQ(ServiceOf(request), "");
}

TEST(ServiceOf, PassesOverSignsThatSayNothing) {
  for (const char* authorization :
       {"", "Basic Zm9vOmJhcg==", "Bearer AWS4-HMAC-SHA256 Credential=K/d/r/sqs/aws4_request",
        "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=K",
        "AWS4-HMAC-SHA256 Credential=K/d/r", "AWS4-HMAC-SHA256 Credential=K/d/r/sqs",
        "AWS4-HMAC-SHA256 Credential=K/d/r/sqs/other", "AWS4-HMAC-SHA256 Credential=////",
        "AWS4-HMAC-SHA256 Credential=K/d/r//aws4_request", "Credential=K/d/r/sqs/aws4_request"}) {
    EXPECT_EQ(ServiceOf(Request("/2015-03-31/functions", {{"Authorization", authorization}})),
              "lambda")
        << authorization;
  }
  const auto lambda = [](std::initializer_list<std::pair<const char*, const char*>> headers,
                         const std::string& query = "", const std::string& body = "") {
    return ServiceOf(Request("/2015-03-31/functions" + query, headers, body)) == "lambda";
  };
  EXPECT_TRUE(lambda({{"X-Amz-Target", "Unknown_20200101.Op"}}));
  EXPECT_TRUE(lambda({{"Host", "localhost:4566"}}));
  EXPECT_TRUE(lambda({{"Host", "sqs.example.com"}}));
  EXPECT_TRUE(lambda({{"Host", ".amazonaws.com"}}));
  EXPECT_TRUE(lambda({}, "?Action=X&Version=1999-01-01"));
  EXPECT_TRUE(lambda({}, "?Version=2010-03-31"));
  EXPECT_TRUE(lambda({}, "?X-Amz-Credential=nonsense"));
  // A body is a form only where it says so.
  EXPECT_TRUE(
      lambda({{"Content-Type", "application/json"}}, "", "Action=Publish&Version=2010-03-31"));
}

class FakeService final : public Service {
 public:
  explicit FakeService(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  bool Claims(const io::HttpRequest& head) const override {
    return !claimed.empty() && head.target.find(claimed) != std::string::npos;
  }
  std::optional<io::HttpUploadReader> Upload(const io::HttpRequest& head,
                                             io::HttpUpload upload) override {
    ++asked;
    if (refuses) {
      upload.Refuse({.status = 404, .body = "refused"});
      return std::nullopt;
    }
    if (!streams || head.method != "PUT") return std::nullopt;
    auto body = std::make_shared<std::string>();
    return io::HttpUploadReader{.piece =
                                    [body](std::string_view piece) {
                                      *body += piece;
                                      return true;
                                    },
                                .aborted = [] {},
                                .state = body};
  }
  void Handle(Call call) override {
    request_ids.push_back(call.request_id);
    if (call.request.upload != nullptr) {
      const auto body = std::static_pointer_cast<std::string>(call.request.upload);
      call.responder.Send({.body = name_ + " streamed " + *body});
      return;
    }
    call.responder.Send(RestJsonAnswer(200, {{"service", name_}}, call.request_id));
  }
  std::vector<std::string> request_ids;
  std::string claimed;  // Paths with this; empty: none.
  bool streams = false;
  bool refuses = false;
  int asked = 0;

 private:
  std::string name_;
};

class GatewayTest : public test::HttpServerTest {
 protected:
  void SetUp() override {
    gateway_.Register(lambda_);
    gateway_.Register(sqs_);
    gateway_.RegisterOwn("/_hearth/", [](Call call) { call.responder.Send({.body = "own"}); });
    gateway_.RegisterOwn("/_hearth/stacks/",
                         [](Call call) { call.responder.Send({.body = "stacks"}); });
    handler_ = [this](io::HttpRequest request, io::HttpResponder responder) {
      gateway_.Handle(std::move(request), std::move(responder), from_);
    };
    io::HttpServerOptions options;
    options.max_body = base::Bytes(100);
    options.uploader = [this](const io::HttpRequest& head, io::HttpUpload upload) {
      auto reader = gateway_.Upload(head, std::move(upload), from_);
      if (after_head_) after_head_();
      return reader;
    };
    Start(std::move(options));
  }
  std::string Put(const std::string& target, const std::string& headers, const std::string& body) {
    test::RawClient client = Connect();
    client.Send("PUT " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.ReadToEnd();
  }
  std::string Ask(const std::string& target, const std::string& headers = "") {
    test::RawClient client = Connect();
    client.Send("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                "\r\n");
    return client.ReadToEnd();
  }
  static std::string Header(const std::string& answer, const std::string& name) {
    const auto at = answer.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const auto from = at + name.size() + 4;
    return answer.substr(from, answer.find("\r\n", from) - from);
  }

  FakeService lambda_{"lambda"};
  FakeService sqs_{"sqs"};
  Gateway gateway_;
  Gateway::From from_ = Gateway::From::kClient;
  std::function<void()> after_head_;
};

TEST_F(GatewayTest, AsksTheServiceThatWillHandleARequestForItsBody) {
  sqs_.streams = true;
  const std::string target = "X-Amz-Target: AmazonSQS.X\r\n";
  const std::string body(1000, 'x');
  EXPECT_TRUE(Put("/", target, body).ends_with("sqs streamed " + body));
  EXPECT_TRUE(Put("/2015-03-31/functions", "", "{}").ends_with(R"({"service":"lambda"})"));
  // Those that take it as a whole keep the server's limit.
  EXPECT_TRUE(Put("/2015-03-31/functions", "", body).starts_with("HTTP/1.1 413"));
  EXPECT_EQ(sqs_.asked, 1);
  EXPECT_EQ(lambda_.asked, 2);
  sqs_.refuses = true;
  EXPECT_TRUE(Put("/", target, body).ends_with("refused"));
  EXPECT_EQ(sqs_.request_ids.size(), 1u);
}

TEST_F(GatewayTest, ReadsNoBodyForWhatIsHearthsOwnNorForAFormThatMayNameItsService) {
  sqs_.streams = true;
  sqs_.claimed = "/";
  EXPECT_TRUE(Put("/_hearth/x", "", "a").ends_with("own"));
  EXPECT_EQ(sqs_.asked, 0);
  const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
  EXPECT_TRUE(
      Put("/b/k", form, "Action=SendMessage&Version=2012-11-05").ends_with(R"({"service":"sqs"})"));
  EXPECT_EQ(sqs_.asked, 0);
  // Unless its head says so already.
  EXPECT_TRUE(Put("/b/k?Action=A&Version=2012-11-05", form, "A=B").ends_with("sqs streamed A=B"));
}

TEST_F(GatewayTest, GivesWhatBearsNoSignToTheFirstThatClaimsIt) {
  gateway_.RegisterOwn("/metrics", [](Call call) { call.responder.Send({.body = "own"}); });
  EXPECT_TRUE(Ask("/photos/cat.png").starts_with("HTTP/1.1 404"));
  sqs_.claimed = "/";
  EXPECT_TRUE(Ask("/photos/cat.png").ends_with(R"({"service":"sqs"})"));
  EXPECT_TRUE(Ask("/metrics").ends_with("own"));
  EXPECT_TRUE(Ask("/2015-03-31/functions").ends_with(R"({"service":"lambda"})"));
  EXPECT_TRUE(Ask("/", "X-Amz-Target: Kinesis_20131202.X\r\n").starts_with("HTTP/1.1 501"));
  from_ = Gateway::From::kFunction;
  EXPECT_TRUE(Ask("/metrics").ends_with(R"({"service":"sqs"})"));
  lambda_.claimed = "/photos/";
  EXPECT_TRUE(Ask("/photos/cat.png").ends_with(R"({"service":"lambda"})"));
}

TEST_F(GatewayTest, TakesAHostsFirstLabelForABucketWhereItIsNoService) {
  const auto ask = [this](const std::string& host) {
    test::RawClient client = Connect();
    client.Send("GET /k HTTP/1.1\r\nConnection: close\r\nHost: " + host + "\r\n\r\n");
    return client.ReadToEnd();
  };
  EXPECT_TRUE(ask("photos.localhost:4566").starts_with("HTTP/1.1 501"));
  sqs_.claimed = "/k";
  EXPECT_TRUE(ask("photos.localhost:4566").ends_with(R"({"service":"sqs"})"));
  EXPECT_TRUE(ask("lambda.localhost:4566").ends_with(R"({"service":"lambda"})"));
}

TEST_F(GatewayTest, LetsTheServiceThatReadABodyAnswerItWhateverItClaimsMeanwhile) {
  sqs_.streams = true;
  sqs_.claimed = "/photos/";
  after_head_ = [this] { sqs_.claimed.clear(); };
  EXPECT_TRUE(Put("/photos/cat.png", "", "a").ends_with("sqs streamed a"));
}

TEST_F(GatewayTest, WhatIsHearthsOwnIsNotForFunctions) {
  gateway_.RegisterOwn("/metrics", [](Call call) { call.responder.Send({.body = "own"}); });
  EXPECT_TRUE(Ask("/metrics").ends_with("own"));
  from_ = Gateway::From::kFunction;
  for (const char* path : {"/_hearth/", "/_hearth/stacks/x", "/_hearth/absent"}) {
    EXPECT_TRUE(Ask(path).starts_with("HTTP/1.1 403")) << path;
  }
  EXPECT_TRUE(Ask("/metrics").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(Ask("/2015-03-31/functions").ends_with(R"({"service":"lambda"})"));
}

TEST_F(GatewayTest, HandsEachRequestToItsServiceWithAnIdOfItsOwn) {
  const std::string first = Ask("/2015-03-31/functions");
  EXPECT_TRUE(first.ends_with(R"({"service":"lambda"})")) << first;
  EXPECT_TRUE(Ask("/", "X-Amz-Target: AmazonSQS.X\r\n").ends_with(R"({"service":"sqs"})"));
  Ask("/2015-03-31/functions");
  ASSERT_EQ(lambda_.request_ids.size(), 2u);
  EXPECT_EQ(Header(first, "x-amzn-RequestId"), lambda_.request_ids[0]);
  EXPECT_EQ(lambda_.request_ids[0].size(), 36u);
  EXPECT_NE(lambda_.request_ids[0], lambda_.request_ids[1]);
}

TEST_F(GatewayTest, NamesTheServiceItDoesNotServeAndThoseItDoes) {
  const std::string answer = Ask("/", "X-Amz-Target: Kinesis_20131202.PutRecord\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 501 ")) << answer;
  EXPECT_EQ(Header(answer, "x-amzn-ErrorType"), "NotImplementedException");
  EXPECT_NE(answer.find("'kinesis'"), std::string::npos);
  EXPECT_NE(answer.find("lambda, sqs"), std::string::npos);
}

TEST_F(GatewayTest, SaysSoWhereItCannotTellTheService) {
  const std::string answer = Ask("/favicon.ico");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  EXPECT_EQ(Header(answer, "x-amzn-ErrorType"), "UnknownOperationException");
  EXPECT_EQ(Header(answer, "x-amzn-RequestId").size(), 36u);
}

TEST_F(GatewayTest, AnswersInJsonWhateverBytesTheRequestHolds) {
  for (const std::string& answer :
       {Ask("/", "Authorization: AWS4-X Credential=K/d/r/\xff\"\\/aws4_request\r\n"),
        Ask("/_hearthling/\xff\"")}) {
    const auto body = base::ParseJson(answer.substr(answer.find("\r\n\r\n") + 4));
    ASSERT_TRUE(body) << answer;
    EXPECT_FALSE(body->value("message", "").empty());
  }
}

TEST_F(GatewayTest, GivesItsOwnPathsToTheLongestPrefixWhateverTheSignatureSays) {
  const std::string scope = "Authorization: " + std::string(kLambdaScope) + "\r\n";
  EXPECT_TRUE(Ask("/_hearth/ps", scope).ends_with("\r\n\r\nown"));
  EXPECT_TRUE(Ask("/_hearth/stacks/a?b=c", scope).ends_with("\r\n\r\nstacks"));
  EXPECT_TRUE(Ask("/_hearth/stacks").ends_with("\r\n\r\nown"));
}

TEST(Gateway, SaysSoWhereItHasNothingAtAPathOfItsOwn) {
  base::VirtualClock clock{base::WallTime{}};
  io::Loop loop(clock);
  Gateway gateway;
  io::HttpServer server(loop, {}, [&](io::HttpRequest request, io::HttpResponder responder) {
    gateway.Handle(std::move(request), std::move(responder));
  });
  test::RawClient client(loop, MUST(server.Listen("127.0.0.1:0")));
  client.Send("GET /_hearth/ps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.ReadToEnd().find("Hearth has nothing at /_hearth/ps"), std::string::npos);
  client.Close();
  bool closed = false;
  server.CloseNow([&] { closed = true; });
  loop.RunUntil([&] { return closed; });
}

TEST(RestJsonError, HasBothSpellingsOfItsMessageAndWhoIsToBlame) {
  const io::HttpResponse user = RestJsonError(
      {429, "TooManyRequestsException", "Rate \xff exceeded.", {{"Reason", "CallerRateLimit"}}},
      "id-1");
  EXPECT_EQ(user.status, 429);
  EXPECT_EQ(user.headers.Get("x-amzn-ErrorType"), "TooManyRequestsException");
  EXPECT_EQ(user.headers.Get("x-amzn-RequestId"), "id-1");
  EXPECT_EQ(user.headers.Get("Content-Type"), "application/json");
  const base::Json body = MUST(base::ParseJson(user.body));
  EXPECT_EQ(body["Type"], "User");
  EXPECT_EQ(body["Reason"], "CallerRateLimit");
  EXPECT_EQ(body["message"], body["Message"]);
  const io::HttpResponse service = RestJsonError({500, "ServiceException", "x", nullptr}, "id-2");
  EXPECT_EQ(MUST(base::ParseJson(service.body))["Type"], "Service");
}

TEST(RestJsonAnswer, HasNoBodyWhereThereIsNothingToSay) {
  EXPECT_EQ(RestJsonAnswer(204, nullptr, "id").body, "");
  EXPECT_EQ(RestJsonAnswer(200, base::Json::object(), "id").body, "{}");
}

TEST(GatewayDeathTest, RegistersEachServiceOnce) {
  Gateway gateway;
  FakeService first("sqs");
  FakeService second("sqs");
  gateway.Register(first);
  EXPECT_DEATH(gateway.Register(second), "CHECK");
}

}  // namespace
}  // namespace hearth::aws
