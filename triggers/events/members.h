// Members: reads the members of a request, and keeps what its model forbids, all of it, in AWS's
// words. A member that nobody asked for is refused by name.
//
// "2 validation errors detected: Value 'a b' at 'targets.1.member.id' failed to satisfy constraint:
// Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+; Value …". What is wrong beyond
// the model is said alone, and only where the model has nothing to say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"

namespace hearth::events {

struct TextRule {
  size_t least = 0;
  size_t most = SIZE_MAX;         // Characters of UTF-8's bytes.
  std::string_view pattern = {};  // As AWS prints it.
  bool (*fits)(std::string_view) = nullptr;
};

// [\.\-_A-Za-z0-9]+
bool IsName(std::string_view text);
inline constexpr std::string_view kNamePattern = "[\\.\\-_A-Za-z0-9]+";
extern const TextRule kRuleName, kBusName, kBusNameOrArn, kArn, kText512, kAnyText;

// All that is wrong with one request.
struct Faults {
  std::vector<std::string> constraints;
  std::optional<aws::ApiError> other;  // The first.

  void Refuse(aws::ApiError error) {
    if (!other) other = std::move(error);
  }
  std::optional<aws::ApiError> Take();
};

class Members {
 public:
  // `path` stands before the members' names: "targets.1.member.". Both outlive it.
  Members(const base::Json& json, Faults& faults, std::string path = {});

  std::optional<std::string> Text(std::string_view name, const TextRule& rule);
  std::string RequiredText(std::string_view name, const TextRule& rule);
  std::string OneOf(std::string_view name, const std::vector<std::string>& allowed,
                    std::string otherwise);
  std::optional<int64_t> Number(std::string_view name, int64_t least, int64_t most);
  bool Flag(std::string_view name);
  // Seconds since 1970, with a fraction, as milliseconds.
  std::optional<int64_t> Moment(std::string_view name);
  std::vector<std::string> Texts(std::string_view name, size_t least, size_t most);
  // [{"Key": …, "Value": …}]
  std::map<std::string, std::string> Tags(std::string_view name);
  const base::Json* List(std::string_view name, size_t least, size_t most);
  const base::Json* Object(std::string_view name);
  const base::Json* Any(std::string_view name);  // nullptr: absent, or null.
  void Require(std::string_view name);
  // It is refused where it is there.
  void RefuseMember(std::string_view name);
  // Nothing more is asked for: what is left is refused.
  void Done();

  void Violates(std::string_view value, std::string_view name, std::string_view constraint);
  std::string PathOf(std::string_view name) const;
  Faults& faults() { return faults_; }

 private:
  void WrongType(std::string_view name, std::string_view wanted);

  const base::Json& json_;
  Faults& faults_;
  const std::string path_;
  std::set<std::string, std::less<>> known_;
};

// AWS's limits of tags; nullopt: fine.
std::optional<aws::ApiError> CheckTags(const std::map<std::string, std::string>& tags);
// Of what a client gives or takes away: some keys are a stack's own.
std::optional<aws::ApiError> CheckClientsTags(const std::map<std::string, std::string>& tags);

}  // namespace hearth::events
