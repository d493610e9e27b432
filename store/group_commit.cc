#include "store/group_commit.h"

#include <algorithm>

namespace hearth::store {
namespace {

using base::ErrorKind;
using base::Result;

Result<void> RunOne(Database& database, const GroupCommit::Work& work) {
  TRY(database.Run("SAVEPOINT one"));
  auto done = work(database);
  if (done) {
    TRY(database.Run("RELEASE one"));
    return {};
  }
  if (!database.IsInTransaction()) return done;  // A full disk has ended all of it.
  TRY(database.Run("ROLLBACK TO one"));
  TRY(database.Run("RELEASE one"));
  return done;
}

bool IsRefusal(const base::Error& error) {
  return error.kind == ErrorKind::kConflict || error.kind == ErrorKind::kNotFound ||
         error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kUnsupported;
}

}  // namespace

GroupCommit::GroupCommit(io::Loop& loop, Database& database, io::Offload& writer)
    : loop_(loop), database_(database), writer_(writer) {}

void GroupCommit::Write(Work work, Done done, Refuses refuses) {
  Add({std::move(work), std::move(done), refuses, Database::Sync::kNow, {}});
}

void GroupCommit::WriteLazily(Work work, Done done) {
  Add({std::move(work), std::move(done), Refuses::kNever, Database::Sync::kLater, {}});
}

void GroupCommit::Add(Entry entry) {
  waiting_.push_back(std::move(entry));
  if (is_writing_ || std::exchange(is_posted_, true)) return;
  // What comes in the same turn of the loop goes into the same transaction.
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    is_posted_ = false;
    if (!is_writing_ && !waiting_.empty()) Flush();
  });
}

Result<void> GroupCommit::RunAll(Database& database, Batch& batch) {
  const bool is_lazy = std::ranges::all_of(
      batch, [](const Entry& entry) { return entry.sync == Database::Sync::kLater; });
  const auto run = [&]() -> Result<void> {
    for (Entry& entry : batch) {
      const bool is_sure = entry.refuses == Refuses::kNever;
      entry.result = is_sure ? entry.work(database) : RunOne(database, entry.work);
      if (entry.result || (!is_sure && IsRefusal(entry.result.error()))) continue;
      // The others are not told of a success that is not theirs, nor of a refusal.
      base::Error failure = entry.result.error();
      if (IsRefusal(failure)) failure.kind = ErrorKind::kSystem;
      return std::unexpected(std::move(failure));
    }
    return {};
  };
  return database.Transaction(run, is_lazy ? Database::Sync::kLater : Database::Sync::kNow);
}

void GroupCommit::Flush() {
  is_writing_ = true;
  auto batch = std::make_shared<Batch>(std::move(waiting_));
  waiting_.clear();
  writer_.Run([&database = database_, batch] { return RunAll(database, *batch); },
              [this, alive = std::weak_ptr<bool>(alive_), batch](const Result<void>& committed) {
                if (alive.expired()) return;
                for (Entry& entry : *batch) {
                  entry.done(committed ? std::move(entry.result) : committed);
                  if (alive.expired()) return;
                }
                is_writing_ = false;
                if (!waiting_.empty()) Flush();
              });
}

}  // namespace hearth::store
