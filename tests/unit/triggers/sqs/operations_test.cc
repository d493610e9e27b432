// Each operation of the queue service: what it does, and each error that it names, in both
// protocols.
#include "tests/unit/triggers/sqs/sqs_api_fixture.h"

namespace hearth::sqs {
namespace {

using base::Json;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr char kNoQueue[] = "The specified queue does not exist.";
const std::string kPrefix = "AWS.SimpleQueueService.";

struct Case {
  std::string operation;
  Json input;
  int status = 400;
  std::string shape;
  std::string code;
  std::string message;
};

class OperationsTest : public test::SqsApiTest {
 protected:
  void ExpectBoth(const Case& each) {
    const std::string fault = each.status < 500 ? ";Sender" : ";Receiver";
    EXPECT_EQ(ShownJson(each.operation, each.input), std::to_string(each.status) + " " +
                                                         each.shape + " (" + each.code + fault +
                                                         "): " + each.message)
        << each.operation << base::ToJsonText(each.input).substr(0, 300);
    const std::string in_xml =
        each.shape == "QueueDoesNotExist"
            ? std::string(kNoQueue, sizeof kNoQueue - 2) + " for this wsdl version."
            : each.message;
    EXPECT_EQ(ShownQuery(each.operation, each.input),
              std::to_string(each.status) + " " + each.code + fault + ": " + aws::XmlText(in_xml))
        << each.operation << base::ToJsonText(each.input).substr(0, 300);
  }
  static Case NoQueue(const std::string& operation, const Json& input) {
    return {operation, input, 400, "QueueDoesNotExist", kPrefix + "NonExistentQueue", kNoQueue};
  }
  static Case Missing(const std::string& operation, const Json& input, const std::string& name) {
    return {operation,
            input,
            400,
            "MissingRequiredParameterException",
            "MissingParameter",
            "The request must contain the parameter " + name + "."};
  }
  static Case Invalid(const std::string& operation, const Json& input, const std::string& message) {
    return {operation, input, 400, "InvalidParameterValueException", "InvalidParameterValue",
            message};
  }
  static Case Value(const std::string& operation, const Json& input, const std::string& value,
                    const std::string& name, const std::string& reason) {
    return Invalid(operation, input,
                   "Value " + value + " for parameter " + name + " is invalid. Reason: " + reason);
  }
  // Whose code is its name, behind SQS's prefix.
  static Case Named(const std::string& operation, const Json& input, const std::string& shape,
                    const std::string& message, int status = 400) {
    return {operation, input, status, shape, kPrefix + shape, message};
  }
  static Case Plain(const std::string& operation, const Json& input, const std::string& shape,
                    const std::string& message, int status = 400) {
    return {operation, input, status, shape, shape, message};
  }
  static Json With(Json json, const Json& more) {
    json.update(more);
    return json;
  }
  const Json q = {{"QueueUrl", Url("q")}};
  const Json fifo = {{"QueueUrl", Url("f.fifo")}};
};

TEST_F(OperationsTest, EveryOperationOnAQueueSaysThatThereIsNone) {
  const Json none = {{"QueueUrl", Url("none")}};
  const Json handle = With(none, {{"ReceiptHandle", "h"}});
  const Json entry = {{"Id", "a"}, {"MessageBody", "x"}, {"ReceiptHandle", "h"}};
  const Case cases[] = {
      NoQueue("DeleteQueue", none),
      NoQueue("GetQueueUrl", {{"QueueName", "none"}}),
      NoQueue("GetQueueUrl", {{"QueueName", "none"}, {"QueueOwnerAWSAccountId", "111111111111"}}),
      NoQueue("ListDeadLetterSourceQueues", none),
      NoQueue("GetQueueAttributes", none),
      NoQueue("SetQueueAttributes", With(none, {{"Attributes", {{"DelaySeconds", "1"}}}})),
      NoQueue("PurgeQueue", none),
      NoQueue("SendMessage", With(none, {{"MessageBody", "x"}})),
      NoQueue("SendMessageBatch",
              With(none, {{"Entries", Json::array({{{"Id", "a"}, {"MessageBody", "x"}}})}})),
      NoQueue("ReceiveMessage", none),
      NoQueue("DeleteMessage", handle),
      NoQueue("DeleteMessageBatch",
              With(none, {{"Entries", Json::array({{{"Id", "a"}, {"ReceiptHandle", "h"}}})}})),
      NoQueue("ChangeMessageVisibility", With(handle, {{"VisibilityTimeout", 1}})),
      NoQueue("TagQueue", With(none, {{"Tags", {{"a", "b"}}}})),
      NoQueue("UntagQueue", With(none, {{"TagKeys", {"a"}}})),
      NoQueue("ListQueueTags", none),
      NoQueue("AddPermission", With(none, {{"Label", "l"},
                                           {"AWSAccountIds", {"111111111111"}},
                                           {"Actions", {"SendMessage"}}})),
      NoQueue("RemovePermission", With(none, {{"Label", "l"}})),
      NoQueue("SendMessage",
              {{"QueueUrl", "http://localhost/111111111111/q"}, {"MessageBody", "x"}}),
  };
  for (const Case& each : cases) ExpectBoth(each);
  ExpectBoth(Missing("ReceiveMessage", Json::object(), "QueueUrl"));
  ExpectBoth(Plain("ReceiveMessage", {{"QueueUrl", "none"}}, "InvalidAddress",
                   "The address none is not valid for this endpoint.", 404));
  ExpectBoth(Plain("Nothing", Json::object(), "InvalidAction",
                   "The action Nothing is not valid for this endpoint."));
}

TEST_F(OperationsTest, CreateQueueMakesOneAndNamesWhatIsWrong) {
  EXPECT_EQ(Ask("CreateQueue", {{"QueueName", "q"}, {"tags", {{"a", "b"}}}})["QueueUrl"],
            "http://" + address + "/000000000000/q");
  EXPECT_EQ(ShownQuery("CreateQueue", {{"QueueName", "q"}}), "200") << "the same again";
  EXPECT_EQ(Ask("ListQueueTags", q)["Tags"]["a"], "b");
  const auto with = [](const char* name, const Json& value) -> Json {
    return {{"QueueName", "new"}, {"Attributes", {{name, value}}}};
  };
  const std::string name_reason =
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
  Json tags;
  for (int i = 0; i < 51; ++i) tags[std::to_string(i)] = "";
  const Case cases[] = {
      Missing("CreateQueue", Json::object(), "QueueName"),
      Invalid("CreateQueue", {{"QueueName", "a b"}}, name_reason),
      Invalid("CreateQueue", {{"QueueName", std::string(81, 'a')}}, name_reason),
      Invalid("CreateQueue", {{"QueueName", "a.fifo"}}, name_reason),
      Invalid("CreateQueue", {{"QueueName", "a"}, {"Attributes", {{"FifoQueue", "true"}}}},
              "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
              "underscores, must end with .fifo suffix and be 1 to 80 in length."),
      Invalid("CreateQueue", {{"QueueName", "a"}, {"tags", tags}},
              "Too many tags added for queue a."),
      Invalid("CreateQueue", {{"QueueName", "a"}, {"Nothing", "x"}},
              "Hearth does not serve the parameter 'Nothing'."),
      {"CreateQueue",
       {{"QueueName", "q"}, {"Attributes", {{"DelaySeconds", "5"}}}},
       400,
       "QueueNameExists",
       "QueueAlreadyExists",
       "A queue already exists with the same name and a different value for attribute "
       "DelaySeconds"},
      Plain("CreateQueue", with("Nothing", "1"), "InvalidAttributeName",
            "Unknown Attribute Nothing."),
      Plain("CreateQueue", with("DelaySeconds", "901"), "InvalidAttributeValue",
            "Invalid value for the parameter DelaySeconds."),
      Plain("CreateQueue", with("ContentBasedDeduplication", "true"), "InvalidAttributeName",
            "Unknown Attribute ContentBasedDeduplication."),
  };
  for (const Case& each : cases) ExpectBoth(each);
  EXPECT_EQ(ShownJson("DeleteQueue", q), "200");
  ExpectBoth(Named("CreateQueue", {{"QueueName", "q"}}, "QueueDeletedRecently",
                   "You must wait 60 seconds after deleting a queue before you can create another "
                   "with the same name."));
  Pass(60s);
  EXPECT_EQ(ShownQuery("CreateQueue", {{"QueueName", "q"}}), "200");
}

TEST_F(OperationsTest, ListsComeInPagesAndNameWhatIsWrong) {
  for (const char* name : {"a1", "a2", "a3", "b"}) ASSERT_TRUE(Create(name).has_value());
  const Json first = Ask("ListQueues", {{"QueueNamePrefix", "a"}, {"MaxResults", 2}});
  EXPECT_THAT(first["QueueUrls"], SizeIs(2));
  const Json second =
      Ask("ListQueues",
          {{"QueueNamePrefix", "a"}, {"MaxResults", 2}, {"NextToken", first["NextToken"]}});
  EXPECT_THAT(second["QueueUrls"], SizeIs(1));
  EXPECT_FALSE(second.contains("NextToken"));
  const std::string reason = "Must be between 1 and 1000.";
  for (const char* operation : {"ListQueues", "ListDeadLetterSourceQueues"}) {
    const Json url = {{"QueueUrl", Url("b")}};
    const Json base = operation == std::string("ListQueues") ? Json::object() : url;
    ExpectBoth(Value(operation, With(base, {{"MaxResults", 0}}), "0", "MaxResults", reason));
    ExpectBoth(Value(operation, With(base, {{"MaxResults", 1001}}), "1001", "MaxResults", reason));
    ExpectBoth(
        Invalid(operation, With(base, {{"NextToken", "!"}}), "Invalid or expired next token."));
  }
}

TEST_F(OperationsTest, AttributesAreReadAndSetAndNameWhatIsWrong) {
  ASSERT_TRUE(Create("q").has_value());
  EXPECT_EQ(ShownQuery("SetQueueAttributes", With(q, {{"Attributes", {{"DelaySeconds", "7"}}}})),
            "200");
  const Json shown = Ask("GetQueueAttributes", With(q, {{"AttributeNames", {"DelaySeconds"}}}));
  EXPECT_EQ(shown, (Json{{"Attributes", {{"DelaySeconds", "7"}}}}));
  const auto set = [this](const char* name, const std::string& value) {
    return With(q, {{"Attributes", {{name, value}}}});
  };
  ExpectBoth(Missing("SetQueueAttributes", q, "Attribute.Name"));
  ExpectBoth(Plain("SetQueueAttributes", set("Nothing", "1"), "InvalidAttributeName",
                   "Unknown Attribute Nothing."));
  ExpectBoth(Plain("SetQueueAttributes", set("FifoQueue", "true"), "InvalidAttributeValue",
                   "Invalid value for the parameter FifoQueue."));
  ExpectBoth(Plain("GetQueueAttributes", With(q, {{"AttributeNames", {"Nothing"}}}),
                   "InvalidAttributeName", "Unknown Attribute Nothing."));
  const std::string policy =
      R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":1})";
  ExpectBoth(Value("SetQueueAttributes", set("RedrivePolicy", policy), policy, "RedrivePolicy",
                   "Dead letter target does not exist."));
  EXPECT_EQ(engine->Find("q")->settings.delay_s, 7);
}

TEST_F(OperationsTest, SendMessageNamesWhatIsWrong) {
  ASSERT_TRUE(Create("q").has_value());
  ASSERT_TRUE(Create("f.fifo", {{"FifoQueue", "true"}}).has_value());
  const Json send = With(q, {{"MessageBody", "x"}});
  EXPECT_EQ(ShownJson("SendMessage", send), "200");
  EXPECT_EQ(ShownQuery("SendMessage", send), "200");
  const auto attribute = [&](const Json& value) {
    return With(send, {{"MessageAttributes", {{"a", value}}}});
  };
  const Json in_fifo = With(fifo, {{"MessageBody", "x"}, {"MessageGroupId", "g"}});
  const std::string not_of_this =
      "The request include parameter that is not valid for this queue type.";
  const std::string words =
      "Can only include alphanumeric and punctuation characters. 1 to 128 in length.";
  const Case cases[] = {
      Missing("SendMessage", q, "MessageBody"),
      Missing("SendMessage", With(q, {{"MessageBody", ""}}), "MessageBody"),
      Plain("SendMessage", With(q, {{"MessageBody", "\x01"}}), "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
            "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"),
      Invalid("SendMessage", With(q, {{"MessageBody", std::string((1 << 20) + 1, 'x')}}),
              "One or more parameters are invalid. Reason: Message must be shorter than 1048576 "
              "bytes."),
      Value("SendMessage", With(send, {{"DelaySeconds", 901}}), "901", "DelaySeconds",
            "DelaySeconds must be >= 0 and <= 900."),
      Value("SendMessage", With(send, {{"MessageDeduplicationId", "d"}}), "d",
            "MessageDeduplicationId", not_of_this),
      Value("SendMessage", With(send, {{"MessageGroupId", "a b"}}), "a b", "MessageGroupId", words),
      Invalid("SendMessage", attribute({{"DataType", "String"}, {"StringValue", ""}}),
              "The message attribute 'a' must contain non-empty message attribute value for "
              "message attribute type 'String'."),
      Invalid("SendMessage", attribute({{"DataType", "Number"}, {"StringValue", "one"}}),
              "Can't cast the value of message (user) attribute 'a' to a number."),
      Missing("SendMessage", With(fifo, {{"MessageBody", "x"}}), "MessageGroupId"),
      Invalid("SendMessage", in_fifo,
              "The queue should either have ContentBasedDeduplication enabled or "
              "MessageDeduplicationId provided explicitly"),
      Value("SendMessage", With(in_fifo, {{"MessageDeduplicationId", "d"}, {"DelaySeconds", 2}}),
            "2", "DelaySeconds", not_of_this),
  };
  for (const Case& each : cases) ExpectBoth(each);
  EXPECT_EQ(engine->Counts("q").all(), 2u) << "what was refused is not there";
  EXPECT_EQ(engine->Counts("f.fifo").all(), 0u);
}

TEST_F(OperationsTest, EachBatchNamesWhatIsWrongWithItAsAWhole) {
  ASSERT_TRUE(Create("q").has_value());
  const Json body = {{"MessageBody", "x"}};
  const Json handle = {{"ReceiptHandle", "h"}};
  const Json visibility = {{"ReceiptHandle", "h"}, {"VisibilityTimeout", 1}};
  const std::pair<std::string, Json> operations[] = {{"SendMessageBatch", body},
                                                     {"DeleteMessageBatch", handle},
                                                     {"ChangeMessageVisibilityBatch", visibility}};
  for (const auto& [operation, entry] : operations) {
    const auto entries = [this, entry = entry](const std::vector<std::string>& ids) {
      Json list = Json::array();
      for (const std::string& id : ids) list.push_back(With(entry, {{"Id", id}}));
      return With(q, {{"Entries", list}});
    };
    ExpectBoth(Named(operation, q, "EmptyBatchRequest",
                     "There should be at least one " + operation + "RequestEntry in the request."));
    ExpectBoth(Named(operation, entries({"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}),
                     "TooManyEntriesInBatchRequest",
                     "Maximum number of entries per request are 10. You have sent 11."));
    ExpectBoth(
        Named(operation, entries({"a", "b", "a"}), "BatchEntryIdsNotDistinct", "Id a repeated."));
    for (const std::string& id : {std::string("a b"), std::string(81, 'a')}) {
      ExpectBoth(Named(operation, entries({id}), "InvalidBatchEntryId",
                       "A batch entry id can only contain alphanumeric characters, hyphens and "
                       "underscores. It can be at most 80 letters long."));
    }
    ExpectBoth(Missing(operation, With(q, {{"Entries", Json::array({entry})}}), "Id"));
  }
  const std::string half(1 << 19, 'x');
  ExpectBoth(Named("SendMessageBatch",
                   With(q, {{"Entries",
                             {{{"Id", "a"}, {"MessageBody", half}},
                              {{"Id", "b"}, {"MessageBody", half + "x"}}}}}),
                   "BatchRequestTooLong",
                   "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 "
                   "bytes."));
  EXPECT_EQ(engine->Counts("q").all(), 0u);
}

TEST_F(OperationsTest, ABatchAnswersEachOfItsEntries) {
  ASSERT_TRUE(Create("q").has_value());
  const Json sent =
      Ask("SendMessageBatch",
          With(q, {{"Entries",
                    {{{"Id", "good"}, {"MessageBody", "x"}},
                     {{"Id", "bad"}, {"MessageBody", "\x01"}},
                     {{"Id", "late"}, {"MessageBody", "x"}, {"DelaySeconds", -1}}}}}));
  EXPECT_EQ(sent["Successful"][0]["Id"], "good");
  EXPECT_EQ(sent["Failed"][0]["Code"], "InvalidMessageContents");
  EXPECT_EQ(sent["Failed"][1]["Code"], "InvalidParameterValue");
  EXPECT_EQ(sent["Failed"][1]["SenderFault"], true);
  const std::string handle = Ask("ReceiveMessage", q)["Messages"][0]["ReceiptHandle"];
  for (const char* operation : {"ChangeMessageVisibilityBatch", "DeleteMessageBatch"}) {
    Json entries = {{{"Id", "a"}, {"ReceiptHandle", handle}},
                    {{"Id", "b"}, {"ReceiptHandle", "none"}}};
    if (operation == std::string("ChangeMessageVisibilityBatch")) {
      for (Json& each : entries) each["VisibilityTimeout"] = 60;
    }
    const Json answer = Ask(operation, With(q, {{"Entries", entries}}));
    EXPECT_EQ(answer["Successful"], Json::array({{{"Id", "a"}}})) << operation;
    EXPECT_EQ(answer["Failed"][0]["Code"], "ReceiptHandleIsInvalid") << operation;
  }
}

TEST_F(OperationsTest, ReceiveMessageNamesWhatIsWrong) {
  ASSERT_TRUE(Create("q").has_value());
  ASSERT_TRUE(Create("f.fifo", {{"FifoQueue", "true"}}).has_value());
  EXPECT_EQ(Ask("ReceiveMessage", q), Json::object());
  EXPECT_EQ(ShownQuery("ReceiveMessage", q), "200");
  for (const int number : {0, 11}) {
    ExpectBoth(Value("ReceiveMessage", With(q, {{"MaxNumberOfMessages", number}}),
                     std::to_string(number), "MaxNumberOfMessages",
                     "Must be between 1 and 10, if provided."));
  }
  ExpectBoth(Value("ReceiveMessage", With(q, {{"VisibilityTimeout", 43201}}), "43201",
                   "VisibilityTimeout", "Must be between 0 and 43200, if provided."));
  ExpectBoth(Value("ReceiveMessage", With(q, {{"WaitTimeSeconds", 21}}), "21", "WaitTimeSeconds",
                   "Must be >= 0 and <= 20, if provided."));
  ExpectBoth(Plain("ReceiveMessage", With(q, {{"AttributeNames", {"Nothing"}}}),
                   "InvalidAttributeName", "Unknown Attribute Nothing."));
  ExpectBoth(Value("ReceiveMessage", With(q, {{"ReceiveRequestAttemptId", "a"}}), "a",
                   "ReceiveRequestAttemptId",
                   "The request include parameter that is not valid for this queue type."));
  for (size_t i = 0; i < limits::kMaxInFlightFifo + 500; i += 500) {
    std::vector<OutgoingMessage> messages;
    for (size_t each = i; each < i + 500; ++each) {
      const std::string name = std::to_string(each);
      messages.push_back({.body = "x", .group = name, .deduplication_id = name});
    }
    ASSERT_TRUE(Send("f.fifo", std::move(messages)).has_value());
  }
  while (engine->Counts("f.fifo").in_flight < limits::kMaxInFlightFifo) Receive("f.fifo", 5000);
  ExpectBoth(Plain("ReceiveMessage", fifo, "OverLimit", "Too many messages in flight.", 403));
}

TEST_F(OperationsTest, HandlesNameWhatIsWrong) {
  ASSERT_TRUE(Create("q").has_value());
  ASSERT_TRUE(Create("f.fifo", {{"FifoQueue", "true"}}).has_value());
  SendBody("q", "a");
  SendFifo("f.fifo", "g", "a");
  const std::string handle = Receive("q").at(0).receipt_handle;
  const std::string ordered = Receive("f.fifo").at(0).receipt_handle;
  const auto change = [](const Json& queue, const std::string& receipt, int seconds) {
    return With(queue, {{"ReceiptHandle", receipt}, {"VisibilityTimeout", seconds}});
  };
  EXPECT_EQ(ShownJson("ChangeMessageVisibility", change(q, handle, 20)), "200");
  EXPECT_EQ(ShownQuery("ChangeMessageVisibility", change(q, handle, 20)), "200");
  ExpectBoth(Missing("DeleteMessage", q, "ReceiptHandle"));
  ExpectBoth(Missing("ChangeMessageVisibility", With(q, {{"ReceiptHandle", handle}}),
                     "VisibilityTimeout"));
  const std::string invalid = "The input receipt handle \"none\" is not a valid receipt handle.";
  ExpectBoth(Plain("DeleteMessage", With(q, {{"ReceiptHandle", "none"}}), "ReceiptHandleIsInvalid",
                   invalid, 404));
  ExpectBoth(Plain("ChangeMessageVisibility", change(q, "none", 1), "ReceiptHandleIsInvalid",
                   invalid, 404));
  ExpectBoth(Value("ChangeMessageVisibility", change(q, handle, 43201), "43201",
                   "VisibilityTimeout",
                   "VisibilityTimeout must be an integer between 0 and 43200"));
  Pass(30s);
  ExpectBoth(Named("ChangeMessageVisibility", change(q, handle, 1), "MessageNotInflight",
                   "The message referred to isn't in flight."));
  ExpectBoth(Value("DeleteMessage", With(fifo, {{"ReceiptHandle", ordered}}), ordered,
                   "ReceiptHandle", "The receipt handle has expired."));
  EXPECT_EQ(ShownJson("DeleteMessage", With(q, {{"ReceiptHandle", handle}})), "200");
  EXPECT_EQ(ShownQuery("DeleteMessage", With(q, {{"ReceiptHandle", handle}})), "200");
  ExpectBoth(Value("ChangeMessageVisibility", change(q, handle, 1), handle, "ReceiptHandle",
                   "Message does not exist or is not available for visibility timeout change."));
}

TEST_F(OperationsTest, APurgeIsAllowedOnceAMinute) {
  ASSERT_TRUE(Create("q").has_value());
  SendBody("q", "a");
  EXPECT_EQ(ShownJson("PurgeQueue", q), "200");
  EXPECT_EQ(engine->Counts("q").all(), 0u);
  ExpectBoth(Named("PurgeQueue", q, "PurgeQueueInProgress",
                   "Only one PurgeQueue operation on q is allowed every 60 seconds.", 403));
  Pass(60s);
  EXPECT_EQ(ShownQuery("PurgeQueue", q), "200");
}

TEST_F(OperationsTest, LabelsNameWhatIsWrong) {
  ASSERT_TRUE(Create("q").has_value());
  const Json permission =
      With(q, {{"Label", "l"}, {"AWSAccountIds", {"111111111111"}}, {"Actions", {"SendMessage"}}});
  EXPECT_EQ(ShownJson("AddPermission", permission), "200");
  ExpectBoth(Value("AddPermission", permission, "l", "Label", "Already exists."));
  ExpectBoth(Value("AddPermission", With(permission, {{"AWSAccountIds", {"one"}}}), "one",
                   "PrincipalId", "Unable to verify."));
  ExpectBoth(Value("AddPermission", With(permission, {{"Actions", {"CreateQueue"}}}),
                   "SQS:CreateQueue", "ActionName",
                   "Only the queue owner is allowed to invoke this action."));
  for (int i = 1; i < 20; ++i) {
    EXPECT_EQ(ShownJson("AddPermission", With(permission, {{"Label", "l" + std::to_string(i)}})),
              "200");
  }
  ExpectBoth(Plain("AddPermission", With(permission, {{"Label", "one-too-many"}}), "OverLimit",
                   "21 statements were found, maximum allowed is 20.", 403));
  EXPECT_EQ(ShownQuery("RemovePermission", With(q, {{"Label", "l"}})), "200");
  ExpectBoth(
      Value("RemovePermission", With(q, {{"Label", "l"}}), "l", "Label", "can't find label."));
  ExpectBoth(Missing("TagQueue", q, "Tags"));
  ExpectBoth(Missing("UntagQueue", q, "TagKeys"));
  ExpectBoth(Invalid("TagQueue", With(q, {{"Tags", {{std::string(129, 'k'), ""}}}}),
                     "A tag's key has 1 to 128 characters, its value at most 256."));
}

TEST_F(OperationsTest, MoveTasksNameWhatIsWrong) {
  ASSERT_TRUE(Create("dead").has_value());
  ASSERT_TRUE(Create("other.fifo", {{"FifoQueue", "true"}}).has_value());
  const std::string policy =
      R"({"deadLetterTargetArn":")" + Arn("dead") + R"(","maxReceiveCount":1})";
  ASSERT_TRUE(Create("q", {{"RedrivePolicy", policy}}).has_value());
  const auto missing = [](const std::string& name) {
    return "The resource that you specified for the " + name + " parameter doesn't exist.";
  };
  const auto start = [](const std::string& source, const std::string& target) -> Json {
    return {{"SourceArn", source}, {"DestinationArn", target}};
  };
  const std::string operation = "StartMessageMoveTask";
  const Case cases[] = {
      Missing(operation, Json::object(), "SourceArn"),
      Plain(operation, {{"SourceArn", Arn("none")}}, "ResourceNotFoundException",
            missing("SourceArn"), 404),
      Plain(operation, start(Arn("dead"), Arn("none")), "ResourceNotFoundException",
            missing("DestinationArn"), 404),
      Invalid(operation, {{"SourceArn", Arn("q")}},
              "Source queue must be configured as a Dead Letter Queue."),
      Invalid(operation, start(Arn("dead"), Arn("dead")),
              "Source queue arn and destination queue arn cannot be the same."),
      Invalid(operation, start(Arn("dead"), Arn("other.fifo")),
              "Source and destination queues must be of the same type."),
      Value(operation, {{"SourceArn", Arn("dead")}, {"MaxNumberOfMessagesPerSecond", 501}}, "501",
            "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided."),
      Plain("ListMessageMoveTasks", {{"SourceArn", Arn("none")}}, "ResourceNotFoundException",
            missing("SourceArn"), 404),
      Value("ListMessageMoveTasks", {{"SourceArn", Arn("dead")}, {"MaxResults", 11}}, "11",
            "MaxResults", "Must be between 1 and 10, if provided."),
      Invalid("CancelMessageMoveTask", {{"TaskHandle", "none"}},
              "Value for parameter TaskHandle is invalid."),
      Plain("CancelMessageMoveTask", {{"TaskHandle", "eyJ0YXNrSWQiOiJub25lIn0="}},
            "ResourceNotFoundException", "Task does not exist.", 404),
  };
  for (const Case& each : cases) ExpectBoth(each);
  // One is running as long as the next message waits for its second.
  SendBody("dead", "a");
  SendBody("dead", "b");
  const Json slow = With(start(Arn("dead"), Arn("q")), {{"MaxNumberOfMessagesPerSecond", 1}});
  const Json started = Ask(operation, slow);
  ASSERT_EQ(status, 200);
  ExpectBoth(Invalid(operation, slow,
                     "There is already a task running. Only one active task is allowed for a "
                     "source queue arn at a given time."));
  loop.RunUntil([&] { return engine->Counts("q").all() == 1; });
  EXPECT_EQ(Ask("CancelMessageMoveTask", started)["ApproximateNumberOfMessagesMoved"], 1);
  EXPECT_EQ(Ask("ListMessageMoveTasks", {{"SourceArn", Arn("dead")}})["Results"][0]["Status"],
            "CANCELLED");
}

TEST_F(OperationsTest, AFullDiskRefusesSendsSoThatClientsTryAgain) {
  options.preallocate = [](int, size_t, size_t) -> base::Result<void> {
    return base::MakeError(base::ErrorKind::kLimit, "test", "the disk is full");
  };
  api.reset();
  tasks.reset();
  Reopen();
  Serve();
  ASSERT_TRUE(Create("q").has_value());
  for (const char* operation : {"SendMessage", "PurgeQueue"}) {
    const Json input =
        operation == std::string("SendMessage") ? With(q, {{"MessageBody", "x"}}) : q;
    ExpectBoth(Plain(operation, input, "ServiceUnavailable",
                     "Hearth cannot take this: the disk is full", 503));
  }
}

}  // namespace
}  // namespace hearth::sqs
