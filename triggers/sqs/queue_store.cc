#include "triggers/sqs/queue_store.h"

#include "base/json.h"

namespace hearth::sqs {

using base::Result;
using store::Value;

std::vector<store::Migration> QueueMigrations() {
  return {{"queues",
           "CREATE TABLE queues (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, "
           "attributes TEXT NOT NULL, tags TEXT NOT NULL, created_ms INTEGER NOT NULL, "
           "modified_ms INTEGER NOT NULL) STRICT"}};
}

Result<std::vector<QueueRecord>> QueueStore::Load() {
  std::vector<QueueRecord> out;
  std::string wrong;
  TRY(database_.Run("SELECT id, name, attributes, tags, created_ms, modified_ms FROM queues", {},
                    [&](const store::Row& row) {
                      QueueRecord record{.id = static_cast<uint32_t>(row.Int(0)),
                                         .name = std::string(row.Text(1)),
                                         .created_ms = row.Int(4),
                                         .modified_ms = row.Int(5)};
                      const auto attributes = base::ParseJson(row.Text(2));
                      const auto tags = base::ParseJson(row.Text(3));
                      if (!attributes || !tags) {
                        wrong = record.name;
                        return;
                      }
                      auto settings = ReadSettings(attributes->get<Attributes>());
                      if (!settings) {
                        wrong = record.name;
                        return;
                      }
                      record.settings = std::move(*settings);
                      record.tags = tags->get<std::map<std::string, std::string>>();
                      out.push_back(std::move(record));
                    }));
  if (!wrong.empty()) {
    return base::MakeError(base::ErrorKind::kCorrupt, "load queues",
                           "the attributes of " + wrong + " are none");
  }
  return out;
}

Result<uint32_t> QueueStore::Insert(const QueueRecord& record) {
  const Value values[] = {record.name, base::ToJsonText(record.settings.set),
                          base::ToJsonText(record.tags), record.created_ms, record.modified_ms};
  uint32_t id = 0;
  TRY(database_.Run(
      "INSERT INTO queues (name, attributes, tags, created_ms, modified_ms) "
      "VALUES (?, ?, ?, ?, ?) RETURNING id",
      values, [&id](const store::Row& row) { id = static_cast<uint32_t>(row.Int(0)); }));
  return id;
}

Result<void> QueueStore::Update(const QueueRecord& record) {
  const Value values[] = {base::ToJsonText(record.settings.set), base::ToJsonText(record.tags),
                          record.modified_ms, static_cast<int64_t>(record.id)};
  TRY(database_.Run("UPDATE queues SET attributes = ?, tags = ?, modified_ms = ? WHERE id = ?",
                    values));
  return {};
}

Result<void> QueueStore::Delete(uint32_t id) {
  const Value values[] = {static_cast<int64_t>(id)};
  TRY(database_.Run("DELETE FROM queues WHERE id = ?", values));
  return {};
}

}  // namespace hearth::sqs
