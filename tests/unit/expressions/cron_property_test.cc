// Crons against a reference that knows nothing of bit sets: it goes through time minute by minute,
// looks at each local minute, and has its own idea of each wildcard.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "expressions/schedule_expression.h"
#include "times.h"

namespace hearth::expressions {
namespace {

using std::chrono::minutes;

struct Item {
  std::string text;
  std::function<bool(const CivilTime&)> matches;
};

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  int Upto(int first, int last) { return std::uniform_int_distribution<int>(first, last)(random_); }

  // `value` reads the field of a time.
  Item Numbers(int first, int last, int (*value)(const CivilTime&), int everything_percent) {
    if (Upto(1, 100) <= everything_percent) {
      return {"*", [](const CivilTime&) { return true; }};
    }
    std::vector<Item> items;
    for (int count = Upto(1, 3); count > 0; --count) {
      items.push_back(Number(first, last, value));
    }
    return Any(std::move(items));
  }

  Item MonthDay() {
    const int n = Upto(1, 31);
    switch (Upto(0, 5)) {
      case 0:
        return {"L", [](const CivilTime& t) { return t.day == LastDay(t); }};
      case 1: {
        const int before = Upto(1, 30);
        return {fmt::format("L-{}", before),
                [before](const CivilTime& t) { return t.day == LastDay(t) - before; }};
      }
      case 2:
        return {fmt::format("{}W", n), [n](const CivilTime& t) { return IsNearest(t, n); }};
      case 3:
        return {"LW", [](const CivilTime& t) { return IsNearest(t, LastDay(t)); }};
      default:
        return Numbers(1, 31, [](const CivilTime& t) { return int{t.day}; }, 30);
    }
  }

  Item WeekDay() {
    const int n = Upto(1, 7);
    switch (Upto(0, 4)) {
      case 0:
        return {fmt::format("{}L", n), [n](const CivilTime& t) {
                  return Weekday(t, t.day) == n && t.day + 7 > LastDay(t);
                }};
      case 1: {
        const int which = Upto(1, 5);
        return {fmt::format("{}#{}", n, which), [n, which](const CivilTime& t) {
                  int seen = 0;
                  for (int day = 1; day <= t.day; ++day) {
                    seen += Weekday(t, day) == n ? 1 : 0;
                  }
                  return Weekday(t, t.day) == n && seen == which;
                }};
      }
      case 2:
        return {"L", [](const CivilTime& t) { return Weekday(t, t.day) == 7; }};
      default:
        return Numbers(1, 7, [](const CivilTime& t) { return Weekday(t, t.day); }, 30);
    }
  }

 private:
  Item Number(int first, int last, int (*value)(const CivilTime&)) {
    const int a = Upto(first, last);
    const int b = Upto(first, last);
    const int step = Upto(1, last);
    switch (Upto(0, 3)) {
      case 0:
        return {fmt::format("{}", a), [a, value](const CivilTime& t) { return value(t) == a; }};
      case 1:
        return {fmt::format("{}-{}", a, b), [a, b, value](const CivilTime& t) {
                  const int v = value(t);
                  return a <= b ? v >= a && v <= b : v >= a || v <= b;
                }};
      case 2:
        return {fmt::format("{}/{}", a, step), [a, step, value](const CivilTime& t) {
                  return value(t) >= a && (value(t) - a) % step == 0;
                }};
      default:
        return {fmt::format("*/{}", step), [first, step, value](const CivilTime& t) {
                  return (value(t) - first) % step == 0;
                }};
    }
  }

  static Item Any(std::vector<Item> items) {
    std::string text;
    for (const Item& item : items) {
      text += (text.empty() ? "" : ",") + item.text;
    }
    return {text, [items = std::move(items)](const CivilTime& t) {
              return std::ranges::any_of(items, [&t](const Item& i) { return i.matches(t); });
            }};
  }

  static int LastDay(const CivilTime& t) {
    static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = t.year % 4 == 0 && (t.year % 100 != 0 || t.year % 400 == 0);
    return t.month == 2 && leap ? 29 : kDays[t.month - 1];
  }
  // Sakamoto's; 1 is Sunday.
  static int Weekday(const CivilTime& t, int day) {
    static constexpr int kShift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    const int y = t.month < 3 ? t.year - 1 : t.year;
    return (y + y / 4 - y / 100 + y / 400 + kShift[t.month - 1] + day) % 7 + 1;
  }
  static bool IsNearest(const CivilTime& t, int n) {
    const auto works = [&t](int day) {
      return day >= 1 && day <= LastDay(t) && Weekday(t, day) != 1 && Weekday(t, day) != 7;
    };
    if (n > LastDay(t)) {
      return false;
    }
    for (const int away : {0, -1, 1, -2, 2}) {
      if (works(n + away)) {
        return t.day == n + away;
      }
    }
    return false;
  }

  std::mt19937 random_;
};

struct Subject {
  std::string text;
  std::function<bool(const CivilTime&)> matches;
};

Subject RandomCron(Generator& random) {
  const Item minute = random.Numbers(0, 59, [](const CivilTime& t) { return int{t.minute}; }, 10);
  const Item hour = random.Numbers(0, 23, [](const CivilTime& t) { return int{t.hour}; }, 50);
  const Item month = random.Numbers(1, 12, [](const CivilTime& t) { return int{t.month}; }, 70);
  const bool of_month = random.Upto(0, 1) == 0;
  const Item day = of_month ? random.MonthDay() : random.WeekDay();
  return {fmt::format("cron({} {} {} {} {} *)", minute.text, hour.text, of_month ? day.text : "?",
                      month.text, of_month ? "?" : day.text),
          [minute, hour, month, day](const CivilTime& t) {
            return minute.matches(t) && hour.matches(t) && month.matches(t) && day.matches(t);
          }};
}

TEST(CronProperty, EqualsAWalkThroughTimeMinuteByMinute) {
  const std::vector<std::string> zones = {
      "UTC",          "Europe/Berlin",  "America/New_York",  "Asia/Kolkata", "Australia/Lord_Howe",
      "Pacific/Apia", "America/Havana", "Africa/Casablanca", "Asia/Gaza",    "Antarctica/Troll"};
  Generator random(7);
  for (int round = 0; round < 400; ++round) {
    const Subject cron = RandomCron(random);
    const TimeZone zone = MUST(TimeZone::Load(zones[round % zones.size()]));
    const auto expression =
        ScheduleExpression::Parse(cron.text, ScheduleExpression::Dialect::kScheduler);
    ASSERT_TRUE(expression.has_value()) << cron.text << ": " << expression.error();
    // Starts near a change of the clock, often: late in March, in October, at the end of 2011.
    const std::vector<std::string> starts = {"2011-12-27", "2026-03-06", "2026-03-27",
                                             "2026-04-03", "2026-10-02", "2026-10-23",
                                             "2026-10-30", "2028-02-20"};
    const base::WallTime start = At(starts[random.Upto(0, 7)]) + minutes(random.Upto(0, 3000));
    // A minute counts where no minute before it showed a local time as late.
    CivilTime latest = zone.ToCivil(start);
    for (minutes past = -minutes(3 * 1440); past <= minutes(0); ++past) {
      latest = std::max(latest, zone.ToCivil(start + past));
    }
    base::WallTime from = start;
    for (base::WallTime at = start + minutes(1); at < start + minutes(12 * 1440);
         at += minutes(1)) {
      const CivilTime local = zone.ToCivil(at);
      if (local <= latest) {
        continue;
      }
      latest = local;
      if (cron.matches(local)) {
        const auto next = expression->Next(from, {}, zone);
        ASSERT_TRUE(next.has_value()) << cron.text;
        ASSERT_EQ(Text(*next), Text(at))
            << cron.text << " in " << zone.name() << " after " << Text(from);
        from = at;
      }
    }
    const auto beyond = expression->Next(from, {}, zone);
    EXPECT_TRUE(!beyond || *beyond >= start + minutes(12 * 1440)) << cron.text;
  }
}

}  // namespace
}  // namespace hearth::expressions
