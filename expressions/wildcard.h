// Wildcard: a text with stars, each of which stands for any characters, or none: dir/*.png
//
// A value. \* is a star and \\ a backslash. Matching takes no longer than the two lengths'
// product. Source: EventBridge User Guide, "Wildcard matching"; its words for what is too complex.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::expressions {

class Wildcard {
 public:
  // What was wrong with it, in AWS's words.
  static std::expected<Wildcard, std::string> Read(std::string_view text);

  bool Matches(std::string_view text) const;
  // What stands between the stars; one piece: there is no star.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  std::vector<std::string> pieces_;
};

// Whether AWS refuses them, as what one field of a rule may be: where one text can be on its way
// through more than ten places in them at once.
bool AreTooComplex(std::span<const Wildcard* const> wildcards);

}  // namespace hearth::expressions
