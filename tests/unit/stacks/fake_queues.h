// Queues in memory, without messages, whose next change can be made to fail or never to answer.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/loop.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::stacks {

class FakeQueues final : public sqs::QueueEngine {
 public:
  explicit FakeQueues(io::Loop& loop) : loop_(loop) {}

  const sqs::QueueRecord* Find(std::string_view name) const override {
    const auto found = queues.find(std::string(name));
    return found == queues.end() ? nullptr : &found->second;
  }
  std::vector<const sqs::QueueRecord*> List() const override { return {}; }
  void Create(sqs::QueueRecord record, Done done) override {
    Do(
        "create " + record.name,
        [this, record] {
          return queues.emplace(record.name, record).second ? base::ErrorKind::kClosed
                                                            : base::ErrorKind::kConflict;
        },
        std::move(done));
  }
  void Change(const std::string& name, std::function<bool(sqs::QueueRecord&)> change,
              Done done) override {
    Do(
        "change " + name,
        [this, name, change] {
          const auto found = queues.find(name);
          if (found == queues.end()) return base::ErrorKind::kNotFound;
          auto changed = found->second;
          if (change(changed)) found->second = changed;
          return base::ErrorKind::kClosed;
        },
        std::move(done));
  }
  void Remove(const std::string& name, Done done) override {
    Do(
        "remove " + name,
        [this, name] {
          return queues.erase(name) == 1 ? base::ErrorKind::kClosed : base::ErrorKind::kNotFound;
        },
        std::move(done));
  }
  void OnCreated(std::function<void(const std::string&)>) override {}
  std::optional<int64_t> RemovedMs(std::string_view) const override { return {}; }
  void Send(const std::string&, std::vector<sqs::OutgoingMessage>, Sent) override {}
  uint64_t Receive(const std::string&, sqs::ReceiveOptions, Received) override { return 0; }
  bool StopWaiting(uint64_t) override { return false; }
  void Delete(const std::string&, std::vector<std::string>, Outcomes) override {}
  void ChangeVisibility(const std::string&, std::vector<Visibility>, Outcomes) override {}
  void GiveBack(const std::string&, std::vector<std::string>, Outcomes) override {}
  void Purge(const std::string&, Done) override {}
  std::optional<int64_t> PurgedMs(const std::string&) const override { return {}; }
  sqs::QueueCounts Counts(const std::string&) override { return {}; }
  void MoveOne(const std::string&, const std::string&,
               std::function<void(base::Result<bool>)>) override {}
  void EndWaits() override {}
  bool IsQuiet() const override { return true; }

  std::map<std::string, sqs::QueueRecord> queues;
  std::vector<std::string> calls;
  std::set<std::string> failing;      // "create Jobs" fails without any effect.
  std::set<std::string> dies_before;  // "create Jobs" never happens and never answers.
  std::set<std::string> dies_after;   // "create Jobs" happens and never answers.

 private:
  // `act` gives what went wrong; kClosed: nothing.
  void Do(const std::string& what, std::function<base::ErrorKind()> act, Done done) {
    loop_.Post([this, what, act = std::move(act), done = std::move(done)] {
      calls.push_back(what);
      if (dies_before.contains(what)) return;
      if (failing.contains(what)) {
        return done(base::MakeError(base::ErrorKind::kSystem, what, "told to fail"));
      }
      const base::ErrorKind wrong = act();
      if (dies_after.contains(what)) return;
      if (wrong == base::ErrorKind::kClosed) return done({});
      done(base::MakeError(wrong, what, "there is, or is not"));
    });
  }

  io::Loop& loop_;
};

}  // namespace hearth::stacks
