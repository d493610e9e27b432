// What only the list of the idle itself shows: when it wakes the loop, and whom it never ends.
#include "invoker/idle_instances.h"

#include "invoker/kept_tmps.h"
#include "invoker/snapshots.h"
#include "invoker/stem_cells.h"
#include "tests/unit/invoker/data_plane.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using base::Bytes;

// Counts how often it is read.
class CountingClock final : public base::Clock {
 public:
  base::MonoTime Now() const override {
    ++reads;
    return clock.Now();
  }
  base::WallTime WallNow() const override { return clock.WallNow(); }
  bool is_virtual() const override { return true; }

  base::VirtualClock clock{base::WallTime(1h)};
  mutable int reads = 0;
};

class IdleInstancesTest : public ::testing::Test, public Instance::Delegate {
 protected:
  void SetUp() override {
    if (!catalog_.Find("python3.11")) GTEST_SKIP() << "/usr/bin/python3 is missing";
    options_.code_folder = [](const std::string&) { return "/code"; };
  }
  ~IdleInstancesTest() override {
    for (const auto& instance : instances_) idle_.Remove(*instance);
    instances_.clear();
    for (int turn = 0; turn < 12; ++turn) loop_.RunOnce();
  }

  // One that has become idle just now.
  Instance& Idle(bool is_provisioned = false) {
    FunctionVersion function;
    function.name = "F";
    function.runtime = "python3.11";
    function.handler = "app.handler";
    const size_t index = instances_.size();
    instances_.push_back(std::make_unique<Instance>(
        parts_, *this, index + 1, std::make_shared<const FunctionVersion>(std::move(function))));
    Instance& instance = *instances_.back();
    instance.is_provisioned = is_provisioned;
    instance.reserved = instance.size();
    EXPECT_TRUE(admission_.Reserve(instance.reserved));
    instance.Start();
    zygote_.processes.at(index)->Launched();
    Turn();
    zygote_.processes.at(index)->Ready();
    Turn();
    return instance;
  }
  void Turn() {
    for (int turn = 0; turn < 12; ++turn) loop_.RunOnce();
  }
  // Moves the clock by `step` as often; how often it woke somebody.
  int Wakings(base::Duration step, int steps) {
    int wakings = 0;
    for (int i = 0; i < steps; ++i) {
      clock_.clock.Advance(step);
      clock_.reads = 0;
      loop_.ClockMoved();
      if (clock_.reads > 1) ++wakings;  // The queue of timers itself looks once.
      Turn();
    }
    return wakings;
  }

  // Instance::Delegate
  void OnIdle(Instance& instance) override { idle_.Add(instance, history_); }
  void OnInitFailed(Instance& instance, InitFailure) override { OnEnding(instance); }
  void OnAnswered(Instance&, PendingCallPtr, InvocationResult) override {}
  void OnEnding(Instance& instance) override {
    idle_.Remove(instance);
    ++ended_;
  }
  void OnExtensionsRan(Instance&, base::Duration, uint64_t) override {}
  bool MayGrow(Instance&) override { return true; }
  void OnGone(Instance& instance) override { admission_.Release(instance.reserved); }

  CountingClock clock_;
  io::Loop loop_{clock_};
  io::Offload disk_{loop_, 1};
  test::FakeZygote zygote_{loop_};
  runtime::Catalog catalog_ = runtime::Catalog::Probe();
  std::unique_ptr<LogStore> logs_ = *LogStore::Open(loop_, disk_, "");
  InvokerOptions options_;
  Admission admission_{10, Bytes::MiB(1024)};
  StemCells stem_cells_{loop_, zygote_, catalog_, options_, admission_};
  KeptTmps kept_tmps_{loop_};
  const InstanceParts parts_{loop_,    zygote_,     catalog_,   *logs_,
                             options_, stem_cells_, snapshots_, kept_tmps_};
  Snapshots snapshots_{parts_, admission_};
  UseHistory history_;
  IdleInstances idle_{loop_, options_, admission_, [] {}};
  std::vector<std::unique_ptr<Instance>> instances_;
  int ended_ = 0;
};

TEST_F(IdleInstancesTest, WakesTheLoopForEachStepAndNeverBetween) {
  Idle();
  EXPECT_EQ(Wakings(1ms, 49), 0);
  EXPECT_EQ(Wakings(1ms, 1), 1);  // Settles and freezes.
  EXPECT_EQ(Wakings(10ms, 2994), 0);
  EXPECT_EQ(Wakings(10ms, 1), 1);  // Is asked for what it does not need.
  EXPECT_EQ(Wakings(1s, 569), 0);
  EXPECT_EQ(Wakings(1s, 1), 1);
  EXPECT_EQ(ended_, 1);
  EXPECT_EQ(Wakings(1min, 600), 0);
}

TEST_F(IdleInstancesTest, WakesNobodyWhereNobodyIsIdle) { EXPECT_EQ(Wakings(1s, 3600), 0); }

TEST_F(IdleInstancesTest, ManyThatBecameIdleAtOnceAreOneWaking) {
  for (int i = 0; i < 5; ++i) Idle();
  EXPECT_EQ(Wakings(1ms, 1000), 1);
}

TEST_F(IdleInstancesTest, AProvisionedOneIsFrozenButNeverEndsAndKeepsItsSize) {
  Instance& provisioned = Idle(true);
  zygote_.processes[0]->memory.now = Bytes::MiB(10);
  EXPECT_EQ(idle_.reserved(nullptr), Bytes());
  EXPECT_EQ(idle_.Evict(Bytes::MiB(1), nullptr), 0u);  // While it is quiet, too.
  Wakings(50ms, 1);
  EXPECT_TRUE(provisioned.frozen());
  EXPECT_EQ(provisioned.reserved, Bytes::MiB(128));
  Idle();
  Wakings(50ms, 1);
  EXPECT_EQ(idle_.Evict(Bytes::MiB(1000), nullptr), 1u);
  Wakings(1h, 24);
  EXPECT_EQ(provisioned.state(), Instance::State::kIdle);
  EXPECT_EQ(ended_, 1);
}

TEST_F(IdleInstancesTest, OneThatIsProvisionedNoLongerIsOneOfTheOthersThoughItIsFrozen) {
  Instance& instance = Idle(true);
  zygote_.processes[0]->memory.now = Bytes::MiB(10);
  Wakings(50ms, 1);
  ASSERT_TRUE(instance.frozen());
  idle_.Remove(instance);
  instance.is_provisioned = false;
  idle_.Add(instance, history_);
  Wakings(50ms, 1);
  EXPECT_TRUE(instance.frozen());
  EXPECT_EQ(idle_.reserved(nullptr), Bytes::MiB(10));
  EXPECT_EQ(idle_.Evict(Bytes::MiB(1), nullptr), 1u);
}

TEST_F(IdleInstancesTest, HoldsWhatThoseThatMayBeEvictedHold) {
  Instance& one = Idle();
  Instance& other = Idle();
  EXPECT_EQ(idle_.reserved(nullptr), Bytes::MiB(256));
  EXPECT_EQ(idle_.reserved(&one), Bytes::MiB(128));
  zygote_.processes[0]->memory.now = Bytes::MiB(10);
  zygote_.processes[1]->memory.now = Bytes::MiB(30);
  Wakings(50ms, 1);
  EXPECT_EQ(idle_.reserved(nullptr), Bytes::MiB(40));
  EXPECT_EQ(idle_.reserved(&one), Bytes::MiB(30));
  idle_.Remove(other);
  EXPECT_EQ(idle_.reserved(nullptr), Bytes::MiB(10));
  EXPECT_EQ(idle_.reserved(&other), Bytes::MiB(10));  // It is not idle.
}

}  // namespace
}  // namespace hearth::invoker
