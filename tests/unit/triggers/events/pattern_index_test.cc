// PatternIndex: as many rules as there are, and the answers of asking each.
#include "triggers/events/pattern_index.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "triggers/events/range_tree.h"

namespace hearth::events {
namespace {

using base::Json;
using expressions::EventPattern;
using testing::ElementsAre;
using testing::IsEmpty;

std::shared_ptr<const EventPattern> Pattern(const std::string& text) {
  auto pattern = EventPattern::Parse(text);
  EXPECT_TRUE(pattern) << text << ": " << (pattern ? "" : pattern.error());
  return pattern ? std::make_shared<const EventPattern>(*std::move(pattern)) : nullptr;
}

// Rules and events of few names and values, so that they often meet.
class Chance {
 public:
  explicit Chance(uint32_t seed) : random_(seed) {}

  std::string Rule() { return "{" + Members(2) + "}"; }
  Json Event() { return Object(2); }
  size_t Below(size_t most) { return random_() % most; }

 private:
  std::string Name() {
    const char* const names[] = {"a", "b", "c", "a.b", "b.c", "d"};
    return names[Below(std::size(names))];
  }
  std::string Text() {
    const char* const texts[] = {"x",  "X",        "xy",   "yx",       "",
                                 "äX", "10.0.0.1", "x*y.", "10.0.1.7", "::ffff:a00:1"};
    return texts[Below(std::size(texts))];
  }
  std::string Number() {
    const char* const numbers[] = {"1", "2", "1.5", "-3", "1e3", "6000000000", "2.0"};
    return numbers[Below(std::size(numbers))];
  }
  std::string Quoted() { return "\"" + Text() + "\""; }

  std::string Condition() {
    switch (Below(16)) {
      case 0:
        return Number();
      case 1:
        return "true";
      case 2:
        return "null";
      case 3:
        return R"({"prefix":)" + Quoted() + "}";
      case 4:
        return R"({"suffix":)" + Quoted() + "}";
      case 5:
        return R"({"equals-ignore-case":)" + Quoted() + "}";
      case 6:
        return R"({"prefix":{"equals-ignore-case":)" + Quoted() + "}}";
      case 7:
        return R"({"anything-but":[)" + Quoted() + "]}";
      case 8:
        return R"({"exists":)" + std::string(Below(2) == 0 ? "true" : "false") + "}";
      case 9:
        return R"({"cidr":"10.0.0.0/)" + std::to_string(Below(32)) + "\"}";
      case 10:
        return R"({"wildcard":"x*"})";
      case 11:
        return R"({"wildcard":"*y*"})";
      case 12:
        return R"({"numeric":[">",)" + std::to_string(Below(3)) + "]}";
      case 13:
        return R"({"numeric":[">=",)" + std::to_string(Below(3)) + R"(,"<",3]})";
      case 14:
        return R"({"suffix":{"equals-ignore-case":)" + Quoted() + "}}";
      default:
        return Quoted();
    }
  }
  std::string Members(int depth) {
    std::string out;
    for (size_t left = 1 + Below(3); left > 0; --left) {
      if (!out.empty()) out += ",";
      if (depth > 0 && Below(6) == 0) {
        out += R"("$or":[{)" + Members(depth - 1) + "},{" + Members(depth - 1) + "}]";
      } else if (depth > 0 && Below(3) == 0) {
        out += "\"" + Name() + "\":{" + Members(depth - 1) + "}";
      } else {
        out += "\"" + Name() + "\":[" + Condition();
        for (size_t more = Below(3); more > 0; --more) out += "," + Condition();
        out += "]";
      }
    }
    return out;
  }
  Json Value(int depth) {
    switch (Below(depth > 0 ? 8 : 5)) {
      case 0:
        return *base::ParseJson(Number());
      case 1:
        return nullptr;
      case 2:
        return true;
      case 5:
        return Object(depth - 1);
      case 6:
      case 7: {
        Json list = Json::array();
        for (size_t left = Below(4); left > 0; --left) list.push_back(Value(depth - 1));
        return list;
      }
      default:
        return Text();
    }
  }
  Json Object(int depth) {
    Json out = Json::object();
    for (size_t left = Below(5); left > 0; --left) out[Name()] = Value(depth);
    return out;
  }

  std::mt19937 random_;
};

TEST(PatternIndex, AnswersAsAskingEachRuleDoes) {
  size_t matched = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Chance chance(seed);
    PatternIndex index;
    std::map<uint64_t, std::shared_ptr<const EventPattern>> rules;
    for (int step = 0; step < 300; ++step) {
      const uint64_t id = chance.Below(100);
      if (chance.Below(3) == 0) {
        index.Remove(id);
        rules.erase(id);
      } else {
        rules[id] = Pattern(chance.Rule());
        index.Add(id, rules[id]);
      }
      const Json event = chance.Event();
      std::vector<uint64_t> expected;
      for (const auto& [each, pattern] : rules) {
        if (pattern->Matches(event)) expected.push_back(each);
      }
      ASSERT_EQ(index.Match(event), expected) << "seed " << seed << " step " << step << event;
      ASSERT_EQ(index.size(), rules.size());
      matched += expected.size();
    }
    for (const auto& [id, pattern] : rules) index.Remove(id);
    EXPECT_TRUE(index.is_empty());
  }
  EXPECT_GT(matched, 40u * 300u) << "Rules and events that never meet show nothing.";
}

TEST(PatternIndex, FindsRulesThatAreMadeOfMuch) {
  PatternIndex index;
  std::string list;
  for (int i = 0; i < 300; ++i) list += "\"v" + std::to_string(i) + "\",";
  index.Add(1, Pattern("{\"a\":[" + list + "1],\"b\":[" + list + "1]}"));
  index.Add(2, Pattern(R"({"$or":[{"a":["v7"]},{"b":["w"]}],"c":[{"exists":false}]})"));
  index.Add(3, Pattern(R"({"c":[{"exists":false}]})"));
  EXPECT_THAT(index.Match({{"a", "v7"}, {"b", "v299"}}), ElementsAre(1, 2, 3));
  EXPECT_THAT(index.Match({{"a", "v7"}, {"b", "w"}, {"c", 1}}), IsEmpty());
  EXPECT_THAT(index.Match({{"b", "w"}}), ElementsAre(2, 3));
  EXPECT_THAT(index.Match(Json::array({1})), IsEmpty());
  index.Add(3, Pattern(R"({"a":["v7"]})"));
  EXPECT_THAT(index.Match({{"a", "v7"}}), ElementsAre(2, 3));
  index.Remove(1);
  index.Remove(2);
  index.Remove(3);
  index.Remove(3);
  EXPECT_TRUE(index.is_empty());
}

TEST(PatternIndex, AnswersForRulesOfLongListsHoweverTheyComeAndGo) {
  std::mt19937 random(3);
  PatternIndex index;
  std::map<uint64_t, std::shared_ptr<const EventPattern>> rules;
  const auto list = [&random](const char* name, size_t length, size_t values) {
    std::string out = "\"" + std::string(name) + "\":[";
    for (size_t i = 0; i < length; ++i) out += std::to_string(random() % values) + ",";
    return out + R"({"numeric":[">",)" + std::to_string(values * 9 / 10) + "]}]";
  };
  size_t matched = 0;
  for (int step = 0; step < 600; ++step) {
    const uint64_t id = random() % 60;
    if (random() % 4 == 0) {
      index.Remove(id);
      rules.erase(id);
    } else {
      rules[id] = Pattern("{" + list("a", 5, 8) + "," + list("b", 40, 200) + ",\"$or\":[{" +
                          list("c", 12, 30) + "},{" + list("d", 12, 30) + "}]}");
      index.Add(id, rules[id]);
    }
    const Json event = {
        {"a", random() % 8}, {"b", random() % 200}, {"c", random() % 30}, {"d", random() % 30}};
    std::vector<uint64_t> expected;
    for (const auto& [each, pattern] : rules) {
      if (pattern->Matches(event)) expected.push_back(each);
    }
    ASSERT_EQ(index.Match(event), expected) << "step " << step;
    matched += expected.size();
  }
  EXPECT_GT(matched, 100u);
  for (const auto& [id, pattern] : rules) index.Remove(id);
  EXPECT_TRUE(index.is_empty());
}

// A thousand alternatives that differ in what is asked first each have a way of their own through
// all that is asked: of twenty fields 18,000 places a rule.
TEST(PatternIndex, AsksFewQuestionsOfRulesOfManyAlternatives) {
  const auto rule = [](int value) {
    std::string out = "{";
    for (const char* name : {"x", "y", "z"}) {
      out += std::string("\"") + name + "\":{\"$or\":[";
      for (int i = 0; i < 10; ++i) {
        out +=
            (i > 0 ? ",{\"f" : "{\"f") + std::to_string(i) + "\":[" + std::to_string(value) + "]}";
      }
      out += "]},";
    }
    for (int i = 0; i < 15; ++i) out += "\"" + std::to_string(i) + "\":[1,2,3,4,5,6,7,8],";
    return out + "\"own\":[{\"exists\":true}],\"source\":[" + std::to_string(value) + "]}";
  };
  const auto event = [](int value, const char* field) {
    Json out = {{"source", value}, {"own", 1}};
    for (const char* name : {"x", "y", "z"}) out[name] = {{field, value}};
    for (int i = 0; i < 15; ++i) out[std::to_string(i)] = 1 + (i + value) % 8;
    return out;
  };
  PatternIndex index;
  std::string first;  // What comes first is asked first.
  for (const char* name : {"x", "y", "z"}) {
    for (int i = 0; i < 10; ++i) {
      first +=
          std::string(first.empty() ? "" : ",") + "\"" + name + ".f" + std::to_string(i) + "\":[9]";
    }
  }
  index.Add(9, Pattern("{" + first + "}"));
  for (int i = 0; i < 5; ++i) index.Add(static_cast<uint64_t>(i), Pattern(rule(i)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(index.Match(event(i, "f9")), ElementsAre(static_cast<uint64_t>(i)));
    Json other = event(i, "f3");
    other["14"] = 9;
    EXPECT_THAT(index.Match(other), IsEmpty());
    EXPECT_THAT(index.Match(event(i, "f10")), IsEmpty());
  }
  EXPECT_LE(index.places(), 5u * 4u * 1000u);
  index.Remove(3);
  EXPECT_THAT(index.Match(event(3, "f0")), IsEmpty());
  EXPECT_THAT(index.Match(event(4, "f0")), ElementsAre(4));
  for (int i = 0; i < 10; ++i) index.Remove(static_cast<uint64_t>(i));
  EXPECT_TRUE(index.is_empty());
  EXPECT_EQ(index.places(), 0u);
}

TEST(RangeTree, FindsTheRangesThatANumberIsIn) {
  using Range = expressions::NumberRange;
  std::mt19937 random(7);
  RangeTree<int> tree;
  std::map<std::pair<int64_t, int64_t>, int> all;
  for (int step = 0; step < 3000; ++step) {
    const auto first = static_cast<int64_t>(random() % 200);
    const Range range{.first = first, .last = first + static_cast<int64_t>(random() % 100)};
    if (random() % 3 == 0) {
      tree.Erase(range);
      all.erase({range.first, range.last});
    } else {
      tree.At(range) = step;
      all[{range.first, range.last}] = step;
    }
    const auto number = static_cast<int64_t>(random() % 300);
    std::multiset<int> expected;
    for (const auto& [each, thing] : all) {
      if (each.first <= number && number <= each.second) expected.insert(thing);
    }
    std::multiset<int> found;
    tree.Visit(number, [&found](int thing) { found.insert(thing); });
    ASSERT_EQ(found, expected);
    ASSERT_EQ(tree.Find(range) != nullptr, all.contains({range.first, range.last}));
  }
  for (const auto& [each, thing] : all) tree.Erase({.first = each.first, .last = each.second});
  EXPECT_TRUE(tree.empty());
}

}  // namespace
}  // namespace hearth::events
