#include "triggers/events/path_tree.h"

#include <algorithm>

#include "base/check.h"

namespace hearth::events {

using base::Json;

uint32_t PathTree::Take(const Path& path) {
  Branch* at = &root_;
  for (const std::string& name : path) {
    auto& below = at->below[name];
    if (!below) below = std::make_unique<Branch>();
    at = below.get();
  }
  if (at->takers++ > 0) return at->number;
  if (free_.empty()) {
    at->number = next_++;
  } else {
    at->number = free_.back();
    free_.pop_back();
  }
  return at->number;
}

uint32_t PathTree::NumberOf(const Path& path) const {
  const Branch* at = &root_;
  for (const std::string& name : path) {
    const auto found = at->below.find(name);
    CHECK(found != at->below.end());
    at = found->second.get();
  }
  return at->number;
}

void PathTree::LetGo(const Path& path) { LetGo(root_, path, 0, free_); }

// Whether nothing is left of the branch.
bool PathTree::LetGo(Branch& at, const Path& path, size_t depth, std::vector<uint32_t>& free) {
  if (depth == path.size()) {
    if (--at.takers == 0) free.push_back(at.number);
  } else if (const auto found = at.below.find(path[depth]);
             found != at.below.end() && LetGo(*found->second, path, depth + 1, free)) {
    at.below.erase(found);
  }
  return at.takers == 0 && at.below.empty();
}

void PathTree::Walk(const Branch& at, const Json& value, Walked& to) {
  if (value.is_array()) {
    for (const Json& item : value) Walk(at, item, to);
    return;
  }
  const auto* object = value.get_ptr<const Json::object_t*>();
  if (object == nullptr) {
    if (at.takers > 0) to.emplace_back(at.number, &value);
    return;
  }
  if (at.below.empty()) return;
  for (const auto& [key, member] : *object) {
    const Branch* below = &at;
    std::string_view rest = key;
    while (true) {
      const size_t dot = rest.find('.');
      const auto found = below->below.find(rest.substr(0, dot));
      below = found == below->below.end() ? nullptr : found->second.get();
      if (below == nullptr || dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (below != nullptr) Walk(*below, member, to);
  }
}

PathTree::Values PathTree::Find(const Json& event) const {
  Walked walked;
  Walk(root_, event, walked);
  std::ranges::sort(walked, {}, [](const auto& each) { return each.first; });
  Values out;
  out.all.reserve(walked.size());  // Spans of it follow.
  for (const auto& [number, value] : walked) {
    const EventValue& here = out.all.emplace_back(*value);
    if (out.found.empty() || out.found.back().path != number) {
      out.found.push_back({.path = number, .values = {&here, 1}});
    } else {
      out.found.back().values = {out.found.back().values.data(),
                                 out.found.back().values.size() + 1};
    }
  }
  return out;
}

}  // namespace hearth::events
