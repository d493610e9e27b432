// Thousands of random steps against what must always hold: each call is answered once, an event
// reaches only a thawed instance of its own revision that has no other, the sandboxes' memory stays
// within the budget, and in the end nothing is left.
#include <map>
#include <random>

#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using test::CallPtr;
using test::FakeProcess;

constexpr uint64_t kBudgetMib = 1024;
constexpr uint32_t kConcurrency = 12;

class DataModel : public test::DataPlane, public ::testing::WithParamInterface<uint32_t> {
 protected:
  struct Known {
    std::string running;  // The request whose event it has; empty: none.
    bool ready = false;
    bool leaving = false;  // It has said that it will leave, or has broken the protocol.
  };

  void SetUp() override {
    DataPlane::SetUp();
    random.seed(GetParam());
    options.memory_budget = base::Bytes::MiB(kBudgetMib);
    options.concurrency = kConcurrency;
    options.keep_alive.fixed = 30s;
    zygote.on_launch = [this](FakeProcess& process) {
      process.lingers = Chance(20);
      process.freezable = !Chance(10);
      process.memory.now = base::Bytes::MiB(1 + Pick(150));
    };
    for (const char* name : {"A", "B", "C", "D"}) Renew(name);
  }

  uint32_t Pick(uint32_t below) { return static_cast<uint32_t>(random() % below); }
  bool Chance(uint32_t percent) { return Pick(100) < percent; }

  void Renew(const std::string& name) {
    const uint32_t sizes[] = {128, 192, 256, 512};
    functions[name] = Function(name, {.timeout = std::chrono::seconds(1 + Pick(20)),
                                      .memory_mib = sizes[Pick(4)],
                                      .revision_id = name + "-" + std::to_string(++revisions)});
  }

  void InvokeSome() {
    const auto function = std::next(functions.begin(), Pick(4))->second;
    const auto call = Invoke(function, {.want_log_tail = Chance(30)});
    calls.push_back(call);
    revision_of[call->id] = function->revision_id;
    if (Chance(10)) call->then = [this] { InvokeSome(); };
    if (Chance(2)) call->then = [this, name = function->name] { RetireSome(name); };
  }

  void RetireSome(const std::string& name) {
    Renew(name);
    invoker().Retire(name, {functions[name]->revision_id});
  }

  // Reads what has arrived at each runtime.
  void TakeEvents() {
    for (const auto& process : zygote.processes) {
      if (!process->launched() || process->ended()) continue;
      Known& known = knowns[process->id];
      while (const auto event = process->Take()) {
        ASSERT_TRUE(known.ready && !known.leaving) << "an event for one that is not ready";
        ASSERT_EQ(known.running, "") << "two events at once";
        ASSERT_EQ(process->spec.mounts[0].source, "/code/" + revision_of[event->request_id])
            << "an event for another revision";
        known.running = event->request_id;
      }
    }
  }

  // One random thing happens to one random process.
  void Happen(FakeProcess& process) {
    Known& known = knowns[process.id];
    if (process.pending()) {
      return Chance(80) ? process.Launched()
                        : process.LaunchFails(Chance(50) ? "exec" : "mount", ENOENT);
    }
    if (!process.alive() || process.ended()) return;
    if (Chance(5)) return process.Exit(static_cast<int>(Pick(3)));
    if (Chance(3)) return process.Signal(9, Chance(50));
    if (process.frozen || known.leaving || process.kills > 0) return;
    if (!known.ready) {
      if (Chance(70)) {
        known.ready = true;
        return process.Ready();
      }
      known.leaving = true;
      return Chance(50) ? process.InitError("Runtime.X", "{}") : process.SendBytes("garbage!");
    }
    if (known.running.empty()) return Chance(5) ? process.Print("idle\n") : void();
    Answer(process, known);
  }

  void Answer(FakeProcess& process, Known& known) {
    process.Print("working\n");
    const std::string id = std::exchange(known.running, "");
    switch (Pick(12)) {
      case 0:
        return process.Fail(id, "ValueError", "{}");
      case 1:
        known.leaving = true;
        return process.LastError(id, "Runtime.ExitError", "{}");
      case 2:
        known.leaving = true;
        return process.SendBytes(std::string(20, '\xee'));
      case 3:
        known.leaving = true;
        return process.CloseChannel();
      case 4:
        known.leaving = true;
        return process.Respond("another", "{}");
      default:
        return process.Respond(id, "\"" + id + "\"");
    }
  }

  void Check(bool settled) {
    TakeEvents();
    uint64_t running = 0;
    for (const auto& process : zygote.processes) {
      if (!process->alive()) continue;
      running += process->frozen ? 0 : process->spec.memory.ToMiBCeil();
      ASSERT_FALSE(process->frozen && !knowns[process->id].running.empty() && process->kills == 0)
          << "frozen while it runs a call";
    }
    ASSERT_LE(running, kBudgetMib);
    uint32_t open = 0;
    for (const auto& call : calls) {
      ASSERT_LE(call->answers, 1) << call->id;
      if (!call->answered()) ++open;
      if (call->answered() && call->status() == InvocationStatus::kSuccess) {
        ASSERT_EQ(call->result.payload, "\"" + call->id + "\"");
      }
    }
    // Those that are refused are told on a later turn.
    ASSERT_LE(settled ? open : 0, kConcurrency);
    std::erase_if(calls, [&](const auto& call) {
      answered += call->answered() ? 1 : 0;
      return call->answered();
    });
    std::erase_if(zygote.processes,
                  [](const auto& process) { return !process->pending() && !process->alive(); });
  }

  void Step() {
    switch (Pick(10)) {
      case 0:
      case 1:
      case 2:
        InvokeSome();
        break;
      case 3:
        Pass(std::chrono::milliseconds(Chance(5) ? Pick(20000) : Pick(100)));
        break;
      case 4:
        if (Chance(10)) RetireSome(std::next(functions.begin(), Pick(4))->first);
        break;
      default:
        if (!zygote.processes.empty()) {
          Happen(*zygote.processes[Pick(static_cast<uint32_t>(zygote.processes.size()))]);
        }
    }
    // Sometimes several things happen within one turn.
    for (uint32_t turns = Pick(4); turns > 0; --turns) loop.RunOnce();
  }

  void TearDown() override {
    for (const auto& call : calls) call->then = nullptr;
  }

  // Everything that is being made is made, and whatever was killed ends; nobody answers any more,
  // so that calls end by their timeouts: one after the other, where they wait for memory.
  void LetGo() {
    zygote.on_launch = nullptr;
    for (int round = 0; round < 300; ++round) {
      const auto all = zygote.processes;
      for (const auto& process : all) {
        process->lingers = false;
        if (process->pending()) process->Launched();
        if (process->kills > 0 && !process->ended()) process->Exit(0);
      }
      Pass(1s);
    }
  }

  std::mt19937 random;
  std::map<std::string, FunctionRef> functions;
  std::map<std::string, std::string> revision_of;  // By request.
  std::map<uint64_t, Known> knowns;                // By process.
  std::vector<CallPtr> calls;                      // Not answered yet.
  uint64_t answered = 0;
  int revisions = 0;
};

TEST_P(DataModel, AnswersEachCallOnceAndLeavesNothing) {
  for (int step = 0; step < 5000; ++step) {
    Step();
    const bool settle = step % 4 == 0;
    if (settle) Turn();
    Check(settle);
    if (HasFatalFailure()) FAIL() << "at step " << step;
  }
  LetGo();
  Check(true);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_TRUE(calls.empty()) << calls.size() << " calls were never answered";
  EXPECT_GT(answered, 1000u);
  EXPECT_EQ(zygote.alive(), 0u);
  EXPECT_EQ(States(), "");
  // Every reserved byte and every place has been given back: the whole budget can be had at once.
  Renew("A");
  zygote.processes.clear();
  const auto whole = Invoke(Function("Whole", {.memory_mib = kBudgetMib}));
  Turn();
  ASSERT_EQ(zygote.processes.size(), 1u) << whole->result.throttle_reason;
  Start(0);
  Serve(0, whole);
  std::vector<CallPtr> most;
  Pass(900s);
  for (uint32_t i = 0; i < kConcurrency; ++i) {
    most.push_back(Invoke(Function("Small", {.memory_mib = 64})));
  }
  Turn();
  for (const auto& call : most) EXPECT_FALSE(call->answered());
}

TEST_P(DataModel, ADrainAtAnyMomentAnswersEveryCallAndEndsOnce) {
  for (uint32_t step = 500 + Pick(500); step > 0; --step) Step();
  int drained = 0;
  invoker().Drain(base::Deadline::After(clock, 5s), [&] { ++drained; });
  for (int step = 0; step < 200; ++step) Step();
  for (const auto& call : calls) call->then = nullptr;
  Pass(5s);
  LetGo();
  for (const auto& call : calls) EXPECT_EQ(call->answers, 1) << call->id;
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(zygote.alive(), 0u);
  EXPECT_EQ(States(), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, DataModel, ::testing::Values(1u, 2u, 3u, 4u, 5u, 6u));

}  // namespace
}  // namespace hearth::invoker
