#include "invoker/log_store.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "invoker/log_files.h"
#include "invoker/log_line.h"
#include "io/timer.h"

namespace hearth::invoker {
namespace {

constexpr auto kFlushEvery = std::chrono::milliseconds(200);
constexpr auto kSweepEvery = std::chrono::hours(1);  // AWS takes up to 72.

struct Kept {
  uint64_t sequence;
  int64_t timestamp_ms;
  int64_t ingested_ms;
  std::shared_ptr<const std::string> stream;  // Shared by the events of one stream.
  std::string message;
};

struct Group {
  LogGroup info;
  bool exists = false;  // Else somebody follows what may come.
  bool saved = false;   // What is known of it is on disk, or on its way.
  uint64_t next_sequence = 1;
  std::deque<Kept> recent;  // Every event from recent.front() on is here.
  size_t recent_bytes = 0;
  std::string unwritten;  // Lines for the disk.
  uint64_t unwritten_first = 0;
  uint64_t written = 0;  // The disk has had its turn with every event up to this one.
  uint64_t removed = 0;  // Every event up to this one has been removed, here or soon on disk.
  uint64_t dropped = 0;  // Events of a flood, since the last that was kept.
  std::vector<std::pair<uint64_t, std::function<void()>>> followers;
};

struct Batch {
  std::string group;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  std::string text;
  std::optional<LogGroup> save;  // Of a group that has begun.
};

LogEvent ToEvent(const Kept& kept) {
  return {kept.sequence, kept.timestamp_ms, kept.ingested_ms, *kept.stream, kept.message};
}

class LogStoreImpl final : public LogStore {
 public:
  LogStoreImpl(io::Loop& loop, io::Offload& disk)
      : loop_(loop), disk_(disk), timer_(loop), sweep_timer_(loop) {}

  base::Result<void> OpenFiles(const std::string& root) {
    files_ = std::make_shared<LogFiles>(root);
    for (LogGroup& known : TRY(files_->Scan())) {
      Group& group = groups_[known.name];
      group.next_sequence = known.next_sequence;
      group.exists = group.saved = true;
      group.info = std::move(known);
    }
    sweep_timer_.Start(std::chrono::seconds(1), [this] { Sweep(); });
    return {};
  }

  void Append(const std::string& group, const std::string& stream,
              std::string_view message) override {
    const int64_t now = NowMs();
    Take(group, stream, now, now, message);
  }

  bool AppendAt(const std::string& group_name, const std::string& stream, int64_t timestamp_ms,
                std::string_view message) override {
    return Take(group_name, stream, timestamp_ms, NowMs(), message);
  }

  bool Take(const std::string& group_name, const std::string& stream, int64_t timestamp_ms,
            int64_t now, std::string_view message) {
    Group& group = GroupOf(group_name);
    if (!group.exists) Begin(group_name, group);
    if (group.unwritten.size() > limits::kMaxLogBytesUnwritten) {
      // Faster than the disk: what is dropped is counted, and told when there is room again.
      ++group.dropped;
      return false;
    }
    if (group.dropped > 0) {
      const uint64_t dropped = std::exchange(group.dropped, 0);
      Add(group, stream, now, now,
          std::to_string(dropped) +
              " log lines were dropped: they came faster "
              "than the disk takes them");
    }
    Add(group, stream, timestamp_ms, now, message);
    Announce(group_name, group);
    return true;
  }

  std::vector<LogEvent> Read(const std::string& group_name, uint64_t after, size_t limit) override {
    const auto found = groups_.find(group_name);
    if (found == groups_.end()) return {};
    const Group& group = found->second;
    std::vector<LogEvent> out;
    after = std::max(after, group.removed);
    const uint64_t first_here = FirstInMemory(group);
    if (after < first_here - 1 && files_) {
      size_t bytes = 0;
      for (auto& event : files_->Read(group_name, after, limit)) {
        bytes += event.message.size();
        if (event.sequence < first_here) out.push_back(std::move(event));
      }
      // There is more on disk, before what memory has.
      if (bytes >= LogFiles::kMaxReadBytes) return out;
    }
    auto at = std::ranges::upper_bound(group.recent, after, {}, &Kept::sequence);
    for (; at != group.recent.end() && out.size() < limit; ++at) out.push_back(ToEvent(*at));
    return out;
  }

  std::vector<LogEvent> Tail(const std::string& group_name, size_t count) override {
    const auto found = groups_.find(group_name);
    if (found == groups_.end()) return {};
    const Group& group = found->second;
    const size_t from_memory = std::min(count, group.recent.size());
    std::vector<LogEvent> out;
    const uint64_t first_here = FirstInMemory(group);
    if (from_memory < count && group.removed < first_here - 1 && files_) {
      out = files_->Tail(group_name, first_here, count - from_memory);
      std::erase_if(out, [&](const LogEvent& event) { return event.sequence <= group.removed; });
    }
    for (auto at = group.recent.end() - static_cast<ptrdiff_t>(from_memory);
         at != group.recent.end(); ++at) {
      out.push_back(ToEvent(*at));
    }
    return out;
  }

  uint64_t Follow(const std::string& group, std::function<void()> on_new) override {
    const uint64_t token = next_token_++;
    groups_[group].followers.emplace_back(token, std::move(on_new));
    return token;
  }

  void Unfollow(uint64_t token) override {
    for (auto& [name, group] : groups_) {
      if (std::erase_if(group.followers, [&](const auto& f) { return f.first == token; }) > 0) {
        return;
      }
    }
  }

  void Remove(const std::string& group_name, Done done) override {
    const auto found = groups_.find(group_name);
    if (found == groups_.end()) return loop_.Post([done = std::move(done)] { done({}); });
    auto followers = std::move(found->second.followers);
    const uint64_t next = found->second.next_sequence;
    // The sequence goes on: a follower's cursor must not meet its own past.
    found->second = Group{};
    found->second.next_sequence = next;
    found->second.removed = next - 1;
    found->second.followers = std::move(followers);
    if (!files_) return loop_.Post([done = std::move(done)] { done({}); });
    // Behind the lines that are being written, before those that come.
    disk_.Run([files = files_, group_name] { return files->Remove(group_name); }, std::move(done));
  }

  const LogGroup* Find(const std::string& group) const override {
    const auto found = groups_.find(group);
    return found == groups_.end() || !found->second.exists ? nullptr : &found->second.info;
  }

  std::vector<const LogGroup*> Groups() const override {
    std::vector<const LogGroup*> out;
    for (const auto& [name, group] : groups_) {
      if (group.exists) out.push_back(&group.info);
    }
    std::ranges::sort(out, {}, [](const LogGroup* group) -> const auto& { return group->name; });
    return out;
  }

  void Change(const std::string& name, const std::function<void(LogGroup&)>& change,
              Done done) override {
    Group& group = groups_[name];
    if (!group.exists) Begin(name, group);
    change(group.info);
    Save(group, std::move(done));
    if (group.info.retention_days > 0) Expire(group);
  }

  void RemoveStream(const std::string& name, const std::string& stream, Done done) override {
    Group& group = groups_[name];
    std::erase_if(group.recent, [&](const Kept& kept) {
      if (*kept.stream != stream) return false;
      group.recent_bytes -= kept.message.size();
      return true;
    });
    if (!files_) return loop_.Post([done] { done({}); });
    Flush([this, name, stream, done](const base::Result<void>&) {
      disk_.Run([files = files_, name, stream] { return files->RemoveStream(name, stream); }, done);
    });
  }

  std::shared_ptr<const LogFiles> files() const override { return files_; }

  void Flush(Done done) override {
    waiting_for_flush_.push_back(std::move(done));
    WriteOut();
  }

 private:
  // Lines come in runs of one group. None is ever erased.
  Group& GroupOf(const std::string& name) {
    if (last_ == nullptr || last_->first != name) last_ = &*groups_.try_emplace(name).first;
    return last_->second;
  }

  static uint64_t FirstInMemory(const Group& group) {
    return group.recent.empty() ? group.next_sequence : group.recent.front().sequence;
  }

  int64_t NowMs() const { return base::EpochMillis(loop_.clock().WallNow()); }

  void Begin(const std::string& name, Group& group) {
    group.exists = true;
    group.info = {.name = name, .creation_ms = NowMs()};
  }

  void Save(Group& group, Done done) {
    group.saved = true;
    group.info.next_sequence = group.next_sequence;
    if (!files_) return loop_.Post([done = std::move(done)] { done({}); });
    disk_.Run([files = files_, info = group.info] { return files->SaveGroup(info); },
              [this, alive = std::weak_ptr<bool>(alive_), name = group.info.name,
               done = std::move(done)](const base::Result<void>& saved) {
                // The next lines bring it along.
                if (!saved && !alive.expired()) groups_[name].saved = false;
                done(saved);
              });
  }

  // Whole files go; what is past its time in one that stays is hidden by those who read it.
  void Expire(Group& group) {
    const int64_t before = NowMs() - int64_t{group.info.retention_days} * 86'400'000;
    while (!group.recent.empty() && group.recent.front().timestamp_ms < before &&
           (!files_ || group.recent.front().sequence <= group.written)) {
      group.removed = group.recent.front().sequence;
      group.recent_bytes -= group.recent.front().message.size();
      group.recent.pop_front();
    }
    if (!files_) return;
    group.info.next_sequence = group.next_sequence;
    disk_.Run(
        [files = files_, info = group.info, before] { return files->RemoveBefore(info, before); },
        [](const base::Result<void>& removed) {
          if (!removed) HLOG_WARN("old logs: {}", removed.error().ToString());
        });
  }

  void Sweep() {
    sweep_timer_.Start(kSweepEvery, [this] { Sweep(); });
    for (auto& [name, group] : groups_) {
      if (group.exists && group.info.retention_days > 0) Expire(group);
    }
    disk_.Run(
        [files = files_] { return files->Bound(limits::kMaxLogBytesOfAll, limits::kMaxLogGroups); },
        [this, alive = std::weak_ptr<bool>(alive_)](
            const base::Result<std::vector<std::string>>& removed) {
          if (alive.expired()) return;
          if (!removed) return HLOG_WARN("old logs: {}", removed.error().ToString());
          for (const std::string& name : *removed) {
            Group& group = groups_[name];
            if (group.unwritten.empty()) group.exists = false;
            group.saved = false;
          }
        });
  }

  void Add(Group& group, const std::string& stream, int64_t timestamp_ms, int64_t now,
           std::string_view message) {
    const uint64_t sequence = group.next_sequence++;
    if (files_) {
      if (group.unwritten.empty()) group.unwritten_first = sequence;
      AppendLogLine(group.unwritten, sequence, timestamp_ms, now, stream, message);
      StartTimer();
    }
    auto shared = !group.recent.empty() && *group.recent.back().stream == stream
                      ? group.recent.back().stream
                      : std::make_shared<const std::string>(stream);
    group.recent.push_back({sequence, timestamp_ms, now, std::move(shared), std::string(message)});
    group.recent_bytes += message.size();
    Trim(group);
  }

  // What the disk has not had yet stays, however much it is (kMaxLogBytesUnwritten bounds it): a
  // reader finds each event in one of the two.
  void Trim(Group& group) const {
    while (group.recent.size() > limits::kMaxLogEventsInMemory ||
           (group.recent_bytes > limits::kMaxLogBytesInMemory && group.recent.size() > 1)) {
      if (files_ && group.recent.front().sequence > group.written) return;
      group.recent_bytes -= group.recent.front().message.size();
      group.recent.pop_front();
    }
  }

  // Followers hear once a turn of the loop, however many lines it brings.
  void Announce(const std::string& name, Group& group) {
    if (group.followers.empty() || !announced_.insert(name).second) return;
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_), name] {
      if (alive.expired()) return;
      announced_.erase(name);
      std::vector<uint64_t> tokens;
      for (const auto& [token, on_new] : groups_[name].followers) tokens.push_back(token);
      for (const uint64_t token : tokens) {
        // One that is called may leave, and take others with it.
        const auto& followers = groups_[name].followers;
        const auto at =
            std::ranges::find(followers, token, [](const auto& entry) { return entry.first; });
        if (at == followers.end()) continue;
        const auto on_new = at->second;
        on_new();
      }
    });
  }

  void StartTimer() {
    if (!timer_.active() && !writing_) timer_.Start(kFlushEvery, [this] { WriteOut(); });
  }

  std::vector<Batch> TakeBatches() {
    std::vector<Batch> out;
    for (auto& [name, group] : groups_) {
      if (group.unwritten.empty()) continue;
      out.push_back({name, group.unwritten_first, group.next_sequence - 1,
                     std::exchange(group.unwritten, {}), std::nullopt});
      if (std::exchange(group.saved, true)) continue;
      group.info.next_sequence = group.next_sequence;
      out.back().save = group.info;
    }
    return out;
  }

  // One write is under way at a time, so that a group's lines keep their order.
  void WriteOut() {
    timer_.Cancel();
    if (writing_) return;
    auto batches = std::make_shared<std::vector<Batch>>(TakeBatches());
    writing_ = true;
    auto flushed = std::make_shared<std::vector<Done>>(std::exchange(waiting_for_flush_, {}));
    disk_.Run(
        [files = files_, batches]() -> base::Result<void> {
          base::Result<void> result;
          const auto note = [&](base::Result<void> one) {
            if (!one) result = std::move(one);
          };
          for (const Batch& batch : *batches) {
            if (batch.save) note(files->SaveGroup(*batch.save));
            note(files->Append(batch.group, batch.first_sequence, batch.text));
          }
          return result;
        },
        [this, alive = std::weak_ptr<bool>(alive_), batches, flushed](base::Result<void> result) {
          if (alive.expired()) return;
          writing_ = false;
          // What could not be written is lost to the disk, and memory does not wait for it.
          for (const Batch& batch : *batches) {
            Group& group = groups_[batch.group];
            group.written = batch.last_sequence;
            if (!result && batch.save) group.saved = false;
            Trim(group);
          }
          if (!result && healthy_) {
            HLOG_ERROR("logs are not written: {}", result.error().ToString());
          }
          healthy_ = result.has_value();  // Logged once, until it works again.
          for (const auto& done : *flushed) done(result);
          if (!waiting_for_flush_.empty()) return WriteOut();
          const bool more = std::ranges::any_of(
              groups_, [](const auto& entry) { return !entry.second.unwritten.empty(); });
          if (more) StartTimer();
        });
  }

  io::Loop& loop_;
  io::Offload& disk_;
  io::Timer timer_;
  io::Timer sweep_timer_;
  std::shared_ptr<LogFiles> files_;  // Null: memory only. Written on the disk's thread.
  std::unordered_map<std::string, Group> groups_;
  std::unordered_map<std::string, Group>::value_type* last_ = nullptr;  // That Append asked for.
  std::set<std::string> announced_;
  std::vector<Done> waiting_for_flush_;
  uint64_t next_token_ = 1;
  bool writing_ = false;
  bool healthy_ = true;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

base::Result<std::unique_ptr<LogStore>> LogStore::Open(io::Loop& loop, io::Offload& disk,
                                                       const std::string& root) {
  auto store = std::make_unique<LogStoreImpl>(loop, disk);
  if (!root.empty()) TRY(store->OpenFiles(root));
  return store;
}

}  // namespace hearth::invoker
