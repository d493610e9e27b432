#include "invoker/event_source_mappings.h"

#include <utility>

#include "aws/arn.h"
#include "base/log.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {

aws::ApiError NoSuchMapping() {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "The resource you requested does not exist."};
}

base::Result<std::unique_ptr<EventSourceMappings>> EventSourceMappings::Load(
    io::Loop& loop, store::Database& database, io::Offload& writer) {
  auto mappings =
      std::unique_ptr<EventSourceMappings>(new EventSourceMappings(loop, database, writer));
  TRY(mappings->LoadAll());
  return mappings;
}

base::Result<void> EventSourceMappings::LoadAll() {
  base::Result<void> status;
  // What a kill kept from being removed.
  TRY(database_.Run("DELETE FROM event_source_mappings WHERE is_deleted = 1", {}));
  TRY(database_.Run(
      "SELECT uuid, definition FROM event_source_mappings", {}, [&](const store::Row& row) {
        const auto stored = base::ParseJson(row.Text(1));
        auto mapping = stored ? MappingFromStored(*stored) : std::unexpected(stored.error());
        if (!mapping) {
          status =
              base::MakeError(base::ErrorKind::kCorrupt,
                              "load the event source mapping " + std::string(row.Text(0)),
                              "its row in the database is damaged: " + mapping.error().ToString());
          return;
        }
        Entry& entry = entries_[mapping->uuid];
        entry.state = mapping->enabled ? State::kCreating : State::kDisabled;
        entry.mapping = std::make_shared<const EventSourceMapping>(*std::move(mapping));
        entry.is_durable = true;
      }));
  return status;
}

void EventSourceMappings::Attach(std::string service, EventSource& source) {
  sources_[std::move(service)] = &source;
  for (const auto& [uuid, entry] : entries_) {
    if (SourceOf(entry.mapping->source_arn) == &source) StepLater(uuid);
  }
}

EventSource* EventSourceMappings::SourceOf(const std::string& arn) const {
  const auto parsed = aws::ParseArn(arn);
  const auto found = parsed ? sources_.find(parsed->service) : sources_.end();
  return found == sources_.end() ? nullptr : found->second;
}

std::string_view EventSourceMappings::ToText(State state) {
  switch (state) {
    case State::kCreating:
      return "Creating";
    case State::kEnabling:
      return "Enabling";
    case State::kEnabled:
      return "Enabled";
    case State::kUpdating:
      return "Updating";
    case State::kDisabling:
      return "Disabling";
    case State::kDisabled:
      return "Disabled";
    case State::kDeleting:
      return "Deleting";
  }
  return "";
}

EventSourceMappings::Shown EventSourceMappings::ShownOf(const Entry& entry) {
  return {entry.mapping, std::string(ToText(entry.state)), entry.result};
}

std::optional<EventSourceMappings::Shown> EventSourceMappings::Find(const std::string& uuid) const {
  const auto found = entries_.find(uuid);
  if (found == entries_.end() || !found->second.is_durable) return std::nullopt;
  return ShownOf(found->second);
}

std::vector<EventSourceMappings::Shown> EventSourceMappings::List() const {
  std::vector<Shown> out;
  for (const auto& [uuid, entry] : entries_) {
    if (entry.is_durable) out.push_back(ShownOf(entry));
  }
  return out;
}

MappingRef EventSourceMappings::FindTwin(const EventSourceMapping& mapping) const {
  const auto is_twin = [&mapping](const MappingRef& other) {
    return other != nullptr && other->function == mapping.function &&
           other->qualifier == mapping.qualifier && other->source_arn == mapping.source_arn;
  };
  for (const auto& [uuid, entry] : entries_) {
    if (uuid == mapping.uuid) continue;
    // An update may fail, so what it would replace counts until it is durable.
    if (is_twin(entry.mapping)) return entry.mapping;
    if (is_twin(entry.next)) return entry.next;
  }
  return nullptr;
}

void EventSourceMappings::Write(const MappingRef& mapping, bool is_deleted,
                                std::function<void(base::Result<void>)> written) {
  std::vector<store::Value> row{mapping->uuid, base::ToJsonText(ToStored(*mapping)),
                                int64_t{is_deleted}};
  writer_.Run(
      [&database = database_, row = std::move(row)]() -> base::Result<void> {
        TRY(
            database.Run("INSERT OR REPLACE INTO event_source_mappings (uuid, definition, "
                         "is_deleted) VALUES (?, ?, ?)",
                         row));
        return {};
      },
      [alive = std::weak_ptr<bool>(alive_),
       written = std::move(written)](const base::Result<void>& result) {
        if (!alive.expired()) written(result);
      });
}

void EventSourceMappings::Create(EventSourceMapping mapping, Done done) {
  const std::string uuid = mapping.uuid;
  Entry& entry = entries_[uuid];
  entry.mapping = std::make_shared<const EventSourceMapping>(std::move(mapping));
  entry.is_writing = true;
  Write(entry.mapping, false,
        [this, uuid, done = std::move(done)](const base::Result<void>& result) {
          if (!result) {
            auto waiting = std::move(entries_.at(uuid).waiting);
            entries_.erase(uuid);
            Wake(std::move(waiting));
            return done(std::unexpected(ServiceError(result.error())));
          }
          Entry& created = entries_.at(uuid);
          created.is_durable = true;
          created.is_writing = false;
          StepLater(uuid);
          done(ShownOf(created));
        });
}

bool EventSourceMappings::IsSettled(const Entry& entry) const {
  const bool is_settled = entry.state == State::kEnabled || entry.state == State::kDisabled;
  // Where its service is not here, nothing is under way.
  const bool is_free = is_settled || (entry.state == State::kCreating &&
                                      SourceOf(entry.mapping->source_arn) == nullptr);
  return is_free && !entry.is_writing && !entry.is_stopping;
}

void EventSourceMappings::WhenSettled(const std::string& uuid, std::function<void()> then) {
  const auto found = entries_.find(uuid);
  if (found != entries_.end() && !IsSettled(found->second)) {
    found->second.waiting.push_back(std::move(then));
  } else {
    loop_.Post(std::move(then));
  }
}

void EventSourceMappings::WakeIfSettled(Entry& entry) {
  if (IsSettled(entry)) Wake(std::exchange(entry.waiting, {}));
}

void EventSourceMappings::Wake(std::vector<std::function<void()>> waiting) {
  for (auto& then : waiting) loop_.Post(std::move(then));
}

std::optional<aws::ApiError> EventSourceMappings::CheckChange(const std::string& uuid,
                                                              std::string_view verb) const {
  const auto found = entries_.find(uuid);
  if (found == entries_.end() || !found->second.is_durable) return NoSuchMapping();
  if (IsSettled(found->second)) return std::nullopt;
  return aws::ApiError{
      .status = 400,
      .type = "ResourceInUseException",
      .message = "Cannot " + std::string(verb) + " the event source mapping because it is in use."};
}

void EventSourceMappings::Update(const std::string& uuid, EventSourceMapping next, Done done) {
  if (auto refusal = CheckChange(uuid, "update")) {
    return loop_.Post([refusal = std::move(*refusal), done = std::move(done)] {
      done(std::unexpected(refusal));
    });
  }
  Entry& entry = entries_.at(uuid);
  entry.is_writing = true;
  auto mapping = std::make_shared<const EventSourceMapping>(std::move(next));
  entry.next = mapping;
  Write(mapping, false,
        [this, uuid, mapping, done = std::move(done)](const base::Result<void>& result) {
          Entry& changed = entries_.at(uuid);
          changed.is_writing = false;
          changed.next = nullptr;
          if (!result) WakeIfSettled(changed);
          if (!result) return done(std::unexpected(ServiceError(result.error())));
          const bool was_enabled = changed.mapping->enabled;
          changed.mapping = mapping;
          changed.state = !was_enabled && mapping->enabled   ? State::kEnabling
                          : was_enabled && !mapping->enabled ? State::kDisabling
                                                             : State::kUpdating;
          StepLater(uuid);
          done(ShownOf(changed));
        });
}

void EventSourceMappings::Delete(const std::string& uuid, Done done) {
  if (auto refusal = CheckChange(uuid, "delete")) {
    return loop_.Post([refusal = std::move(*refusal), done = std::move(done)] {
      done(std::unexpected(refusal));
    });
  }
  Entry& entry = entries_.at(uuid);
  entry.is_writing = true;
  Write(entry.mapping, true,
        [this, uuid, done = std::move(done)](const base::Result<void>& result) {
          Entry& deleted = entries_.at(uuid);
          deleted.is_writing = false;
          if (!result) WakeIfSettled(deleted);
          if (!result) return done(std::unexpected(ServiceError(result.error())));
          deleted.state = State::kDeleting;
          StepLater(uuid);
          done(ShownOf(deleted));
        });
}

void EventSourceMappings::Report(const std::string& uuid, std::string result) {
  const auto found = entries_.find(uuid);
  if (found != entries_.end()) found->second.result = std::move(result);
}

void EventSourceMappings::StepLater(const std::string& uuid) {
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), uuid] {
    if (!alive.expired()) Step(uuid);
  });
}

void EventSourceMappings::Step(const std::string& uuid) {
  const auto found = entries_.find(uuid);
  if (found == entries_.end() || !found->second.is_durable) return;
  Entry& entry = found->second;
  EventSource* const source = SourceOf(entry.mapping->source_arn);
  if (entry.is_stopping || entry.is_writing) return;
  const bool is_deleting = entry.state == State::kDeleting;
  const bool wants_to_run = entry.mapping->enabled && !is_deleting;
  if (entry.running != nullptr && (!wants_to_run || entry.running != entry.mapping)) {
    entry.is_stopping = true;
    return source->Stop(uuid, [this, alive = std::weak_ptr<bool>(alive_), uuid] {
      if (alive.expired()) return;
      Entry& stopped = entries_.at(uuid);
      stopped.is_stopping = false;
      stopped.running = nullptr;
      Step(uuid);
    });
  }
  if (is_deleting) {
    Wake(std::move(entry.waiting));
    entries_.erase(found);
    return writer_.Run(
        [&database = database_, uuid]() -> base::Result<void> {
          const std::vector<store::Value> key{uuid};
          TRY(database.Run("DELETE FROM event_source_mappings WHERE uuid = ?", key));
          return {};
        },
        [uuid](const base::Result<void>& removed) {
          // It is marked: the next start removes it.
          if (!removed) HLOG_WARN("the row of {} stays: {}", uuid, removed.error().ToString());
        });
  }
  if (!wants_to_run) {
    entry.state = State::kDisabled;
    return WakeIfSettled(entry);
  }
  // Without its service it waits, and says so.
  if (source == nullptr) {
    entry.state = State::kCreating;
    return WakeIfSettled(entry);
  }
  if (entry.running == nullptr) {
    entry.running = entry.mapping;
    entry.state = State::kEnabled;
    source->Start(entry.mapping);
  }
  WakeIfSettled(entry);
}

std::vector<store::Migration> EventSourceMigrations() {
  return {{"event source mappings",
           "CREATE TABLE event_source_mappings (uuid TEXT PRIMARY KEY, definition TEXT NOT NULL, "
           "is_deleted INTEGER NOT NULL) WITHOUT ROWID;"}};
}

}  // namespace hearth::invoker
