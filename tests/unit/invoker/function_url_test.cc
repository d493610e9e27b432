// Function URLs as values (payload format 2.0 both ways, addresses) and their configuration on the
// wire.
#include "invoker/function_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "base/digest.h"
#include "invoker/url_event.h"
#include "invoker/url_response.h"

namespace hearth::invoker {
namespace {

using base::Json;
using ::testing::HasSubstr;

// --- Addresses

TEST(UrlText, IsAtTheHostThatWasAsked) {
  const struct {
    const char* host;
    const char* url;
  } rows[] = {{"localhost:4566", "http://abc.lambda-url.us-east-1.localhost:4566/"},
              {"127.0.0.1:4566", "http://abc.lambda-url.us-east-1.localhost:4566/"},
              {"localhost", "http://abc.lambda-url.us-east-1.localhost/"},
              {"hearth.example:80", "http://abc.lambda-url.us-east-1.hearth.example:80/"},
              {"lambda.us-east-1.amazonaws.com", "http://abc.lambda-url.us-east-1.localhost/"},
              {"evil/../x:80", "http://abc.lambda-url.us-east-1.localhost:80/"},
              {"a b", "http://abc.lambda-url.us-east-1.localhost/"},
              {"", "http://abc.lambda-url.us-east-1.localhost/"}};
  for (const auto& row : rows) {
    EXPECT_EQ(UrlText({.id = "abc"}, {}, row.host), row.url) << row.host;
  }
}

// --- Requests

io::HttpRequest Request(std::string target,
                        const std::vector<std::pair<std::string, std::string>>& fields = {},
                        std::string body = "") {
  io::HttpRequest out{.method = "POST",
                      .target = std::move(target),
                      .headers = {},
                      .body = std::move(body),
                      .peer = "10.1.2.3:5678"};
  out.headers.Add("Host", "abc.lambda-url.us-east-1.localhost:4566");
  for (const auto& [name, value] : fields) out.headers.Add(name, value);
  return out;
}

Json EventOf(const io::HttpRequest& http, std::optional<aws::Signature> signature = {}) {
  const UrlRequest request{.http = http,
                           .url_id = "abc",
                           .request_id = "request-1",
                           .trace_id = "Root=1-2",
                           .signature = std::move(signature)};
  const auto now = base::WallTime(std::chrono::milliseconds(1'786'020'896'789));
  return MUST(base::ParseJson(MakeUrlEvent(request, {}, now)));
}

TEST(UrlEvent, IsPayloadFormatTwo) {
  const Json event = EventOf(Request("/a%20b/c?x=1&y=2", {{"User-Agent", "curl/8"}}));
  const Json expected{{"version", "2.0"},
                      {"routeKey", "$default"},
                      {"rawPath", "/a b/c"},
                      {"rawQueryString", "x=1&y=2"},
                      {"queryStringParameters", {{"x", "1"}, {"y", "2"}}},
                      {"headers",
                       {{"host", "abc.lambda-url.us-east-1.localhost:4566"},
                        {"user-agent", "curl/8"},
                        {"x-amzn-trace-id", "Root=1-2"},
                        {"x-forwarded-for", "10.1.2.3"},
                        {"x-forwarded-port", "4566"},
                        {"x-forwarded-proto", "http"}}},
                      {"requestContext",
                       {{"accountId", "anonymous"},
                        {"apiId", "abc"},
                        {"domainName", "abc.lambda-url.us-east-1.localhost"},
                        {"domainPrefix", "abc"},
                        {"http",
                         {{"method", "POST"},
                          {"path", "/a b/c"},
                          {"protocol", "HTTP/1.1"},
                          {"sourceIp", "10.1.2.3"},
                          {"userAgent", "curl/8"}}},
                        {"requestId", "request-1"},
                        {"routeKey", "$default"},
                        {"stage", "$default"},
                        {"time", "06/Aug/2026:12:54:56 +0000"},
                        {"timeEpoch", 1'786'020'896'789}}},
                      {"isBase64Encoded", false}};
  EXPECT_EQ(event, expected);
}

TEST(UrlEvent, FieldsAndParametersOfOneNameAreJoinedAndCookiesStandByThemselves) {
  const Json event =
      EventOf(Request("/?a=1&a=2&b=&c&d=x%2By+z&&=e", {{"X-Two", "1"},
                                                       {"x-two", "2"},
                                                       {"Cookie", "a=1; b=2;;  c=3 "},
                                                       {"Cookie", "d=4"},
                                                       {"X-Forwarded-For", "6.6.6.6"},
                                                       {"X-Amzn-Trace-Id", "forged"}}));
  EXPECT_EQ(event["headers"]["x-two"], "1,2");
  EXPECT_EQ(event["headers"]["x-forwarded-for"], "10.1.2.3") << "a client says nothing of itself";
  EXPECT_EQ(event["headers"]["x-amzn-trace-id"], "Root=1-2");
  EXPECT_FALSE(event["headers"].contains("cookie"));
  EXPECT_EQ(event["cookies"], Json({"a=1", "b=2", "c=3", "d=4"}));
  const Json parameters{{"a", "1,2"}, {"b", ""}, {"c", ""}, {"d", "x+y z"}, {"", "e"}};
  EXPECT_EQ(event["queryStringParameters"], parameters);
  EXPECT_FALSE(EventOf(Request("/")).contains("cookies"));
  EXPECT_FALSE(EventOf(Request("/")).contains("queryStringParameters"));
}

TEST(UrlEvent, ABodyThatIsNotKnownToBeTextIsInBase64) {
  const struct {
    const char* type;
    const char* encoding;
    std::string body;
    bool is_text;
  } rows[] = {{"text/plain", "", "a", true},
              {"TEXT/HTML; charset=utf-8", "", "\xc3\xa4", true},
              {"application/json", "", "{}", true},
              {"application/problem+json", "", "{}", true},
              {"image/svg+xml", "", "<svg/>", true},
              {"application/xml", "", "<a/>", true},
              {"application/javascript", "", "1", true},
              {"application/x-www-form-urlencoded", "", "a=1", false},
              {"application/octet-stream", "", "a", false},
              {"", "", "a", false},
              {"text/plain", "gzip", "a", false},
              {"text/plain", "", "\xff\xfe", false},
              {"application/json", "", std::string("\0", 1), true}};
  for (const auto& row : rows) {
    std::vector<std::pair<std::string, std::string>> fields;
    if (*row.type != '\0') fields.emplace_back("Content-Type", row.type);
    if (*row.encoding != '\0') fields.emplace_back("Content-Encoding", row.encoding);
    const Json event = EventOf(Request("/", fields, row.body));
    EXPECT_EQ(event["isBase64Encoded"], !row.is_text) << row.type;
    EXPECT_EQ(event["body"], row.is_text ? row.body : base::Base64Encode(row.body)) << row.type;
  }
  EXPECT_FALSE(EventOf(Request("/", {{"Content-Type", "text/plain"}})).contains("body"));
}

TEST(UrlEvent, ASignedRequestSaysWhoAsks) {
  const Json context =
      EventOf(Request("/"), aws::Signature{"AKID", "us-east-1", "lambda"})["requestContext"];
  EXPECT_EQ(context["accountId"], "000000000000");
  EXPECT_EQ(context["authorizer"]["iam"]["accessKey"], "AKID");
  EXPECT_EQ(context["authorizer"]["iam"]["userArn"], "arn:aws:iam::000000000000:root");
}

TEST(AddressOf, LeavesThePortAway) {
  EXPECT_EQ(AddressOf("1.2.3.4:5678"), "1.2.3.4");
  EXPECT_EQ(AddressOf("[::1]:80"), "::1");
  EXPECT_EQ(AddressOf(""), "");
}

// --- Answers

// "201 Content-Type: a|Set-Cookie: b| body", or "502".
std::string ShownOf(const std::optional<io::HttpResponse>& response) {
  if (!response) return "502";
  std::string out = std::to_string(response->status) + " ";
  for (size_t i = 0; i < response->headers.size(); ++i) {
    const auto [name, value] = response->headers[i];
    out.append(name).append(": ").append(value).append("|");
  }
  return out + " " + response->body;
}

TEST(UrlResponse, IsWhatTheFunctionSays) {
  const struct {
    const char* payload;
    const char* shown;
  } rows[] = {
      // Without a statusCode, whatever it is, it is the body.
      {R"("hi")", R"(200 Content-Type: application/json| "hi")"},
      {"7", "200 Content-Type: application/json| 7"},
      {"null", "200 Content-Type: application/json| null"},
      {R"({"body":"x"})", R"(200 Content-Type: application/json| {"body":"x"})"},
      // With one.
      {R"({"statusCode":201})", "201 Content-Type: application/json| "},
      {R"({"statusCode":200,"body":"x"})", "200 Content-Type: application/json| x"},
      {R"({"statusCode":200,"body":"aGk=","isBase64Encoded":true})",
       "200 Content-Type: application/json| hi"},
      {R"({"statusCode":200,"headers":{"content-type":"text/html"},"body":"x"})",
       "200 content-type: text/html| x"},
      {R"({"statusCode":200,"headers":{"X-N":1,"X-B":true}})",
       "200 X-B: true|X-N: 1|Content-Type: application/json| "},
      {R"({"statusCode":302,"headers":{"Location":"/x"},"cookies":["a=1; Secure","b=2"]})",
       "302 Location: /x|Set-Cookie: a=1; Secure|Set-Cookie: b=2|Content-Type: application/json| "},
      // What is the host's to say.
      {R"({"statusCode":200,"headers":{"connection":"close","Date":"d","Content-Length":"9"}})",
       "200 x-amzn-Remapped-Content-Length: 9|x-amzn-Remapped-Date: d|"
       "x-amzn-Remapped-connection: close|Content-Type: application/json| "},
      // What makes no response.
      {"", "502"},
      {"{", "502"},
      {R"({"statusCode":null})", "502"},
      {R"({"statusCode":"200"})", "502"},
      {R"({"statusCode":200.5})", "502"},
      {R"({"statusCode":101})", "502"},
      {R"({"statusCode":600})", "502"},
      {R"({"statusCode":-1})", "502"},
      {R"({"statusCode":200,"body":{"a":1}})", "502"},
      {R"({"statusCode":200,"body":"!","isBase64Encoded":true})", "502"},
      {R"({"statusCode":200,"isBase64Encoded":"yes"})", "502"},
      {R"({"statusCode":200,"headers":["a"]})", "502"},
      {R"({"statusCode":200,"headers":{"a b":"c"}})", "502"},
      {R"({"statusCode":200,"headers":{"a":["b"]}})", "502"},
      {R"({"statusCode":200,"cookies":"a=1"})", "502"},
      {R"({"statusCode":200,"cookies":[1]})", "502"}};
  for (const auto& row : rows) EXPECT_EQ(ShownOf(UrlResponseOf(row.payload)), row.shown);
}

TEST(UrlResponse, MoreFieldsThanAMessageMayHaveAreRefused) {
  Json headers = Json::object();
  for (size_t i = 0; i <= limits::kMaxHeaders; ++i) headers["h" + std::to_string(i)] = "x";
  EXPECT_EQ(ShownOf(UrlResponseOf(Json{{"statusCode", 200}, {"headers", headers}}.dump())), "502");
  const std::string long_text(limits::kMaxHeaderBytes, 'x');
  EXPECT_EQ(ShownOf(UrlResponseOf(Json{{"statusCode", 200}, {"cookies", {long_text, "y"}}}.dump())),
            "502");
}

TEST(Prelude, IsFoundWhereverItIsCut) {
  const std::string prelude = R"({"statusCode":418,"cookies":["a=1"]})" + std::string(8, '\0');
  const std::string all = prelude + std::string("\0body", 5);
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    PreludeReader reader;
    std::string_view first = std::string_view(all).substr(0, cut);
    std::string_view second = std::string_view(all).substr(cut);
    std::string rest;
    auto state = reader.Feed(first);
    rest = first;
    if (state == PreludeReader::State::kReading) {
      state = reader.Feed(second);
    }
    rest += second;
    ASSERT_EQ(state, PreludeReader::State::kDone) << cut;
    EXPECT_EQ(ShownOf(reader.TakeHead()), "418 Set-Cookie: a=1| ");
    EXPECT_EQ(rest, std::string("\0body", 5)) << cut;
  }
}

TEST(Prelude, OneThatIsNoneIsBroken) {
  for (const std::string& text : {std::string("[]") + std::string(8, '\0'), std::string(8, '\0'),
                                  R"({"statusCode":99})" + std::string(8, '\0'),
                                  std::string(limits::kMaxHeaderBytes + 8, 'x')}) {
    PreludeReader reader;
    std::string_view piece = text;
    EXPECT_EQ(reader.Feed(piece), PreludeReader::State::kBroken);
  }
}

// --- Configuration on the wire

class FunctionUrlTest : public test::ApiFixture {
 protected:
  FunctionUrlTest() {
    EXPECT_TRUE(Create("Hello", Publication::kVersion));
    EXPECT_EQ(Ask("POST", "aliases", R"({"Name":"PROD","FunctionVersion":"1"})").status, 201);
  }
  std::string Call(const char* method, const Json& body = {}, const std::string& query = "",
                   const std::string& function = "Hello") {
    AskPath(method, "/2021-10-31/functions/" + function + "/url" + query,
            body.is_null() ? "" : body.dump());
    return Shown();
  }
};

TEST_F(FunctionUrlTest, LivesItsWholeLifeAndKeepsItsAddress) {
  const Json cors{{"AllowCredentials", true}, {"AllowHeaders", {"x-a"}},
                  {"AllowMethods", {"GET"}},  {"AllowOrigins", {"https://a"}},
                  {"ExposeHeaders", {"x-b"}}, {"MaxAge", 0}};
  EXPECT_EQ(Call("POST", {{"AuthType", "AWS_IAM"}, {"Cors", cors}}, "?Qualifier=PROD"), "201");
  const Json made = Body();
  EXPECT_EQ(made["Cors"], cors);
  EXPECT_EQ(made["InvokeMode"], "BUFFERED");
  EXPECT_TRUE(made["FunctionArn"].get<std::string>().ends_with(":Hello:PROD"));
  EXPECT_EQ(Call("GET", {}, "?Qualifier=PROD"), "200");
  EXPECT_EQ(Body(), made);
  EXPECT_EQ(Call("PUT", {{"InvokeMode", "RESPONSE_STREAM"}}, "?Qualifier=PROD"), "200");
  EXPECT_EQ(Body()["FunctionUrl"], made["FunctionUrl"]);
  EXPECT_EQ(Body()["AuthType"], "AWS_IAM") << "what is not named stays";
  EXPECT_EQ(Body()["Cors"], cors);
  EXPECT_EQ(Call("PUT", {{"Cors", Json::object()}}, "?Qualifier=PROD"), "200");
  EXPECT_FALSE(Body().contains("Cors"));
  EXPECT_EQ(Call("POST", {{"AuthType", "NONE"}}), "201") << "the function's own is another";
  AskPath("GET", "/2021-10-31/functions/Hello/urls?MaxItems=1");
  EXPECT_EQ(Body()["FunctionUrlConfigs"].size(), 1u);
  AskPath("GET",
          "/2021-10-31/functions/Hello/urls?Marker=" + Body()["NextMarker"].get<std::string>());
  EXPECT_EQ(Body()["FunctionUrlConfigs"].size(), 1u);
  EXPECT_FALSE(Body().contains("NextMarker"));
  const std::string address_before = made["FunctionUrl"];
  Restart();
  EXPECT_EQ(Call("GET", {}, "?Qualifier=PROD"), "200");
  EXPECT_EQ(Body()["FunctionUrl"], address_before);
  EXPECT_EQ(Call("DELETE", {}, "?Qualifier=PROD"), "204");
  EXPECT_EQ(Call("GET", {}, "?Qualifier=PROD"),
            "404 ResourceNotFoundException: The resource you requested does not exist.");
}

TEST_F(FunctionUrlTest, EveryNamedErrorIsAwsOwn) {
  EXPECT_EQ(Call("POST", {{"AuthType", "NONE"}}), "201");
  const Json none{{"AuthType", "NONE"}};
  const struct {
    const char* method;
    Json body;
    const char* query;
    const char* function;
    const char* error;
  } rows[] = {
      {"POST", none, "", "Hello",
       "409 ResourceConflictException: Failed to create function url config for [functionArn = "
       "arn:aws:lambda:us-east-1:000000000000:function:Hello]. Error message:  FunctionUrlConfig "
       "exists for this Lambda function"},
      {"POST", none, "", "absent", "404 ResourceNotFoundException: Function does not exist"},
      {"POST", none, "?Qualifier=no", "Hello",
       "404 ResourceNotFoundException: Function does not exist"},
      {"POST", none, "?Qualifier=1", "Hello", "400 ValidationException: 1 validation error"},
      {"POST", Json::object(), "?Qualifier=PROD", "Hello", "400 ValidationException: 1 validation"},
      {"PUT", none, "?Qualifier=PROD", "Hello",
       "404 ResourceNotFoundException: The resource you requested does not exist."},
      {"PUT", {{"AuthType", 1}}, "", "Hello", "400 SerializationException"},
      {"PUT", {{"AuthType", "OPEN"}}, "", "Hello", "400 ValidationException: 1 validation error"},
      {"PUT", {{"Cors", 1}}, "", "Hello", "400 SerializationException"},
      {"PUT", {{"Cors", {{"MaxAge", -1}}}}, "", "Hello", "400 ValidationException"},
      {"PUT", {{"Cors", {{"MaxAge", "1"}}}}, "", "Hello", "400 SerializationException"},
      {"PUT", {{"Cors", {{"AllowOrigins", {""}}}}}, "", "Hello", "400 ValidationException"},
      {"PUT", {{"Cors", {{"AllowOrigins", {1}}}}}, "", "Hello", "400 SerializationException"},
      {"PUT", {{"Cors", {{"AllowCredentials", "yes"}}}}, "", "Hello", "400 SerializationException"},
      {"DELETE",
       {},
       "?Qualifier=PROD",
       "Hello",
       "404 ResourceNotFoundException: The resource you requested does not exist."}};
  for (const auto& row : rows) {
    EXPECT_THAT(Call(row.method, row.body, row.query, row.function), testing::StartsWith(row.error))
        << row.method << row.body << row.query;
  }
}

}  // namespace
}  // namespace hearth::invoker
