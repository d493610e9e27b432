// How calls are answered where a runtime fails: the payloads are AWS's, byte for byte.
#include <csignal>

#include "base/limits.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;

std::string ExitPayload(const CallPtr& call, const std::string& what) {
  return "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: " + call->id +
         " Error: " + what + "\"}";
}

class DataFailure : public test::DataPlane {
 protected:
  // A call that runs on process `index`.
  CallPtr Running(size_t index, FunctionRef function) {
    auto call = Invoke(std::move(function));
    if (zygote.processes.size() == index + 1 && process(index).pending()) Start(index);
    EXPECT_TRUE(process(index).Take());
    return call;
  }
  // The next call is served, by a process of its own.
  void ExpectNextIsServedByANewOne(FunctionRef function) {
    Turn();
    const size_t next = zygote.processes.size();
    const auto call = Invoke(std::move(function));
    ASSERT_EQ(zygote.processes.size(), next + 1);
    Start(next);
    Serve(next, call);
    EXPECT_TRUE(call->result.cold);
    EXPECT_EQ(zygote.alive(), 1u);
  }
};

TEST_F(DataFailure, ATimeoutKillsAndSaysAfterHowManySeconds) {
  const auto function = Function("F", {.timeout = 7s});
  const auto call = Running(0, function);
  Pass(6999ms);
  EXPECT_FALSE(call->answered());
  Pass(1ms);
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kTimeout);
  EXPECT_EQ(call->result.payload,
            "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: " + call->id +
                " Error: Task timed out after 7.00 seconds\"}");
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(invoker().counters().errors, 1u);
  ExpectNextIsServedByANewOne(function);
  EXPECT_EQ(call->answers, 1);
}

TEST_F(DataFailure, AnAnswerThatComesAfterTheTimeoutIsNotHeard) {
  const auto call = Running(0, Function("F"));
  process(0).lingers = true;
  Pass(3s);
  ASSERT_EQ(call->status(), InvocationStatus::kTimeout);
  process(0).Respond(call->id, "42");
  Turn();
  EXPECT_EQ(call->answers, 1);
  process(0).Exit(0);
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataFailure, ARuntimeThatExitsIsAnsweredWithHowItEnded) {
  const auto function = Function("F");
  const auto ended = [&](auto end, InvocationStatus status, const std::string& what) {
    const size_t index = zygote.processes.size();
    const auto call = Running(index, function);
    end(process(index));
    Turn();
    EXPECT_EQ(call->answers, 1) << what;
    EXPECT_EQ(call->status(), status) << what;
    EXPECT_EQ(call->result.payload, ExitPayload(call, what));
  };
  const auto exited = InvocationStatus::kExited;
  ended([](auto& p) { p.Exit(0); }, exited, "Runtime exited without providing a reason");
  ended([](auto& p) { p.Exit(3); }, exited, "Runtime exited with error: exit status 3");
  ended([](auto& p) { p.Signal(SIGKILL); }, exited, "Runtime exited with error: signal: killed");
  ended([](auto& p) { p.Signal(SIGSEGV); }, exited,
        "Runtime exited with error: signal: segmentation fault");
  ended([](auto& p) { p.Signal(SIGRTMIN); }, exited,
        "Runtime exited with error: signal: signal " + std::to_string(SIGRTMIN));
  ended([](auto& p) { p.Signal(SIGKILL, true); }, InvocationStatus::kOutOfMemory,
        "Runtime exited with error: signal: killed");
  // The kernel killed a child of it, and it went on and ended by itself.
  ended(
      [](auto& p) {
        p.End({.kind = sandbox::Outcome::Kind::kExited, .exit_status = 1, .out_of_memory = true});
      },
      exited, "Runtime exited with error: exit status 1");
  ExpectNextIsServedByANewOne(function);
}

TEST_F(DataFailure, AnInstanceThatDiesWhileIdleIsForgotten) {
  const auto function = Function("F");
  const auto first = Running(0, function);
  process(0).Respond(first->id, "1");
  Turn();
  process(0).Exit(1);
  Turn();
  EXPECT_EQ(States(), "");
  ExpectNextIsServedByANewOne(function);
}

TEST_F(DataFailure, AnInstanceThatClosesItsChannelWhileIdleIsKilled) {
  const auto function = Function("F");
  const auto first = Running(0, function);
  process(0).Respond(first->id, "1");
  Turn();
  process(0).CloseChannel();
  Turn();
  EXPECT_EQ(process(0).kills, 1);
  ExpectNextIsServedByANewOne(function);
}

TEST_F(DataFailure, ACallSentToAnInstanceThatIsJustDyingIsAnsweredOnce) {
  const auto function = Function("F");
  const auto first = Running(0, function);
  process(0).Respond(first->id, "1");
  Turn();
  process(0).Exit(1);  // Not yet heard of.
  const auto second = Invoke(function);
  Turn();
  EXPECT_EQ(second->answers, 1);
  EXPECT_EQ(second->result.payload,
            ExitPayload(second, "Runtime exited with error: exit status 1"));
  ExpectNextIsServedByANewOne(function);
}

TEST_F(DataFailure, WhatAProcessSaidBeforeItEndedIsHeardThoughItsEndIsKnownFirst) {
  const auto function = Function("F");
  const auto answered = Running(0, function);
  process(0).Respond(answered->id, "1");
  process(0).ExitFirst(1);
  Turn();
  EXPECT_EQ(answered->status(), InvocationStatus::kSuccess);
  EXPECT_EQ(answered->result.payload, "1");
  const auto failed = Invoke(function);
  for (const size_t start : {1u, 2u}) {  // The second is the call's own.
    process(start).Launched();
    Turn();
    process(start).InitError("Runtime.ImportModuleError", "{\"errorMessage\":\"no x\"}");
    process(start).ExitFirst(1);
    Turn();
  }
  EXPECT_EQ(failed->status(), InvocationStatus::kInitError);
  EXPECT_EQ(failed->result.payload, "{\"errorMessage\":\"no x\"}");
  EXPECT_EQ(failed->answers, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataFailure, AHandlersErrorIsPassedOnAndTheInstanceLives) {
  const auto function = Function("F");
  const auto call = Running(0, function);
  process(0).Fail(call->id, "ValueError", "{\"errorMessage\":\"x\"}");
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kFunctionError);
  EXPECT_EQ(call->result.payload, "{\"errorMessage\":\"x\"}");
  const auto next = Invoke(function);
  Serve(0, next);
}

TEST_F(DataFailure, ALastErrorIsAnsweredAndNoFurtherEventReachesThatInstance) {
  const auto function = Function("F");
  const auto call = Running(0, function);
  process(0).LastError(call->id, "Runtime.ExitError", "{\"errorMessage\":\"bye\"}");
  Turn();
  EXPECT_EQ(call->status(), InvocationStatus::kFunctionError);
  EXPECT_EQ(call->result.payload, "{\"errorMessage\":\"bye\"}");
  const auto next = Invoke(function);
  Pass(5ms);  // For a moment the instance might still become idle.
  EXPECT_FALSE(process(0).Take());
  ASSERT_EQ(zygote.processes.size(), 2u);
  process(0).Exit(1);
  Turn();
  EXPECT_EQ(call->answers, 1);
  Start(1);
  Serve(1, next);
}

TEST_F(DataFailure, ALastErrorFromOneThatNeverLeavesEndsWithTheFunctionsTimeout) {
  const auto call = Running(0, Function("F"));
  process(0).LastError(call->id, "Runtime.ExitError", "{}");
  Pass(3s);
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(process(0).kills, 1);
  EXPECT_EQ(States(), "");
}

TEST_F(DataFailure, GarbageOnTheChannelKillsTheSandboxAndIsAnswered) {
  const auto function = Function("F");
  const std::vector<std::string> garbage{
      std::string(8, '\xff'),                        // An unknown type.
      std::string("\xff\xff\xff\x7f\x04\0\0\0", 8),  // A body over the limit.
      std::string("\0\0\0\0\x02\0\0\0", 8),          // Ready, twice.
      std::string("\x04\0\0\0\x04\0\0\0ABCD", 12),   // A response whose fields end too early.
      std::string("\0\0\0\0\x01\0\0\0", 8),          // An invoke frame.
  };
  for (const auto& bytes : garbage) {
    const size_t index = zygote.processes.size();
    const auto call = Running(index, function);
    process(index).SendBytes(bytes);
    Turn();
    EXPECT_EQ(call->answers, 1);
    EXPECT_EQ(call->status(), InvocationStatus::kExited);
    EXPECT_EQ(call->result.payload, ExitPayload(call, "Runtime exited with error: signal: killed"));
    EXPECT_GE(process(index).kills, 1);
  }
  ExpectNextIsServedByANewOne(function);
}

TEST_F(DataFailure, AnAnswerToAnotherRequestIsGarbage) {
  const auto call = Running(0, Function("F"));
  process(0).Respond("r999", "42");
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->status(), InvocationStatus::kExited);
  EXPECT_GE(process(0).kills, 1);
}

TEST_F(DataFailure, AnAnswerTwiceIsGarbageAndHurtsNobody) {
  const auto function = Function("F");
  const auto call = Running(0, function);
  process(0).Respond(call->id, "1");
  process(0).Respond(call->id, "2");
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->result.payload, "1");
  EXPECT_GE(process(0).kills, 1);
  ExpectNextIsServedByANewOne(function);
}

TEST_F(DataFailure, AResponseOf6291556BytesIsServedAndOneByteMoreIsNot) {
  const auto function = Function("F", {.timeout = 900s});
  const auto most = Running(0, function);
  process(0).Respond(most->id, std::string(6291556, 'x'));
  Turn();
  EXPECT_EQ(most->status(), InvocationStatus::kSuccess);
  EXPECT_EQ(most->result.payload.size(), 6291556u);
  const auto more = Running(0, function);
  process(0).Respond(more->id, std::string(6291557, 'x'));
  Turn();
  EXPECT_EQ(more->status(), InvocationStatus::kResponseTooLarge);
  EXPECT_EQ(more->result.payload,
            "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
            "(6291556 bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}");
  const auto next = Invoke(function);
  Serve(0, next);  // The instance lives.
}

TEST_F(DataFailure, AnAnswerOnceTheRuntimeHasDiedMidResponseIsItsExit) {
  const auto call = Running(0, Function("F"));
  process(0).SendBytes(std::string("\x10\x27\0\0\x04\0\0\0half of it", 18));
  process(0).Signal(SIGABRT);
  Turn();
  EXPECT_EQ(call->answers, 1);
  EXPECT_EQ(call->result.payload, ExitPayload(call, "Runtime exited with error: signal: aborted"));
}

TEST_F(DataFailure, ACallbackThatInvokesAgainAfterEachFailureIsServed) {
  const auto function = Function("F");
  const std::vector<std::function<void(test::FakeProcess&)>> failures{
      [](auto& p) { p.Exit(1); }, [](auto& p) { p.SendBytes(std::string(8, '\xff')); },
      [this](auto&) { Pass(3s); }};
  for (const auto& fail : failures) {
    const size_t index = zygote.processes.size();
    const auto call = Running(index, function);
    CallPtr again;
    call->then = [&] { again = Invoke(function); };
    fail(process(index));
    Turn();
    ASSERT_TRUE(again);
    ASSERT_EQ(zygote.processes.size(), index + 2);
    Start(index + 1);
    Serve(index + 1, again);
    process(index + 1).Exit(0);
    Turn();
  }
}

}  // namespace
}  // namespace hearth::invoker
