// Fields: reads a JSON object member by member, and keeps the first thing that is wrong, in the
// scheduler's words. A member that nobody asked for is refused by name.
//
// Values are read even where an earlier one was wrong; Finish() says it. Of an object in an object,
// the inner one's Finish goes to the outer one's Refuse.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "triggers/schedule/errors.h"

namespace hearth::schedule {

class Fields {
 public:
  // `path`: of the object in the body, "target"; empty: it is the body.
  explicit Fields(const base::Json& object, std::string path = {});

  struct TextRule {
    size_t least = 1;
    size_t most = 0;
    bool (*allows)(std::string_view) = nullptr;
    std::string_view pattern{};  // As AWS writes it, for the error.
  };
  std::optional<std::string> Text(std::string_view name, const TextRule& rule);
  std::string RequiredText(std::string_view name, const TextRule& rule);
  std::optional<int64_t> Number(std::string_view name, int64_t least, int64_t most);
  std::optional<std::string> OneOf(std::string_view name, const std::vector<std::string>& values);
  // Seconds since 1970 with a fraction, or a text of ISO 8601 in UTC, as templates have it.
  std::optional<int64_t> Moment(std::string_view name);
  // nullptr: absent, or null.
  const base::Json* Object(std::string_view name);
  // It may be absent or null, nothing else.
  void MustBeAbsent(std::string_view name);
  void Ignore(std::string_view name) { known_.emplace(name); }

  void Refuse(ApiError error);
  void Refuse(std::optional<ApiError> error);
  std::optional<ApiError> Finish();
  // "target.arn"
  std::string PathOf(std::string_view name) const;

 private:
  const base::Json* Find(std::string_view name);

  const base::Json& object_;
  const std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<ApiError> error_;
};

// Code points.
size_t Length(std::string_view utf8);

}  // namespace hearth::schedule
