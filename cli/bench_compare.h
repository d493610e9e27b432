// Two reports of `hearth bench` side by side: what became of each figure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cli/command.h"

namespace hearth::cli {

// One figure of both reports. A report that lacks it has a negative number.
struct ComparedFigure {
  enum class Unit { kMicroseconds, kPerSecond, kCount };
  std::string name;  // "latency all p50"
  Unit unit = Unit::kMicroseconds;
  double a = -1;
  double b = -1;
  // b / a; negative where one is missing or a is zero.
  double ratio() const { return a > 0 && b >= 0 ? b / a : -1; }
};

// Of two JSON texts; the names are for errors, which say which report is wrong, and how.
std::expected<std::vector<ComparedFigure>, std::string> CompareReports(const std::string& a_name,
                                                                       const std::string& a,
                                                                       const std::string& b_name,
                                                                       const std::string& b);

// A table; with --json {"schema":"hearth.bench-compare/1","a","b","figures":[{"name","unit","a",
// "b","ratio"}]}, where null stands for what is missing.
int RunBenchCompare(Console& console, const std::string& a_file, const std::string& b_file);

}  // namespace hearth::cli
