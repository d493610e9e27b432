// Filter patterns on records of queues.
#include "triggers/sqs/message_filter.h"

#include <gmock/gmock.h>

namespace hearth::sqs {
namespace {

using base::Json;

bool Takes(const std::string& pattern, const std::string& body) {
  EXPECT_TRUE(expressions::EventPattern::Parse(pattern)) << pattern;
  const Json record = {{"messageId", "id"},
                       {"body", body},
                       {"attributes", {{"ApproximateReceiveCount", "1"}}},
                       {"eventSource", "aws:sqs"}};
  return MessageFilter({pattern}).Takes(record.dump());
}

TEST(MessageFilter, ComparesAsAwsDoes) {
  const struct {
    const char* pattern;
    const char* body;
    bool takes;
  } rows[] = {
      // As recorded on AWS.
      {R"({"body":{"testItem":["test24"]}})", R"({"testItem":"test24"})", true},
      {R"({"body":{"testItem":["test24"]}})", R"({"testItem":"tesWER"})", false},
      {R"({"body":{"testItem":["test24","test45"],"test2":["go"]}})",
       R"({"testItem":"test45","test2":"go"})", true},
      {R"({"body":{"testItem":["test24","test45"],"test2":["go"]}})",
       R"({"testItem":"test67","test2":"go"})", false},
      {R"({"body":{"test2":[{"exists":true}]}})", R"({"test2":"7411"})", true},
      {R"({"body":{"test2":[{"exists":true}]}})", R"({"test5":"74545"})", false},
      {R"({"body":{"test2":[{"numeric":[">",100]}]}})", R"({"test2":105})", true},
      {R"({"body":{"test2":[{"numeric":[">",100]}]}})", "this is a test string", false},
      {R"({"body":{"test2":[{"numeric":[">=",100,"<",200]}]}})", R"({"test2":200})", false},
      {R"({"body":{"test2":[{"prefix":"us-1"}]}})", R"({"test2":"us-1-48454"})", true},
      {R"({"body":{"test2":[{"prefix":"us-1"}]}})", R"({"test2":"eu-wert"})", false},
      // A text for a list, JSON for an object; never the other way round.
      {R"({"body":["plain"]})", "plain", true},
      {R"({"body":["plain"]})", "other", false},
      {R"({"body":[{"prefix":"pl"}]})", "plain", true},
      {R"({"body":[{"exists":true}]})", R"({"a":1})", false},
      {R"({"body":[{"anything-but":"x"}]})", R"(["a"])", false},
      {R"({"body":{"a":[{"exists":false}]}})", "plain", false},
      {R"({"body":["12"]})", "12", true},
      {R"({"body":{"a":[1]}})", "{\"a\":1", false},
      // Other members of the record, whatever the body is.
      {R"({"eventSource":["aws:sqs"]})", "plain", true},
      {R"({"attributes":{"ApproximateReceiveCount":["1"]}})", R"({"a":1})", true},
      {R"({"attributes":{"ApproximateReceiveCount":["2"]},"body":["plain"]})", "plain", false},
      // Operators.
      {R"({"body":{"a":[null]}})", R"({"a":null})", true},
      {R"({"body":{"a":[null]}})", "{}", false},
      {R"({"body":{"a":[1]}})", R"({"a":1.0})", true},
      {R"({"body":{"a":["1"]}})", R"({"a":1})", false},
      {R"({"body":{"a":[{"numeric":["=",1]}]}})", R"({"a":"1"})", false},
      {R"({"body":{"a":[true]}})", R"({"a":true})", true},
      {R"({"body":{"a":[{"exists":false}]}})", R"({"b":1})", true},
      {R"({"body":{"a":{"b":[{"exists":false}]}}})", R"({"c":1})", true},
      {R"({"body":{"a":[{"suffix":".png"}]}})", R"({"a":"x.png"})", true},
      {R"({"body":{"a":[{"equals-ignore-case":"ABC"}]}})", R"({"a":"aBc"})", true},
      {R"({"body":{"a":[{"equals-ignore-case":"ABC"}]}})", R"({"a":"aBcd"})", false},
      {R"({"body":{"a":[{"anything-but":["x","y"]}]}})", R"({"a":"z"})", true},
      {R"({"body":{"a":[{"anything-but":["x","y"]}]}})", R"({"a":"y"})", false},
      {R"({"body":{"a":[{"anything-but":["x"]}]}})", R"({"b":"z"})", false},
      {R"({"body":{"a":[{"anything-but":{"prefix":"x"}}]}})", R"({"a":"xy"})", false},
      {R"({"body":{"a":[{"anything-but":{"prefix":"x"}}]}})", R"({"a":"y"})", true},
      {R"({"body":{"a":["x"]}})", R"({"a":["w","x"]})", true},
      {R"({"body":{"a":["x"]}})", R"({"a":[["x"]]})", true},
      {R"({"body":{"a":{"b":[1]}}})", R"({"a":[{"b":2},{"b":1}]})", true},
      {R"({"body":{"a":{"b":[1]}}})", R"({"a":1})", false},
      {R"({"body":{"a":[{"wildcard":"x*z"}]}})", R"({"a":"xyz"})", true},
      {R"({"body":{"a":[{"cidr":"10.0.0.0/8"}]}})", R"({"a":"10.1.2.3"})", true},
      {R"({"body.a":["x"]})", R"({"a":"x"})", true},
      {R"({"body":{"a":[1],"b":[2]}})", R"([{"a":1},{"b":2}])", false},
      {R"({"body":{"$or":[{"a":[1]},{"b":[2]}]}})", R"({"b":2})", true},
      {R"({"body":{"$or":[{"a":[1]},{"b":[2]}],"c":[3]}})", R"({"b":2})", false},
      {R"({"$or":[{"body":["x"]},{"body":{"a":[1]}}]})", R"({"a":1})", true},
      {R"({"$or":[{"body":["x"]},{"body":{"a":[1]}}]})", "y", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Takes(row.pattern, row.body), row.takes) << row.pattern << " of " << row.body;
  }
}

TEST(MessageFilter, OnePatternIsEnoughAndNoneTakesAll) {
  const std::string record = R"({"body":"x"})";
  EXPECT_TRUE(MessageFilter({}).Takes(record));
  EXPECT_TRUE(MessageFilter({R"({"body":["y"]})", R"({"body":["x"]})"}).Takes(record));
  EXPECT_FALSE(MessageFilter({R"({"body":["y"]})"}).Takes(record));
  EXPECT_FALSE(MessageFilter({"damaged"}).Takes(record));
}

}  // namespace
}  // namespace hearth::sqs
