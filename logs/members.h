// Members: reads an operation's input member by member, and keeps the first thing that is wrong.
//
// AWS's words: "1 validation error detected: Value '…' at '…' failed to satisfy constraint: …".
// A member that no call asks for is refused by name. Values are read even where an earlier one was
// wrong; Finish() says it.
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

namespace hearth::logs {

aws::ApiError InvalidParameter(std::string message);

class Members {
 public:
  explicit Members(const base::Json& input) : input_(input) {}

  struct TextRule {
    size_t least = 0;
    size_t most = 0;
    bool (*allows)(std::string_view) = nullptr;
    std::string_view pattern;  // As AWS writes it, for the error.
  };
  std::optional<std::string> Text(std::string_view name, const TextRule& rule);
  std::string RequiredText(std::string_view name, const TextRule& rule);
  std::vector<std::string> Texts(std::string_view name, size_t least, size_t most,
                                 const TextRule& rule);
  std::optional<int64_t> Number(std::string_view name, int64_t least, int64_t most);
  bool Flag(std::string_view name);
  std::map<std::string, std::string> Tags(std::string_view name);
  const base::Json* Any(std::string_view name);  // Null where it is absent.

  void Refuse(aws::ApiError error);
  void Require(std::string_view name);
  // The first error, or a member that nobody has asked for.
  std::optional<aws::ApiError> Finish();

 private:
  void Violates(std::string_view value, std::string_view name, std::string_view constraint);
  void Check(std::string_view value, std::string_view name, const TextRule& rule);

  const base::Json& input_;
  std::set<std::string, std::less<>> known_;
  std::optional<aws::ApiError> error_;
};

// Of log groups and log streams.
extern const Members::TextRule kGroupName;
extern const Members::TextRule kStreamName;

}  // namespace hearth::logs
