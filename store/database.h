// Database: one SQLite file in WAL mode, synchronous=FULL: what a commit has returned for survives
// power loss. The only door to SQLite.
//
// Blocking: call it from a serial io::Offload, never from the loop. Not thread-safe; one owner.
// Statements are prepared once and cached by their text.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth::store {

using Value = std::variant<std::nullptr_t, int64_t, double, std::string>;

class Row {
 public:
  virtual ~Row() = default;
  virtual bool IsNull(int column) const = 0;
  virtual int64_t Int(int column) const = 0;
  virtual double Real(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;  // Valid until the next row. Blobs too.
};

// A step of the schema: applied once, in order, inside a transaction. `name` is for messages.
struct Migration {
  std::string name;
  std::string sql;
};

class Database {
 public:
  // Opens or makes `path` and applies the migrations it has not had. A database made by a newer
  // Hearth is an error. A file that is no database is kCorrupt.
  static base::Result<std::unique_ptr<Database>> Open(const std::string& path,
                                                      std::span<const Migration> migrations);
  virtual ~Database() = default;

  // One statement. `on_row` may be null where rows do not matter, and may itself call Run. Returns
  // the number of rows changed.
  virtual base::Result<int64_t> Run(std::string_view sql, std::span<const Value> parameters = {},
                                    const std::function<void(const Row&)>& on_row = nullptr) = 0;
  // Within Transaction; some failures (a full disk) end it at once.
  virtual bool IsInTransaction() const = 0;
  // When what is committed survives power loss: before it returns, or with the next that does so. A
  // killed process loses neither.
  enum class Sync { kNow, kLater };
  // Commits where `body` succeeds, rolls back where it fails. Not nested.
  virtual base::Result<void> Transaction(const std::function<base::Result<void>()>& body,
                                         Sync sync = Sync::kNow) = 0;
};

}  // namespace hearth::store
