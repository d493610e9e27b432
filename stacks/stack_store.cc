#include "stacks/stack_store.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace hearth::stacks {
namespace {

using base::Json;

Json Stored(const FunctionState& state) {
  const auto& s = state.settings;
  Json out{{"name", s.name},
           {"runtime", s.runtime},
           {"handler", s.handler},
           {"role", s.role},
           {"description", s.description},
           {"timeout_s", s.timeout_s},
           {"memory_mib", s.memory_mib},
           {"tmp_mib", s.tmp_mib},
           {"environment", s.environment},
           {"architectures", s.architectures},
           {"tags", s.tags},
           {"layers", s.layers},
           {"known_layers", invoker::ToStored(s.known_layers)},
           {"snap_start", s.snap_start},
           {"logging", invoker::ToStored(s.logging)},
           {"code", state.code_digest}};
  if (!s.dead_letter_arn.empty()) out["dead_letter_arn"] = s.dead_letter_arn;
  if (s.reserved) out["reserved"] = *s.reserved;
  if (s.allows_loops) out["allows_loops"] = true;
  if (s.update_runtime_on != "Auto") {
    out["update_runtime_on"] = s.update_runtime_on;
    out["runtime_version_arn"] = s.runtime_version_arn;
  }
  return out;
}

FunctionState StateFrom(const Json& stored) {
  FunctionState state;
  auto& s = state.settings;
  s.name = stored.at("name");
  s.runtime = stored.at("runtime");
  s.handler = stored.at("handler");
  s.role = stored.at("role");
  s.description = stored.at("description");
  s.timeout_s = stored.at("timeout_s");
  s.memory_mib = stored.at("memory_mib");
  s.tmp_mib = stored.at("tmp_mib");
  s.environment = stored.at("environment").get<std::map<std::string, std::string>>();
  s.architectures = stored.at("architectures").get<std::vector<std::string>>();
  s.tags = stored.at("tags").get<std::map<std::string, std::string>>();
  s.snap_start = stored.value("snap_start", false);
  if (stored.contains("reserved")) s.reserved = stored.at("reserved").get<int64_t>();
  s.dead_letter_arn = stored.value("dead_letter_arn", "");
  s.allows_loops = stored.value("allows_loops", false);
  s.update_runtime_on = stored.value("update_runtime_on", "Auto");
  s.runtime_version_arn = stored.value("runtime_version_arn", "");
  s.logging = invoker::LogSettingsFrom(stored.value("logging", Json()));
  s.layers = stored.value("layers", std::vector<std::string>());
  s.known_layers = invoker::LayersFromStored(stored.value("known_layers", Json::array()));
  state.code_digest = stored.at("code");
  return state;
}

Json Stored(const AliasState& state) {
  Json out{{"version", state.version},
           {"description", state.description},
           {"provisioned", state.provisioned}};
  if (state.extra) {
    out["extra_version"] = state.extra->version;
    out["extra_weight"] = state.extra->weight;
  }
  return out;
}

AliasState AliasFrom(const Json& stored) {
  AliasState state{.version = stored.at("version"),
                   .description = stored.at("description"),
                   .extra = {},
                   .provisioned = stored.at("provisioned")};
  if (stored.contains("extra_version")) {
    state.extra = invoker::ExtraVersion{stored.at("extra_version"), stored.at("extra_weight")};
  }
  return state;
}

constexpr std::array<std::pair<ResourceKind, const char*>, 18> kKinds = {{
    {ResourceKind::kFunction, "function"},
    {ResourceKind::kVersion, "version"},
    {ResourceKind::kAlias, "alias"},
    {ResourceKind::kLayer, "layer"},
    {ResourceKind::kUrl, "url"},
    {ResourceKind::kEventInvoke, "event invoke"},
    {ResourceKind::kPermission, "permission"},
    {ResourceKind::kQueue, "queue"},
    {ResourceKind::kQueuePolicy, "queue policy"},
    {ResourceKind::kMapping, "event source mapping"},
    {ResourceKind::kBucket, "bucket"},
    {ResourceKind::kBucketPolicy, "bucket policy"},
    {ResourceKind::kRule, "rule"},
    {ResourceKind::kEventBus, "event bus"},
    {ResourceKind::kBusPolicy, "event bus policy"},
    {ResourceKind::kArchive, "archive"},
    {ResourceKind::kSchedule, "schedule"},
    {ResourceKind::kScheduleGroup, "schedule group"},
}};

std::string ToText(ResourceKind kind) {
  for (const auto& [one, text] : kKinds) {
    if (one == kind) return text;
  }
  return "";
}

ResourceKind KindFrom(const std::string& text) {
  for (const auto& [kind, one] : kKinds) {
    if (one == text) return kind;
  }
  return ResourceKind::kFunction;
}

Json Stored(const std::vector<Change>& changes) {
  const auto optional = [](const auto& state) { return state ? Stored(*state) : Json(); };
  Json out = Json::array();
  for (const auto& change : changes) {
    // Of a version, and of a layer's, nothing is needed to roll back; of a layer's that is to go,
    // its number.
    out.push_back({{"kind", ToText(change.kind)},
                   {"logical_id", change.logical_id},
                   {"function", change.function},
                   {"before", optional(change.before)},
                   {"after", optional(change.after)},
                   {"alias", change.alias},
                   {"alias_before", optional(change.alias_before)},
                   {"alias_after", optional(change.alias_after)},
                   {"told_before", change.told_before.value_or(Json())},
                   {"told_after", change.told_after.value_or(Json())}});
    if (!change.is_due) continue;
    out.back()["is_due"] = true;
    out.back()["number"] = change.version.number;
  }
  return out;
}

std::vector<Change> ChangesFrom(const Json& stored) {
  std::vector<Change> changes;
  for (const auto& item : stored) {
    Change change;
    change.logical_id = item.at("logical_id");
    change.function = item.at("function");
    if (!item.at("before").is_null()) change.before = StateFrom(item.at("before"));
    if (!item.at("after").is_null()) change.after = StateFrom(item.at("after"));
    // Intents stored before there were versions and aliases have functions alone.
    change.kind = KindFrom(item.value("kind", "function"));
    change.alias = item.value("alias", "");
    const Json before = item.value("alias_before", Json());
    const Json after = item.value("alias_after", Json());
    if (!before.is_null()) change.alias_before = AliasFrom(before);
    if (!after.is_null()) change.alias_after = AliasFrom(after);
    const Json told_before = item.value("told_before", Json());
    const Json told_after = item.value("told_after", Json());
    if (told_before.is_object()) change.told_before = told_before;
    if (told_after.is_object()) change.told_after = told_after;
    change.is_due = item.value("is_due", false);
    change.version.number = item.value("number", "");
    changes.push_back(std::move(change));
  }
  return changes;
}

StackRecord RecordFrom(const Json& stored) {
  StackRecord record;
  record.name = stored.at("name");
  record.id = stored.at("id");
  record.description = stored.at("description");
  record.updated = stored.at("updated");
  for (const auto& item : stored.at("resources")) {
    record.resources.push_back({item.at("logical_id"), item.at("type"), item.at("physical_id"),
                                item.value("retain", false)});
  }
  for (const auto& item : stored.at("outputs")) {
    record.outputs.push_back({item.at("name"), item.at("value"), item.at("description")});
  }
  return record;
}

// Every row's text of a (name, text) table, read by `read`. nlohmann's exceptions stop here.
base::Result<void> LoadRows(store::Database& database, std::string_view sql,
                            const std::function<void(std::string, const Json&)>& read) {
  std::vector<std::pair<std::string, std::string>> rows;
  TRY(database.Run(sql, {}, [&rows](const store::Row& row) {
    rows.emplace_back(std::string(row.Text(0)), std::string(row.Text(1)));
  }));
  for (const auto& [name, text] : rows) {
    const Json stored = TRY(base::ParseJson(text));
    try {
      read(name, stored);
    } catch (const Json::exception& error) {
      return base::MakeError(base::ErrorKind::kCorrupt, "load stacks",
                             "the stack '" + name + "': " + error.what());
    }
  }
  return {};
}

}  // namespace

Json ToStored(const FunctionState& state) { return Stored(state); }

Json ToJson(const StackRecord& record) {
  Json resources = Json::array();
  for (const auto& resource : record.resources) {
    resources.push_back({{"logical_id", resource.logical_id},
                         {"type", resource.type},
                         {"physical_id", resource.physical_id}});
    if (resource.retain) resources.back()["retain"] = true;
  }
  Json outputs = Json::array();
  for (const auto& output : record.outputs) {
    outputs.push_back(
        {{"name", output.name}, {"value", output.value}, {"description", output.description}});
  }
  return {{"name", record.name},
          {"id", record.id},
          {"description", record.description},
          {"updated", record.updated},
          {"resources", std::move(resources)},
          {"outputs", std::move(outputs)}};
}

base::Result<std::unique_ptr<StackStore>> StackStore::Load(store::Database& database,
                                                           io::Offload& writer) {
  auto stacks = std::unique_ptr<StackStore>(new StackStore(database, writer));
  TRY(LoadRows(database, "SELECT name, record FROM stacks",
               [&stacks](const std::string& name, const Json& stored) {
                 stacks->stacks_[name] = RecordFrom(stored);
               }));
  TRY(LoadRows(database, "SELECT name, changes FROM stack_intents",
               [&stacks](const std::string& name, const Json& stored) {
                 stacks->intents_[name] = ChangesFrom(stored);
               }));
  return stacks;
}

const StackRecord* StackStore::Find(const std::string& name) const {
  const auto found = stacks_.find(name);
  return found == stacks_.end() ? nullptr : &found->second;
}

std::string StackStore::OwnerOf(const std::string& function) const {
  for (const auto& [name, record] : stacks_) {
    if (std::ranges::find(record.resources, function, &StackResource::physical_id) !=
        record.resources.end()) {
      return name;
    }
  }
  return "";
}

void StackStore::Begin(const std::string& name, std::vector<Change> changes, Done done) {
  auto text = base::ToJsonText(Stored(changes));
  writer_.Run(
      [&database = database_, name, text = std::move(text)]() -> base::Result<void> {
        const std::array<store::Value, 2> values{name, text};
        TRY(database.Run("INSERT INTO stack_intents (name, changes) VALUES (?, ?)", values));
        return {};
      },
      [this, name, changes = std::move(changes),
       done = std::move(done)](base::Result<void> result) mutable {
        if (result) intents_[name] = std::move(changes);
        done(std::move(result));
      });
}

void StackStore::Commit(const std::string& name, std::optional<StackRecord> record,
                        std::vector<Change> due, Done done) {
  std::optional<std::string> text, due_text;
  if (record) text = base::ToJsonText(ToJson(*record));
  if (!due.empty()) due_text = base::ToJsonText(Stored(due));
  writer_.Run(
      [&database = database_, name, text = std::move(text),
       due_text = std::move(due_text)]() -> base::Result<void> {
        return database.Transaction([&]() -> base::Result<void> {
          const std::array<store::Value, 1> key{name};
          TRY(database.Run("DELETE FROM stack_intents WHERE name = ?", key));
          if (due_text) {
            const std::array<store::Value, 2> values{name, *due_text};
            TRY(database.Run("INSERT INTO stack_intents (name, changes) VALUES (?, ?)", values));
          }
          if (!text) {
            TRY(database.Run("DELETE FROM stacks WHERE name = ?", key));
            return {};
          }
          const std::array<store::Value, 2> values{name, *text};
          TRY(database.Run("INSERT OR REPLACE INTO stacks (name, record) VALUES (?, ?)", values));
          return {};
        });
      },
      [this, name, record = std::move(record), due = std::move(due),
       done = std::move(done)](base::Result<void> result) mutable {
        if (result) {
          intents_.erase(name);
          if (!due.empty()) intents_[name] = std::move(due);
          if (record) {
            stacks_[name] = *std::move(record);
          } else {
            stacks_.erase(name);
          }
        }
        done(std::move(result));
      });
}

void StackStore::Abandon(const std::string& name, Done done) {
  writer_.Run(
      [&database = database_, name]() -> base::Result<void> {
        const std::array<store::Value, 1> key{name};
        TRY(database.Run("DELETE FROM stack_intents WHERE name = ?", key));
        return {};
      },
      [this, name, done = std::move(done)](base::Result<void> result) {
        if (result) intents_.erase(name);
        done(std::move(result));
      });
}

std::vector<store::Migration> StackMigrations() {
  return {{"stacks",
           "CREATE TABLE stacks (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;"
           "CREATE TABLE stack_intents (name TEXT PRIMARY KEY, changes TEXT NOT NULL) "
           "WITHOUT ROWID;"}};
}

}  // namespace hearth::stacks
