#include "triggers/s3/event_record.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace hearth::s3 {
namespace {

using base::Json;

ObjectEvent Event(std::string name) {
  return {.name = std::move(name),
          .bucket = "photos",
          .key = "a b/ü@.jpg",
          .etag = "437b930db84b8079c2dd804a71936b5f",
          .version_id = "",
          .sequencer = Sequencer(0x2a),
          .size = 9,
          .time_ms = 1786019696789,
          .request_id = "id-1",
          .source_ip = "127.0.0.1",
          .principal = "AWS:AKID"};
}

Json Parsed(const std::string& text) { return MUST(base::ParseJson(text)); }
Json ObjectOf(const ObjectEvent& event) {
  return Parsed(RecordJson(event, "rule", {}))["Records"][0]["s3"]["object"];
}

// Member by member, in AWS's order: some read it as text.
TEST(EventRecord, IsAWSsToTheByte) {
  EXPECT_EQ(RecordJson(Event("ObjectCreated:Put"), "rule \"1\"", {"eu-west-1", "123456789012"}),
            R"({"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1",)"
            R"("eventTime":"2026-08-06T12:34:56.789Z","eventName":"ObjectCreated:Put",)"
            R"("userIdentity":{"principalId":"AWS:AKID"},)"
            R"("requestParameters":{"sourceIPAddress":"127.0.0.1"},)"
            R"("responseElements":{"x-amz-request-id":"id-1","x-amz-id-2":"aWQtMQ=="},)"
            R"("s3":{"s3SchemaVersion":"1.0","configurationId":"rule \"1\"",)"
            R"("bucket":{"name":"photos","ownerIdentity":{"principalId":"123456789012"},)"
            R"("arn":"arn:aws:s3:::photos"},)"
            R"("object":{"key":"a+b/%C3%BC%40.jpg","size":9,)"
            R"("eTag":"437b930db84b8079c2dd804a71936b5f","sequencer":"00000000000000002A"}}}]})");
}

TEST(EventRecord, HasTheMembersOfItsKindOfEvent) {
  const Json key = "a+b/%C3%BC%40.jpg";
  const Json etag = "437b930db84b8079c2dd804a71936b5f";
  const Json sequencer = "00000000000000002A";
  EXPECT_EQ(ObjectOf(Event("ObjectRemoved:Delete")),
            Json({{"key", key}, {"sequencer", sequencer}}));
  EXPECT_EQ(ObjectOf(Event("ObjectTagging:Put")), Json({{"key", key}, {"eTag", etag}}));
  EXPECT_EQ(ObjectOf(Event("ObjectTagging:Delete")), Json({{"key", key}, {"eTag", etag}}));
  ObjectEvent marker = Event("ObjectRemoved:DeleteMarkerCreated");
  marker.etag = "";
  marker.version_id = "v1";
  EXPECT_EQ(ObjectOf(marker), Json({{"key", key},
                                    {"eTag", "d41d8cd98f00b204e9800998ecf8427e"},
                                    {"versionId", "v1"},
                                    {"sequencer", sequencer}}));
  ObjectEvent versioned = Event("ObjectCreated:Copy");
  versioned.version_id = "v2";
  EXPECT_EQ(ObjectOf(versioned)["versionId"], "v2");
  for (const char* newer : {"ObjectTagging:Put", "LifecycleExpiration:Delete"}) {
    EXPECT_EQ(Parsed(RecordJson(Event(newer), "r", {}))["Records"][0]["eventVersion"], "2.3");
  }
  // The same as of a client's delete.
  for (const std::string change : {":Delete", ":DeleteMarkerCreated"}) {
    EXPECT_EQ(ObjectOf(Event("LifecycleExpiration" + change)),
              ObjectOf(Event("ObjectRemoved" + change)));
  }
}

TEST(EventRecord, OfALifecycleHasNoRequesterOnAnEventBus) {
  const Json detail = Parsed(BridgeJson(Event("LifecycleExpiration:Delete"), {}))["detail"];
  EXPECT_EQ(detail["requester"], "s3.amazonaws.com");
  EXPECT_FALSE(detail.contains("source-ip-address"));
}

TEST(EventRecord, EncodesKeysAsAFormDoesButForSlashes) {
  for (const auto& [key, encoded] :
       std::vector<std::pair<std::string, std::string>>{{"a/b-c_d.e*f", "a/b-c_d.e*f"},
                                                        {"red flower.jpg", "red+flower.jpg"},
                                                        {"a+b", "a%2Bb"},
                                                        {"100%", "100%25"},
                                                        {"~!'()", "%7E%21%27%28%29"},
                                                        {"\n\x7f", "%0A%7F"},
                                                        {"a@b", "a%40b"},
                                                        {"日", "%E6%97%A5"}}) {
    EXPECT_EQ(EncodeEventKey(key), encoded);
    EXPECT_EQ(DecodeEventKey(encoded), key);
  }
  // As MinIO sends them.
  EXPECT_EQ(DecodeEventKey("a%2Fb%20c"), "a/b c");
}

TEST(EventRecord, HasSequencersThatCompareAsTexts) {
  EXPECT_LT(Sequencer(0), Sequencer(9));
  EXPECT_LT(Sequencer(9), Sequencer(10));
  EXPECT_LT(Sequencer(255), Sequencer(256));
  EXPECT_LT(Sequencer(1), Sequencer(INT64_MAX));
  EXPECT_EQ(Sequencer(INT64_MAX).size(), 18u);
}

TEST(EventRecord, HasEventBridgesFormWithThePlainKey) {
  const Json created =
      Parsed(BridgeJson(Event("ObjectCreated:Put"), {"us-east-1", "000000000000"}));
  EXPECT_EQ(created["source"], "aws.s3");
  EXPECT_EQ(created["detail-type"], "Object Created");
  EXPECT_EQ(created["time"], "2026-08-06T12:34:56Z");
  EXPECT_EQ(created["resources"], Json({"arn:aws:s3:::photos"}));
  EXPECT_EQ(created["id"].get<std::string>().size(), 36u);
  EXPECT_EQ(created["detail"], Json({{"version", "0"},
                                     {"bucket", {{"name", "photos"}}},
                                     {"object",
                                      {{"key", "a b/ü@.jpg"},
                                       {"size", 9},
                                       {"etag", "437b930db84b8079c2dd804a71936b5f"},
                                       {"sequencer", "00000000000000002A"}}},
                                     {"request-id", "id-1"},
                                     {"requester", "000000000000"},
                                     {"source-ip-address", "127.0.0.1"},
                                     {"reason", "PutObject"}}));
  struct Case {
    const char* event;
    const char* type;
    Json reason;
    Json deletion;
  };
  for (const auto& [event, type, reason, deletion] : std::vector<Case>{
           {"ObjectCreated:Post", "Object Created", "POST Object", nullptr},
           {"ObjectCreated:Copy", "Object Created", "CopyObject", nullptr},
           {"ObjectCreated:CompleteMultipartUpload", "Object Created", "CompleteMultipartUpload",
            nullptr},
           {"ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "Permanently Deleted"},
           {"ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject",
            "Delete Marker Created"},
           {"LifecycleExpiration:Delete", "Object Deleted", "Lifecycle Expiration",
            "Permanently Deleted"},
           {"LifecycleExpiration:DeleteMarkerCreated", "Object Deleted", "Lifecycle Expiration",
            "Delete Marker Created"},
           {"ObjectTagging:Put", "Object Tags Added", nullptr, nullptr},
           {"ObjectTagging:Delete", "Object Tags Deleted", nullptr, nullptr}}) {
    const Json one = Parsed(BridgeJson(Event(event), {}));
    EXPECT_EQ(one["detail-type"], type) << event;
    EXPECT_EQ(one["detail"].value("reason", Json()), reason) << event;
    EXPECT_EQ(one["detail"].value("deletion-type", Json()), deletion) << event;
  }
}

TEST(EventRecord, TestsATargetInAWSsWords) {
  EXPECT_EQ(TestEventJson("photos", 1786019696789, "id-1"),
            R"({"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-08-06T12:34:56.789Z",)"
            R"("Bucket":"photos","RequestId":"id-1","HostId":"aWQtMQ=="})");
}

TEST(EventRecord, StaysJsonWhateverItsTextsHold) {
  ObjectEvent event = Event("ObjectCreated:Put");
  event.key = event.source_ip = event.principal = event.request_id = "\xff\"\\\n\x01";
  EXPECT_TRUE(base::ParseJson(RecordJson(event, "\xff\"", {})));
  EXPECT_TRUE(base::ParseJson(BridgeJson(event, {})));
}

}  // namespace
}  // namespace hearth::s3
