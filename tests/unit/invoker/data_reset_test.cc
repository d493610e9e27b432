// What an instance that failed leaves in /tmp, and who gets it.
#include <gmock/gmock.h>

#include <csignal>

#include "base/limits.h"
#include "invoker/kept_tmps.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DataReset : public test::DataPlane {
 protected:
  // A call that runs on the first process.
  CallPtr Running(FunctionRef function) {
    auto call = Invoke(std::move(function));
    Start(0);
    EXPECT_TRUE(process(0).Take());
    return call;
  }
};

TEST_F(DataReset, WhoComesAfterAResetHasItsTmp) {
  const auto function = Function("F");
  Running(function);
  process(0).Exit(3);
  Turn();
  const auto call = Invoke(function);
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.tmp_of, process(0).id);
  EXPECT_THAT(zygote.tmps_kept, ElementsAre(process(0).id)) << "until its sandbox has it";
  Start(1);
  EXPECT_THAT(zygote.tmps_kept, IsEmpty());
  Serve(1, call);
  // And nobody else.
  const auto first = Invoke(function);
  Invoke(function);
  ASSERT_EQ(zygote.processes.size(), 3u);
  EXPECT_EQ(process(2).spec.tmp_of, 0u);
}

TEST_F(DataReset, WhatEndsInGoodOrderLeavesNoTmp) {
  const auto function = Function("F");
  const auto call = Running(function);
  process(0).Respond(call->id, "1");
  Turn();
  invoker().EndIdle("F");
  Turn();
  EXPECT_EQ(zygote.alive(), 0u);
  EXPECT_THAT(zygote.tmps_kept, IsEmpty());
}

TEST_F(DataReset, AnotherRevisionDoesNotGetItsTmp) {
  const auto old = Function("F");
  Running(old);
  process(0).Exit(3);
  Turn();
  const auto next = Function("F", {.revision_id = "F-2"});
  Invoke(next);
  EXPECT_EQ(process(1).spec.tmp_of, 0u);
  EXPECT_THAT(zygote.tmps_kept, ElementsAre(process(0).id));
  invoker().Retire("F", {next->revision_id});
  EXPECT_THAT(zygote.tmps_kept, IsEmpty());
}

TEST_F(DataReset, ATmpThatNobodyComesForIsFreed) {
  Running(Function("F"));
  process(0).Exit(3);
  Pass(limits::kKeepAlive - 1s);
  EXPECT_THAT(zygote.tmps_kept, ElementsAre(process(0).id));
  Pass(1s);
  EXPECT_THAT(zygote.tmps_kept, IsEmpty());
}

TEST_F(DataReset, ATmpGoesWhereTheFunctionsInstancesAreAskedToEnd) {
  Running(Function("F"));
  process(0).Exit(3);
  Turn();
  EXPECT_THAT(zygote.tmps_kept, ElementsAre(process(0).id));
  invoker().EndIdle("F");
  EXPECT_THAT(zygote.tmps_kept, IsEmpty());
}

TEST_F(DataReset, OneThatOutlivedItsRevisionLeavesNoTmp) {
  const auto old = Function("F");
  Running(old);
  invoker().Retire("F", {"F-2"});
  process(0).Exit(3);
  Turn();
  EXPECT_THAT(zygote.tmps_kept, IsEmpty());
}

TEST_F(DataReset, ARevisionThatFailsEverywhereKeepsItsNewestTmpsOnly) {
  const auto function = Function("F", {.memory_mib = 128});
  constexpr size_t kMany = KeptTmps::kMostOfOne + 4;
  for (size_t i = 0; i < kMany; ++i) Invoke(function);
  ASSERT_EQ(zygote.processes.size(), kMany);
  for (size_t i = 0; i < kMany; ++i) Start(i);
  for (size_t i = 0; i < kMany; ++i) process(i).Exit(3);
  Turn();
  EXPECT_EQ(zygote.tmps_kept.size(), static_cast<size_t>(KeptTmps::kMostOfOne));
  EXPECT_TRUE(zygote.tmps_kept.contains(process(kMany - 1).id));
}

TEST_F(DataReset, WhoComesDuringAResetWaitsForIt) {
  const auto function = Function("F");
  Running(function);
  process(0).lingers = true;
  Pass(3s);
  Invoke(function);
  EXPECT_EQ(zygote.processes.size(), 1u);
  process(0).Signal(SIGKILL);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.tmp_of, process(0).id);
}

TEST_F(DataReset, ButNotForever) {
  const auto function = Function("F");
  Running(function);
  process(0).lingers = true;
  Pass(3s);
  const auto call = Invoke(function);
  Pass(250ms);
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.tmp_of, 0u);
  Start(1);
  Serve(1, call);
}

TEST_F(DataReset, ASecondCallDuringAResetIsNotKeptWaiting) {
  const auto function = Function("F");
  Running(function);
  process(0).lingers = true;
  Pass(3s);
  Invoke(function);
  Invoke(function);
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.tmp_of, 0u);
}

TEST_F(DataReset, TheInitThatIsPartOfACallHasTheTmpOfTheOneThatFailed) {
  const auto function = Function("F");
  Invoke(function);
  process(0).Launched();
  process(0).Exit(1);
  Turn();
  ASSERT_EQ(zygote.processes.size(), 2u);
  EXPECT_EQ(process(1).spec.tmp_of, process(0).id);
}

}  // namespace
}  // namespace hearth::invoker
