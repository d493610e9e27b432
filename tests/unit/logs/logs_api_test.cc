// The Logs API's errors, in AWS's words.
#include "tests/unit/logs/logs_api_fixture.h"

namespace hearth::logs {
namespace {

using base::Json;
using invoker::test::kGroup;
using test::LogsApiTest;
using ::testing::HasSubstr;

TEST_F(LogsApiTest, EachNamedErrorHasAwsWords) {
  Append("s", "m");
  const Json group = {{"logGroupName", kGroup}};
  const auto with = [&](const char* name, const Json& value) {
    Json out = group;
    out[name] = value;
    return out;
  };
  const Json stream = with("logStreamName", "s");
  struct Case {
    const char* operation;
    Json input;
    const char* answer;
  };
  const std::string no_group =
      "400 ResourceNotFoundException: The specified log group does not exist.";
  const Json unknown = {{"logGroupName", "/none"}, {"logStreamName", "s"}};
  for (const char* operation : {"GetLogEvents", "CreateLogStream", "DeleteLogStream"}) {
    EXPECT_EQ(Shown(operation, unknown), no_group) << operation;
  }
  for (const char* operation : {"DeleteLogGroup", "DescribeLogStreams", "FilterLogEvents",
                                "DeleteRetentionPolicy", "ListTagsLogGroup"}) {
    EXPECT_EQ(Shown(operation, {{"logGroupName", "/none"}}), no_group) << operation;
  }
  const Case cases[] = {
      {"CreateLogGroup", group,
       "400 ResourceAlreadyExistsException: The specified log group already exists"},
      {"CreateLogGroup",
       {{"logGroupName", "a b"}},
       "400 InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' "
       "failed to satisfy constraint: Member must satisfy regular expression pattern: "
       R"([\.\-_/#A-Za-z0-9]+)"},
      {"CreateLogGroup",
       {{"logGroupName", ""}},
       "400 InvalidParameterException: 1 validation error detected: Value '' at 'logGroupName' "
       "failed to satisfy constraint: Member must have length greater than or equal to 1"},
      {"CreateLogGroup", Json::object(),
       "400 InvalidParameterException: 1 validation error detected: Value null at 'logGroupName' "
       "failed to satisfy constraint: Member must not be null"},
      {"CreateLogGroup",
       {{"logGroupName", "g"}, {"kmsKeyId", "k"}},
       "400 InvalidParameterException: Hearth does not serve the member 'kmsKeyId'"},
      {"CreateLogGroup",
       {{"logGroupName", 5}},
       "400 SerializationException: logGroupName is to be a string"},
      {"GetLogEvents", with("logStreamName", "none"),
       "400 ResourceNotFoundException: The specified log stream does not exist."},
      {"DeleteLogStream", with("logStreamName", "none"),
       "400 ResourceNotFoundException: The specified log stream does not exist."},
      {"FilterLogEvents", with("logStreamNames", Json::array({"none"})),
       "400 ResourceNotFoundException: The specified log stream does not exist."},
      {"FilterLogEvents", with("filterPattern", "{ $.a"),
       "400 InvalidParameterException: Invalid filter pattern: a comparison is missing"},
      {"FilterLogEvents", with("nextToken", "x"),
       "400 InvalidParameterException: The specified nextToken is invalid."},
      {"FilterLogEvents", with("limit", 10001),
       "400 InvalidParameterException: 1 validation error detected: Value '10001' at 'limit' "
       "failed "
       "to satisfy constraint: Member must have value less than or equal to 10000"},
      {"FilterLogEvents", with("startTime", -1),
       "400 InvalidParameterException: 1 validation error detected: Value '-1' at 'startTime' "
       "failed to satisfy constraint: Member must have value greater than or equal to 0"},
      {"DescribeLogGroups",
       {{"limit", 51}},
       "400 InvalidParameterException: 1 validation error detected: Value '51' at 'limit' failed "
       "to "
       "satisfy constraint: Member must have value less than or equal to 50"},
      {"DescribeLogGroups",
       {{"logGroupNamePrefix", "a"}, {"logGroupNamePattern", "b"}},
       "400 InvalidParameterException: LogGroup name prefix and LogGroup name pattern are mutually "
       "exclusive parameters."},
      {"DescribeLogGroups",
       {{"nextToken", "x"}},
       "400 InvalidParameterException: The specified nextToken is invalid."},
      {"DescribeLogStreams",
       {{"logGroupName", kGroup}, {"orderBy", "LastEventTime"}, {"logStreamNamePrefix", "s"}},
       "400 InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix."},
      {"DescribeLogStreams", with("orderBy", "Size"),
       "400 InvalidParameterException: 1 validation error detected: Value 'Size' at 'orderBy' "
       "failed to satisfy constraint: Member must satisfy enum value set: [LogStreamName, "
       "LastEventTime]"},
      {"PutLogEvents", stream,
       "400 InvalidParameterException: 1 validation error detected: Value null at 'logEvents' "
       "failed to satisfy constraint: Member must not be null"},
  };
  for (const Case& each : cases) EXPECT_EQ(Shown(each.operation, each.input), each.answer);
  EXPECT_THAT(Shown("PutRetentionPolicy", with("retentionInDays", 2)),
              HasSubstr("Value '2' at 'retentionInDays' failed to satisfy constraint: Member must "
                        "satisfy enum value set: [1, 3, 5, "));
  EXPECT_THAT(Shown("StartLiveTail"),
              HasSubstr("501 NotImplementedException: Hearth does not "
                        "serve CloudWatch Logs' operation 'StartLiveTail'"));
  AskText("CreateLogGroup", "{\"logGroupName\":");
  EXPECT_EQ(status, 400);
  EXPECT_EQ(content_type, "application/x-amz-json-1.1");
}

}  // namespace
}  // namespace hearth::logs
