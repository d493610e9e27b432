#include "triggers/s3/webhook.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "tests/unit/io/http_server_fixture.h"

namespace hearth::s3 {
namespace {

using base::Json;
using testing::HasSubstr;
using Target = NotificationRule::Target;

constexpr char kFunction[] = "arn:aws:lambda:us-east-1:000000000000:function:Thumbs";

class WebhookTest : public hearth::test::HttpServerTest {
 protected:
  void Listen(std::string token = "") {
    NotificationConfig config{{{.id = "pictures",
                                .target = Target::kFunction,
                                .arn = kFunction,
                                .events = {"s3:ObjectCreated:*"},
                                .prefix = "in put/",
                                .suffix = ".jpg"}},
                              bridges_};
    rules_ = std::make_shared<const NotificationRules>(config, "photos", invoker::Account());
    webhook_ = std::make_unique<EventWebhook>(
        EventWebhook::Parts{.rules =
                                [this](const std::string& bucket) {
                                  return bucket == "photos" ? rules_ : NotificationRulesRef();
                                },
                            .put =
                                [this](std::vector<OutgoingEvent> events, Done<void> done) {
                                  ++puts_;
                                  if (fails_) return done(std::unexpected(Refusal("SlowDown")));
                                  for (OutgoingEvent& event : events)
                                    events_.push_back(std::move(event));
                                  done({});
                                },
                            .token = std::move(token)});
    gateway_.RegisterOwn(std::string(EventWebhook::kPath),
                         [this](aws::Call call) { webhook_->Handle(std::move(call)); });
    handler_ = [this](io::HttpRequest request, io::HttpResponder responder) {
      gateway_.Handle(std::move(request), std::move(responder));
    };
    Start();
  }
  std::string Ask(const std::string& method, const std::string& body,
                  const std::string& headers = "", const std::string& more_path = "") {
    hearth::test::RawClient client = Connect();
    client.Send(method + " /_hearth/s3-events" + more_path +
                " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.ReadToEnd();
  }
  int Status(const std::string& answer) { return std::stoi(answer.substr(9, 3)); }
  int Post(const std::string& body) { return Status(Ask("POST", body)); }

  static Json Record(const std::string& event, const std::string& bucket, const std::string& key) {
    return {{"eventVersion", "2.0"},
            {"eventSource", "minio:s3"},
            {"awsRegion", ""},
            {"eventTime", "2026-08-06T12:34:56.789Z"},
            {"eventName", event},
            {"userIdentity", {{"principalId", "minio"}}},
            {"requestParameters", {{"sourceIPAddress", "10.0.0.1"}}},
            {"responseElements", {{"x-amz-request-id", "R1"}}},
            {"s3",
             {{"s3SchemaVersion", "1.0"},
              {"configurationId", "Config"},
              {"bucket", {{"name", bucket}, {"arn", "arn:aws:s3:::" + bucket}}},
              {"object",
               {{"key", key}, {"size", 7}, {"eTag", "e1"}, {"sequencer", "17A0"}, {"x", 1}}}}},
            {"source", {{"host", "10.0.0.1"}}}};
  }
  static std::string Body(const Json& records) {
    return base::ToJsonText({{"EventName", "s3:ObjectCreated:Put"}, {"Records", records}});
  }

  NotificationRulesRef rules_;
  std::unique_ptr<EventWebhook> webhook_;
  aws::Gateway gateway_;
  std::vector<OutgoingEvent> events_;
  int puts_ = 0;
  bool fails_ = false;
  bool bridges_ = false;
};

TEST_F(WebhookTest, RoutesARecordByItsBucketsRulesAndKeepsWhatItSays) {
  Listen();
  EXPECT_EQ(Post(Body(Json::array({Record("s3:ObjectCreated:Put", "photos", "in+put%2Fa.jpg"),
                                   Record("ObjectCreated:Copy", "photos", "in%20put/b.jpg"),
                                   Record("s3:ObjectCreated:Put", "photos", "in+put/a.png"),
                                   Record("s3:ObjectAccessed:Get", "photos", "in+put/a.jpg"),
                                   Record("s3:ObjectRemoved:Delete", "photos", "in+put/a.jpg")}))),
            200);
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(puts_, 1) << "one body, one commit";
  EXPECT_EQ(events_[0].arn, kFunction);
  Json expected = Record("ObjectCreated:Put", "photos", "in+put%2Fa.jpg");
  expected["eventSource"] = "aws:s3";
  expected["awsRegion"] = "us-east-1";
  expected["s3"]["configurationId"] = "pictures";
  EXPECT_EQ(MUST(base::ParseJson(events_[0].payload)), Json({{"Records", {expected}}}));
  EXPECT_EQ(MUST(base::ParseJson(events_[1].payload))["Records"][0]["eventName"],
            "ObjectCreated:Copy");
  EXPECT_EQ(webhook_->counters().records, 5u);
  EXPECT_EQ(webhook_->counters().events, 2u);
}

TEST_F(WebhookTest, TellsTheBusInItsOwnForm) {
  bridges_ = true;
  Listen();
  EXPECT_EQ(Post(Body(Json::array({Record("s3:ObjectRemoved:Delete", "photos", "a+b")}))), 200);
  ASSERT_EQ(events_.size(), 1u);
  const Json event = MUST(base::ParseJson(events_[0].payload));
  EXPECT_EQ(event["detail-type"], "Object Deleted");
  EXPECT_EQ(event["time"], "2026-08-06T12:34:56Z");
  EXPECT_EQ(event["detail"]["object"], Json({{"key", "a b"}, {"sequencer", "17A0"}}));
  EXPECT_EQ(event["detail"]["source-ip-address"], "10.0.0.1");
}

TEST_F(WebhookTest, NamesTheBucketThatIsNotHereAndTakesNothing) {
  Listen();
  const std::string answer =
      Ask("POST", Body(Json::array({Record("s3:ObjectCreated:Put", "photos", "in+put/a.jpg"),
                                    Record("s3:ObjectCreated:Put", "elsewhere", "k")})));
  EXPECT_EQ(Status(answer), 404);
  EXPECT_THAT(answer, HasSubstr("'elsewhere'"));
  EXPECT_EQ(puts_, 0);
  EXPECT_EQ(webhook_->counters().refused, 1u);
}

TEST_F(WebhookTest, AnswersOnlyWhatIsDurable) {
  Listen();
  fails_ = true;
  const std::string body =
      Body(Json::array({Record("s3:ObjectCreated:Put", "photos", "in+put/a.jpg")}));
  EXPECT_EQ(Post(body), 503);
  EXPECT_EQ(webhook_->counters().records, 0u);
  fails_ = false;
  EXPECT_EQ(Post(body), 200);
}

TEST_F(WebhookTest, RefusesWhatIsNoRecord) {
  Listen();
  Json no_key = Record("s3:ObjectCreated:Put", "photos", "k");
  no_key["s3"]["object"].erase("key");
  Json odd = Record("s3:ObjectCreated:Put", "photos", "k");
  odd["s3"] = Json::array();
  for (const std::string& body : std::vector<std::string>{
           "", "x", "[]", "{}", R"({"Records":{}})", R"({"Records":[1]})", R"({"Records":[{}]})",
           R"({"Records":[null]})", Body(Json::array({no_key})), Body(Json::array({odd})),
           Body(Json::array({Record("", "photos", "k")})),
           Body(Json::array({Record("s3:ObjectCreated:Put", "", "k")})),
           Body(Json::array({Record("s3:ObjectCreated:Put", "../etc", "k")})),
           Body(Json::array({Record("s3:ObjectCreated:Put", "photos", "%00")})),
           Body(Json::array({Record("s3:ObjectCreated:Put", "photos", std::string(1025, 'k'))})),
           std::string(600, '[') + std::string(600, ']')}) {
    EXPECT_EQ(Post(body), 400) << body.substr(0, 200);
  }
  EXPECT_EQ(Post(std::string(kMaxWebhookBody + 1, ' ')), 413);
  EXPECT_EQ(puts_, 0);
  EXPECT_EQ(Post(R"({"Records":[]})"), 200);
}

TEST_F(WebhookTest, AsksForItsTokenWhereItHasOne) {
  Listen("secret");
  const std::string body = R"({"Records":[]})";
  for (const char* wrong : {"", "Authorization: secret\r\n", "Authorization: Bearer secre\r\n",
                            "Authorization: Bearer secret2\r\n", "Authorization: Bearer \r\n",
                            "Authorization: Bearer Secret\r\n"}) {
    EXPECT_EQ(Status(Ask("POST", body, wrong)), 401) << wrong;
    EXPECT_EQ(Status(Ask("HEAD", "", wrong)), 401) << wrong;
  }
  EXPECT_EQ(Status(Ask("POST", body, "Authorization: Bearer secret\r\n")), 200);
}

TEST_F(WebhookTest, TellsThatItIsHereAndTakesNothingButPosts) {
  Listen();
  EXPECT_EQ(Status(Ask("HEAD", "")), 200);
  EXPECT_EQ(Status(Ask("GET", "")), 200);
  EXPECT_EQ(Status(Ask("PUT", "{}")), 405);
  EXPECT_EQ(Status(Ask("POST", "{}", "", "-other")), 404);
}

}  // namespace
}  // namespace hearth::s3
