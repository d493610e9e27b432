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
  EXPECT_TRUE(lambda({{"Content-Type", "application/json"}}, "",
                     "Action=Publish&Version=2010-03-31"));
}

class FakeService final : public Service {
 public:
  explicit FakeService(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  void Handle(Call call) override {
    request_ids.push_back(call.request_id);
    call.responder.Send(RestJsonAnswer(200, {{"service", name_}}, call.request_id));
  }
  std::vector<std::string> request_ids;

 private:
  std::string name_;
};

class GatewayTest : public test::HttpServerTest {
 protected:
  void SetUp() override {
    gateway_.Register(lambda_);
    gateway_.Register(sqs_);
    gateway_.RegisterOwn("/_hearth/", [](Call call) {
      call.responder.Send({.body = "own"});
    });
    gateway_.RegisterOwn("/_hearth/stacks/", [](Call call) {
      call.responder.Send({.body = "stacks"});
    });
    handler_ = [this](io::HttpRequest request, io::HttpResponder responder) {
      gateway_.Handle(std::move(request), std::move(responder), from_);
    };
    Start();
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
};

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
