// DuePage: some of many rows that are each due at some time, in the order of (due_ms, id), as they
// are read from the disk. Values; `Row` as DueWindow has it (due_window.h).
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/group_commit.h"

namespace hearth::store {

struct DueKey {
  int64_t due_ms = INT64_MIN;
  int64_t id = INT64_MIN;
  auto operator<=>(const DueKey&) const = default;
};

// Some rows, in their order.
template <typename Row>
struct DuePage {
  DuePage() = default;
  // As many as were asked for, or the last.
  DuePage(std::vector<Row> all) : rows(std::move(all)) {}

  std::vector<Row> rows;
  bool has_more = false;  // It ends before its last row would be too much.
};

// A page whose rows have `most_bytes` or little more together, though each may be
// large. `read` gives the first `count` rows behind a key.
template <typename Row, typename Read>
base::Result<DuePage<Row>> ReadDuePage(DueKey after, size_t most, size_t most_bytes,
                                       const Read& read) {
  constexpr size_t kStep = 64;
  DuePage<Row> page;
  size_t bytes = 0;
  while (page.rows.size() < most) {
    if (bytes >= most_bytes) {
      page.has_more = true;
      break;
    }
    const size_t count = std::min(kStep, most - page.rows.size());
    std::vector<Row> rows = TRY(read(after, count));
    for (Row& row : rows) {
      bytes += row.bytes();
      after = {row.due_ms, row.id};
      page.rows.push_back(std::move(row));
    }
    if (rows.size() < count) break;
  }
  return page;
}

// DueWindow's `load`: the pages of a table that `read(database, behind, count)` reads, on the way
// of `commits`, which outlives it.
template <typename Row, typename Read>
auto DuePages(GroupCommit& commits, size_t most_bytes, Read read) {
  return [&commits, most_bytes, read](DueKey after, size_t most, auto loaded) {
    commits.Load(
        [after, most, most_bytes, read](Database& database) {
          return ReadDuePage<Row>(after, most, most_bytes, [&](DueKey behind, size_t count) {
            return read(database, behind, count);
          });
        },
        std::move(loaded));
  };
}

}  // namespace hearth::store
