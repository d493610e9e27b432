// InputTransformer: a text made of an event's parts: {"order": <id>, "text": "<id> is <state>"}
//
// A value: read once, then applied to each event. A variable that stands by itself becomes its
// JSON; within a string, its text: a string without its quotes, an object or a list with none of
// the quotes in it (as AWS has it). One of which the event has nothing is an empty string. The
// template is JSON, or several values of it, once its variables are filled in: so is what is made
// of it. Source: EventBridge User Guide, "Amazon EventBridge input transformation"; API reference,
// InputTransformer.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "expressions/json_path.h"

namespace hearth::expressions {

inline constexpr size_t kMaxInputPaths = 100;       // AWS.
inline constexpr size_t kMaxInputTemplate = 8192;   // AWS: characters.
inline constexpr size_t kMaxTransformed = 2 << 20;  // Ours, bytes: more than any target takes.

// Where an event is matched: what <aws.events.rule-arn> and its like stand for.
struct RuleContext {
  std::string rule_arn;
  std::string rule_name;
  base::WallTime ingestion_time{};
};

class InputTransformer {
 public:
  // What was wrong with it, as AWS ends "InputTemplate for target X ".
  static std::expected<InputTransformer, std::string> Create(
      const std::map<std::string, std::string>& paths, std::string_view text);

  // JSON. `event_text`: `event` as it is written. What would be longer than kMaxTransformed is not
  // made to its end: no target takes it.
  std::string Apply(const base::Json& event, std::string_view event_text,
                    const RuleContext& context) const;

 private:
  // Something literal, and the variable that follows it: none, at the end.
  struct Piece {
    std::string literal;
    std::string variable;
    bool is_in_string = false;
  };

  static std::vector<Piece> Split(std::string_view text);
  std::expected<void, std::string> Check() const;

  std::map<std::string, JsonPath> paths_;
  std::vector<Piece> pieces_;
};

}  // namespace hearth::expressions
