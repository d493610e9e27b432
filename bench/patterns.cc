// patterns: what finding the rules that an event matches costs, beside asking each of them.
//
//   patterns [--rounds 5] [--rules N]: 9 to 9,999 of them where it is not said
//
// Each shape makes rules of which each event matches three. Prints nanoseconds an event, the median
// of interleaved rounds with the lowest and the highest; and what putting a rule among the others
// costs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "expressions/event_pattern.h"
#include "triggers/events/pattern_index.h"

namespace hearth::bench {
namespace {

using base::Json;
using events::PatternIndex;
using expressions::EventPattern;
using Pattern = std::shared_ptr<const EventPattern>;

constexpr size_t kMatches = 3;

// How rules share fields. Rules come in threes: those of one number ask for the same.
struct Shape {
  const char* name;
  std::function<std::string(size_t number, size_t of)> rule;
  // What differs from event to event: `source`, `detail-type` and members of `detail`.
  std::function<void(size_t number, size_t of, Json& event)> event;
};

std::string Detail(const std::string& member) {
  return R"({"source":["shop"],"detail":{)" + member + "}}";
}

std::vector<Shape> Shapes() {
  return {
      {"one source, own detail-type",
       [](size_t i, size_t) {
         return fmt::format(R"({{"source":["shop"],"detail-type":["type-{}"]}})", i);
       },
       [](size_t i, size_t, Json& event) { event["detail-type"] = fmt::format("type-{}", i); }},
      {"sources x detail-types",
       [](size_t i, size_t) {
         return fmt::format(R"({{"source":["s-{}"],"detail-type":["t-{}"]}})", i % 58, i / 58);
       },
       [](size_t i, size_t, Json& event) {
         event["source"] = fmt::format("s-{}", i % 58);
         event["detail-type"] = fmt::format("t-{}", i / 58);
       }},
      {"lists with one value of all",
       [](size_t i, size_t) {
         return fmt::format(R"({{"source":["shop","own-{}"],"detail":{{"a":["all","a-{}"],)"
                            R"("b":["all","b-{}"]}}}})",
                            i, i, i);
       },
       [](size_t i, size_t, Json& event) { event["detail"]["b"] = fmt::format("b-{}", i); }},
      {"long lists, one of them own",
       [](size_t i, size_t) {
         std::string own;
         for (size_t j = 0; j < 30; ++j)
           own += fmt::format("{}\"c-{}-{}\"", j > 0 ? "," : "", i, j);
         return Detail(fmt::format(R"("a":["all","some","none","any","few"],"b":[{}])", own));
       },
       [](size_t i, size_t, Json& event) { event["detail"]["b"] = fmt::format("c-{}-7", i); }},
      {"own prefix",
       [](size_t i, size_t) {
         return Detail(fmt::format(R"("key":[{{"prefix":"folder/{}/"}}])", i));
       },
       [](size_t i, size_t, Json& event) {
         event["detail"]["key"] = fmt::format("folder/{}/picture.png", i);
       }},
      {"own numeric range",
       [](size_t i, size_t) {
         return Detail(
             fmt::format(R"("total":[{{"numeric":[">=",{},"<",{}]}}])", i * 10, i * 10 + 10));
       },
       [](size_t i, size_t, Json& event) { event["detail"]["total"] = i * 10 + 5; }},
      {"own threshold",
       [](size_t i, size_t) {
         return Detail(fmt::format(R"("total":[{{"numeric":[">",{}]}}])", i * 10));
       },
       [](size_t, size_t, Json& event) { event["detail"]["total"] = 5; }},
      {"own field",
       [](size_t i, size_t) { return Detail(fmt::format(R"("f-{}":[{{"exists":true}}])", i)); },
       [](size_t i, size_t, Json& event) { event["detail"][fmt::format("f-{}", i)] = 1; }},
      {"an $or with an own choice",
       [](size_t i, size_t) {
         return fmt::format(
             R"({{"$or":[{{"source":["own-{}"]}},{{"detail":{{"b":[{{"suffix":"-{}."}}]}}}}]}})", i,
             i);
       },
       [](size_t i, size_t, Json& event) { event["detail"]["b"] = fmt::format("b-{}.", i); }},
  };
}

Json Event() {
  return *base::ParseJson(
      R"({"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"order",)"
      R"("source":"shop","account":"000000000000","time":"2026-11-28T12:00:00Z",)"
      R"("region":"us-east-1","resources":["arn:aws:shop:us-east-1:000000000000:order/1"],)"
      R"("detail":{"a":"all","b":"all","customer":{"id":"c-77","city":"Bern"},)"
      R"("items":[{"sku":"x","count":2},{"sku":"y","count":1}],"note":"nothing in particular"}})");
}

struct Rules {
  PatternIndex index;
  std::vector<Pattern> all;
  std::vector<Json> events;
};

std::unique_ptr<Rules> Make(const Shape& shape, size_t count) {
  auto rules = std::make_unique<Rules>();
  const size_t groups = std::max<size_t>(1, count / kMatches);
  for (size_t i = 0; i < count; ++i) {
    auto pattern = EventPattern::Parse(shape.rule(std::min(i / kMatches, groups), groups));
    if (!pattern) {
      fmt::print(stderr, "{}: {}\n", shape.name, pattern.error());
      std::exit(1);
    }
    rules->all.push_back(std::make_shared<const EventPattern>(*std::move(pattern)));
    rules->index.Add(i, rules->all.back());
  }
  for (size_t i = 0; i < 64; ++i) {
    Json event = Event();
    shape.event(i * 7919 % groups, groups, event);
    rules->events.push_back(std::move(event));
  }
  return rules;
}

double NsEach(size_t times, const std::function<void(size_t)>& what) {
  const base::SystemClock clock;
  const auto begin = clock.Now();
  for (size_t i = 0; i < times; ++i) what(i);
  return std::chrono::duration<double, std::nano>(clock.Now() - begin).count() /
         static_cast<double>(times);
}

std::string Spread(std::vector<double> values) {
  std::ranges::sort(values);
  return fmt::format("{:.0f} ({:.0f} - {:.0f})", values[values.size() / 2], values.front(),
                     values.back());
}

size_t Scan(const Rules& rules, const Json& event) {
  return static_cast<size_t>(std::ranges::count_if(
      rules.all, [&event](const Pattern& pattern) { return pattern->Matches(event); }));
}

void Measure(const Shape& shape, size_t count, size_t rounds) {
  const auto rules = Make(shape, count);
  const auto event = [&](size_t i) -> const Json& { return rules->events[i % 64]; };
  for (size_t i = 0; i < 64; ++i) {
    if (rules->index.Match(event(i)).size() == kMatches && Scan(*rules, event(i)) == kMatches) {
      continue;
    }
    fmt::print(stderr, "{}: an event matches {} of {} rules\n", shape.name, Scan(*rules, event(i)),
               count);
    std::exit(1);
  }
  std::vector<double> indexed;
  std::vector<double> scanned;
  std::vector<double> put;
  size_t matched = 0;
  for (size_t round = 0; round < rounds; ++round) {
    indexed.push_back(
        NsEach(20'000, [&](size_t i) { matched += rules->index.Match(event(i)).size(); }));
    scanned.push_back(NsEach(std::max<size_t>(20, 200'000 / count),
                             [&](size_t i) { matched += Scan(*rules, event(i)); }));
    put.push_back(NsEach(2'000, [&](size_t i) {
      const size_t id = i * 7919 % count;
      rules->index.Add(id, rules->all[id]);
    }));
  }
  fmt::print("| {} | {} | {} | {} | {} |\n", shape.name, count, Spread(indexed), Spread(scanned),
             Spread(put));
  std::fflush(stdout);
  if (matched == 0) std::exit(1);
}

int Main(int argc, char** argv) {
  size_t rounds = 5;
  std::vector<size_t> counts = {9, 99, 999, 9'999};
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--rounds") rounds = std::strtoul(argv[i + 1], nullptr, 10);
    if (std::string(argv[i]) == "--rules") counts = {std::strtoul(argv[i + 1], nullptr, 10)};
  }
  rounds = std::clamp<size_t>(rounds, 1, 1000);
  fmt::print("| rules' shape | rules | ns an event | ns of a scan | ns to put a rule anew |\n");
  fmt::print("|---|---|---|---|---|\n");
  for (const Shape& shape : Shapes()) {
    for (const size_t count : counts) Measure(shape, count, rounds);
  }
  return 0;
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) { return hearth::bench::Main(argc, argv); }
