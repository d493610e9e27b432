// EventSourceMappings: every event source mapping this host knows, and the state of each. Memory
// for reading, SQLite for truth.
//
//   Creating -> Enabled <-> Updating, Disabling -> Disabled -> Enabling -> Enabled; -> Deleting
//
// A change is durable before its `done` runs; then the source is stopped and started as it asks,
// and only while nothing of that is under way is the next change taken (ResourceInUseException). A
// mapping whose deletion is durable does not come back, whatever happens. Owner: host; destroyed
// after the sources that are attached, before the database. Loop's thread only.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/result.h"
#include "invoker/event_source.h"
#include "io/loop.h"
#include "io/offload.h"
#include "store/database.h"

namespace hearth::invoker {

class EventSourceMappings {
 public:
  struct Shown {
    MappingRef mapping;
    std::string state;   // "Enabled"
    std::string result;  // Of the last batch; empty: there was none.
  };
  using Done = std::function<void(std::expected<Shown, aws::ApiError>)>;

  // Loads what an earlier process left. Blocking: called once, at start. `database` is used only
  // through `writer`, which has one thread.
  static base::Result<std::unique_ptr<EventSourceMappings>> Load(io::Loop& loop,
                                                                 store::Database& database,
                                                                 io::Offload& writer);

  // The service "sqs" and its like; its mappings are started on a later turn. It outlives this.
  void Attach(std::string service, EventSource& source);
  // nullptr: no such service is attached.
  EventSource* SourceOf(const std::string& arn) const;

  // Nothing where there is none, or its creation is not durable yet.
  std::optional<Shown> Find(const std::string& uuid) const;
  // By UUID.
  std::vector<Shown> List() const;
  // The one of this function (and qualifier) and source, also one that is being created, and one
  // that is being made so by an update.
  MappingRef FindTwin(const EventSourceMapping& mapping) const;

  // `mapping` has its UUID; there is none such, and no twin.
  void Create(EventSourceMapping mapping, Done done);
  // 404 where there is none.
  void Update(const std::string& uuid, EventSourceMapping next, Done done);
  void Delete(const std::string& uuid, Done done);
  // `then` runs once, later: when nothing of the mapping is under way, or there is none.
  void WhenSettled(const std::string& uuid, std::function<void()> then);
  // What a poller says of its last batch: "OK", "PROBLEM: Function call failed". Not durable.
  void Report(const std::string& uuid, std::string result);

 private:
  enum class State { kCreating, kEnabling, kEnabled, kUpdating, kDisabling, kDisabled, kDeleting };
  struct Entry {
    MappingRef mapping;
    State state = State::kCreating;
    MappingRef next;           // What an update is making of it; nullptr: there is none.
    MappingRef running;        // As its source was started; nullptr: it was not.
    bool is_durable = false;   // Otherwise its creation is being stored.
    bool is_stopping = false;  // The source has been told, and has not answered.
    bool is_writing = false;
    std::string result;
    std::vector<std::function<void()>> waiting;  // Of WhenSettled.
  };

  EventSourceMappings(io::Loop& loop, store::Database& database, io::Offload& writer)
      : loop_(loop), database_(database), writer_(writer) {}
  base::Result<void> LoadAll();
  static std::string_view ToText(State state);
  static Shown ShownOf(const Entry& entry);
  // Why the mapping cannot be changed now.
  std::optional<aws::ApiError> CheckChange(const std::string& uuid, std::string_view verb) const;
  void Write(const MappingRef& mapping, bool is_deleted,
             std::function<void(base::Result<void>)> written);
  bool IsSettled(const Entry& entry) const;
  void WakeIfSettled(Entry& entry);
  void Wake(std::vector<std::function<void()>> waiting);
  // Brings the source to where the mapping wants it, a step a time.
  void Step(const std::string& uuid);
  void StepLater(const std::string& uuid);

  io::Loop& loop_;
  store::Database& database_;
  io::Offload& writer_;
  std::map<std::string, EventSource*> sources_;  // By service.
  std::map<std::string, Entry> entries_;         // By UUID.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

aws::ApiError NoSuchMapping();

// The schema's steps; host passes them, with others, to Database::Open.
std::vector<store::Migration> EventSourceMigrations();

}  // namespace hearth::invoker
