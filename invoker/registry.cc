#include "invoker/registry.h"

#include <algorithm>
#include <deque>
#include <map>

#include "base/id.h"
#include "invoker/async_queue.h"

namespace hearth::invoker {
namespace {

using store::Value;

// In [0, 1), from 52 random bits.
double RandomShare() {
  return static_cast<double>(std::stoull(base::NewHexId(13), nullptr, 16)) / 0x1p52;
}

struct Statement {
  std::string_view sql;
  std::vector<Value> parameters;
};

base::Result<void> RunAll(store::Database& database, const std::vector<Statement>& statements) {
  if (statements.empty()) return {};
  return database.Transaction([&]() -> base::Result<void> {
    for (const Statement& each : statements) TRY(database.Run(each.sql, each.parameters));
    return {};
  });
}

int64_t Signed(uint64_t number) { return static_cast<int64_t>(number); }

// What makes the stored rows of `before` those of `after`: `put` where one is new or another now,
// `drop` where it is gone. Both make a Statement.
template <typename Key, typename Value, typename Put, typename Drop>
void AddChanges(const std::map<Key, Value>& before, const std::map<Key, Value>& after, Put put,
                Drop drop, std::vector<Statement>& out) {
  for (const auto& [key, value] : after) {
    const auto found = before.find(key);
    if (found == before.end() || found->second != value) out.push_back(put(key, value));
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) out.push_back(drop(key));
  }
}

void AddVersions(const std::string& name, const FunctionRecord& before, const FunctionRecord& after,
                 std::vector<Statement>& out) {
  AddChanges(
      before.versions, after.versions,
      [&name](uint64_t number, const FunctionRef& version) {
        return Statement{
            "INSERT OR REPLACE INTO function_versions (name, version, definition) VALUES (?, ?, ?)",
            {name, Signed(number), base::ToJsonText(ToStored(*version))}};
      },
      [&name](uint64_t number) {
        return Statement{"DELETE FROM function_versions WHERE name = ? AND version = ?",
                         {name, Signed(number)}};
      },
      out);
}

void AddAliases(const std::string& name, const FunctionRecord& before, const FunctionRecord& after,
                std::vector<Statement>& out) {
  AddChanges(
      before.aliases, after.aliases,
      [&name](const std::string& alias_name, const Alias& alias) {
        return Statement{
            "INSERT OR REPLACE INTO aliases (function, name, definition) VALUES (?, ?, ?)",
            {name, alias_name, base::ToJsonText(ToStored(alias))}};
      },
      [&name](const std::string& alias_name) {
        return Statement{"DELETE FROM aliases WHERE function = ? AND name = ?", {name, alias_name}};
      },
      out);
}

void AddProvisioned(const std::string& name, const FunctionRecord& before,
                    const FunctionRecord& after, std::vector<Statement>& out) {
  AddChanges(
      before.provisioned, after.provisioned,
      [&name](const std::string& qualifier, const ProvisionedConcurrency& config) {
        return Statement{
            "INSERT OR REPLACE INTO provisioned_concurrency (function, qualifier, "
            "requested, last_modified) VALUES (?, ?, ?, ?)",
            {name, qualifier, int64_t{config.requested}, config.last_modified}};
      },
      [&name](const std::string& qualifier) {
        return Statement{"DELETE FROM provisioned_concurrency WHERE function = ? AND qualifier = ?",
                         {name, qualifier}};
      },
      out);
}

// Of a table of definitions, by function and qualifier. The two texts outlive the statements.
struct DefinitionTable {
  std::string_view insert, remove;
};
constexpr DefinitionTable kEventInvokeTable{
    "INSERT OR REPLACE INTO event_invoke_configs (function, qualifier, definition) "
    "VALUES (?, ?, ?)",
    "DELETE FROM event_invoke_configs WHERE function = ? AND qualifier = ?"};
constexpr DefinitionTable kPolicyTable{
    "INSERT OR REPLACE INTO function_policies (function, qualifier, definition) VALUES (?, ?, ?)",
    "DELETE FROM function_policies WHERE function = ? AND qualifier = ?"};
constexpr DefinitionTable kUrlTable{
    "INSERT OR REPLACE INTO function_urls (function, qualifier, definition) VALUES (?, ?, ?)",
    "DELETE FROM function_urls WHERE function = ? AND qualifier = ?"};

template <typename Map>
void AddDefinitions(const DefinitionTable& table, const std::string& name, const Map& before,
                    const Map& after, std::vector<Statement>& out) {
  AddChanges(
      before, after,
      [&](const std::string& qualifier, const auto& value) {
        return Statement{table.insert, {name, qualifier, base::ToJsonText(ToStored(value))}};
      },
      [&](const std::string& qualifier) { return Statement{table.remove, {name, qualifier}}; },
      out);
}

// What makes the rows of `before` those of `after`; nullptr: there is no such function.
std::vector<Statement> Difference(const std::string& name, const FunctionRecord* before,
                                  const FunctionRecord* after, uint64_t last_version) {
  std::vector<Statement> out;
  const FunctionRecord nothing;
  if (before == nullptr) before = &nothing;
  if (after == nullptr) {
    after = &nothing;
    out.push_back({"DELETE FROM functions WHERE name = ?", {name}});
  } else if (after->latest != before->latest) {
    out.push_back(
        {"INSERT OR REPLACE INTO functions (name, revision_id, definition) VALUES (?, ?, ?)",
         {name, after->latest->revision_id, base::ToJsonText(ToStored(*after->latest))}});
  }
  AddVersions(name, *before, *after, out);
  AddAliases(name, *before, *after, out);
  AddProvisioned(name, *before, *after, out);
  AddDefinitions(kEventInvokeTable, name, before->event_invoke, after->event_invoke, out);
  AddDefinitions(kPolicyTable, name, before->policies, after->policies, out);
  AddDefinitions(kUrlTable, name, before->urls, after->urls, out);
  if (!after->versions.empty() && after->versions.rbegin()->first > last_version) {
    out.push_back({"INSERT OR REPLACE INTO version_counters (name, last) VALUES (?, ?)",
                   {name, Signed(after->versions.rbegin()->first)}});
  }
  return out;
}

class SqliteRegistry final : public Registry {
 public:
  SqliteRegistry(store::Database& database, io::Offload& writer)
      : database_(database), writer_(writer) {}

  base::Result<void> LoadAll() {
    std::map<std::string, FunctionRecord> records;
    TRY(LoadTexts("SELECT name, definition FROM functions",
                  [&](const store::Row& row, const base::Json& stored) -> base::Result<void> {
                    records[std::string(row.Text(0))].latest =
                        std::make_shared<const FunctionVersion>(TRY(FromStored(stored)));
                    return {};
                  }));
    TRY(LoadTexts("SELECT name, definition FROM function_versions",
                  [&](const store::Row& row, const base::Json& stored) -> base::Result<void> {
                    auto version = std::make_shared<const FunctionVersion>(TRY(FromStored(stored)));
                    const auto number = VersionNumber(version->version);
                    if (!number) return base::Invalid("read version", version->version);
                    records[std::string(row.Text(0))].versions[*number] = version;
                    return {};
                  }));
    TRY(LoadTexts("SELECT function, definition FROM aliases",
                  [&](const store::Row& row, const base::Json& stored) -> base::Result<void> {
                    Alias alias = TRY(AliasFromStored(stored));
                    records[std::string(row.Text(0))].aliases[alias.name] = alias;
                    return {};
                  }));
    TRY(database_.Run(
        "SELECT function, qualifier, requested, last_modified FROM provisioned_concurrency", {},
        [&](const store::Row& row) {
          records[std::string(row.Text(0))].provisioned[std::string(row.Text(1))] = {
              static_cast<uint32_t>(row.Int(2)), std::string(row.Text(3))};
        }));
    TRY(LoadTexts("SELECT function, definition, qualifier FROM event_invoke_configs",
                  [&](const store::Row& row, const base::Json& stored) -> base::Result<void> {
                    records[std::string(row.Text(0))].event_invoke[std::string(row.Text(2))] =
                        TRY(EventInvokeFromStored(stored));
                    return {};
                  }));
    TRY(LoadTexts("SELECT function, definition, qualifier FROM function_policies",
                  [&](const store::Row& row, const base::Json& stored) -> base::Result<void> {
                    try {
                      records[std::string(row.Text(0))].policies[std::string(row.Text(2))] =
                          PolicyFromStored(stored);
                    } catch (const base::Json::exception& error) {
                      return base::Invalid("read policy", error.what());
                    }
                    return {};
                  }));
    TRY(LoadTexts("SELECT function, definition, qualifier FROM function_urls",
                  [&](const store::Row& row, const base::Json& stored) -> base::Result<void> {
                    records[std::string(row.Text(0))].urls[std::string(row.Text(2))] =
                        TRY(FunctionUrlFromStored(stored));
                    return {};
                  }));
    TRY(database_.Run("SELECT name, last FROM version_counters", {}, [&](const store::Row& row) {
      last_versions_[std::string(row.Text(0))] = static_cast<uint64_t>(row.Int(1));
    }));
    for (auto& [name, record] : records) {
      if (record.latest == nullptr) {
        return base::MakeError(base::ErrorKind::kCorrupt, "load the function " + name,
                               "it has versions or aliases, but no row of its own");
      }
      records_[name] = std::make_shared<const FunctionRecord>(std::move(record));
      AddToUrls(name, *records_[name]);
    }
    return {};
  }

  FunctionRef Find(const std::string& name) const override {
    const auto found = records_.find(name);
    return found == records_.end() ? nullptr : found->second->latest;
  }

  RecordRef Record(const std::string& name) const override {
    const auto found = records_.find(name);
    return found == records_.end() ? nullptr : found->second;
  }

  std::vector<FunctionRef> List() const override {
    std::vector<FunctionRef> out;
    out.reserve(records_.size());
    for (const auto& [name, record] : records_) out.push_back(record->latest);
    return out;
  }

  uint64_t LastVersion(const std::string& name) const override {
    const auto found = last_versions_.find(name);
    return found == last_versions_.end() ? 0 : found->second;
  }

  std::optional<FunctionName> FindUrl(std::string_view id) const override {
    const auto found = urls_.find(id);
    return found == urls_.end() ? std::nullopt : std::optional(found->second);
  }

  void Change(const std::string& name, Edit edit, Done done) override {
    auto& queue = queues_[name];
    queue.push_back({std::move(edit), std::move(done)});
    if (queue.size() == 1) StartNext(name);
  }

 private:
  struct Pending {
    Edit edit;
    Done done;
  };

  // Rows of (name, JSON text, ...), each read by `read`.
  base::Result<void> LoadTexts(
      std::string_view sql,
      const std::function<base::Result<void>(const store::Row&, const base::Json&)>& read) {
    base::Result<void> status;
    TRY(database_.Run(sql, {}, [&](const store::Row& row) {
      const std::string name(row.Text(0));
      const auto stored = base::ParseJson(row.Text(1));
      const auto loaded = stored ? read(row, *stored) : std::unexpected(stored.error());
      if (!loaded) {
        status =
            base::MakeError(base::ErrorKind::kCorrupt, "load the function " + name,
                            "its row in the database is damaged: " + loaded.error().ToString());
      }
    }));
    return status;
  }

  void StartNext(const std::string& name) {
    const RecordRef before = Record(name);
    auto after = queues_.at(name).front().edit(before);
    std::vector<Statement> statements;
    if (after) statements = Difference(name, before.get(), after->get(), LastVersion(name));
    writer_.Run([&database = database_,
                 statements = std::move(statements)] { return RunAll(database, statements); },
                [this, name, after = std::move(after)](const base::Result<void>& written) mutable {
                  if (after && !written) after = std::unexpected(ServiceError(written.error()));
                  Settle(name, std::move(after));
                });
  }

  void AddToUrls(const std::string& name, const FunctionRecord& record) {
    for (const auto& [qualifier, url] : record.urls) {
      urls_[url.id] = {name, qualifier == "$LATEST" ? "" : qualifier};
    }
  }

  // Readers see the change now that it is durable.
  void Settle(const std::string& name, std::expected<RecordRef, aws::ApiError> after) {
    if (const RecordRef before = after ? Record(name) : nullptr) {
      for (const auto& [_, url] : before->urls) urls_.erase(url.id);
    }
    if (after && *after != nullptr) {
      records_[name] = *after;
      AddToUrls(name, **after);
      if (!(*after)->versions.empty()) {
        uint64_t& last = last_versions_[name];
        last = std::max(last, (*after)->versions.rbegin()->first);
      }
    } else if (after) {
      records_.erase(name);
    }
    auto& queue = queues_.at(name);
    const Done done = std::move(queue.front().done);
    queue.pop_front();
    if (queue.empty()) {
      queues_.erase(name);
    } else {
      StartNext(name);
    }
    done(std::move(after));
  }

  store::Database& database_;
  io::Offload& writer_;
  std::map<std::string, RecordRef> records_;
  std::map<std::string, FunctionName, std::less<>> urls_;  // By id.
  std::map<std::string, uint64_t> last_versions_;
  std::map<std::string, std::deque<Pending>> queues_;  // The first of each is under way.
};

void ForEachVersion(const Registry& registry,
                    const std::function<void(const FunctionVersion&)>& visit) {
  for (const FunctionRef& latest : registry.List()) {
    visit(*latest);
    for (const auto& [number, version] : registry.Record(latest->name)->versions) visit(*version);
  }
}

}  // namespace

FunctionRef Registry::Resolve(const FunctionName& name) const {
  if (name.qualifier.empty()) return Find(name.name);
  const RecordRef record = Record(name.name);
  return record == nullptr ? nullptr : invoker::Resolve(*record, name.qualifier, RandomShare);
}

std::set<std::string> CodeInUse(const Registry& registry) {
  std::set<std::string> out;
  ForEachVersion(registry, [&out](const FunctionVersion& version) {
    out.insert(version.code_digest);
    for (const UsedLayer& layer : version.layers) out.insert(layer.code_digest);
  });
  return out;
}

std::set<std::vector<std::string>> LayersInUse(const Registry& registry) {
  std::set<std::vector<std::string>> out;
  ForEachVersion(registry, [&out](const FunctionVersion& version) {
    if (!version.layers.empty()) out.insert(LayerDigests(version));
  });
  return out;
}

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

std::vector<store::Migration> VersionMigrations() {
  return {{"published versions and aliases",
           "CREATE TABLE function_versions (name TEXT NOT NULL, version INTEGER NOT NULL, "
           "definition TEXT NOT NULL, PRIMARY KEY (name, version)) WITHOUT ROWID;"
           "CREATE TABLE version_counters (name TEXT PRIMARY KEY, last INTEGER NOT NULL) "
           "WITHOUT ROWID;"
           "CREATE TABLE aliases (function TEXT NOT NULL, name TEXT NOT NULL, "
           "definition TEXT NOT NULL, PRIMARY KEY (function, name)) WITHOUT ROWID;"
           "CREATE TABLE provisioned_concurrency (function TEXT NOT NULL, "
           "qualifier TEXT NOT NULL, requested INTEGER NOT NULL, last_modified TEXT NOT NULL, "
           "PRIMARY KEY (function, qualifier)) WITHOUT ROWID;"},
          {"settings of asynchronous invocations",
           "CREATE TABLE event_invoke_configs (function TEXT NOT NULL, qualifier TEXT NOT NULL, "
           "definition TEXT NOT NULL, PRIMARY KEY (function, qualifier)) WITHOUT ROWID;"}};
}

std::vector<store::Migration> PolicyMigrations() {
  return {{"policies of functions",
           "CREATE TABLE function_policies (function TEXT NOT NULL, qualifier TEXT NOT NULL, "
           "definition TEXT NOT NULL, PRIMARY KEY (function, qualifier)) WITHOUT ROWID;"}};
}

std::vector<store::Migration> FunctionUrlMigrations() {
  return {{"function URLs",
           "CREATE TABLE function_urls (function TEXT NOT NULL, qualifier TEXT NOT NULL, "
           "definition TEXT NOT NULL, PRIMARY KEY (function, qualifier)) WITHOUT ROWID;"}};
}

}  // namespace hearth::invoker
