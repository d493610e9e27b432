// DueWindow: of many rows that are each due at some time, those in memory that are due next. The
// rest stays in the database, and is read page by page when there is room.
//
// Row: a value with `int64_t due_ms`, `int64_t id` (no other row's) and `size_t bytes() const`. A
// row that was taken is its taker's: no page brings it again before Put or Forget. All changes are
// told when they are committed, in the order of their commits, on the way that the pages come
// (GroupCommit). Owner: who serves the rows; loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/timer.h"
#include "store/due_page.h"

namespace hearth::store {

template <typename Row>
class DueWindow {
 public:
  using Loaded = std::function<void(base::Result<DuePage<Row>> page)>;
  struct Options {
    size_t most_rows = 0;
    size_t most_bytes = 0;  // One row may be more.
    // The first `most` rows behind `after`, in the order of (due_ms, id), or fewer where it says
    // so; `loaded` runs later.
    std::function<void(DueKey after, size_t most, Loaded loaded)> load;
    std::function<void()> on_page;  // There is more to take, maybe.
  };

  // Begins to load at once.
  DueWindow(io::Loop& loop, Options options)
      : options_(std::move(options)), again_(loop, io::Time::kMachine) {
    Fill();
  }
  DueWindow(const DueWindow&) = delete;
  DueWindow& operator=(const DueWindow&) = delete;

  // It was made, or changed: also what a taker gives back.
  void Put(Row row) {
    Forget(row.id);
    Hold(std::move(row));
    Trim();
  }
  // It is no more: also what a taker has done with.
  void Forget(int64_t id) {
    taken_.erase(id);
    const auto key = keys_.find(id);
    if (key == keys_.end()) return;
    Drop(rows_.find(key->second));
    Fill();
  }
  // The first row, where it is due: it is the caller's until Put or Forget.
  std::optional<Row> TakeDue(int64_t now_ms) {
    if (rows_.empty() || rows_.begin()->first.due_ms > now_ms) return std::nullopt;
    Row row = std::move(rows_.begin()->second);
    bytes_ -= row.bytes();
    keys_.erase(row.id);
    rows_.erase(rows_.begin());
    taken_.insert(row.id);
    Fill();
    return row;
  }
  // Of those in memory; nullopt: there is none (IsWhole() says whether there may be more).
  std::optional<int64_t> next_due_ms() const {
    return rows_.empty() ? std::nullopt : std::optional(rows_.begin()->first.due_ms);
  }
  // Nothing is on the disk that is not here or taken.
  bool IsWhole() const { return !left_after_; }
  // What is on the disk is being read, or will be once it can be.
  bool IsLoading() const { return is_loading_ || again_.active(); }
  bool IsTaken(int64_t id) const { return taken_.contains(id); }
  const Row* Find(int64_t id) const {
    const auto key = keys_.find(id);
    return key == keys_.end() ? nullptr : &rows_.at(key->second);
  }
  size_t size() const { return rows_.size(); }

 private:
  using Rows = std::map<DueKey, Row>;

  void Hold(Row row) {
    const DueKey key{row.due_ms, row.id};
    if (left_after_ && key > *left_after_) return;  // A page will bring it.
    bytes_ += row.bytes();
    keys_[row.id] = key;
    rows_.emplace(key, std::move(row));
  }
  void Drop(Rows::iterator at) {
    bytes_ -= at->second.bytes();
    keys_.erase(at->second.id);
    rows_.erase(at);
  }
  // What is due last goes back to the disk, where it is too much.
  void Trim() {
    while (rows_.size() > 1 &&
           (rows_.size() > options_.most_rows || bytes_ > options_.most_bytes)) {
      Drop(std::prev(rows_.end()));
      left_after_ = rows_.rbegin()->first;
    }
  }
  void Fill() {
    if (!left_after_ || is_loading_ || again_.active()) return;
    if (rows_.size() > options_.most_rows / 2 || bytes_ > options_.most_bytes / 2) return;
    is_loading_ = true;
    // What is taken may be met again, and passed over.
    const size_t most = options_.most_rows - rows_.size() + taken_.size();
    options_.load(*left_after_, most,
                  [this, alive = std::weak_ptr<bool>(alive_), most,
                   after = *left_after_](base::Result<DuePage<Row>> page) {
                    if (!alive.expired()) OnPage(after, most, std::move(page));
                  });
  }
  void OnPage(DueKey after, size_t most, base::Result<DuePage<Row>> page) {
    is_loading_ = false;
    if (!page) {
      HLOG_ERROR("what is due cannot be read: {}", page.error().ToString());
      again_.Start(std::chrono::seconds(1), [this] { Fill(); });
      return;
    }
    // It was cut down meanwhile: the page begins behind what is missing.
    if (!left_after_ || *left_after_ != after) return Fill();
    std::vector<Row>& rows = page->rows;
    const bool is_last = !page->has_more && rows.size() < most;
    const DueKey end = rows.empty() ? after : DueKey{rows.back().due_ms, rows.back().id};
    left_after_ = is_last ? std::nullopt : std::optional(end);
    for (Row& row : rows) {
      if (taken_.contains(row.id) || keys_.contains(row.id)) continue;
      Hold(std::move(row));
    }
    Trim();
    if (options_.on_page) options_.on_page();
    Fill();
  }

  const Options options_;
  io::Timer again_;
  Rows rows_;
  std::unordered_map<int64_t, DueKey> keys_;  // Of rows_, by id.
  std::set<int64_t> taken_;
  size_t bytes_ = 0;
  // Behind it nothing is in memory; nullopt: everything is.
  std::optional<DueKey> left_after_ = DueKey{};
  bool is_loading_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::store
