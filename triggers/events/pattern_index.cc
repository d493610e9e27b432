#include "triggers/events/pattern_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "triggers/events/range_tree.h"

namespace hearth::events {
namespace {

using expressions::EventPattern;

// Places of one pattern: several values in several lists multiply.
constexpr size_t kMaxPlaces = 4096;
// Places of one alternative, beyond those of the list that tells the most.
constexpr size_t kMaxProduct = 64;

const std::vector<PatternKey>& Present() {
  static const std::vector<PatternKey> present = {PatternKey()};
  return present;
}

}  // namespace

// What is asked of one path: the ways there are to look at a value, and where what is seen leads.
struct PatternIndex::Asked {
  struct Form {
    KeyForm form;
    uint32_t users = 0;
  };
  struct Key {
    uint64_t hash;
    KeyForm form;
    bool operator==(const Key&) const = default;
  };
  struct HashOf {
    size_t operator()(const Key& key) const { return key.hash; }
  };
  std::vector<Form> forms;  // Of the keys there are.
  std::unordered_map<Key, std::unique_ptr<Place>, HashOf> by_hash;
  RangeTree<std::unique_ptr<Place>> by_range;
  std::unique_ptr<Place> present;

  // Where it is new it is counted.
  Place& At(const PatternKey& key, size_t& places);
  Place* Find(const PatternKey& key);
  void Forget(const PatternKey& key);
  bool is_empty() const { return by_hash.empty() && by_range.empty() && !present; }
};

struct PatternIndex::Place {
  std::vector<Entry> entries;                                      // In order.
  std::vector<std::pair<uint32_t, std::unique_ptr<Asked>>> asked;  // By path.

  bool is_empty() const { return entries.empty() && asked.empty(); }
  auto Find(uint32_t path) const {
    return std::ranges::lower_bound(asked, path, {}, [](const auto& each) { return each.first; });
  }
};

PatternIndex::Place& PatternIndex::Asked::At(const PatternKey& key, size_t& places) {
  const auto made = [&places](std::unique_ptr<Place>& at) -> Place& {
    if (at) return *at;
    ++places;
    at = std::make_unique<Place>();
    return *at;
  };
  if (key.kind == PatternKey::Kind::kPresent) return made(present);
  if (key.kind == PatternKey::Kind::kRange) return made(by_range.At(key.range));
  std::unique_ptr<Place>& at = by_hash[{key.hash, key.form}];
  if (at) return *at;
  const auto form = std::ranges::find(forms, key.form, &Form::form);
  if (form == forms.end()) {
    forms.push_back({.form = key.form, .users = 1});
  } else {
    ++form->users;
  }
  return made(at);
}

PatternIndex::Place* PatternIndex::Asked::Find(const PatternKey& key) {
  if (key.kind == PatternKey::Kind::kPresent) return present.get();
  if (key.kind == PatternKey::Kind::kRange) {
    const auto* found = by_range.Find(key.range);
    return found == nullptr ? nullptr : found->get();
  }
  const auto found = by_hash.find({key.hash, key.form});
  return found == by_hash.end() ? nullptr : found->second.get();
}

void PatternIndex::Asked::Forget(const PatternKey& key) {
  if (key.kind == PatternKey::Kind::kPresent) return present.reset();
  if (key.kind == PatternKey::Kind::kRange) return by_range.Erase(key.range);
  if (by_hash.erase({key.hash, key.form}) == 0) return;
  const auto form = std::ranges::find(forms, key.form, &Form::form);
  if (form != forms.end() && --form->users == 0) forms.erase(form);
}

class PatternIndex::Plan {
 public:
  Plan(const EventPattern& pattern, const PathTree& paths) : pattern_(pattern), paths_(paths) {
    for (const EventPattern::Field& field : pattern.fields()) keys_.push_back(KeysOf(field));
  }

  // The paths of whose values something is asked.
  void EachPath(auto visit) const {
    for (const auto& alternative : pattern_.alternatives()) {
      for (const uint32_t index : Asked(alternative)) visit(pattern_.fields()[index].path);
    }
  }

  // Which of an alternative's lists are too much for it, those first that tell the least: whose
  // values most rules have. Of the paths' numbers all are known.
  std::vector<uint32_t> TooMuch(const EventPattern::Alternative& alternative,
                                const Popularity& popularity) const {
    struct List {
      uint32_t index;
      double popularity;
      size_t size;
    };
    std::vector<List> lists;
    for (const uint32_t index : Asked(alternative)) {
      const size_t size = keys_[index].size();
      if (size > 1) lists.push_back({index, PopularityOf(index, popularity), size});
    }
    std::ranges::sort(lists, [](const List& a, const List& b) {
      return std::tie(a.popularity, a.size, a.index) < std::tie(b.popularity, b.size, b.index);
    });
    const size_t most = std::max<size_t>(1, kMaxPlaces / pattern_.alternatives().size());
    size_t product = 1;
    std::vector<uint32_t> too_much;
    for (const List& list : lists) {
      if (product * list.size <= (product == 1 ? most : std::min(most, kMaxProduct))) {
        product *= list.size;
      } else {
        too_much.push_back(list.index);
      }
    }
    return too_much;
  }

  // In the order of the paths' numbers. Of what is `too_much` it is asked that it is there. Of many
  // alternatives the questions that tell the most, those of the fewest keys, are asked.
  std::vector<Question> Of(const EventPattern::Alternative& alternative,
                           std::span<const uint32_t> too_much) const {
    struct Rated {
      bool is_weak;
      size_t keys;
      Question question;
    };
    std::vector<Rated> rated;
    for (const uint32_t index : Asked(alternative)) {
      const bool is_weak = std::ranges::find(too_much, index) != too_much.end();
      const auto& keys = is_weak ? Present() : keys_[index];
      const bool is_presence = keys.front().kind == PatternKey::Kind::kPresent;
      rated.push_back({is_presence, keys.size(), {NumberOf(index), &keys}});
    }
    const size_t most = std::max<size_t>(2, kMaxPlaces / pattern_.alternatives().size());
    if (rated.size() > most) {
      std::ranges::sort(rated, [](const Rated& a, const Rated& b) {
        return std::tie(a.is_weak, a.keys, a.question.path) <
               std::tie(b.is_weak, b.keys, b.question.path);
      });
      rated.resize(most);
    }
    std::vector<Question> questions;
    for (const Rated& each : rated) questions.push_back(each.question);
    std::ranges::sort(questions, {}, &Question::path);
    return questions;
  }

  // What Popularity counts: the values of lists.
  void EachListed(auto visit) const {
    for (uint32_t index = 0; index < keys_.size(); ++index) {
      if (keys_[index].size() < 2 || !IsUsed(index)) continue;
      for (const PatternKey& key : keys_[index]) visit(Listed(index, key));
    }
  }

 private:
  std::vector<uint32_t> Asked(const EventPattern::Alternative& alternative) const {
    std::vector<uint32_t> asked;
    std::ranges::copy_if(alternative, std::back_inserter(asked),
                         [this](uint32_t index) { return !keys_[index].empty(); });
    return asked;
  }
  // A field that is named twice is none.
  bool IsUsed(uint32_t index) const {
    return std::ranges::any_of(pattern_.alternatives(), [index](const auto& alternative) {
      return std::ranges::find(alternative, index) != alternative.end();
    });
  }
  uint32_t NumberOf(uint32_t index) const { return paths_.NumberOf(pattern_.fields()[index].path); }
  uint64_t Listed(uint32_t index, const PatternKey& key) const {
    const auto range = static_cast<uint64_t>(key.range.first * 31 + key.range.last);
    return (key.hash ^ range) + NumberOf(index) * 0x9E3779B97F4A7C15ULL;
  }
  double PopularityOf(uint32_t index, const Popularity& popularity) const {
    double sum = 0;
    for (const PatternKey& key : keys_[index]) {
      const auto found = popularity.find(Listed(index, key));
      if (found != popularity.end()) sum += found->second;
    }
    return sum / static_cast<double>(keys_[index].size());
  }

  const EventPattern& pattern_;
  const PathTree& paths_;
  std::vector<std::vector<PatternKey>> keys_;
};

PatternIndex::PatternIndex() : root_(std::make_unique<Place>()) {}
PatternIndex::~PatternIndex() = default;

void PatternIndex::Add(Id id, std::shared_ptr<const EventPattern> pattern) {
  Remove(id);
  const Plan plan(*pattern, paths_);
  plan.EachPath([this](const auto& path) { paths_.Take(path); });
  Held& held = held_[id];
  const auto& alternatives = pattern->alternatives();
  for (uint32_t i = 0; i < alternatives.size(); ++i) {
    auto too_much = plan.TooMuch(alternatives[i], popularity_);
    const Entry entry{.id = id, .alternative = i, .pattern = pattern.get()};
    Insert(*root_, plan.Of(alternatives[i], too_much), entry);
    if (!too_much.empty()) held.too_much.emplace(i, std::move(too_much));
  }
  plan.EachListed([this](uint64_t value) { ++popularity_[value]; });
  held.pattern = std::move(pattern);
}

void PatternIndex::Remove(Id id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  const EventPattern& pattern = *found->second.pattern;
  const Plan plan(pattern, paths_);
  for (uint32_t i = 0; i < pattern.alternatives().size(); ++i) {
    const auto too_much = found->second.too_much.find(i);
    const Entry entry{.id = id, .alternative = i, .pattern = &pattern};
    Erase(*root_,
          plan.Of(pattern.alternatives()[i], too_much == found->second.too_much.end()
                                                 ? std::span<const uint32_t>()
                                                 : std::span<const uint32_t>(too_much->second)),
          entry);
  }
  plan.EachListed([this](uint64_t value) {
    if (const auto at = popularity_.find(value); at != popularity_.end() && --at->second == 0) {
      popularity_.erase(at);
    }
  });
  // Only now: until then the paths have the numbers that they had.
  plan.EachPath([this](const auto& path) { paths_.LetGo(path); });
  held_.erase(found);
}

void PatternIndex::Insert(Place& place, Questions questions, const Entry& entry) {
  if (questions.empty()) {
    const auto at = std::ranges::lower_bound(place.entries, entry);
    if (at == place.entries.end() || *at != entry) place.entries.insert(at, entry);
    return;
  }
  auto at = place.Find(questions.front().path);
  if (at == place.asked.end() || at->first != questions.front().path) {
    at = place.asked.emplace(at, questions.front().path, std::make_unique<Asked>());
  }
  Asked& asked = *at->second;
  for (const PatternKey& key : *questions.front().keys) {
    Insert(asked.At(key, places_), questions.subspan(1), entry);
  }
}

void PatternIndex::Erase(Place& place, Questions questions, const Entry& entry) {
  if (questions.empty()) {
    const auto at = std::ranges::lower_bound(place.entries, entry);
    if (at != place.entries.end() && *at == entry) place.entries.erase(at);
    return;
  }
  const auto at = place.Find(questions.front().path);
  if (at == place.asked.end() || at->first != questions.front().path) return;
  Asked& asked = *at->second;
  for (const PatternKey& key : *questions.front().keys) {
    Place* below = asked.Find(key);
    if (below == nullptr) continue;
    Erase(*below, questions.subspan(1), entry);
    if (!below->is_empty()) continue;
    asked.Forget(key);
    --places_;
  }
  if (asked.is_empty()) place.asked.erase(at);
}

void PatternIndex::Collect(const Place& place, Found found, std::vector<Entry>& to) {
  to.insert(to.end(), place.entries.begin(), place.entries.end());
  // Of the two lists of paths the shorter is gone through.
  if (found.size() <= place.asked.size()) {
    for (size_t i = 0; i < found.size(); ++i) {
      const auto at = place.Find(found[i].path);
      if (at == place.asked.end()) return;
      if (at->first == found[i].path) CollectAsked(*at->second, found[i], found.subspan(i + 1), to);
    }
    return;
  }
  for (const auto& [path, asked] : place.asked) {
    const auto at = std::ranges::lower_bound(found, path, {}, &PathTree::Found::path);
    if (at == found.end()) return;
    found = found.subspan(static_cast<size_t>(at - found.begin()));
    if (at->path == path) CollectAsked(*asked, *at, found.subspan(1), to);
  }
}

void PatternIndex::CollectAsked(const Asked& asked, const PathTree::Found& values, Found rest,
                                std::vector<Entry>& to) {
  if (asked.present) Collect(*asked.present, rest, to);
  // Several values may lead to one place; one does not lead there twice.
  const bool is_one = values.values.size() == 1;
  std::vector<const Place*> places;
  const auto take = [&](const std::unique_ptr<Place>& place) {
    if (is_one) return Collect(*place, rest, to);
    places.push_back(place.get());
  };
  for (const EventValue& value : values.values) {
    for (const Asked::Form& form : asked.forms) {
      const auto key = value.Key(form.form);
      const auto found = key ? asked.by_hash.find({*key, form.form}) : asked.by_hash.end();
      if (found != asked.by_hash.end()) take(found->second);
    }
    if (value.number()) asked.by_range.Visit(*value.number(), take);
  }
  std::ranges::sort(places);
  places.erase(std::ranges::unique(places).begin(), places.end());
  for (const Place* place : places) Collect(*place, rest, to);
}

std::vector<PatternIndex::Id> PatternIndex::Match(const base::Json& event) const {
  if (!event.is_object()) return {};
  const auto values = paths_.Find(event);
  std::vector<Entry> candidates;
  Collect(*root_, values.found, candidates);
  std::ranges::sort(candidates);
  candidates.erase(std::ranges::unique(candidates).begin(), candidates.end());
  std::vector<Id> ids;
  for (const Entry& entry : candidates) {
    if (!ids.empty() && ids.back() == entry.id) continue;
    const auto& alternative = entry.pattern->alternatives()[entry.alternative];
    if (entry.pattern->MatchesAlternative(alternative, event)) ids.push_back(entry.id);
  }
  return ids;
}

bool PatternIndex::is_empty() const {
  return held_.empty() && popularity_.empty() && root_->is_empty();
}

}  // namespace hearth::events
