// PatternReader: an event pattern's text, field by field, refused in AWS's words.
//
// Reads as AWS does, in the order of the text: of a field that is named twice the later one counts,
// and an $or multiplies the alternatives that there are by its choices. Owner: EventPattern::Parse.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "expressions/event_pattern.h"
#include "expressions/json_tokens.h"

namespace hearth::expressions {

class PatternReader {
 public:
  explicit PatternReader(std::string_view text) : tokens_(text) {}

  // False: error() says why, and nothing else is of use.
  bool Read();
  const std::string& error() const { return error_; }
  std::vector<EventPattern::Field> TakeFields() { return std::move(fields_); }
  std::vector<EventPattern::Alternative> TakeAlternatives();

 private:
  using Token = JsonTokens::Token;
  // A path's name, and the field that is meant by it.
  using Draft = std::map<std::string, uint32_t>;
  enum class Inside { kRule, kOr };

  bool ReadObject(const std::string& path, Inside inside);
  bool ReadOr(const std::string& path);
  bool ReadField(std::string path);
  bool AreDraftsFew(size_t most);  // With what the $ors hold which are being read.
  bool ReadValue(Token token, std::vector<PatternCondition>& to);
  bool ReadOperator(std::vector<PatternCondition>& to);
  bool ReadText(PatternCondition::Operator what, std::string_view name,
                std::vector<PatternCondition>& to);
  bool ReadIgnoringCase(PatternCondition::Operator what, std::string_view name,
                        std::vector<PatternCondition>& to);
  bool ReadNumeric(std::vector<PatternCondition>& to);
  bool ReadUpperBound(PatternCondition& condition, bool is_open);
  bool ReadExists(std::vector<PatternCondition>& to);
  bool ReadAnythingBut(std::vector<PatternCondition>& to);
  bool ReadExcludedList(PatternCondition& condition);
  bool AddExcluded(Token token, PatternCondition& condition);
  bool AddExcludedText(PatternCondition& condition);
  bool AddText(PatternCondition& condition, const std::string& text);
  bool AddNumber(PatternCondition& condition);
  bool EndObject(std::string_view otherwise);
  bool Fail(std::string_view what);         // And where.
  bool FailNowhere(std::string_view what);  // As AWS, which does not always say where.

  JsonTokens tokens_;
  std::vector<EventPattern::Field> fields_;
  std::vector<Draft> drafts_;
  size_t held_ = 0;  // Fields of the drafts that the $ors hold.
  std::string error_;
  int depth_ = 0;
};

}  // namespace hearth::expressions
