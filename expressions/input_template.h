// What a target is told of an event: a part of it (InputPath), or a text made of parts of it
// (InputTransformer).
//
// Values: read once, then applied to each event. What a path does not find is nothing: "null" or an
// empty text, as AWS has it. Source: EventBridge User Guide, "Input transformation"; API
// reference, InputTransformer.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

namespace hearth::expressions {

// Where an event is matched: what <aws.events.rule-arn> and its like stand for.
struct RuleContext {
  std::string rule_arn;
  std::string rule_name;
  base::WallTime ingestion_time{};
};

// $.detail.items[0].name
class JsonPath {
 public:
  // What was wrong with it.
  static std::expected<JsonPath, std::string> Parse(std::string_view text);
  // nullptr: there is no such thing.
  const base::Json* Find(const base::Json& event) const;

 private:
  std::vector<std::variant<std::string, size_t>> steps_;
};

class InputTransformer {
 public:
  // What was wrong with it, in AWS's words: a variable that has no path, too many of them, ...
  static std::expected<InputTransformer, std::string> Create(
      const std::map<std::string, std::string>& paths, std::string_view text);
  // JSON text. `event_text`: `event` as it is written.
  std::string Apply(const base::Json& event, std::string_view event_text,
                    const RuleContext& context) const;
};

}  // namespace hearth::expressions
