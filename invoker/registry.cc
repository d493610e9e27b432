#include "invoker/registry.h"

#include <map>
#include <set>

#include "invoker/async_queue.h"

namespace hearth::invoker {
namespace {

using store::Value;

// Runs on the writer's thread.
base::Result<void> Replace(store::Database& database, const FunctionVersion& function) {
  const std::vector<Value> row{function.revision_id, base::ToJsonText(ToStored(function)),
                               function.name};
  const int64_t changed =
      TRY(database.Run("UPDATE functions SET revision_id = ?, definition = ? WHERE name = ?", row));
  if (changed != 1) {
    return base::MakeError(base::ErrorKind::kCorrupt, "update function",
                           function.name + " is not in the database");
  }
  return {};
}

class SqliteRegistry final : public Registry {
 public:
  SqliteRegistry(store::Database& database, io::Offload& writer)
      : database_(database), writer_(writer) {}

  base::Result<void> LoadAll() {
    base::Result<void> status;
    TRY(database_.Run("SELECT definition, name FROM functions", {}, [&](const store::Row& row) {
      auto loaded = Parse(row.Text(0));
      if (!loaded) {
        status = base::MakeError(
            base::ErrorKind::kCorrupt, "load the function " + std::string(row.Text(1)),
            "its row in the database is damaged: " + loaded.error().ToString());
        return;
      }
      std::string name = loaded->name;
      functions_[std::move(name)] = std::make_shared<const FunctionVersion>(std::move(*loaded));
    }));
    return status;
  }

  FunctionRef Find(const std::string& name) const override {
    const auto found = functions_.find(name);
    return found == functions_.end() ? nullptr : found->second;
  }

  std::vector<FunctionRef> List() const override {
    std::vector<FunctionRef> out;
    out.reserve(functions_.size());
    for (const auto& [name, function] : functions_) {
      out.push_back(function);
    }
    return out;
  }

  void Create(FunctionVersion function, Done done) override {
    if (functions_.contains(function.name) || !changing_.insert(function.name).second) {
      return Refuse(base::ErrorKind::kConflict, "create function", function.name + " exists",
                    std::move(done));
    }
    auto ref = std::make_shared<const FunctionVersion>(std::move(function));
    writer_.Run(
        [&database = database_, ref]() -> base::Result<void> {
          const std::vector<Value> row{ref->name, ref->revision_id,
                                       base::ToJsonText(ToStored(*ref))};
          TRY(database.Run("INSERT INTO functions (name, revision_id, definition) VALUES (?, ?, ?)",
                           row));
          return {};
        },
        [this, ref, done = std::move(done)](base::Result<void> result) {
          Settle(ref->name, ref, std::move(result), done);
        });
  }

  void Update(FunctionVersion function, const std::string& expected_revision_id,
              Done done) override {
    const auto found = functions_.find(function.name);
    if (found == functions_.end()) {
      return Refuse(base::ErrorKind::kNotFound, "update function", function.name + " is gone",
                    std::move(done));
    }
    if ((!expected_revision_id.empty() && found->second->revision_id != expected_revision_id) ||
        !changing_.insert(function.name).second) {
      return Refuse(base::ErrorKind::kConflict, "update function", function.name + " has changed",
                    std::move(done));
    }
    auto ref = std::make_shared<const FunctionVersion>(std::move(function));
    writer_.Run([&database = database_, ref] { return Replace(database, *ref); },
                [this, ref, done = std::move(done)](base::Result<void> result) {
                  Settle(ref->name, ref, std::move(result), done);
                });
  }

  void Delete(const std::string& name, Done done) override {
    if (!functions_.contains(name)) {
      return Refuse(base::ErrorKind::kNotFound, "delete function", name + " is gone",
                    std::move(done));
    }
    if (!changing_.insert(name).second) {
      return Refuse(base::ErrorKind::kConflict, "delete function", name + " is being changed",
                    std::move(done));
    }
    writer_.Run(
        [&database = database_, name]() -> base::Result<void> {
          const std::vector<Value> key{name};
          TRY(database.Run("DELETE FROM functions WHERE name = ?", key));
          return {};
        },
        [this, name, done = std::move(done)](base::Result<void> result) {
          Settle(name, nullptr, std::move(result), done);
        });
  }

 private:
  static base::Result<FunctionVersion> Parse(std::string_view text) {
    return FromStored(TRY(base::ParseJson(text)));
  }

  // Readers see the change now that it is durable. nullptr: the function is gone.
  void Settle(const std::string& name, FunctionRef now, base::Result<void> result,
              const Done& done) {
    changing_.erase(name);
    if (result) {
      if (now != nullptr) {
        functions_[name] = std::move(now);
      } else {
        functions_.erase(name);
      }
    }
    done(std::move(result));
  }

  // Through the writer's queue, so that a callback never runs inside the call that takes it.
  void Refuse(base::ErrorKind kind, std::string step, std::string text, Done done) {
    writer_.Run([] { return 0; }, [error = base::Error{kind, std::move(step), 0, std::move(text)},
                                   done = std::move(done)](int) { done(std::unexpected(error)); });
  }

  store::Database& database_;
  io::Offload& writer_;
  std::map<std::string, FunctionRef> functions_;
  std::set<std::string> changing_;  // Names with a change under way.
};

}  // namespace

base::Result<std::unique_ptr<Registry>> Registry::Load(store::Database& database,
                                                       io::Offload& writer) {
  auto registry = std::make_unique<SqliteRegistry>(database, writer);
  TRY(registry->LoadAll());
  return registry;
}

std::vector<store::Migration> RegistryMigrations() {
  std::vector<store::Migration> steps{
      {"functions",
       "CREATE TABLE functions (name TEXT PRIMARY KEY, revision_id TEXT NOT NULL, "
       "definition TEXT NOT NULL) WITHOUT ROWID"}};
  for (store::Migration& step : AsyncQueueMigrations()) {
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace hearth::invoker
