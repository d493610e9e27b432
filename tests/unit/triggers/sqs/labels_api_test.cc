// Tags, permissions, attributes: what several clients change at once is all there in the end.
#include "tests/unit/triggers/sqs/sqs_api_fixture.h"

namespace hearth::sqs {
namespace {

using base::Json;
using test::SqsApiTest;

TEST_F(SqsApiTest, NoChangeOfPermissionsOrTagsIsLostToAnotherMadeAtOnce) {
  ASSERT_TRUE(Create("q").has_value());
  std::vector<std::shared_ptr<Asked>> asked;
  for (int i = 0; i < 15; ++i) {
    const std::string name = "l" + std::to_string(i);
    asked.push_back(StartJson("AddPermission", {{"QueueUrl", Url("q")},
                                                {"Label", name},
                                                {"AWSAccountIds", {"111111111111"}},
                                                {"Actions", {"SendMessage"}}}));
    asked.push_back(StartJson("TagQueue", {{"QueueUrl", Url("q")}, {"Tags", {{name, name}}}}));
    asked.push_back(StartJson("SetQueueAttributes",
                              {{"QueueUrl", Url("q")}, {"Attributes", {{"DelaySeconds", "7"}}}}));
  }
  for (auto& each : asked) EXPECT_EQ(Answer(each).status, 200);
  const QueueRecord* const record = engine->Find("q");
  EXPECT_EQ(MUST(base::ParseJson(record->settings.set.at("Policy")))["Statement"].size(), 15u);
  EXPECT_EQ(record->tags.size(), 15u);
  EXPECT_EQ(record->settings.delay_s, 7);

  asked.clear();
  for (int i = 0; i < 15; ++i) {
    const std::string name = "l" + std::to_string(i);
    asked.push_back(StartJson("RemovePermission", {{"QueueUrl", Url("q")}, {"Label", name}}));
    asked.push_back(StartJson("UntagQueue", {{"QueueUrl", Url("q")}, {"TagKeys", {name}}}));
  }
  for (auto& each : asked) EXPECT_EQ(Answer(each).status, 200);
  EXPECT_FALSE(engine->Find("q")->settings.set.contains("Policy"));
  EXPECT_TRUE(engine->Find("q")->tags.empty());
}

TEST_F(SqsApiTest, OfTwoOfOneLabelAtOnceOneIsRefusedAndNoLimitIsPassedTogether) {
  ASSERT_TRUE(Create("q").has_value());
  const Json permission = {{"QueueUrl", Url("q")},
                           {"Label", "twice"},
                           {"AWSAccountIds", {"111111111111"}},
                           {"Actions", {"SendMessage"}}};
  const auto first = StartJson("AddPermission", permission);
  const auto second = StartJson("AddPermission", permission);
  EXPECT_EQ(Answer(first).status + Answer(second).status, 600);

  std::vector<std::shared_ptr<Asked>> asked;
  for (int i = 0; i < 4; ++i) {
    Json tags;
    for (int each = 0; each < 20; ++each) tags[std::to_string(i) + "-" + std::to_string(each)] = "";
    asked.push_back(StartJson("TagQueue", {{"QueueUrl", Url("q")}, {"Tags", tags}}));
  }
  int taken = 0;
  for (auto& each : asked) taken += Answer(each).status == 200 ? 1 : 0;
  EXPECT_EQ(taken, 2) << "50 tags at most";
  EXPECT_EQ(engine->Find("q")->tags.size(), 40u);
}

}  // namespace
}  // namespace hearth::sqs
