// DiskStore: its start, its commits, its buckets and events.
#include "triggers/s3/disk_store.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "triggers/s3/disk_store_impl.h"

namespace hearth::s3 {

using base::Result;

namespace {

constexpr int kReaders = 2;
// Of one commit: what comes later waits no longer than these take.
constexpr size_t kMostAtOnce = 1000;

std::string ReserveOf(const std::string& folder) { return folder + "/reserve"; }

bool IsFullDisk(const base::Error& error) {
  return error.kind == base::ErrorKind::kLimit || error.error_number == ENOSPC ||
         error.error_number == EDQUOT;
}

}  // namespace

DiskStore::DiskStore(io::Loop& loop, const std::string& folder, DataFiles files,
                     std::unique_ptr<ObjectIndex> index, DiskStoreOptions options)
    : loop_(loop),
      options_(options),
      cache_(options.cache_bytes),
      log_bound_(options.log_bytes),
      garbage_timer_(loop),
      full_timer_(loop),
      index_(std::move(index)),
      reserve_(std::make_unique<DiskReserve>(ReserveOf(folder), options.reserve_bytes)),
      readers_(std::make_shared<Readers>()),
      disk_(loop, std::move(files), [this] { ReserveBlock(); }),
      writing_(loop, 1),
      reading_(loop, kReaders) {}

// Whoever waits may hold what is the disk's.
DiskStore::~DiskStore() {
  alive_.reset();
  queue_.clear();
  held_reads_.clear();
}

Result<std::unique_ptr<DiskStore>> DiskStore::Open(io::Loop& loop, const std::string& folder,
                                                   DiskStoreOptions options) {
  auto store = TryOpen(loop, folder, options);
  if (store || !IsFullDisk(store.error())) return store;
  const base::Error full = store.error();
  DiskReserve(ReserveOf(folder), options.reserve_bytes).Give();
  store = TryOpen(loop, folder, options);
  if (store) (*store)->SetFull(full);
  return store;
}

Result<std::unique_ptr<DiskStore>> DiskStore::TryOpen(io::Loop& loop, const std::string& folder,
                                                      const DiskStoreOptions& options) {
  auto files = TRY(DataFiles::Open(folder));
  const std::string path = folder + "/index.db";
  auto index = TRY(ObjectIndex::Open(path));
  std::unique_ptr<DiskStore> store(
      new DiskStore(loop, folder, std::move(files), std::move(index), options));
  TRY(store->Start(path));
  return store;
}

Result<void> DiskStore::Start(const std::string& index_path) {
  for (int i = 0; i < kReaders; ++i) {
    readers_->idle.push_back(TRY(ObjectIndex::Open(index_path)));
  }
  for (NumberedBucket& bucket : TRY(index_->LoadBuckets())) {
    std::string name = bucket.record.name;
    buckets_.emplace(std::move(name),
                     Bucket{.id = bucket.id, .record = bucket.record, .newest = bucket.record});
  }
  TRY(Sweep());
  if (!TRY(index_->LoadGarbage(0, index_->last_number(), 1)).empty()) {
    NoteGarbage(index_->last_number());
  }
  return {};
}

// Removes the files that a kill left without a row. They are in the blocks that were in use.
Result<void> DiskStore::Sweep() {
  const auto blocks = TRY(index_->ReservedBlocks());
  size_t removed = 0;
  for (const int64_t block : blocks) {
    const auto kept = TRY(index_->FilesWithRows(block));
    for (const int64_t file : TRY(disk_.files().Numbers(block))) {
      if (std::ranges::binary_search(kept, file)) continue;
      TRY(disk_.files().Remove(file));
      ++removed;
    }
    TRY(disk_.files().SyncRemoved(block));
    disk_.files().RemoveBlock(block);
  }
  if (removed > 0) HLOG_INFO("{} files of unfinished uploads are removed", removed);
  int64_t next = 0;
  TRY(index_->Commit([&]() -> Result<void> {
    TRY(index_->Release(blocks));
    next = TRY(index_->NextBlock());
    return {};
  }));
  TRY(disk_.files().MakeBlock(next));
  disk_.GrantBlock(next);
  return {};
}

int64_t DiskStore::NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

void DiskStore::Queue(Operation operation) {
  queue_.push_back(std::move(operation));
  FlushSoon();
}

// At the end of this turn of the loop: what its other requests bring shares the sync.
void DiskStore::FlushSoon() {
  if (is_writing_ || std::exchange(flush_posted_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    flush_posted_ = false;
    if (!is_writing_ && !queue_.empty()) Flush();
  });
}

// What one commit takes, and how it went.
struct DiskStore::Batch {
  // On the writer's thread.
  void Commit(ObjectIndex& index, const DataFiles& files, DiskReserve& reserve) {
    failures.resize(operations.size());
    full = FailureOf(reserve.Take());
    if (!full) {
      result = TryAll(index, files);
      if (result || result.error().kind != base::ErrorKind::kLimit) return;
      full = result.error();
    }
    reserve.Give();
    for (size_t i = 0; i < operations.size(); ++i) {
      if (operations[i].need == Need::kRoom) failures[i] = full;
    }
    result = TryAll(index, files);
  }

  // One that cannot be carried out, for a row of its own that cannot be read, is left out: the
  // others have nothing to do with it.
  Result<ObjectIndex::Committed> TryAll(ObjectIndex& index, const DataFiles& files) {
    const auto sync = [&files](const std::set<int64_t>& blocks) -> Result<void> {
      for (const int64_t block : blocks) TRY(files.SyncBlock(block));
      return {};
    };
    while (true) {
      std::optional<size_t> failed;
      const auto apply_all = [&]() -> Result<void> {
        TRY(index.AddGarbage(doubtful));
        for (size_t i = 0; i < operations.size(); ++i) {
          if (failures[i]) continue;
          auto applied = operations[i].apply(index);
          if (applied) continue;
          failed = i;
          return applied;
        }
        return {};
      };
      auto committed = index.Commit(apply_all, sync);
      if (committed || !failed || committed.error().kind == base::ErrorKind::kLimit) {
        return committed;
      }
      HLOG_ERROR("objects: {}", committed.error().ToString());
      failures[*failed] = std::move(committed.error());
    }
  }

  static std::optional<base::Error> FailureOf(Result<void> result) {
    if (result) return std::nullopt;
    return std::move(result.error());
  }

  std::vector<Operation> operations;
  std::vector<Extent> doubtful;
  std::vector<std::optional<base::Error>> failures;  // Of each operation.
  std::optional<base::Error> full;                   // What needs room had none.
  Result<ObjectIndex::Committed> result;             // Of the others.
};

void DiskStore::Flush() {
  is_writing_ = true;
  auto batch = std::make_shared<Batch>();
  while (!queue_.empty() && batch->operations.size() < kMostAtOnce) {
    batch->operations.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  batch->doubtful = std::exchange(doubtful_, {});
  writing_.Run(
      [batch, index = index_.get(), reserve = reserve_.get(), &files = disk_.files()] {
        batch->Commit(*index, files, *reserve);
        return index->LogBytes();
      },
      [this, batch](uint64_t log_bytes) {
        WatchLog(log_bytes);
        EndBatch(*batch);
      });
}

void DiskStore::EndBatch(Batch& batch) {
  is_writing_ = false;
  const auto& committed = batch.result;
  if (committed)
    disk_.Settle(batch.doubtful);
  else
    doubtful_.insert(doubtful_.end(), batch.doubtful.begin(), batch.doubtful.end());
  if (!committed) HLOG_ERROR("objects: {}", committed.error().ToString());
  SetFull(batch.full);
  const std::weak_ptr<bool> alive = alive_;
  for (size_t i = 0; i < batch.operations.size(); ++i) {
    const auto& own = batch.failures[i];
    batch.operations[i].end(own ? &*own : committed ? nullptr : &committed.error());
    if (alive.expired()) return;
  }
  if (committed && committed->garbage != 0) NoteGarbage(committed->garbage);
  ReleaseBlocks();
  if (committed && !doubtful_.empty()) {  // Of one that was left out: none may come for long.
    Queue({[](ObjectIndex&) { return Result<void>(); }, [](const base::Error*) {}, Need::kLeast});
  }
  if (!queue_.empty()) FlushSoon();
  if (committed && !committed->events.empty() && heard_) heard_(committed->events);
}

// As long as it is, the disk is asked again now and then.
void DiskStore::SetFull(const std::optional<base::Error>& full) {
  if (full && !disk_.full()) HLOG_ERROR("objects: {}; puts are refused", full->ToString());
  if (!full && disk_.full()) HLOG_INFO("objects: the disk has room again");
  disk_.set_full(full);
  if (!full || full_timer_.active()) return;
  full_timer_.Start(options_.full_pause, [this] {
    Queue({[](ObjectIndex&) { return Result<void>(); }, [](const base::Error*) {}, Need::kLeast});
  });
}

std::optional<ApiError> DiskStore::Overload(Need need) const {
  if (queue_.size() >= limits::kMaxObjectWrites) return Refusal("SlowDown");
  if (need == Need::kRoom && disk_.full()) return HostFailure(*disk_.full());
  return std::nullopt;
}

void DiskStore::ReserveBlock() {
  auto granted = std::make_shared<int64_t>(0);
  Queue({[granted, &files = disk_.files()](ObjectIndex& index) -> Result<void> {
           *granted = TRY(index.NextBlock());
           return files.MakeBlock(*granted);
         },
         [this, granted](const base::Error* failure) {
           if (failure != nullptr)
             disk_.GrantBlock(std::unexpected(*failure));
           else
             disk_.GrantBlock(*granted);
         }});
}

void DiskStore::ReleaseBlocks() {
  auto blocks = disk_.TakeRetiredBlocks();
  if (blocks.empty()) return;
  // From then on no start looks at them: what was removed of them must be so for good.
  Queue({[blocks, &files = disk_.files()](ObjectIndex& index) -> Result<void> {
           for (const int64_t block : blocks) TRY(files.SyncRemoved(block));
           return index.Release(blocks);
         },
         [this, blocks](const base::Error*) {
           disk_.writers().Run(
               [blocks, &files = disk_.files()] {
                 for (const int64_t block : blocks) files.RemoveBlock(block);
                 return true;
               },
               [](bool) {});
         },
         Need::kLeast});
}

const BucketRecord* DiskStore::Find(std::string_view bucket) const {
  const auto at = buckets_.find(bucket);
  return at == buckets_.end() ? nullptr : &at->second.record;
}

const DiskStore::Bucket* DiskStore::FindBucket(const std::string& name) const {
  const auto at = buckets_.find(name);
  return at == buckets_.end() ? nullptr : &at->second;
}

std::vector<const BucketRecord*> DiskStore::Buckets() const {
  std::vector<const BucketRecord*> out;
  for (const auto& [_, bucket] : buckets_) out.push_back(&bucket.record);
  return out;
}

void DiskStore::CreateBucket(BucketRecord bucket, Done<void> done) {
  if (buckets_.size() >= limits::kMaxBuckets && !buckets_.contains(bucket.name)) {
    Later<void>(std::move(done), std::unexpected(Refusal("TooManyBuckets")));
    return;
  }
  if (bucket.created_ms == 0) bucket.created_ms = NowMs();
  Submit<NumberedBucket>(
      [bucket = std::move(bucket)](ObjectIndex& index) { return index.CreateBucket(bucket); },
      [done = std::move(done)](Answer<NumberedBucket> made) {
        if (made)
          done({});
        else
          done(std::unexpected(std::move(made.error())));
      },
      [this](const Answer<NumberedBucket>& made, Ending) {
        if (!made) return;
        buckets_.emplace(made->record.name,
                         Bucket{.id = made->id, .record = made->record, .newest = made->record});
      });
}

void DiskStore::DeleteBucket(const std::string& name, Done<void> done) {
  Submit<void>([name](ObjectIndex& index) { return index.DeleteBucket(name); }, std::move(done),
               [this, name](const Answer<void>& gone, Ending) {
                 if (gone) buckets_.erase(name);
               },
               Need::kLeast);
}

void DiskStore::ChangeBucket(const std::string& name,
                             const std::function<void(BucketRecord&)>& change, Done<void> done) {
  const auto at = buckets_.find(name);
  // What is refused before it is queued must leave no trace in what the next change is made of.
  auto refusal = at == buckets_.end() ? NoSuchBucket(name) : Overload(Need::kRoom);
  if (refusal) {
    Later<void>(std::move(done), std::unexpected(std::move(*refusal)));
    return;
  }
  Bucket& bucket = at->second;
  change(bucket.newest);
  CHECK(bucket.newest.name == name);
  Submit<void>(
      [id = bucket.id, record = bucket.newest,
       is_stale = bucket.is_stale](ObjectIndex& index) -> Outcome<void> {
        if (*is_stale) return Answer<void>(std::unexpected(Refusal("SlowDown")));
        return index.SaveBucket(id, record);
      },
      std::move(done),
      [this, name, id = bucket.id, record = bucket.newest, is_stale = bucket.is_stale](
          const Answer<void>& saved, Ending) {
        const auto changed = buckets_.find(name);
        if (changed == buckets_.end() || changed->second.id != id) return;
        Bucket& bucket = changed->second;
        if (saved) bucket.record = record;
        // `newest` is made of this one, unless one before it has failed meanwhile.
        if (saved.has_value() == (is_stale == bucket.is_stale)) return;
        bucket.newest = bucket.record;
        *std::exchange(bucket.is_stale, std::make_shared<bool>(false)) = true;
      });
}

void DiskStore::OnOutbox(std::function<void(std::vector<OutboxRow>)> heard) {
  heard_ = std::move(heard);
}

void DiskStore::PutOutbox(std::vector<OutgoingEvent> events, Done<void> done) {
  Submit<void>(
      [events = std::move(events)](ObjectIndex& index) -> Outcome<void> {
        TRY(index.PutOutbox(events));
        return Answer<void>();
      },
      std::move(done));
}

void DiskStore::LoadOutbox(int64_t after, int most, Done<std::vector<OutboxRow>> done) {
  Read<std::vector<OutboxRow>>(
      [after, most](ObjectIndex& index) -> Outcome<std::vector<OutboxRow>> {
        return Answer<std::vector<OutboxRow>>(TRY(index.LoadOutbox(after, most)));
      },
      std::move(done));
}

void DiskStore::ForgetOutbox(std::vector<int64_t> ids) {
  Queue({[ids = std::move(ids)](ObjectIndex& index) { return index.ForgetOutbox(ids); },
         [](const base::Error*) {}, Need::kLeast});
}

bool DiskStore::IsQuiet() const {
  return queue_.empty() && !is_writing_ && !holds_reads_ && reading_.pending() == 0 &&
         disk_.IsQuiet();
}

}  // namespace hearth::s3
