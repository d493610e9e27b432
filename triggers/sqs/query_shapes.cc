#include "triggers/sqs/query_shapes.h"

namespace hearth::sqs {
namespace {

using aws::QueryShape;
using Kind = QueryShape::Kind;

const QueryShape kText{};
const QueryShape kNumber{.kind = Kind::kNumber};
const QueryShape kFlag{.kind = Kind::kFlag};
const QueryShape kTexts{.kind = Kind::kList, .element = &kText};
const QueryShape kAttributes{
    .kind = Kind::kMap, .element = &kText, .key = "Name", .value = "Value"};
const QueryShape kTags{.kind = Kind::kMap, .element = &kText, .key = "Key", .value = "Value"};
const QueryShape kAttributeValue{.kind = Kind::kStructure,
                                 .members = {{"StringValue", "StringValue", &kText},
                                             {"BinaryValue", "BinaryValue", &kText},
                                             {"DataType", "DataType", &kText},
                                             {"StringListValues", "StringListValue", &kTexts},
                                             {"BinaryListValues", "BinaryListValue", &kTexts}}};
const QueryShape kMessageAttributes{
    .kind = Kind::kMap, .element = &kAttributeValue, .key = "Name", .value = "Value"};
const QueryShape kEntry{
    .kind = Kind::kStructure,
    .members = {{"Id", "Id", &kText},
                {"MessageBody", "MessageBody", &kText},
                {"DelaySeconds", "DelaySeconds", &kNumber},
                {"MessageAttributes", "MessageAttribute", &kMessageAttributes},
                {"MessageSystemAttributes", "MessageSystemAttribute", &kMessageAttributes},
                {"MessageDeduplicationId", "MessageDeduplicationId", &kText},
                {"MessageGroupId", "MessageGroupId", &kText},
                {"ReceiptHandle", "ReceiptHandle", &kText},
                {"VisibilityTimeout", "VisibilityTimeout", &kNumber}}};
const QueryShape kEntries{.kind = Kind::kList, .element = &kEntry};

QueryShape MakeInput(std::string_view entries) {
  return {.kind = Kind::kStructure,
          .members = {{"QueueUrl", "QueueUrl", &kText},
                      {"QueueName", "QueueName", &kText},
                      {"QueueNamePrefix", "QueueNamePrefix", &kText},
                      {"QueueOwnerAWSAccountId", "QueueOwnerAWSAccountId", &kText},
                      {"Attributes", "Attribute", &kAttributes},
                      {"tags", "Tag", &kTags},
                      {"TagKeys", "TagKey", &kTexts},
                      {"AttributeNames", "AttributeName", &kTexts},
                      {"MessageSystemAttributeNames", "MessageSystemAttributeName", &kTexts},
                      {"MessageAttributeNames", "MessageAttributeName", &kTexts},
                      {"MaxNumberOfMessages", "MaxNumberOfMessages", &kNumber},
                      {"VisibilityTimeout", "VisibilityTimeout", &kNumber},
                      {"WaitTimeSeconds", "WaitTimeSeconds", &kNumber},
                      {"ReceiveRequestAttemptId", "ReceiveRequestAttemptId", &kText},
                      {"MessageBody", "MessageBody", &kText},
                      {"DelaySeconds", "DelaySeconds", &kNumber},
                      {"MessageAttributes", "MessageAttribute", &kMessageAttributes},
                      {"MessageSystemAttributes", "MessageSystemAttribute", &kMessageAttributes},
                      {"MessageDeduplicationId", "MessageDeduplicationId", &kText},
                      {"MessageGroupId", "MessageGroupId", &kText},
                      {"ReceiptHandle", "ReceiptHandle", &kText},
                      {"Entries", entries, &kEntries},
                      {"Label", "Label", &kText},
                      {"AWSAccountIds", "AWSAccountId", &kTexts},
                      {"Actions", "ActionName", &kTexts},
                      {"NextToken", "NextToken", &kText},
                      {"MaxResults", "MaxResults", &kNumber},
                      {"SourceArn", "SourceArn", &kText},
                      {"DestinationArn", "DestinationArn", &kText},
                      {"TaskHandle", "TaskHandle", &kText},
                      {"MaxNumberOfMessagesPerSecond", "MaxNumberOfMessagesPerSecond", &kNumber}}};
}

// TagQueue calls its tags "Tags" in JSON, CreateQueue "tags".
QueryShape WithTags(QueryShape shape) {
  for (auto& member : shape.members) {
    if (member.name == "tags") member.name = "Tags";
  }
  return shape;
}

const QueryShape kMessage{
    .kind = Kind::kStructure,
    .members = {{"MessageId", "MessageId", &kText},
                {"ReceiptHandle", "ReceiptHandle", &kText},
                {"MD5OfBody", "MD5OfBody", &kText},
                {"Body", "Body", &kText},
                {"Attributes", "Attribute", &kAttributes},
                {"MD5OfMessageAttributes", "MD5OfMessageAttributes", &kText},
                {"MessageAttributes", "MessageAttribute", &kMessageAttributes}}};
const QueryShape kMessages{.kind = Kind::kList, .element = &kMessage};
const QueryShape kSuccess{
    .kind = Kind::kStructure,
    .members = {{"Id", "Id", &kText},
                {"MessageId", "MessageId", &kText},
                {"MD5OfMessageBody", "MD5OfMessageBody", &kText},
                {"MD5OfMessageAttributes", "MD5OfMessageAttributes", &kText},
                {"MD5OfMessageSystemAttributes", "MD5OfMessageSystemAttributes", &kText},
                {"SequenceNumber", "SequenceNumber", &kText}}};
const QueryShape kSuccesses{.kind = Kind::kList, .element = &kSuccess};
const QueryShape kFailure{.kind = Kind::kStructure,
                          .members = {{"Id", "Id", &kText},
                                      {"SenderFault", "SenderFault", &kFlag},
                                      {"Code", "Code", &kText},
                                      {"Message", "Message", &kText}}};
const QueryShape kFailures{.kind = Kind::kList, .element = &kFailure};
const QueryShape kTask{
    .kind = Kind::kStructure,
    .members = {
        {"TaskHandle", "TaskHandle", &kText},
        {"Status", "Status", &kText},
        {"SourceArn", "SourceArn", &kText},
        {"DestinationArn", "DestinationArn", &kText},
        {"MaxNumberOfMessagesPerSecond", "MaxNumberOfMessagesPerSecond", &kNumber},
        {"ApproximateNumberOfMessagesMoved", "ApproximateNumberOfMessagesMoved", &kNumber},
        {"ApproximateNumberOfMessagesToMove", "ApproximateNumberOfMessagesToMove", &kNumber},
        {"FailureReason", "FailureReason", &kText},
        {"StartedTimestamp", "StartedTimestamp", &kNumber}}};
const QueryShape kTasks{.kind = Kind::kList, .element = &kTask};

QueryShape MakeOutput(std::string_view successes) {
  return {.kind = Kind::kStructure,
          .members = {
              {"QueueUrl", "QueueUrl", &kText},
              {"QueueUrls", "QueueUrl", &kTexts},
              {"queueUrls", "QueueUrl", &kTexts},
              {"NextToken", "NextToken", &kText},
              {"Attributes", "Attribute", &kAttributes},
              {"Tags", "Tag", &kTags},
              {"Messages", "Message", &kMessages},
              {"MessageId", "MessageId", &kText},
              {"MD5OfMessageBody", "MD5OfMessageBody", &kText},
              {"MD5OfMessageAttributes", "MD5OfMessageAttributes", &kText},
              {"MD5OfMessageSystemAttributes", "MD5OfMessageSystemAttributes", &kText},
              {"SequenceNumber", "SequenceNumber", &kText},
              {"Successful", successes, &kSuccesses},
              {"Failed", "BatchResultErrorEntry", &kFailures},
              {"TaskHandle", "TaskHandle", &kText},
              {"ApproximateNumberOfMessagesMoved", "ApproximateNumberOfMessagesMoved", &kNumber},
              {"Results", "ListMessageMoveTasksResultEntry", &kTasks}}};
}

}  // namespace

const QueryShape& InputShape(std::string_view operation) {
  static const QueryShape send = MakeInput("SendMessageBatchRequestEntry");
  static const QueryShape remove = MakeInput("DeleteMessageBatchRequestEntry");
  static const QueryShape change = MakeInput("ChangeMessageVisibilityBatchRequestEntry");
  static const QueryShape tag = WithTags(send);
  if (operation == "DeleteMessageBatch") return remove;
  if (operation == "ChangeMessageVisibilityBatch") return change;
  return operation == "TagQueue" ? tag : send;
}

const QueryShape& OutputShape(std::string_view operation) {
  static const QueryShape send = MakeOutput("SendMessageBatchResultEntry");
  static const QueryShape remove = MakeOutput("DeleteMessageBatchResultEntry");
  static const QueryShape change = MakeOutput("ChangeMessageVisibilityBatchResultEntry");
  if (operation == "DeleteMessageBatch") return remove;
  return operation == "ChangeMessageVisibilityBatch" ? change : send;
}

}  // namespace hearth::sqs
