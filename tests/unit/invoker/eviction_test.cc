// Who goes first where memory is short.
#include "invoker/eviction.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using base::Bytes;

struct Item {
  std::string name;
  EvictionKey key;
};

class Eviction : public ::testing::Test {
 protected:
  void Idle(Item& item, const EvictionWorth& worth) {
    now_ += 1s;
    item.key = order_.Add(item, order_.clock(), worth, now_, ++id_);
  }
  std::string EvictOne(const Item* keep = nullptr) {
    Item* const item = order_.First(keep);
    if (item == nullptr) return "";
    order_.Evicted(item->key);
    order_.Remove(item->key);
    return item->name;
  }

  EvictionOrder<Item> order_;
  base::MonoTime now_{};
  uint64_t id_ = 0;
};

TEST_F(Eviction, ACheapLargeRarelyUsedOneGoesFirst) {
  Item costly{"costly"}, small{"small"}, used{"used"}, victim{"victim"};
  Idle(costly, {.uses = 1, .start_cost = 2s, .size = Bytes::MiB(100)});
  Idle(small, {.uses = 1, .start_cost = 30ms, .size = Bytes::MiB(1)});
  Idle(used, {.uses = 90, .start_cost = 20ms, .size = Bytes::MiB(100)});
  Idle(victim, {.uses = 1, .start_cost = 20ms, .size = Bytes::MiB(100)});  // The latest.
  EXPECT_EQ(EvictOne(), "victim");
  EXPECT_EQ(EvictOne(), "used");    // 0.8
  EXPECT_EQ(EvictOne(), "costly");  // 20
  EXPECT_EQ(EvictOne(), "small");   // 30
  EXPECT_EQ(EvictOne(), "");
}

TEST_F(Eviction, OfEqualWorthTheLongestIdleGoesFirst) {
  std::vector<Item> items{{"a"}, {"b"}, {"c"}};
  for (Item& item : items) Idle(item, {.uses = 1, .start_cost = 1s, .size = Bytes::MiB(10)});
  EXPECT_EQ(EvictOne(), "a");
  EXPECT_EQ(EvictOne(), "b");
  EXPECT_EQ(EvictOne(), "c");
}

TEST_F(Eviction, WhatIsNotUsedFallsBehindHoweverMuchItWasWorth) {
  Item old{"old"};
  Idle(old, {.uses = 4, .start_cost = 100ms, .size = Bytes::MiB(10)});  // 40 above the clock.
  std::vector<std::unique_ptr<Item>> passing;
  int survived = 0;
  while (true) {
    passing.push_back(std::make_unique<Item>(Item{"passing"}));
    Idle(*passing.back(), {.uses = 1, .start_cost = 100ms, .size = Bytes::MiB(10)});
    if (EvictOne() == "old") break;
    ASSERT_LT(++survived, 100) << "it stays for ever";
  }
  EXPECT_EQ(survived, 3);
}

TEST_F(Eviction, AThousandUsesInOneBurstAreWorthNoMoreThanAFew) {
  Item burst{"burst"}, few{"few"};
  Idle(burst, {.uses = 1000, .start_cost = 1s, .size = Bytes::MiB(10)});
  Idle(few, {.uses = kMostUses, .start_cost = 1s, .size = Bytes::MiB(10)});
  EXPECT_EQ(EvictOne(), "burst");  // It has been idle for longer.
}

TEST_F(Eviction, NeverTakesTheOneToKeep) {
  Item first{"first"}, second{"second"};
  Idle(first, {});
  EXPECT_EQ(EvictOne(&first), "");
  Idle(second, {});
  EXPECT_EQ(EvictOne(&first), "second");
}

// Counts how many keys are compared.
struct CountingLess {
  size_t* count;
  bool operator()(const EvictionKey& a, const EvictionKey& b) const {
    ++*count;
    return a < b;
  }
};

TEST(EvictionOrder, LooksAtFewOfTenThousand) {
  size_t compared = 0;
  EvictionOrder<int, CountingLess> order(CountingLess{&compared});
  std::vector<int> items(10'000);
  std::vector<EvictionKey> keys;
  for (size_t i = 0; i < items.size(); ++i) {
    keys.push_back(order.Add(
        items[i], 0, {.uses = i * 7919 % 1000, .start_cost = 1s, .size = base::Bytes::MiB(10)}, {},
        i));
  }
  for (int round = 0; round < 100; ++round) {
    compared = 0;
    const int* const worst = order.First(nullptr);
    const auto index = static_cast<size_t>(worst - items.data());
    order.Evicted(keys[index]);
    order.Remove(keys[index]);
    keys[index] = order.Add(items[index], order.clock(),
                            {.uses = 1, .start_cost = 1s, .size = base::Bytes::MiB(10)}, {}, index);
    EXPECT_LE(compared, 100u);  // Each operation some 2 x log2(10,000).
  }
}

}  // namespace
}  // namespace hearth::invoker
