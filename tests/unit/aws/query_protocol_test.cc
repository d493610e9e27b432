// The query protocol: forms in, XML out, by shapes; what is no form is refused, never a crash.
#include "aws/query_protocol.h"

#include <gmock/gmock.h>

namespace hearth::aws {
namespace {

using base::Json;
using Kind = QueryShape::Kind;
using ::testing::HasSubstr;

const QueryShape kText{};
const QueryShape kNumber{.kind = Kind::kNumber};
const QueryShape kFlag{.kind = Kind::kFlag};
const QueryShape kTexts{.kind = Kind::kList, .element = &kText};
const QueryShape kWrapped{.kind = Kind::kList, .element = &kText, .is_flat = false};
const QueryShape kPairs{.kind = Kind::kMap, .element = &kText, .key = "Name", .value = "Value"};
const QueryShape kEntry{.kind = Kind::kStructure,
                        .members = {{"Id", "Id", &kText}, {"Size", "Size", &kNumber}}};
const QueryShape kEntries{.kind = Kind::kList, .element = &kEntry};
const QueryShape kInput{.kind = Kind::kStructure,
                        .members = {{"Name", "Name", &kText},
                                    {"Count", "Count", &kNumber},
                                    {"Force", "Force", &kFlag},
                                    {"Keys", "Key", &kTexts},
                                    {"Wrapped", "Wrapped", &kWrapped},
                                    {"Attributes", "Attribute", &kPairs},
                                    {"Entries", "Entry", &kEntries}}};

std::expected<Json, ApiError> Read(std::string body, std::string target = "/") {
  return ReadQuery({.method = "POST", .target = std::move(target), .body = std::move(body)},
                   kInput);
}

TEST(QueryProtocol, ReadsAFormByItsShapes) {
  const std::pair<std::string, Json> cases[] = {
      {"", Json::object()},
      {"Action=Go&Version=1&X-Amz-Date=2&AWSAccessKeyId=3", Json::object()},
      {"Name=a+b%26%3D%C3%A4", {{"Name", "a b&=\u00e4"}}},
      {"Name", {{"Name", ""}}},
      {"&&Name=a&&", {{"Name", "a"}}},
      {"Count=-5&Force=true", {{"Count", -5}, {"Force", true}}},
      // Their reader says what is wrong with them.
      {"Count=five&Force=maybe", {{"Count", "five"}, {"Force", "maybe"}}},
      {"Count=99999999999999999999", {{"Count", "99999999999999999999"}}},
      {"Key.2=b&Key.10=c&Key.1=a&Key.x=no", {{"Keys", {"a", "b", "c"}}}},
      {"Wrapped.member.1=a", {{"Wrapped", {"a"}}}},
      {"Attribute.1.Name=k&Attribute.1.Value=v&Attribute.2.Value=no",
       {{"Attributes", {{"k", "v"}}}}},
      {"Entry.1.Id=a&Entry.1.Size=1&Entry.1.No=x", {{"Entries", {{{"Id", "a"}, {"Size", 1}}}}}},
      {"Keys=", {{"Keys", Json::array()}}},
      {"Other=x&Else.1=y", {{"Other", "x"}, {"Else", ""}}},
  };
  for (const auto& [form, json] : cases) {
    const auto read = Read(form);
    ASSERT_TRUE(read.has_value()) << form;
    EXPECT_EQ(*read, json) << form;
    if (form.empty()) continue;
    EXPECT_EQ(*Read("", "/?" + form), json) << form << ", in the target";
  }
}

TEST(QueryProtocol, RefusesAFormThatIsTooLarge) {
  std::string fields, deep = "A";
  for (int i = 0; i <= 10000; ++i) fields += "a=b&";
  for (int i = 0; i < 20; ++i) deep += ".A";
  for (const std::string& form : {fields, deep + "=1"}) {
    const auto read = Read(form);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().type, "MalformedInput");
    EXPECT_EQ(read.error().status, 400);
  }
}

TEST(QueryProtocol, FindsTheActionInBodyOrTarget) {
  io::HttpRequest request{.method = "POST", .target = "/?Action=FromTarget", .body = "Action=No"};
  EXPECT_EQ(QueryAction(request), "FromTarget");
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_EQ(QueryAction(request), "No");
  request.body = "A=b";
  EXPECT_EQ(QueryAction(request), "FromTarget");
  request.target = "/";
  EXPECT_EQ(QueryAction(request), "");
}

TEST(QueryProtocol, WritesAnAnswerByItsShapes) {
  const io::HttpResponse answer = QueryAnswer({"urn:x"}, "Go",
                                              {{"Name", "<\r>"},
                                               {"Count", 5},
                                               {"Keys", {"a", "b"}},
                                               {"Wrapped", {"c"}},
                                               {"Attributes", {{"k", "v"}}},
                                               {"Entries", {{{"Id", "i"}, {"Size", 1}}}},
                                               {"NotInShape", "x"}},
                                              kInput, "id");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.Get("Content-Type"), "text/xml");
  EXPECT_EQ(answer.body,
            "<?xml version=\"1.0\"?><GoResponse xmlns=\"urn:x\"><GoResult>"
            "<Name>&lt;&#xD;&gt;</Name><Count>5</Count><Key>a</Key><Key>b</Key>"
            "<Wrapped><member>c</member></Wrapped>"
            "<Attribute><Name>k</Name><Value>v</Value></Attribute>"
            "<Entry><Id>i</Id><Size>1</Size></Entry></GoResult>"
            "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GoResponse>");
  EXPECT_THAT(QueryAnswer({"urn:x"}, "Go", nullptr, kInput, "id").body,
              HasSubstr("<GoResponse xmlns=\"urn:x\"><ResponseMetadata>"));
}

TEST(QueryProtocol, WritesAnErrorWithWhoseFaultItIs) {
  const io::HttpResponse sender = QueryError({"urn:x"}, 400, "Bad", "a<b", "id");
  EXPECT_EQ(sender.status, 400);
  EXPECT_THAT(sender.body, HasSubstr("<Type>Sender</Type><Code>Bad</Code>"
                                     "<Message>a&lt;b</Message>"));
  EXPECT_THAT(QueryError({"urn:x"}, 503, "Full", "", "id").body,
              HasSubstr("<Type>Receiver</Type>"));
}

TEST(QueryProtocol, KnowsWhatXmlCanHold) {
  for (const std::string good : {"", "\t\r\n ~", "\u00e4\u20ac\ufffd", "\U00010000\U0010ffff"}) {
    EXPECT_TRUE(IsXmlText(good)) << good;
  }
  const std::string bad[] = {"\x01",         std::string(1, '\0'), "\x80",
                             "\xc0\x80",     "\xe2\x82",           "\xed\xa0\x80",
                             "\xef\xbf\xbe", "\xf4\x90\x80\x80",   "\xff"};
  for (const std::string& each : bad) {
    EXPECT_FALSE(IsXmlText(each));
    EXPECT_TRUE(IsXmlText(XmlText("a" + each + "b")));
  }
}

}  // namespace
}  // namespace hearth::aws
