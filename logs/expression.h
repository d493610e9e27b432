// Expression: conditions joined by && and ||, with brackets; && binds closer.
//
// What a condition is held against is `Subject`'s: a place in a JSON object, or a field of a line.
// `parse` reads one operand (a Subject and its Condition); `test` holds one against the event.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "logs/scanner.h"

namespace hearth::logs {

template <typename Operand>
class Expression {
 public:
  using ParseOperand = std::function<std::expected<Operand, std::string>(Scanner&)>;
  using Test = std::function<bool(const Operand&)>;

  // Up to what is no part of it.
  static std::expected<Expression, std::string> Parse(Scanner& scanner, const ParseOperand& parse) {
    return ParseJoined(scanner, parse, Kind::kAny);
  }

  bool Matches(const Test& test) const {
    switch (kind_) {
      case Kind::kOperand:
        return test(operand_);
      case Kind::kAll:
        for (const auto& part : parts_) {
          if (!part.Matches(test)) return false;
        }
        return true;
      case Kind::kAny:
        for (const auto& part : parts_) {
          if (part.Matches(test)) return true;
        }
        return false;
    }
    return false;
  }

 private:
  enum class Kind { kOperand, kAll, kAny };

  static std::expected<Expression, std::string> ParseJoined(Scanner& scanner,
                                                            const ParseOperand& parse, Kind kind) {
    Expression out;
    out.kind_ = kind;
    do {
      auto part =
          kind == Kind::kAny ? ParseJoined(scanner, parse, Kind::kAll) : ParsePart(scanner, parse);
      if (!part) return part;
      out.parts_.push_back(std::move(*part));
      scanner.SkipSpace();
    } while (scanner.Take(kind == Kind::kAny ? "||" : "&&"));
    if (out.parts_.size() > 1) return out;
    Expression only = std::move(out.parts_.front());
    return only;
  }

  static std::expected<Expression, std::string> ParsePart(Scanner& scanner,
                                                          const ParseOperand& parse) {
    scanner.SkipSpace();
    if (scanner.Take("(")) {
      auto inside = Parse(scanner, parse);
      if (!inside) return inside;
      scanner.SkipSpace();
      if (!scanner.Take(")")) return std::unexpected("a bracket is not closed");
      return inside;
    }
    auto operand = parse(scanner);
    if (!operand) return std::unexpected(operand.error());
    Expression out;
    out.operand_ = std::move(*operand);
    return out;
  }

  Kind kind_ = Kind::kOperand;
  Operand operand_;
  std::vector<Expression> parts_;
};

}  // namespace hearth::logs
