#include "triggers/s3/cors.h"

#include <string>

#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

const std::string kXml =
    "<CORSConfiguration><CORSRule><ID>one</ID>"
    "<AllowedOrigin>http://*.example.com</AllowedOrigin>"
    "<AllowedOrigin>https://exact.org</AllowedOrigin>"
    "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
    "<AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader>"
    "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-id-2</ExposeHeader>"
    "<MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>"
    "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"
    "</CORSConfiguration>";

CorsRules Rules() { return ReadCors(kXml).value_or(CorsRules{}); }

TEST(S3Cors, RulesAreGivenBackAsTheyWereSent) {
  const CorsRules rules = Rules();
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].id, "one");
  EXPECT_EQ(rules[0].max_age_s, 3000);
  EXPECT_EQ(CorsXml(rules),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule>"
            "<ID>one</ID><AllowedHeader>x-amz-*</AllowedHeader>"
            "<AllowedHeader>Content-Type</AllowedHeader><AllowedMethod>PUT</AllowedMethod>"
            "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>http://*.example.com</AllowedOrigin>"
            "<AllowedOrigin>https://exact.org</AllowedOrigin><ExposeHeader>ETag</ExposeHeader>"
            "<ExposeHeader>x-amz-id-2</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>"
            "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
            "</CORSRule></CORSConfiguration>");
  EXPECT_EQ(CorsXml(*ReadCors(CorsXml(rules))), CorsXml(rules));
}

TEST(S3Cors, RulesThatMayNotBeAreRefusedInAwssWords) {
  const auto said = [](const std::string& rule) {
    const auto rules =
        ReadCors("<CORSConfiguration><CORSRule>" + rule + "</CORSRule></CORSConfiguration>");
    return rules ? "" : rules.error().type + ": " + rules.error().message;
  };
  const std::string origin = "<AllowedOrigin>*</AllowedOrigin>";
  const std::string method = "<AllowedMethod>GET</AllowedMethod>";
  EXPECT_EQ(said(origin + method), "");
  EXPECT_TRUE(said(origin).starts_with("MalformedXML"));
  EXPECT_TRUE(said(method).starts_with("MalformedXML"));
  EXPECT_EQ(said(origin + "<AllowedMethod>OPTIONS</AllowedMethod>"),
            "InvalidRequest: Found unsupported HTTP method in CORS config. Unsupported method is "
            "OPTIONS");
  EXPECT_EQ(said(method + "<AllowedOrigin>*a*</AllowedOrigin>"),
            "InvalidRequest: AllowedOrigin \"*a*\" can not have more than one wildcard.");
  EXPECT_EQ(said(origin + method + "<AllowedHeader>*-*</AllowedHeader>"),
            "InvalidRequest: AllowedHeader \"*-*\" can not have more than one wildcard.");
  EXPECT_TRUE(said(origin + method + "<ExposeHeader>*</ExposeHeader>")
                  .starts_with("InvalidRequest: ExposeHeader \"*\" contains wildcard."));
  EXPECT_TRUE(said(origin + method + "<ExposeHeader>a\nb: c</ExposeHeader>")
                  .starts_with("InvalidRequest: ExposeHeader"));
  for (const std::string seconds : {"", "x", "-1", "99999999999", "1.5"}) {
    EXPECT_TRUE(said(origin + method + "<MaxAgeSeconds>" + seconds + "</MaxAgeSeconds>")
                    .starts_with("MalformedXML"))
        << seconds;
  }
  EXPECT_TRUE(said(origin + method + "<ID>" + std::string(256, 'i') + "</ID>")
                  .starts_with("InvalidRequest"));
  EXPECT_TRUE(said(origin + method + "<Other/>").starts_with("NotImplemented"));
  EXPECT_EQ(ReadCors("<CORSConfiguration/>").error().type, "MalformedXML");
  std::string many = "<CORSConfiguration>";
  for (int i = 0; i < 101; ++i) many += "<CORSRule>" + origin + method + "</CORSRule>";
  EXPECT_EQ(ReadCors(many + "</CORSConfiguration>").error().type, "InvalidRequest");
}

TEST(S3Cors, TheFirstRuleThatAllowsAllOfItAnswers) {
  struct Case {
    std::string origin, method, headers;
    std::string allowed;  // Access-Control-Allow-Origin; empty: no rule.
  };
  for (const Case& each : {
           Case{"http://a.example.com", "PUT", "", "http://a.example.com"},
           Case{"http://a.example.com", "GET", "X-Amz-Date, content-TYPE", "http://a.example.com"},
           Case{"https://exact.org", "GET", "x-amz-", "https://exact.org"},
           Case{"http://.example.com", "PUT", "", "http://.example.com"},
           Case{"https://a.example.com", "PUT", "", ""},
           Case{"http://a.example.com.evil.org", "PUT", "", ""},
           Case{"http://example.com", "PUT", "", ""},
           Case{"https://exact.org", "PUT", "x-am", ""},
           Case{"https://exact.org", "PUT", "content-type, other", ""},
           Case{"https://exact.org", "DELETE", "", ""},
           Case{"https://exact.org", "put", "", ""},
           Case{"https://other.org", "GET", "", "*"},
           Case{"https://exact.org", "GET", "other", ""},
           Case{"null", "GET", "", "*"},
           Case{"", "GET", "", ""},
       }) {
    const auto answer = CorsAnswer(Rules(), each.origin, each.method, each.headers);
    EXPECT_EQ(answer ? answer->Get("Access-Control-Allow-Origin") : "", each.allowed)
        << each.origin << each.method << each.headers;
  }
}

TEST(S3Cors, AnAnswerSaysWhatItsRuleSays) {
  EXPECT_EQ(CorsAnswer(Rules(), "https://exact.org", "GET", "Content-Type")->lines(),
            "Access-Control-Allow-Origin: https://exact.org\r\n"
            "Access-Control-Allow-Methods: PUT, GET\r\n"
            "Access-Control-Allow-Headers: content-type\r\n"
            "Access-Control-Expose-Headers: ETag, x-amz-id-2\r\n"
            "Access-Control-Max-Age: 3000\r\n"
            "Access-Control-Allow-Credentials: true\r\n"
            "Vary: Origin, Access-Control-Request-Headers, Access-Control-Request-Method\r\n");
  EXPECT_EQ(CorsAnswer(Rules(), "https://other.org", "GET", "")->lines(),
            "Access-Control-Allow-Origin: *\r\n"
            "Access-Control-Allow-Methods: GET\r\n"
            "Vary: Origin, Access-Control-Request-Headers, Access-Control-Request-Method\r\n");
}

TEST(S3Cors, APreflightRequestIsAllowedOrForbidden) {
  const CorsRules rules = Rules();
  const auto said = [](const CorsRules* of, const std::string& origin, const std::string& method) {
    io::HttpHeaders request;
    if (!origin.empty()) request.Add("Origin", origin);
    if (!method.empty()) request.Add("Access-Control-Request-Method", method);
    const auto answer = PreflightAnswer(of, request, true);
    return answer ? ""
                  : std::to_string(answer.error().status) + " " + answer.error().type + ": " +
                        answer.error().message.substr(0, 51);
  };
  EXPECT_EQ(said(&rules, "https://exact.org", "PUT"), "");
  EXPECT_EQ(said(&rules, "https://exact.org", "DELETE"),
            "403 AccessForbidden: CORSResponse: This CORS request is not allowed. Thi");
  EXPECT_EQ(said(nullptr, "https://exact.org", "PUT"),
            "403 AccessForbidden: CORSResponse: CORS is not enabled for this bucket.");
  EXPECT_EQ(said(&rules, "", "PUT"),
            "400 BadRequest: Insufficient information. Origin request header nee");
  EXPECT_EQ(said(&rules, "https://exact.org", ""),
            "400 BadRequest: Invalid Access-Control-Request-Method: null");
  const auto forbidden = [&](bool is_object) {
    io::HttpHeaders request;
    request.Add("Origin", "o");
    request.Add("Access-Control-Request-Method", "PUT");
    return PreflightAnswer(nullptr, request, is_object).error().extra;
  };
  EXPECT_EQ(forbidden(true).at("ResourceType"), "OBJECT");
  EXPECT_EQ(forbidden(false).at("ResourceType"), "BUCKET");
  EXPECT_EQ(forbidden(false).at("Method"), "PUT");
}

}  // namespace
}  // namespace hearth::s3
