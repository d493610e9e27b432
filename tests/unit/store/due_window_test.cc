#include "store/due_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <random>

namespace hearth::store {
namespace {

using testing::ElementsAre;

struct Item {
  int64_t id = 0;
  int64_t due_ms = 0;
  size_t bytes() const { return 10; }
};

// A disk that answers on a later turn, as it was when it was asked; pages and commits are told of
// in their order.
class DueWindowTest : public testing::Test {
 protected:
  void Open(size_t most_rows, size_t most_bytes = 1 << 20) {
    window.emplace(loop,
                   DueWindow<Item>::Options{.most_rows = most_rows,
                                            .most_bytes = most_bytes,
                                            .load =
                                                [this](DueKey after, size_t most, auto loaded) {
                                                  ++loads;
                                                  largest = std::max(largest, most);
                                                  Answer(after, most, std::move(loaded));
                                                },
                                            .on_page = [this] { ++pages; }});
  }
  void Answer(DueKey after, size_t most, DueWindow<Item>::Loaded loaded) {
    base::Result<std::vector<Item>> page;
    if (fails) {
      page = base::MakeError(base::ErrorKind::kSystem, "read", "no disk");
    } else {
      for (auto at = disk.upper_bound(after); at != disk.end() && page->size() < most; ++at) {
        page->push_back({at->first.id, at->first.due_ms});
      }
    }
    loop.Post([loaded = std::move(loaded), page = std::move(page)] { loaded(page); });
  }
  void Commit(Item item) {
    std::erase_if(disk, [&](const auto& one) { return one.first.id == item.id; });
    disk.emplace(DueKey{item.due_ms, item.id}, 0);
    loop.Post([this, item] { window->Put(item); });
  }
  void Remove(int64_t id) {
    std::erase_if(disk, [&](const auto& one) { return one.first.id == id; });
    loop.Post([this, id] { window->Forget(id); });
  }
  void Settle() {
    for (int i = 0; i < 4; ++i) loop.RunOnce();
    if (fails) return;
    loop.RunUntil([this] { return !window->IsLoading(); });
  }
  // Takes and removes all that is due by `now`; their ids.
  std::vector<int64_t> Drain(int64_t now) {
    std::vector<int64_t> ids;
    while (true) {
      if (auto item = window->TakeDue(now)) {
        ids.push_back(item->id);
        Remove(item->id);
        loop.RunOnce();
      } else if (Settle(); !window->next_due_ms() || *window->next_due_ms() > now) {
        return ids;
      }
    }
  }

  base::VirtualClock clock{base::WallTime{}};
  io::Loop loop{clock};
  std::map<DueKey, int> disk;
  std::optional<DueWindow<Item>> window;
  bool fails = false;
  int loads = 0;
  int pages = 0;
  size_t largest = 0;
};

TEST_F(DueWindowTest, GivesWhatIsDueInItsOrderAndNothingElse) {
  for (const auto& [id, due] : {std::pair(1, 30), {2, 10}, {3, 20}, {4, 20}}) {
    disk.emplace(DueKey{due, id}, 0);
  }
  Open(100);
  Settle();
  EXPECT_TRUE(window->IsWhole());
  EXPECT_FALSE(window->TakeDue(9));
  EXPECT_THAT(Drain(29), ElementsAre(2, 3, 4));
  EXPECT_EQ(window->next_due_ms(), 30);
}

TEST(DuePage, EndsWhereItsRowsAreTooMuchAndSaysSo) {
  size_t read = 0;
  const auto rows_behind = [&read](DueKey after, size_t count) -> base::Result<std::vector<Item>> {
    std::vector<Item> rows;
    for (int64_t id = after.id < 0 ? 0 : after.id + 1; id < 500 && rows.size() < count; ++id) {
      rows.push_back({.id = id, .due_ms = id});
    }
    read += rows.size();
    return rows;
  };
  const auto cut = ReadDuePage<Item>({}, 400, 1000, rows_behind);
  EXPECT_TRUE(cut->has_more);
  EXPECT_LT(cut->rows.size(), 200u);
  EXPECT_EQ(read, cut->rows.size());
  const auto whole = ReadDuePage<Item>({}, 400, 1 << 20, rows_behind);
  EXPECT_FALSE(whole->has_more);
  EXPECT_EQ(whole->rows.size(), 400u);
  const auto last = ReadDuePage<Item>({.due_ms = 399, .id = 399}, 400, 1 << 20, rows_behind);
  EXPECT_EQ(last->rows.size(), 100u);
  EXPECT_FALSE(last->has_more);
  EXPECT_EQ(last->rows.back().id, 499);
}

TEST_F(DueWindowTest, HoldsNoMoreThanItMayAndGivesAllOfThem) {
  for (int i = 0; i < 1000; ++i) disk.emplace(DueKey{i, i}, 0);
  Open(16);
  Settle();
  EXPECT_LE(window->size(), 16u);
  EXPECT_FALSE(window->IsWhole());
  std::vector<int64_t> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(Drain(1000), expected);
  EXPECT_TRUE(window->IsWhole());
  EXPECT_LE(largest, 17u);
}

TEST_F(DueWindowTest, IsBoundInBytesToo) {
  for (int i = 0; i < 100; ++i) disk.emplace(DueKey{i, i}, 0);
  Open(1000, 50);
  Settle();
  EXPECT_LE(window->size(), 5u);
  EXPECT_EQ(Drain(100).size(), 100u);
}

TEST_F(DueWindowTest, PutsWhatIsDueSoonerBeforeWhatItHoldsAndLetsTheLastGo) {
  for (int i = 0; i < 100; ++i) disk.emplace(DueKey{100 + i, i}, 0);
  Open(8);
  Settle();
  Commit({.id = 1000, .due_ms = 5});
  Settle();
  EXPECT_LE(window->size(), 8u);
  EXPECT_EQ(window->next_due_ms(), 5);
  Commit({.id = 1001, .due_ms = 5000});
  Settle();
  EXPECT_EQ(window->Find(1001), nullptr);
  const auto ids = Drain(10000);
  EXPECT_EQ(ids.size(), 102u);
  EXPECT_EQ(ids.front(), 1000);
  EXPECT_EQ(ids.back(), 1001);
}

TEST_F(DueWindowTest, BringsNothingAgainThatIsTaken) {
  for (int i = 0; i < 40; ++i) disk.emplace(DueKey{i, i}, 0);
  Open(8);
  Settle();
  std::vector<int64_t> taken;
  while (auto item = window->TakeDue(100)) taken.push_back(item->id);
  // What comes with an earlier time, as after a clock that was set back, pushes the edge before
  // them.
  for (int i = 0; i < 20; ++i) Commit({.id = 100 + i, .due_ms = -100 + i});
  Settle();
  for (const int64_t id : taken) EXPECT_EQ(window->Find(id), nullptr) << id;
  std::vector<int64_t> rest = Drain(100);
  EXPECT_EQ(rest.size() + taken.size(), 60u);
  for (const int64_t id : taken) EXPECT_THAT(rest, testing::Not(testing::Contains(id)));
  // Given back, it comes once more.
  Commit({.id = taken.front(), .due_ms = 7});
  EXPECT_THAT(Drain(100), ElementsAre(taken.front()));
}

TEST_F(DueWindowTest, MissesNothingThatIsCommittedWhileAPageIsOnItsWay) {
  for (int i = 0; i < 40; ++i) disk.emplace(DueKey{i * 10, i}, 0);
  Open(8);
  Commit({.id = 100, .due_ms = 395});
  Commit({.id = 101, .due_ms = 1});
  Remove(0);
  Settle();
  const auto ids = Drain(1000);
  EXPECT_EQ(ids.size(), 41u);
  EXPECT_THAT(ids, testing::Contains(100));
  EXPECT_THAT(ids, testing::Contains(101));
}

TEST_F(DueWindowTest, AsksAgainWhereTheDiskFails) {
  disk.emplace(DueKey{1, 1}, 0);
  fails = true;
  Open(8);
  Settle();
  EXPECT_FALSE(window->TakeDue(10));
  EXPECT_FALSE(window->IsWhole());
  fails = false;
  clock.Advance(std::chrono::seconds(1));
  loop.ClockMoved();
  Settle();
  EXPECT_THAT(Drain(10), ElementsAre(1));
}

// Against a plain sorted list, with random changes between the pages.
TEST_F(DueWindowTest, AgreesWithAListWhateverHappensInWhichOrder) {
  std::mt19937 random(7);
  Open(12, 100);
  int64_t next_id = 1;
  std::vector<int64_t> taken;
  for (int step = 0; step < 20000; ++step) {
    const int what = static_cast<int>(random() % 10);
    if (what < 4) {
      Commit({.id = next_id++, .due_ms = static_cast<int64_t>(random() % 500)});
    } else if (what < 6 && !disk.empty()) {
      auto at = disk.begin();
      std::advance(at, random() % std::min<size_t>(disk.size(), 30));
      if (!window->IsTaken(at->first.id)) Remove(at->first.id);
    } else if (what < 7) {
      loop.RunOnce();
    } else if (auto item = window->TakeDue(1000)) {
      ASSERT_EQ(std::ranges::find(taken, item->id), taken.end()) << "taken twice";
      taken.push_back(item->id);
    }
    if (taken.size() > 5) {
      const int64_t id = taken.front();
      taken.erase(taken.begin());
      if (random() % 2 == 0) {
        Remove(id);
      } else {
        Commit({.id = id, .due_ms = static_cast<int64_t>(random() % 500)});
      }
    }
    if (window->IsWhole() || window->IsLoading()) continue;
    ASSERT_LE(window->size(), 12u);
  }
  for (const int64_t id : taken) Remove(id);
  Settle();
  std::vector<int64_t> expected;
  for (const auto& [key, _] : disk) expected.push_back(key.id);
  EXPECT_EQ(Drain(1000), expected);
}

}  // namespace
}  // namespace hearth::store
