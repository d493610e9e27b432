// A disk that is full: what is refused, what goes on, how it starts.
#include <sys/mount.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using ::testing::IsEmpty;

// Holds the commit that announces with it until it is opened.
class Gate {
 public:
  ~Gate() { Open(); }
  Announce announce() {
    return [state = state_](const Change&) -> std::vector<OutgoingEvent> {
      state->is_entered = true;
      state->is_open.wait(false);
      return {};
    };
  }
  bool is_entered() const { return state_->is_entered; }
  void Open() {
    state_->is_open = true;
    state_->is_open.notify_all();
  }

 private:
  struct State {
    std::atomic<bool> is_entered = false;
    std::atomic<bool> is_open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// A disk of one megabyte.
class FullDiskTest : public test::StoreTest {
 protected:
  FullDiskTest() {
    store.reset();
    options.reserve_bytes = 128 << 10;
    is_mounted = ::mount("hearth-test", folder.path().c_str(), "tmpfs", 0, "size=1m") == 0;
    Open();
  }
  ~FullDiskTest() override {
    store.reset();
    if (is_mounted) ::umount2(folder.path().c_str(), MNT_DETACH);
  }
  void SetUp() override {
    if (!is_mounted) GTEST_SKIP() << "no right to mount a tmpfs";
  }
  static std::string CodeOf(const auto& answer) { return answer ? "" : answer.error().type; }
  static std::string Bytes(size_t size) { return std::string(size, 'x'); }
  // Takes whatever there is of the disk.
  void Fill() {
    std::ofstream ballast(folder / "ballast", std::ios::app | std::ios::binary);
    while (ballast.write(Bytes(4096).data(), 4096).flush()) {
    }
  }
  void Empty() { std::filesystem::remove(folder / "ballast"); }
  void Await(const Gate& gate) {
    while (!gate.is_entered()) {
      loop.RunOnce();
      std::this_thread::yield();
    }
  }
  void Change(const std::string& bucket, const std::string& text,
              std::optional<Answer<void>>& answer) {
    store->ChangeBucket(
        bucket, [&](BucketRecord& record) { record.texts[text] = "x"; },
        [&](Answer<void> done) { answer = std::move(done); });
  }

  bool is_mounted = false;
};

TEST_F(FullDiskTest, RefusesWithSlowDownKeepsWhatItHasAndTakesMoreWhenThereIsRoom) {
  MakeBucket("b");
  Put("b", "first", Bytes(100000));
  EXPECT_EQ(CodeOf(Stage(Bytes(2 << 20))), "SlowDown");
  std::vector<std::string> kept;
  std::string code;
  for (int i = 0; i < 1000 && code.empty(); ++i) {
    const std::string key = "k" + std::to_string(i);
    const auto body = Stage(Bytes(20000));
    code = CodeOf(body);
    if (!body) break;
    code = CodeOf(Put({.bucket = "b", .object = Object(key, *body)}));
    if (code.empty()) kept.push_back(key);
  }
  EXPECT_EQ(code, "SlowDown");
  ASSERT_THAT(kept, ::testing::Not(IsEmpty()));
  Reopen();
  for (const std::string& key : kept) EXPECT_TRUE(Get("b", key) == Bytes(20000)) << key;
  for (const std::string& key : kept) Delete({.bucket = "b", .key = key});
  Settle();
  EXPECT_EQ(Get("b", "first"), Bytes(100000));
  EXPECT_EQ(CountFiles(), 1u);
  Put("b", "again", Bytes(200000));
  EXPECT_TRUE(Get("b", "again") == Bytes(200000));
}

TEST_F(FullDiskTest, StartsOnADiskWithNoRoomButTheReserve) {
  MakeBucket("b");
  Put("b", "k", Bytes(1000));
  Put("b", "gone", Bytes(1000));
  for (int i = 0; i < 3; ++i) {
    store.reset();  // What SQLite keeps beside the index goes, and must be made again.
    Fill();
    auto opened = DiskStore::Open(loop, folder / "objects", options);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    store = std::move(*opened);
    EXPECT_EQ(Get("b", "k"), Bytes(1000));
    EXPECT_EQ(CodeOf(Stage(Bytes(10))), "SlowDown");
    EXPECT_EQ(CodeOf(Delete({.bucket = "b", .key = "gone"})), "");
    Empty();
    Settle();
    Put("b", "gone", Bytes(20000));
  }
}

TEST_F(FullDiskTest, AChangeThatIsRefusedTakesNothingFromOneThatIsBeingSaved) {
  MakeBucket("b");
  Put("b", "1", "x");
  Put("b", "2", "x");
  Fill();
  Gate first;
  Gate second;
  bool is_full = false;
  store->Delete({.bucket = "b", .key = "1", .announce = first.announce()}, [&](Answer<Deleted>) {
    is_full = true;
    Empty();
  });
  Await(first);
  std::optional<Answer<void>> saved;
  std::optional<Answer<void>> refused;
  std::optional<Answer<void>> later;
  Change("b", "policy", saved);
  store->Delete({.bucket = "b", .key = "2", .announce = second.announce()}, [](Answer<Deleted>) {});
  first.Open();
  Await(second);  // The first change is in the commit that is under way;
  ASSERT_TRUE(is_full);
  Change("b", "cors", refused);  // this one need not be tried.
  second.Open();
  EXPECT_EQ(CodeOf(Wait(refused)), "SlowDown");
  EXPECT_EQ(CodeOf(Wait(saved)), "");
  Settle();
  Change("b", "lifecycle", later);
  EXPECT_EQ(CodeOf(Wait(later)), "");
  const auto texts = [&] { return store->Find("b")->texts; };
  EXPECT_THAT(texts(), ::testing::UnorderedElementsAre(::testing::Key("policy"),
                                                       ::testing::Key("lifecycle")));
  Reopen();
  EXPECT_THAT(texts(), ::testing::SizeIs(2));
}

}  // namespace
}  // namespace hearth::s3
