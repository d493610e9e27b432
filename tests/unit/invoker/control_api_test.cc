// What the control plane makes durable, and whom it tells.
#include <gtest/gtest.h>

#include "control_fixture.h"

namespace hearth::invoker {
namespace {

class ControlApi : public test::ControlFixture {};

TEST_F(ControlApi, AFunctionSurvivesARestartAndItsNameIsTaken) {
  const auto made = Create("Hello");
  ASSERT_TRUE(made) << made.error().message;
  Stop();
  Start();
  ASSERT_NE(registry->Find("Hello"), nullptr);
  EXPECT_EQ(ToStored(*registry->Find("Hello")), ToStored(**made));
  const auto again = Create("Hello");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().status, 409);
  EXPECT_EQ(again.error().message, "Function already exist: Hello");
}

TEST_F(ControlApi, AnUpdateRetiresOldRevisionsAndAStaleRevisionIsRefused) {
  const auto made = Create("Hello");
  ASSERT_TRUE(made);
  const auto changed = Wait([&](ControlPlane::Done done) {
    control->UpdateConfiguration(
        "Hello", {{"Timeout", 9}, {"RevisionId", (*made)->revision_id}}, std::move(done));
  });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ((*changed)->timeout, std::chrono::seconds(9));
  EXPECT_EQ((*changed)->code_digest, (*made)->code_digest);
  EXPECT_EQ(invoker.live_revisions["Hello"], std::set<std::string>{(*changed)->revision_id});
  const auto stale = Wait([&](ControlPlane::Done done) {
    control->UpdateConfiguration(
        "Hello", {{"Timeout", 5}, {"RevisionId", (*made)->revision_id}}, std::move(done));
  });
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().status, 412);
}

TEST_F(ControlApi, AnEventOutlivesARestartUntilItIsDelivered) {
  ASSERT_TRUE(Create("Hello"));
  invoker.next.status = InvocationStatus::kFunctionError;  // Due again in a minute.
  bool durable = false;
  events->Put({.request_id = "r1", .function_name = "Hello", .invoked_arn = "a",
               .trace_id = "t", .payload = "{\"n\":1}"},
              [&](base::Result<void> result) { durable = result.has_value(); });
  loop.RunUntil([&] { return events->counters().retries == 1; });
  EXPECT_TRUE(durable);
  Stop();
  Start();
  EXPECT_EQ(events->pending(), 1u);
  EXPECT_EQ(invoker.payloads, std::vector<std::string>{"{\"n\":1}"});
}

}  // namespace
}  // namespace hearth::invoker
