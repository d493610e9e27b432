// GroupCommit: what is to be written to one database from the loop, several at a time in one
// transaction, as one fsync costs as much as a hundred.
//
// What was given while a transaction is being committed waits for the next one. Each piece of work
// has a savepoint: one that refuses (kConflict, kNotFound, kInvalid or kUnsupported)
// changes nothing and leaves the others alone; where the disk fails, all of them fail. Writes are
// told of in the order of their calls; a read may overtake writes that have not begun, and is told
// of before them: it sees what was told of before it, and nothing that is told of later. Owner:
// whoever owns `database`; destroyed before `writer`, which has one thread and is the database's
// only user. Loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "io/loop.h"
#include "io/offload.h"
#include "store/database.h"

namespace hearth::store {

class GroupCommit {
 public:
  // On the writer's thread. Its captures are values.
  using Work = std::function<base::Result<void>(Database& database)>;
  using Done = std::function<void(base::Result<void>)>;

  GroupCommit(io::Loop& loop, Database& database, io::Offload& writer);
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // `done` runs once, later, when it is durable, or is not. Work that never refuses needs no
  // savepoint: where it fails, the disk does.
  enum class Refuses { kMaybe, kNever };
  void Write(Work work, Done done, Refuses refuses = Refuses::kMaybe);
  // Of work that never refuses, and may be lost where the power fails: it waits for no fsync.
  void WriteLazily(Work work, Done done);
  // `work` of the writer's thread gives a Result<T>, which `done` gets.
  template <typename Read, typename ReadDone>
  void Load(Read work, ReadDone done) {
    ++reading_;
    writer_.Run([&database = database_, work = std::move(work)] { return work(database); },
                [this, alive = std::weak_ptr<bool>(alive_), done = std::move(done)](auto result) {
                  if (alive.expired()) return;
                  --reading_;
                  done(std::move(result));
                });
  }
  // Nothing is on its way.
  bool IsQuiet() const { return waiting_.empty() && !is_writing_ && reading_ == 0; }

 private:
  struct Entry {
    Work work;
    Done done;
    Refuses refuses;
    Database::Sync sync;
    base::Result<void> result;
  };
  using Batch = std::vector<Entry>;

  void Add(Entry entry);
  void Flush();
  static base::Result<void> RunAll(Database& database, Batch& batch);

  io::Loop& loop_;
  Database& database_;
  io::Offload& writer_;
  Batch waiting_;
  bool is_writing_ = false;
  bool is_posted_ = false;
  size_t reading_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::store
