// QueueStore: which queues there are, in SQLite: names, attributes, tags. Blocking: for the thread
// that writes the database.
#pragma once

#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::sqs {

std::vector<store::Migration> QueueMigrations();

class QueueStore {
 public:
  explicit QueueStore(store::Database& database) : database_(database) {}
  base::Result<std::vector<QueueRecord>> Load();
  // Gives its id, which no queue had before.
  base::Result<uint32_t> Insert(const QueueRecord& record);
  base::Result<void> Update(const QueueRecord& record);
  base::Result<void> Delete(uint32_t id);

 private:
  store::Database& database_;
};

}  // namespace hearth::sqs
