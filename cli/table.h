// Table: rows of text in aligned columns, as `ps` and `kubectl get` print them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // Missing cells are empty; more cells than columns is a bug.
  void Add(std::vector<std::string> cells);
  size_t rows() const { return rows_.size(); }
  // Two spaces between columns, none at a line's end; control characters show as '?'.
  std::string Render() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// What a terminal must not obey: control characters become '?'.
std::string Printable(std::string_view text);

}  // namespace hearth::cli
