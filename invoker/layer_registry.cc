#include "invoker/layer_registry.h"

#include <algorithm>

#include "base/limits.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {
namespace {

int64_t Signed(uint64_t number) { return static_cast<int64_t>(number); }

base::Result<void> Store(store::Database& database, const std::string& name, uint64_t number,
                         const std::string& definition, bool is_new) {
  return database.Transaction([&]() -> base::Result<void> {
    const std::vector<store::Value> key{name, Signed(number)};
    if (definition.empty()) {
      TRY(database.Run("DELETE FROM layer_versions WHERE name = ? AND version = ?", key));
      return {};
    }
    const std::vector<store::Value> row{name, Signed(number), definition};
    TRY(database.Run(
        "INSERT OR REPLACE INTO layer_versions (name, version, definition) VALUES (?, ?, ?)", row));
    if (!is_new) return {};
    TRY(database.Run("INSERT OR REPLACE INTO layer_counters (name, last) VALUES (?, ?)", key));
    return {};
  });
}

aws::ApiError NotAuthorized(const Account& account, const std::string& arn) {
  return {
      .status = 403,
      .type = "AccessDeniedException",
      .message = "User: arn:aws:iam::" + account.id +
                 ":root is not authorized to perform: lambda:GetLayerVersion on resource: " + arn +
                 " because no resource-based policy allows the lambda:GetLayerVersion action"};
}

aws::ApiError Malformed(const std::vector<std::string>& arns) {
  std::string shown;
  for (const std::string& arn : arns) shown += (shown.empty() ? "" : ", ") + arn;
  return ValidationError(
      "[" + shown + "]", "layers",
      "Member must satisfy constraint: [Member must have length less than or equal to 2048, "
      "Member must have length greater than or equal to 1, Member must satisfy regular expression "
      "pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-"
      "\\d{1}:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:"
      "[a-zA-Z0-9-_]+), Member must not be null]");
}

std::expected<UsedLayer, aws::ApiError> Resolve(const Account& account, const LayerName& name,
                                                const LayerRegistry& layers,
                                                const std::string& arn) {
  if (name.account.id != account.id) return std::unexpected(NotAuthorized(account, arn));
  if (name.account.region != account.region) {
    return std::unexpected(
        InvalidParameter("Layers are not in the same region as the function. Layers are expected "
                         "to be in region " +
                         account.region + "."));
  }
  const LayerRef layer = layers.Find(name.name, *name.number);
  if (layer == nullptr) {
    return std::unexpected(InvalidParameter("Layer version " + arn + " does not exist."));
  }
  return UsedLayer{LayerVersionArn(account, *layer), layer->code_digest, layer->code_size};
}

}  // namespace

base::Result<std::unique_ptr<LayerRegistry>> LayerRegistry::Load(store::Database& database,
                                                                 io::Offload& writer) {
  auto registry = std::unique_ptr<LayerRegistry>(new LayerRegistry(database, writer));
  TRY(registry->LoadAll());
  return registry;
}

base::Result<void> LayerRegistry::LoadAll() {
  base::Result<void> status;
  TRY(database_.Run("SELECT name, definition FROM layer_versions", {}, [&](const store::Row& row) {
    const auto stored = base::ParseJson(row.Text(1));
    auto layer = stored ? LayerFrom(*stored) : std::unexpected(stored.error());
    if (!layer) {
      status =
          base::MakeError(base::ErrorKind::kCorrupt, "load the layer " + std::string(row.Text(0)),
                          "its row in the database is damaged: " + layer.error().ToString());
      return;
    }
    const LayerRef shared = std::make_shared<const LayerVersion>(*std::move(layer));
    layers_[shared->name][shared->number] = shared;
  }));
  TRY(status);
  TRY(database_.Run("SELECT name, last FROM layer_counters", {}, [&](const store::Row& row) {
    last_numbers_[std::string(row.Text(0))] = static_cast<uint64_t>(row.Int(1));
  }));
  return {};
}

LayerRef LayerRegistry::Find(const std::string& name, uint64_t number) const {
  const auto layer = layers_.find(name);
  if (layer == layers_.end()) return nullptr;
  const auto version = layer->second.find(number);
  return version == layer->second.end() ? nullptr : version->second;
}

void LayerRegistry::Publish(LayerVersion layer, Done done) {
  const std::string name = layer.name;
  Enqueue({.name = name,
           .number = 0,
           .edit =
               [this, layer = std::move(layer)](const LayerRef&) {
                 LayerVersion next = layer;
                 next.number = last_numbers_[next.name] + 1;
                 return std::make_shared<const LayerVersion>(std::move(next));
               },
           .done = std::move(done)});
}

void LayerRegistry::Change(const std::string& name, uint64_t number, Edit edit, Done done) {
  Enqueue({.name = name, .number = number, .edit = std::move(edit), .done = std::move(done)});
}

void LayerRegistry::Enqueue(Pending change) {
  queue_.push_back(std::move(change));
  if (queue_.size() == 1) StartNext();
}

void LayerRegistry::StartNext() {
  const Pending& change = queue_.front();
  const LayerRef before = Find(change.name, change.number);
  auto after = change.edit(before);
  const bool is_new = change.number == 0;
  const uint64_t number = is_new && after ? (*after)->number : change.number;
  const bool is_same = !after || *after == before;
  std::string definition;
  if (after && *after != nullptr) definition = base::ToJsonText(ToStored(**after));
  writer_.Run(
      [&database = database_, name = change.name, number, definition = std::move(definition),
       is_new, is_same]() -> base::Result<void> {
        if (is_same) return {};
        return Store(database, name, number, definition, is_new);
      },
      [this, number, after = std::move(after)](const base::Result<void>& written) mutable {
        if (!written) after = std::unexpected(ServiceError(written.error()));
        Settle(number, std::move(after));
      });
}

// Readers see the change now that it is durable.
void LayerRegistry::Settle(uint64_t number, std::expected<LayerRef, aws::ApiError> after) {
  const Pending change = std::move(queue_.front());
  queue_.pop_front();
  if (after && *after != nullptr) {
    layers_[change.name][number] = *after;
    uint64_t& last = last_numbers_[change.name];
    last = std::max(last, number);
  } else if (const auto layer = layers_.find(change.name); after && layer != layers_.end()) {
    layer->second.erase(number);
    if (layer->second.empty()) layers_.erase(layer);
  }
  if (!queue_.empty()) StartNext();
  change.done(std::move(after));
}

std::expected<std::vector<UsedLayer>, aws::ApiError> ResolveLayers(
    const Account& account, const LayerRegistry& layers, const std::vector<std::string>& arns,
    const std::vector<UsedLayer>& known) {
  if (arns.size() > limits::kMaxLayers) {
    return std::unexpected(InvalidParameter("Cannot reference more than 5 layers."));
  }
  std::vector<UsedLayer> out;
  std::map<std::string, std::string> seen;  // ARNs of versions by their layers'.
  for (const std::string& arn : arns) {
    const auto name = ParseLayerVersionArn(arn);
    if (!name) return std::unexpected(Malformed(arns));
    const auto kept = std::ranges::find(known, arn, &UsedLayer::arn);
    auto layer = kept != known.end() ? std::expected<UsedLayer, aws::ApiError>(*kept)
                                     : Resolve(account, *name, layers, arn);
    if (!layer) return std::unexpected(std::move(layer).error());
    const auto [other, is_first] = seen.emplace(LayerArn(name->account, name->name), arn);
    if (!is_first) {
      return std::unexpected(InvalidParameter(
          "Two different versions of the same layer are not allowed to be referenced in the same "
          "function. " +
          other->second + " and " + arn + " are versions of the same layer."));
    }
    out.push_back(*std::move(layer));
  }
  return out;
}

std::set<std::string> CodeInUse(const LayerRegistry& layers) {
  std::set<std::string> out;
  for (const auto& [name, versions] : layers.layers()) {
    for (const auto& [number, layer] : versions) out.insert(layer->code_digest);
  }
  return out;
}

std::vector<store::Migration> LayerMigrations() {
  return {{"layers",
           "CREATE TABLE layer_versions (name TEXT NOT NULL, version INTEGER NOT NULL, "
           "definition TEXT NOT NULL, PRIMARY KEY (name, version)) WITHOUT ROWID;"
           "CREATE TABLE layer_counters (name TEXT PRIMARY KEY, last INTEGER NOT NULL) "
           "WITHOUT ROWID;"}};
}

}  // namespace hearth::invoker
