// Requests to function URLs, through a socket, over a data plane that only notes what it is told.
#include "invoker/url_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "base/limits.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Fields = std::vector<std::pair<std::string, std::string>>;
using ::testing::HasSubstr;

class UrlServiceTest : public test::ApiFixture {
 protected:
  UrlServiceTest() {
    EXPECT_TRUE(Create("Hello", Publication::kVersion));
    url_address = MUST(url_server.Listen("127.0.0.1:0"));
  }
  ~UrlServiceTest() override {
    bool closed = false;
    url_server.CloseNow([&] { closed = true; });
    loop.RunUntil([&] { return closed; });
  }
  // Makes the URL, or gives it other settings.
  void Set(const Json& settings) {
    const std::string path = "/2021-10-31/functions/Hello/url";
    AskPath("POST", path, settings.dump());
    if (last.status == 409) {
      AskPath("PUT", path, settings.dump());
    }
    ASSERT_LT(last.status, 300) << last.body;
    const std::string url = Body()["FunctionUrl"];
    host = url.substr(7, url.size() - 8);
  }
  const io::HttpResponse& Visit(const std::string& method, const Fields& fields = {},
                                std::string body = "") {
    io::HttpRequest request{
        .method = method, .target = "/p?q=1", .headers = {}, .body = std::move(body)};
    for (const auto& [name, value] : fields) request.headers.Add(name, value);
    io::HttpClient client(loop, url_address);
    std::optional<io::HttpResponse> answer;
    client.Send(std::move(request),
                [&](base::Result<io::HttpResponse> result) { answer = MUST(std::move(result)); });
    loop.RunUntil([&] { return answer.has_value(); });
    last = *std::move(answer);
    return last;
  }
  void Answers(std::string payload, InvocationStatus status = InvocationStatus::kSuccess) {
    invoker.next = {.status = status,
                    .payload = std::move(payload),
                    .executed_version = {},
                    .throttle_reason = {}};
  }
  std::string Field(const char* name) { return std::string(last.headers.Get(name)); }

  std::unique_ptr<aws::Service> urls = MakeUrlService(*registry, invoker, clock, {});
  std::string host;
  io::HttpServer url_server{loop, io::HttpServerOptions{},
                            [this](io::HttpRequest request, io::HttpResponder responder) {
                              request.headers.Set("Host", host);
                              urls->Handle({std::move(request), std::move(responder), "id-1"});
                            }};
  std::string url_address;
};

TEST_F(UrlServiceTest, ARequestBecomesAnEventAndTheAnswerAResponse) {
  Set({{"AuthType", "NONE"}});
  Answers(R"({"statusCode":201,"headers":{"X-A":"b"},"cookies":["c=1"],"body":"made"})");
  EXPECT_EQ(Visit("POST", {{"Content-Type", "text/plain"}}, "hello").status, 201);
  EXPECT_EQ(last.body, "made");
  EXPECT_EQ(Field("X-A"), "b");
  EXPECT_EQ(Field("Set-Cookie"), "c=1");
  EXPECT_EQ(Field("x-amzn-RequestId"), "id-1");
  const Json event = MUST(base::ParseJson(invoker.payloads.back()));
  EXPECT_EQ(event["body"], "hello");
  EXPECT_EQ(event["requestContext"]["http"]["method"], "POST");
  EXPECT_EQ(invoker.requests.back().invoked_arn,
            "arn:aws:lambda:us-east-1:000000000000:function:Hello");
  EXPECT_EQ(Field("X-Amzn-Trace-Id"), invoker.requests.back().trace_id);
}

TEST_F(UrlServiceTest, WhatGoesWrongIsSaidAsAwsSaysIt) {
  Set({{"AuthType", "NONE"}});
  using Status = InvocationStatus;
  const struct {
    Status status;
    const char* payload;
    int code;
    const char* body;
  } rows[] = {{Status::kSuccess, R"({"statusCode":"no"})", 502, "Internal Server Error"},
              {Status::kSuccess, "no JSON", 502, "Internal Server Error"},
              {Status::kFunctionError, R"({"errorMessage":"x"})", 502, "Internal Server Error"},
              {Status::kTimeout, "{}", 502, "Internal Server Error"},
              {Status::kOutOfMemory, "{}", 502, "Internal Server Error"},
              {Status::kThrottled, "", 429, R"({"Message":"Rate Exceeded.","Reason":""})"},
              {Status::kHostError, "", 500, "Internal Server Error"}};
  for (const auto& row : rows) {
    Answers(row.payload, row.status);
    EXPECT_EQ(Visit("GET").status, row.code) << row.payload;
    EXPECT_EQ(last.body, row.body);
  }
  const size_t calls = invoker.payloads.size();
  // In base64 it is longer than a call's payload may be.
  EXPECT_EQ(Visit("POST", {}, std::string(limits::kMaxSyncPayload - 1024, 'x')).status, 413);
  EXPECT_THAT(last.body, HasSubstr("Request must be smaller than"));
  host = "00000000000000000000000000000000.lambda-url.us-east-1.localhost";
  EXPECT_EQ(Visit("GET").status, 404);
  EXPECT_EQ(Field("x-amzn-ErrorType"), "ResourceNotFoundException");
  EXPECT_EQ(invoker.payloads.size(), calls);
}

TEST_F(UrlServiceTest, AwsIamAsksForASignatureForLambda) {
  Set({{"AuthType", "AWS_IAM"}});
  const auto signed_for = [](const std::string& service) {
    return Fields{
        {"X-Amz-Date", "20260806T123456Z"},
        {"Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260806/us-east-1/" + service +
                              "/aws4_request, SignedHeaders=host;x-amz-date, "
                              "Signature=" +
                              std::string(64, 'a')}};
  };
  for (const Fields& fields : {Fields{}, Fields{{"Authorization", "Bearer x"}}, signed_for("s3")}) {
    EXPECT_EQ(Visit("GET", fields).status, 403);
    EXPECT_EQ(Field("x-amzn-ErrorType"), "AccessDeniedException");
    EXPECT_THAT(last.body, HasSubstr("Forbidden. For troubleshooting Function URL authorization"));
  }
  EXPECT_TRUE(invoker.payloads.empty());
  EXPECT_EQ(Visit("GET", signed_for("lambda")).status, 200);
  const Json event = MUST(base::ParseJson(invoker.payloads.back()));
  EXPECT_EQ(event["requestContext"]["authorizer"]["iam"]["accessKey"], "AKID");
}

TEST_F(UrlServiceTest, CorsFieldsAreTheHostsToSay) {
  const struct {
    Json cors;
    const char* origin;
    const char* allowed;  // Access-Control-Allow-Origin
    const char* credentials;
    const char* exposed;
    const char* vary;
  } rows[] = {
      {{{"AllowOrigins", {"*"}}}, "https://a", "*", "", "", ""},
      {{{"AllowOrigins", {"https://a", "https://b"}}}, "https://b", "https://b", "", "", "Origin"},
      {{{"AllowOrigins", {"https://a"}}}, "https://b", "", "", "", ""},
      {{{"AllowOrigins", {"*"}}, {"AllowCredentials", true}},
       "https://a",
       "https://a",
       "true",
       "",
       "Origin"},
      {{{"AllowOrigins", {"*"}}, {"ExposeHeaders", {"x-a", "x-b"}}},
       "https://a",
       "*",
       "",
       "x-a,x-b",
       ""},
      {{{"AllowOrigins", {"*"}}}, "", "", "", "", ""},
      {{{"AllowMethods", {"GET"}}}, "https://a", "", "", "", ""}};
  // What the function says of it does not count.
  Answers(R"({"statusCode":200,"headers":{"Access-Control-Allow-Origin":"evil"}})");
  for (const auto& row : rows) {
    Set({{"AuthType", "NONE"}, {"Cors", row.cors}});
    Fields fields;
    if (*row.origin != '\0') fields.emplace_back("Origin", row.origin);
    EXPECT_EQ(Visit("GET", fields).status, 200);
    EXPECT_EQ(Field("Access-Control-Allow-Origin"), row.allowed) << row.cors << row.origin;
    EXPECT_EQ(Field("Access-Control-Allow-Credentials"), row.credentials) << row.cors;
    EXPECT_EQ(Field("Access-Control-Expose-Headers"), row.exposed) << row.cors;
    EXPECT_EQ(Field("Vary"), row.vary) << row.cors;
  }
}

TEST_F(UrlServiceTest, WithoutCorsSettingsTheFunctionSpeaksForItself) {
  Set({{"AuthType", "NONE"}});
  Answers(R"({"statusCode":200,"headers":{"Access-Control-Allow-Origin":"https://a"}})");
  Visit("OPTIONS", {{"Origin", "https://a"}, {"Access-Control-Request-Method", "GET"}});
  EXPECT_EQ(Field("Access-Control-Allow-Origin"), "https://a");
  EXPECT_EQ(invoker.payloads.size(), 1u) << "a preflight request is the function's, too";
}

TEST_F(UrlServiceTest, APreflightRequestIsAnsweredWithoutTheFunctionAndWithoutASignature) {
  Set({{"AuthType", "AWS_IAM"},
       {"Cors",
        {{"AllowOrigins", {"https://a"}},
         {"AllowMethods", {"GET", "PUT"}},
         {"AllowHeaders", {"x-a"}},
         {"MaxAge", 60}}}});
  const Fields asks{{"Origin", "https://a"}, {"Access-Control-Request-Method", "PUT"}};
  EXPECT_EQ(Visit("OPTIONS", asks).status, 200);
  EXPECT_EQ(Field("Access-Control-Allow-Origin"), "https://a");
  EXPECT_EQ(Field("Access-Control-Allow-Methods"), "GET,PUT");
  EXPECT_EQ(Field("Access-Control-Allow-Headers"), "x-a");
  EXPECT_EQ(Field("Access-Control-Max-Age"), "60");
  EXPECT_EQ(Visit("OPTIONS", {{"Origin", "https://b"}, asks[1]}).status, 200);
  EXPECT_EQ(Field("Access-Control-Allow-Methods"), "") << "nothing is said to other pages";
  EXPECT_TRUE(invoker.payloads.empty());
  EXPECT_EQ(Visit("OPTIONS", {asks[0]}).status, 403) << "no preflight: a request like others";
}

}  // namespace
}  // namespace hearth::invoker
