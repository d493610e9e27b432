#include "expressions/json_path.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace hearth::expressions {
namespace {

using base::Json;

constexpr size_t kMaxDigits = 9;
// What JSON path means something by that is not served.
constexpr std::string_view kUnserved = "\"'()?@,;=!&|<> ]";

// What a step finds is put into `to`.
void Take(const Json& from, const std::string& name, std::vector<const Json*>& to) {
  if (!from.is_object()) return;
  if (const auto found = from.find(name); found != from.end()) to.push_back(&*found);
}

void Take(const Json& from, size_t index, std::vector<const Json*>& to) {
  if (from.is_array() && index < from.size()) to.push_back(&from[index]);
}

void TakeAll(const Json& from, std::vector<const Json*>& to) {
  if (!from.is_structured()) return;
  for (const Json& each : from) to.push_back(&each);
}

}  // namespace

std::expected<JsonPath, std::string> JsonPath::Parse(std::string_view text) {
  const auto fail = [whole = text](std::string_view what) {
    return std::unexpected(fmt::format("JSON path {} {}", whole, what));
  };
  if (text.size() > kMaxJsonPath) return fail("is longer than 256 characters");
  if (!text.starts_with('$')) return fail("does not begin with $");
  text.remove_prefix(1);
  JsonPath path;
  while (!text.empty()) {
    if (text.front() == '[') {
      auto index = ReadIndex(text);
      if (!index) return fail(index.error());
      path.steps_.push_back(*std::move(index));
    } else if (text.front() == '.') {
      text.remove_prefix(1);
      const std::string_view name = text.substr(0, text.find_first_of(".["));
      if (name.empty()) return fail("has an empty name");
      if (name.find_first_of(kUnserved) != std::string_view::npos) {
        return fail("has what is neither a name, an index nor *");
      }
      text.remove_prefix(name.size());
      path.steps_.push_back(name == "*" ? Step(All{}) : Step(std::string(name)));
    } else {
      return fail("has no . before a name");
    }
    path.is_list_ = path.is_list_ || std::holds_alternative<All>(path.steps_.back());
  }
  return path;
}

std::expected<JsonPath::Step, std::string> JsonPath::ReadIndex(std::string_view& text) {
  const size_t end = text.find(']');
  if (end == std::string_view::npos) return std::unexpected("has a [ that does not end");
  const std::string_view inside = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  if (inside == "*") return All{};
  size_t index = 0;
  const auto [last, error] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
  const bool is_index = !inside.empty() && inside.size() <= kMaxDigits && error == std::errc() &&
                        last == inside.data() + inside.size();
  if (!is_index) return std::unexpected("has something else than an index or * in [ ]");
  return index;
}

std::optional<Json> JsonPath::Find(const Json& event) const {
  std::vector<const Json*> found = {&event};
  for (const Step& step : steps_) {
    std::vector<const Json*> below;
    for (const Json* from : found) {
      if (const auto* name = std::get_if<std::string>(&step)) {
        Take(*from, *name, below);
      } else if (const auto* index = std::get_if<size_t>(&step)) {
        Take(*from, *index, below);
      } else {
        TakeAll(*from, below);
      }
    }
    found = std::move(below);
  }
  if (!is_list_) return found.empty() ? std::nullopt : std::optional<Json>(*found.front());
  Json list = Json::array();
  for (const Json* each : found) list.push_back(*each);
  return list;
}

}  // namespace hearth::expressions
