// Input: reads an operation's members, and keeps the first thing that is wrong, in SQS's words. A
// member that nobody asked for is refused by name.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"

namespace hearth::sqs {

class Input {
 public:
  explicit Input(const base::Json& json) : json_(json) {}

  std::optional<std::string> Text(std::string_view name);
  std::string RequiredText(std::string_view name);
  // Out of range: InvalidValue with that reason.
  std::optional<int64_t> Number(std::string_view name, int64_t least, int64_t most,
                                std::string_view reason);
  std::vector<std::string> Texts(std::string_view name);
  std::map<std::string, std::string> TextMap(std::string_view name);
  const base::Json* Any(std::string_view name);  // nullptr: absent, or null.

  void Refuse(aws::ApiError error);
  std::optional<aws::ApiError> Finish();

 private:
  void WrongType(std::string_view name, std::string_view wanted);

  const base::Json& json_;
  std::set<std::string, std::less<>> known_;
  std::optional<aws::ApiError> error_;
};

}  // namespace hearth::sqs
