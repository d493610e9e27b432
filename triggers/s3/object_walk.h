// A page of a listing: rows in order of their keys (as bytes), those with a delimiter behind the
// prefix gathered to common prefixes. What is gathered is passed over without being read, so a page
// costs the same however much lies below a common prefix. Source: S3 API reference, ListObjectsV2.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "triggers/s3/object_record.h"
#include "triggers/s3/object_rows.h"

namespace hearth::s3 {

// Where rows begin.
struct WalkCursor {
  std::string key;     // At this one or above;
  int64_t behind = 0;  // where it is not 0: of this very key, only what comes behind that number.
};

template <typename Row>
struct Walked {
  std::vector<Row> rows;
  std::vector<std::string> common_prefixes;
  bool is_truncated = false;
  std::string next;  // The last key or common prefix.
};

// The part of a key up to the first delimiter behind the prefix.
inline std::optional<std::string> CommonPrefix(const std::string& key, const ListRequest& request) {
  if (request.delimiter.empty() || !key.starts_with(request.prefix)) return std::nullopt;
  const size_t at = key.find(request.delimiter, request.prefix.size());
  if (at == std::string::npos) return std::nullopt;
  return key.substr(0, at + request.delimiter.size());
}

// `behind`: the number of the version or upload `request.after_version`, which may be gone.
inline WalkCursor FirstOf(const ListRequest& request, std::optional<int64_t> behind) {
  WalkCursor cursor;
  if (request.after < request.prefix) {
    cursor.key = request.prefix;
  } else if (const auto common = CommonPrefix(request.after, request); common == request.after) {
    cursor.key = Above(request.after);
  } else if (behind && (request.after_sequence || !request.after_version.empty())) {
    cursor = {request.after, *behind};
  } else {
    cursor.key = request.after.empty() ? request.prefix : request.after + '\0';
  }
  return cursor;
}

// `scan(cursor, below, most)`: rows whose key is less than `below`. `behind(row)`: where the row
// after it begins.
template <typename Row>
base::Result<Walked<Row>> Walk(
    const ListRequest& request, WalkCursor cursor,
    const std::function<base::Result<std::vector<Row>>(const WalkCursor&, const std::string&, int)>&
        scan,
    const std::function<WalkCursor(const Row&)>& behind) {
  // After a common prefix the next may follow at once: few rows are read there, then more.
  constexpr int kFew = 4;
  Walked<Row> page;
  const std::string below = Above(request.prefix);
  int left = std::max(request.most, 0);
  int chunk = request.delimiter.empty() ? left + 1 : kFew;
  while (request.most > 0) {
    const int wanted = std::min(chunk, left + 1);
    std::vector<Row> rows = TRY(scan(cursor, below, wanted));
    const bool is_end = static_cast<int>(rows.size()) < wanted;
    bool jumped = false;
    for (Row& row : rows) {
      if (left == 0) {
        page.is_truncated = true;
        return page;
      }
      --left;
      if (auto common = CommonPrefix(row.key, request)) {
        cursor = {Above(*common)};
        page.next = *common;
        page.common_prefixes.push_back(std::move(*common));
        jumped = true;
        break;
      }
      cursor = behind(row);
      page.next = row.key;
      page.rows.push_back(std::move(row));
    }
    if (!jumped && is_end) break;
    chunk = jumped ? kFew : chunk * 4;
  }
  return page;
}

}  // namespace hearth::s3
