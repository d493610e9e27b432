// JsonPath: a part of an event: $.detail.items[0].name
//
// A value. Names, indexes of lists and *, for all there is: no other of JSON path's language, as at
// AWS. Source: EventBridge User Guide, "Amazon EventBridge input transformation".
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace hearth::expressions {

inline constexpr size_t kMaxJsonPath = 256;  // AWS: characters.

class JsonPath {
 public:
  // What was wrong with it.
  static std::expected<JsonPath, std::string> Parse(std::string_view text);

  // nullopt: there is no such thing. Of a path with a *: a list of what there is.
  std::optional<base::Json> Find(const base::Json& event) const;

 private:
  struct All {};
  using Step = std::variant<std::string, size_t, All>;

  static std::expected<Step, std::string> ReadIndex(std::string_view& text);

  std::vector<Step> steps_;
  bool is_list_ = false;
};

}  // namespace hearth::expressions
