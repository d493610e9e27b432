// Event source mappings of queues: what is called, with what, and what becomes of the messages.
#include "tests/unit/triggers/sqs/source_fixture.h"

namespace hearth::sqs {
namespace {

using invoker::InvocationStatus;
using test::Json;
using test::SourceTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

TEST_F(SourceTest, WhatWasHandledIsDeletedAndWhatFailedComesAgainAfterItsTimeoutAndIsCounted) {
  ASSERT_TRUE(Create("q").has_value());
  Start({});
  SendAll({"a", "b"});
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_EQ(invoker.running[0].arn, "arn:aws:lambda:us-east-1:000000000000:function:F");
  EXPECT_THAT(test::SourceTest::BodiesOf(invoker.running[0].event), ElementsAre("a", "b"));
  Answer(InvocationStatus::kFunctionError);
  EXPECT_EQ(result, "PROBLEM: Function call failed");
  PassAll(29s);
  EXPECT_THAT(invoker.running, IsEmpty()) << "no early release";
  PassAll(1s);
  ASSERT_THAT(invoker.running, SizeIs(1));
  EXPECT_EQ(CountOf(invoker.running[0].event), "2");
  Answer();
  EXPECT_EQ(result, "OK");
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  EXPECT_EQ(source->bytes_held(), 0u);
}

TEST_F(SourceTest, ARecordIsAsAwsWritesIt) {
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  Start({}, "q.fifo");
  const auto sent = Send(
      "q.fifo", {{.body = "a\"\n\u20ac",
                  .attributes = {{"t", "String", "x"}, {"b", "Binary.png", std::string("\0", 1)}},
                  .trace_header = "Root=1",
                  .group = "g",
                  .deduplication_id = "d"}});
  SettleAll();
  ASSERT_THAT(invoker.running, SizeIs(1));
  Json record = invoker.running[0].event["Records"][0];
  const std::string handle = record["receiptHandle"];
  record.erase("receiptHandle");
  const std::string now = std::to_string(base::EpochMillis(service.WallNow()));
  const Json expected = {{"messageId", sent->at(0).id},
                         {"body", "a\"\n\u20ac"},
                         {"attributes",
                          {{"ApproximateReceiveCount", "1"},
                           {"AWSTraceHeader", "Root=1"},
                           {"SentTimestamp", now},
                           {"SequenceNumber", "00000000000000000001"},
                           {"MessageGroupId", "g"},
                           {"SenderId", "000000000000"},
                           {"MessageDeduplicationId", "d"},
                           {"ApproximateFirstReceiveTimestamp", now}}},
                         {"messageAttributes",
                          {{"t",
                            {{"stringValue", "x"},
                             {"stringListValues", Json::array()},
                             {"binaryListValues", Json::array()},
                             {"dataType", "String"}}},
                           {"b",
                            {{"binaryValue", "AA=="},
                             {"stringListValues", Json::array()},
                             {"binaryListValues", Json::array()},
                             {"dataType", "Binary.png"}}}}},
                         {"md5OfMessageAttributes", record["md5OfMessageAttributes"]},
                         {"md5OfBody", record["md5OfBody"]},
                         {"eventSource", "aws:sqs"},
                         {"eventSourceARN", "arn:aws:sqs:us-east-1:000000000000:q.fifo"},
                         {"awsRegion", "us-east-1"}};
  EXPECT_EQ(record, expected) << record.dump(1);
  EXPECT_EQ(record["md5OfBody"].get<std::string>().size(), 32u);
  EXPECT_EQ(Change("q.fifo", handle, 100), HandleOutcome::kDone) << "the handle is the message's";
}

TEST_F(SourceTest, EachAnswerOfAFunctionThatReportsFailuresDeletesWhatItShould) {
  ASSERT_TRUE(Create("q", {{"VisibilityTimeout", "30"}}).has_value());
  const struct {
    const char* answer;  // FIRST: the first message's id.
    size_t stays;        // Of two messages.
  } rows[] = {
      {"", 0},
      {"null", 0},
      {"\"\"", 0},
      {"{}", 0},
      {"[]", 0},
      {R"({"statusCode":200})", 0},
      {R"({"batchItemFailures":null})", 0},
      {R"({"batchItemFailures":[]})", 0},
      {R"({"batchItemFailures":[{"itemIdentifier":"FIRST"}]})", 1},
      {R"({"batchItemFailures":[{"itemIdentifier":"FIRST","more":1},{"itemIdentifier":"FIRST"}]})",
       1},
      {R"({"batchItemFailures":[{"itemIdentifier":"unknown"}]})", 2},
      {R"({"batchItemFailures":[{"itemIdentifier":"FIRST"},{"itemIdentifier":"unknown"}]})", 2},
      {R"({"batchItemFailures":[{"itemIdentifier":""}]})", 2},
      {R"({"batchItemFailures":[{"itemIdentifier":null}]})", 2},
      {R"({"batchItemFailures":[{"itemIdentifier":1}]})", 2},
      {R"({"batchItemFailures":[{"wrong":"FIRST"}]})", 2},
      {R"({"batchItemFailures":["FIRST"]})", 2},
      {R"({"batchItemFailures":{"itemIdentifier":"FIRST"}})", 2},
      {R"({"batchItemFailures":"FIRST"})", 2},
      {R"("FIRST")", 2},
      {"[1]", 2},
      {"1", 2},
      {"{", 2},
      {"no JSON", 2},
  };
  Start({.reports_item_failures = true});
  for (const auto& row : rows) {
    SendAll({"a", "b"});
    ASSERT_THAT(invoker.running, SizeIs(1)) << row.answer;
    const std::string first = invoker.running[0].event["Records"][0]["messageId"];
    std::string answer = row.answer;
    for (size_t at = answer.find("FIRST"); at != std::string::npos; at = answer.find("FIRST")) {
      answer.replace(at, 5, first);
    }
    Answer(InvocationStatus::kSuccess, answer);
    EXPECT_EQ(engine->Counts("q").in_flight, row.stays) << row.answer;
    EXPECT_EQ(result, row.stays == 2 ? "PROBLEM: Function call failed" : "OK") << row.answer;
    PassAll(31s);
    AnswerAll();
    ASSERT_EQ(engine->Counts("q").all(), 0u) << row.answer;
  }
}

TEST_F(SourceTest, WithoutReportsTheAnswerSaysNothing) {
  ASSERT_TRUE(Create("q").has_value());
  Start({});
  SendAll({"a"});
  Answer(InvocationStatus::kSuccess, R"({"batchItemFailures":[{"itemIdentifier":"unknown"}]})");
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  for (const InvocationStatus failure :
       {InvocationStatus::kFunctionError, InvocationStatus::kInitError, InvocationStatus::kTimeout,
        InvocationStatus::kExited, InvocationStatus::kOutOfMemory,
        InvocationStatus::kResponseTooLarge}) {
    SendAll({"a"});
    Answer(failure, "");
    EXPECT_EQ(engine->Counts("q").in_flight, 1u);
    PassAll(30s);
    AnswerAll();
    EXPECT_EQ(engine->Counts("q").all(), 0u);
  }
}

TEST_F(SourceTest, WhatFailsTooOftenGoesToTheDeadLetterQueue) {
  ASSERT_TRUE(Create("dead").has_value());
  ASSERT_TRUE(Create("q", {{"RedrivePolicy",
                            R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead",)"
                            R"("maxReceiveCount":2})"}})
                  .has_value());
  Start({});
  invoker.status = InvocationStatus::kFunctionError;
  SendAll({"poison"});
  PassAll(30s);
  PassAll(30s);
  EXPECT_EQ(invoker.asked, 2u);
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  EXPECT_THAT(Bodies("dead"), ElementsAre("poison"));
}

TEST_F(SourceTest, ItSaysWhatAMappingMayAskForAndWhichQueuesThereAre) {
  ASSERT_TRUE(Create("q", {{"VisibilityTimeout", "7"}}).has_value());
  ASSERT_TRUE(Create("q.fifo", {{"FifoQueue", "true"}}).has_value());
  const std::string here = "arn:aws:sqs:us-east-1:000000000000:";
  const auto standard = source->Find(here + "q");
  ASSERT_TRUE(standard.has_value());
  EXPECT_EQ(standard->visibility_s, 7);
  EXPECT_EQ(standard->max_batch, 10'000);
  EXPECT_TRUE(standard->has_window);
  const auto fifo = source->Find(here + "q.fifo");
  ASSERT_TRUE(fifo.has_value());
  EXPECT_EQ(fifo->max_batch, 10);
  EXPECT_FALSE(fifo->has_window);
  for (const std::string& arn : {here + "none", std::string("arn:aws:sqs:eu-west-1:000000000000:q"),
                                 std::string("arn:aws:sqs:us-east-1:000000000001:q")}) {
    const auto none = source->Find(arn);
    ASSERT_FALSE(none.has_value()) << arn;
    EXPECT_THAT(none.error().message, ::testing::HasSubstr("NonExistentQueue")) << arn;
  }
}

TEST_F(SourceTest, ACrashedHostsBatchComesAgain) {
  ASSERT_TRUE(Create("q").has_value());
  Start({});
  SendAll({"a"});
  ASSERT_THAT(invoker.running, SizeIs(1));
  source.reset();
  Reopen();
  MakeSource();
  Start({});
  EXPECT_EQ(invoker.asked, 1u);
  PassAll(30s);
  EXPECT_EQ(invoker.asked, 2u);
  EXPECT_EQ(CountOf(invoker.running[1].event), "2");
}

}  // namespace
}  // namespace hearth::sqs
