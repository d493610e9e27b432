#include "store/database.h"

#include <sqlite3.h>

#include <unordered_map>

namespace hearth::store {
namespace {

using base::Error;
using base::ErrorKind;
using base::Result;

constexpr int kBusyTimeoutMs = 5000;
constexpr size_t kMaxCachedStatements = 200;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Says what SQLite said, as the kind of error that a caller can act on.
std::unexpected<Error> Failure(sqlite3* db, std::string_view step) {
  const int code = sqlite3_errcode(db);
  std::string text = sqlite3_errmsg(db);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return base::MakeError(ErrorKind::kLimit, step, "the disk is full");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return base::MakeError(ErrorKind::kCorrupt, step, std::move(text));
    case SQLITE_CONSTRAINT:
      return base::MakeError(ErrorKind::kConflict, step, std::move(text));
    default: {
      const int number = sqlite3_system_errno(db);
      if (number == ENOSPC) return base::MakeError(ErrorKind::kLimit, step, "the disk is full");
      return std::unexpected(Error{ErrorKind::kSystem, std::string(step),
                                   (code & 0xff) == SQLITE_IOERR ? number : 0, std::move(text)});
    }
  }
}

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool IsNull(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  double Real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view Text(int column) const override {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return data == nullptr
               ? std::string_view()
               : std::string_view(data,
                                  static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  sqlite3_stmt* statement_;
};

void Bind(sqlite3_stmt* statement, int at, const Value& value) {
  if (std::holds_alternative<std::nullptr_t>(value)) {
    sqlite3_bind_null(statement, at);
  } else if (const auto* number = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(statement, at, *number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, at, *real);
  } else {
    const auto& text = std::get<std::string>(value);
    // SQLite compares text and blobs as different; what is valid text goes in as text.
    sqlite3_bind_text64(statement, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
}

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(std::unique_ptr<sqlite3, CloseDatabase> db) : db_(std::move(db)) {}

  ~SqliteDatabase() override { statements_.clear(); }

  Result<int64_t> Run(std::string_view sql, std::span<const Value> parameters,
                      const std::function<void(const Row&)>& on_row) override {
    // A row's callback may run statements too: neither the one that is running nor the cache that
    // holds it may then be touched.
    Statement own;
    if (depth_ > 0) own = TRY(Prepare(sql));
    sqlite3_stmt* statement = own ? own.get() : TRY(Cached(sql));
    if (sqlite3_bind_parameter_count(statement) != static_cast<int>(parameters.size())) {
      return base::Invalid("run statement",
                           "the number of parameters differs: " + std::string(sql));
    }
    for (size_t i = 0; i < parameters.size(); ++i) {
      Bind(statement, static_cast<int>(i) + 1, parameters[i]);
    }
    const SqliteRow row(statement);
    const int64_t changes_before = sqlite3_total_changes64(db_.get());
    ++depth_;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      if (on_row) on_row(row);
    }
    --depth_;
    // Statements that change no rows leave the count of their predecessor.
    const bool changed = sqlite3_total_changes64(db_.get()) != changes_before;
    Result<int64_t> result = changed ? sqlite3_changes64(db_.get()) : 0;
    if (code != SQLITE_DONE) result = Failure(db_.get(), "run '" + std::string(sql) + "'");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
  }

  bool IsInTransaction() const override { return sqlite3_get_autocommit(db_.get()) == 0; }

  Result<void> Transaction(const std::function<Result<void>()>& body, Sync sync) override {
    if (sync == Sync::kNow) return CommitAll(body);
    // Takes effect as it is compiled, so it is none of the statements that are kept.
    TRY(Execute("PRAGMA synchronous=NORMAL", "let the disk take its time"));
    auto done = CommitAll(body);
    TRY(Execute("PRAGMA synchronous=FULL", "wait for the disk"));
    return done;
  }

  Result<void> CommitAll(const std::function<Result<void>()>& body) {
    // IMMEDIATE: a conflict shows here, not in the middle.
    TRY(Run("BEGIN IMMEDIATE", {}, nullptr));
    auto done = body();
    if (done) {
      if (auto committed = Run("COMMIT", {}, nullptr); committed)
        return {};
      else
        done = std::unexpected(committed.error());
    }
    // Some failures (a full disk) have rolled back already.
    if (IsInTransaction()) {
      TRY(Run("ROLLBACK", {}, nullptr));
    }
    return done;
  }

  Result<void> Execute(const std::string& sql, const std::string& step) {
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      return Failure(db_.get(), step);
    }
    return {};
  }

  Result<void> Migrate(std::span<const Migration> migrations) {
    TRY(
        Execute("CREATE TABLE IF NOT EXISTS migrations"
                " (position INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
                "make the table of migrations"));
    std::vector<std::string> done;
    TRY(Run("SELECT name FROM migrations ORDER BY position", {},
            [&](const Row& row) { done.emplace_back(row.Text(0)); }));
    for (size_t i = 0; i < done.size(); ++i) {
      if (i >= migrations.size() || done[i] != migrations[i].name) {
        return base::MakeError(
            ErrorKind::kUnsupported, "open database",
            "it was written by another version of Hearth: step '" + done[i] + "' is unknown here");
      }
    }
    for (size_t i = done.size(); i < migrations.size(); ++i) {
      TRY(CommitAll([&]() -> Result<void> {
        TRY(Execute(migrations[i].sql, "migration " + migrations[i].name));
        const Value values[] = {static_cast<int64_t>(i), migrations[i].name};
        TRY(Run("INSERT INTO migrations (position, name) VALUES (?, ?)", values, nullptr));
        return {};
      }));
    }
    return {};
  }

 private:
  Result<Statement> Prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &raw, &tail) != SQLITE_OK) {
      return Failure(db_.get(), "prepare '" + std::string(sql) + "'");
    }
    Statement statement(raw);
    // SQLite prepares the first of several and forgets the others.
    const std::string_view rest = sql.substr(static_cast<size_t>(tail - sql.data()));
    if (raw == nullptr || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
      return base::Invalid("prepare '" + std::string(sql) + "'", "it is not one statement");
    }
    return statement;
  }

  Result<sqlite3_stmt*> Cached(std::string_view sql) {
    const auto at = statements_.find(std::string(sql));
    if (at != statements_.end()) return at->second.get();
    // Statements are few and fixed; a flood of texts would be a caller's bug, not a leak of ours.
    if (statements_.size() >= kMaxCachedStatements) statements_.clear();
    Statement statement = TRY(Prepare(sql));
    sqlite3_stmt* raw = statement.get();
    statements_.emplace(std::string(sql), std::move(statement));
    return raw;
  }

  std::unique_ptr<sqlite3, CloseDatabase> db_;
  std::unordered_map<std::string, Statement> statements_;
  int depth_ = 0;  // Of Run inside Run.
};

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                 std::span<const Migration> migrations) {
  sqlite3* raw = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, kFlags, nullptr);
  std::unique_ptr<sqlite3, CloseDatabase> db(raw);
  if (opened != SQLITE_OK) return Failure(db.get(), "open " + path);
  sqlite3_extended_result_codes(db.get(), 1);
  sqlite3_busy_timeout(db.get(), kBusyTimeoutMs);
  auto database = std::make_unique<SqliteDatabase>(std::move(db));
  TRY(
      database->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                        "PRAGMA trusted_schema=OFF",
                        "open " + path));
  TRY(database->Migrate(migrations));
  return database;
}

}  // namespace hearth::store
