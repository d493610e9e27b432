#include "invoker/async_queue.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "aws/arn.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "invoker/event_invoke.h"
#include "invoker/target_sender.h"
#include "io/timer.h"
#include "store/group_commit.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;
using store::Value;

constexpr auto kMaxBackOff = 5min;
// Of the event that a bus makes of an event's end.
constexpr std::string_view kResultType = "Lambda Function Invocation Result - ";
// The largest event and the largest response, and what is about them; more where bytes that are no
// JSON must be escaped.
constexpr size_t kMaxRecord = limits::kMaxAsyncPayload + limits::kMaxResponsePayload + 65536;

struct Notice {
  Destinations::Delivery delivery;
  uint64_t FunctionMetrics::* failures = nullptr;  // Of such deliveries.
};

struct Entry {
  AsyncEvent event;
  int64_t accepted_ms = 0;
  int64_t function_errors = 0;
  int64_t host_errors = 0;
  int64_t due_ms = 0;
  // It has ended, and these do not know it yet; the last is told next. Not durable: after a crash
  // the function is called again, as at-least-once allows.
  std::vector<Notice> notices;
  int64_t ended_ms = 0;
};

// "PROD" of "arn:aws:lambda:...:function:Name:PROD"; empty where the function alone was named.
std::string_view QualifierOf(const AsyncEvent& event) {
  const std::string_view arn = event.invoked_arn;
  const std::string before = ":function:" + event.function_name + ":";
  const size_t found = arn.find(before);
  return found == std::string_view::npos ? std::string_view() : arn.substr(found + before.size());
}

// The settings that hold for the event now: an alias's own, not those of its version.
EventInvokeConfig ConfigOf(const Registry& registry, const AsyncEvent& event) {
  const RecordRef record = registry.Record(event.function_name);
  if (record == nullptr) return {};
  const std::string_view qualifier = QualifierOf(event);
  const auto found =
      record->event_invoke.find(qualifier.empty() ? "$LATEST" : std::string(qualifier));
  return found == record->event_invoke.end() ? EventInvokeConfig() : found->second;
}

class SqliteAsyncQueue final : public AsyncQueue {
 public:
  SqliteAsyncQueue(io::Loop& loop, store::Database& database, io::Offload& writer,
                   Registry& registry, Invoker& invoker)
      : loop_(loop),
        database_(database),
        commits_(loop, database, writer),
        registry_(registry),
        invoker_(invoker),
        timer_(loop, io::Time::kService) {
    destinations_.Attach(
        "lambda",
        [this](Destinations::Delivery delivery, Destinations::Done done) {
          PutRecord(std::move(delivery), std::move(done));
        },
        MakeFunctionAdmission(registry));
  }

  base::Result<void> Load() {
    TRY(database_.Run(
        "SELECT request_id, function, arn, trace_id, payload, accepted_ms, function_errors, "
        "host_errors, due_ms FROM async_events ORDER BY accepted_ms",
        {}, [this](const store::Row& row) {
          Entry entry{.event = {.request_id = std::string(row.Text(0)),
                                .function_name = std::string(row.Text(1)),
                                .invoked_arn = std::string(row.Text(2)),
                                .trace_id = std::string(row.Text(3)),
                                .payload = std::string(row.Text(4))},
                      .accepted_ms = row.Int(5),
                      .function_errors = row.Int(6),
                      .host_errors = row.Int(7),
                      .due_ms = row.Int(8)};
          bytes_ += entry.event.payload.size();
          Keep(std::move(entry));
        }));
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) Pump();
    });
    return {};
  }

  void Put(AsyncEvent event, std::function<void(base::Result<void>)> done) override {
    if (entries_.size() + accepting_ >= kMaxAsyncEvents ||
        bytes_ + event.payload.size() > kMaxAsyncBytes.count()) {
      loop_.Post([done = std::move(done)] {
        done(base::MakeError(base::ErrorKind::kLimit, "queue event", "the event queue is full"));
      });
      return;
    }
    Accept(std::move(event), std::move(done));
  }

  size_t pending() const override { return entries_.size() + accepting_; }
  AsyncCounters counters() const override { return counters_; }
  bool IsQuiet() const override {
    const bool is_due = !due_.empty() && due_.begin()->first <= NowMillis();
    return !is_due && commits_.IsQuiet() && in_flight_ == 0 && sending_ == 0;
  }
  Destinations& destinations() override { return destinations_; }

 private:
  FunctionMetricsRef MetricsOf(const AsyncEvent& event) {
    Metrics& metrics = invoker_.metrics();
    const bool exists = registry_.Record(event.function_name) != nullptr;
    return exists ? metrics.Of(event.function_name) : metrics.OfGone(event.function_name);
  }
  int64_t NowMillis() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

  void Accept(AsyncEvent event, std::function<void(base::Result<void>)> done) {
    const int64_t now = NowMillis();
    Entry entry{.event = std::move(event), .accepted_ms = now, .due_ms = now};
    const AsyncEvent& e = entry.event;
    ++MetricsOf(e)->async_received;
    std::vector<Value> row{e.request_id, e.function_name, e.invoked_arn, e.trace_id, e.payload,
                           now,          int64_t{0},      int64_t{0},    now};
    ++accepting_;
    bytes_ += e.payload.size();
    Write(
        "INSERT INTO async_events (request_id, function, arn, trace_id, payload, accepted_ms, "
        "function_errors, host_errors, due_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        std::move(row),
        [this, entry = std::move(entry),
         done = std::move(done)](base::Result<void> result) mutable {
          --accepting_;
          if (result) {
            Keep(std::move(entry));
          } else {
            bytes_ -= entry.event.payload.size();
            // kLimit is for a full queue: a full disk is no throttle.
            result.error().kind = base::ErrorKind::kSystem;
          }
          done(std::move(result));
          Pump();
        });
  }

  void Keep(Entry entry) {
    std::string id = entry.event.request_id;
    due_.emplace(entry.due_ms, id);
    entries_.insert_or_assign(std::move(id), std::move(entry));
  }

  // Dispatches what is due, as far as the bound on calls in flight allows.
  void Pump() {
    const int64_t now = NowMillis();
    while (!due_.empty() && due_.begin()->first <= now && in_flight_ < kMaxAsyncInFlight) {
      const std::string id = due_.begin()->second;
      due_.erase(due_.begin());
      Entry& entry = entries_.at(id);
      if (!entry.notices.empty()) {
        Send(entry);
        continue;
      }
      Flight& flight = flights_[entry.event.function_name];
      if (flight.calls >= kMaxAsyncInFlightOfOne) {
        flight.waiting.push_back(id);
      } else {
        ++flight.calls;
        Dispatch(entry);
      }
    }
    if (due_.empty() || in_flight_ >= kMaxAsyncInFlight) {
      timer_.Cancel();
      return;
    }
    timer_.Start(std::chrono::milliseconds(due_.begin()->first - now), [this] { Pump(); });
  }

  // An instance is still in the middle of its answer: a call made now would not find it, and be
  // throttled where the memory is just enough.
  void PumpLater() {
    if (std::exchange(pump_posted_, true)) return;
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      pump_posted_ = false;
      Pump();
    });
  }

  // One of its function's calls, until Leave.
  void Dispatch(const Entry& entry) {
    const AsyncEvent& event = entry.event;
    if (IsTooOld(entry, NowMillis())) {
      Leave(event.function_name);
      return GiveUp(event.request_id, "EventAgeExceeded", "the event is too old", nullptr);
    }
    // Now, not when it was accepted: an alias may stand for another version since.
    FunctionRef function =
        registry_.Resolve({event.function_name, std::string(QualifierOf(event))});
    if (function == nullptr) {
      Leave(event.function_name);
      return GiveUp(event.request_id, "RetriesExhausted",
                    "the function, its version or its alias is gone", nullptr);
    }
    const RecordRef record = registry_.Record(event.function_name);
    if (record->latest->reserved == 0u) {
      Leave(event.function_name);
      return GiveUp(event.request_id, "ZeroReservedConcurrency",
                    "the function has a reserved concurrency of zero", nullptr);
    }
    ++in_flight_;
    MetricsOf(event)->async_age.Add(std::chrono::milliseconds(NowMillis() - entry.accepted_ms));
    if (CheckInvocable(*function)) {
      // Its version is not ready: as where the host is at fault, a later try may succeed.
      loop_.Post([this, alive = std::weak_ptr<bool>(alive_), id = event.request_id] {
        if (alive.expired()) return;
        InvocationResult result;
        result.status = InvocationStatus::kHostError;
        OnResult(id, result);
      });
      return;
    }
    invoker_.Invoke({.request_id = event.request_id,
                     .function = std::move(function),
                     .invoked_arn = event.invoked_arn,
                     .trace_id = event.trace_id,
                     .client_context = {},
                     .payload = event.payload,
                     .received = loop_.clock().Now()},
                    [this, alive = std::weak_ptr<bool>(alive_),
                     id = event.request_id](const InvocationResult& result) {
                      if (!alive.expired()) OnResult(id, result);
                    });
  }

  void OnResult(const std::string& id, const InvocationResult& result) {
    --in_flight_;
    Leave(entries_.at(id).event.function_name);
    Settle(id, result);
    PumpLater();
  }

  // Room for the next of the function's events.
  void Leave(const std::string& function_name) {
    const auto flight = flights_.find(function_name);
    --flight->second.calls;
    if (!flight->second.waiting.empty()) {
      due_.emplace(NowMillis(), std::move(flight->second.waiting.front()));
      flight->second.waiting.pop_front();
    } else if (flight->second.calls == 0) {
      flights_.erase(flight);
    }
  }

  bool IsTooOld(const Entry& entry, int64_t at_ms) const {
    const int64_t age_s =
        ConfigOf(registry_, entry.event).max_age_s.value_or(kDefaultEventAgeSeconds);
    return at_ms - entry.accepted_ms > age_s * 1000;
  }

  void Settle(const std::string& id, const InvocationResult& result) {
    Entry& entry = entries_.at(id);
    if (result.status == InvocationStatus::kSuccess) {
      ++counters_.delivered;
      return End(entry, "Success", &result);
    }
    base::Duration wait{};
    if (result.status == InvocationStatus::kThrottled ||
        result.status == InvocationStatus::kHostError) {
      wait = NextBackOff(entry);
    } else if (entry.function_errors >=
               ConfigOf(registry_, entry.event).max_retries.value_or(kDefaultEventRetries)) {
      return GiveUp(id, "RetriesExhausted", "the function failed each time", &result);
    } else {
      wait = std::chrono::minutes(++entry.function_errors);
    }
    Defer(entry, wait);
    if (IsTooOld(entry, entry.due_ms)) {
      return GiveUp(id, "EventAgeExceeded", "the event would be too old", &result);
    }
    ++counters_.retries;
    due_.emplace(entry.due_ms, id);
    Write(
        "UPDATE async_events SET function_errors = ?, host_errors = ?, due_ms = ? "
        "WHERE request_id = ?",
        {entry.function_errors, entry.host_errors, entry.due_ms, id}, LogFailure(id));
  }

  void Defer(Entry& entry, base::Duration wait) const {
    entry.due_ms =
        NowMillis() + std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  }

  static base::Duration NextBackOff(Entry& entry) {
    const int64_t doublings = std::min<int64_t>(entry.host_errors++, 20);
    return std::min<base::Duration>(std::chrono::seconds(int64_t{1} << doublings), kMaxBackOff);
  }

  void GiveUp(const std::string& id, const char* condition, std::string_view why,
              const InvocationResult* result) {
    Entry& entry = entries_.at(id);
    HLOG_WARN("event {} for {} is given up: {}", id, entry.event.function_name, why);
    ++counters_.given_up;
    ++MetricsOf(entry.event)->async_dropped;
    End(entry, condition, result);
  }

  // `result`: of the last call. Where it never reached the function, nobody is told of a response.
  void End(Entry& entry, const char* condition, const InvocationResult* result) {
    const AsyncEvent& event = entry.event;
    const bool has_answer = result != nullptr && result->status != InvocationStatus::kThrottled &&
                            result->status != InvocationStatus::kHostError;
    std::string arn = event.invoked_arn;
    if (QualifierOf(event).empty()) arn += ":$LATEST";
    const EventEnd end{.condition = condition,
                       .request_id = event.request_id,
                       .function_arn = std::move(arn),
                       .invoke_count = entry.function_errors + (has_answer ? 1 : 0),
                       .request_payload = event.payload,
                       .result = has_answer ? result : nullptr};
    const bool is_success = std::string_view(condition) == "Success";
    const EventInvokeConfig config = ConfigOf(registry_, event);
    if (const std::string& to = is_success ? config.on_success : config.on_failure; !to.empty()) {
      entry.notices.push_back(
          {{.arn = to,
            .record = MakeEventRecord(end, loop_.service_clock().WallNow()),
            .trace_id = event.trace_id,
            .event = Destinations::BusEvent{.source = "lambda",
                                            .detail_type = std::string(kResultType) +
                                                           (is_success ? "Success" : "Failure"),
                                            .resources = {to, end.function_arn}}},
           &FunctionMetrics::destination_failures});
    }
    const FunctionRef function =
        is_success ? nullptr
                   : registry_.Resolve({event.function_name, std::string(QualifierOf(event))});
    if (function != nullptr && !function->dead_letter_arn.empty()) {
      entry.notices.push_back({{.arn = function->dead_letter_arn,
                                .record = event.payload,
                                .trace_id = event.trace_id,
                                .attributes = DeadLetterAttributes(end, result)},
                               &FunctionMetrics::dead_letter_errors});
    }
    if (entry.notices.empty()) return Remove(event.request_id);
    entry.host_errors = 0;
    entry.ended_ms = NowMillis();
    Send(entry);
  }

  void Send(Entry& entry) {
    ++sending_;
    destinations_.Send(entry.notices.back().delivery,
                       [this, alive = std::weak_ptr<bool>(alive_),
                        id = entry.event.request_id](const base::Result<void>& sent) {
                         if (!alive.expired()) OnSent(id, sent);
                       });
  }

  void OnSent(const std::string& id, const base::Result<void>& sent) {
    --sending_;
    Entry& entry = entries_.at(id);
    if (sent) return NextNotice(entry);
    const Notice& notice = entry.notices.back();
    ++((*MetricsOf(entry.event)).*notice.failures);
    HLOG_WARN("the end of event {} is not delivered to {}: {}", id, notice.delivery.arn,
              sent.error().ToString());
    Defer(entry, NextBackOff(entry));
    const bool is_too_old = entry.due_ms - entry.ended_ms > kDefaultEventAgeSeconds * 1000;
    if (Destinations::IsFinal(sent.error()) || is_too_old) return NextNotice(entry);
    due_.emplace(entry.due_ms, id);
    PumpLater();
  }

  // The one that was told last has it, or never will.
  void NextNotice(Entry& entry) {
    entry.notices.pop_back();
    entry.host_errors = 0;
    entry.ended_ms = NowMillis();
    entry.notices.empty() ? Remove(entry.event.request_id) : Send(entry);
  }

  // A function that is to hear of an event's end is invoked as by any other event. There is room
  // for it however full the queue is: it takes the place of the event, which waits for nothing
  // else.
  void PutRecord(Destinations::Delivery delivery, Destinations::Done done) {
    if (delivery.record.size() > kMaxRecord) {
      return done(base::Invalid("send to " + delivery.arn, "the record is too large"));
    }
    const auto name = aws::ParseFunctionName(delivery.arn);
    if (!name) return done(base::Invalid("send to " + delivery.arn, name.error().message));
    Accept({.request_id = base::NewUuid(),
            .function_name = name->name,
            .invoked_arn = std::move(delivery.arn),
            .trace_id = std::move(delivery.trace_id),
            .payload = std::move(delivery.record)},
           std::move(done));
  }

  void Remove(const std::string& id) {
    commits_.WriteLazily(
        [id](store::Database& database) -> base::Result<void> {
          const Value values[] = {id};
          TRY(database.Run("DELETE FROM async_events WHERE request_id = ?", values));
          return {};
        },
        LogFailure(id));
    const auto found = entries_.find(id);
    bytes_ -= found->second.event.payload.size();
    entries_.erase(found);
  }

  // A lost update or delete means a second delivery after a restart, which at-least-once allows.
  static std::function<void(base::Result<void>)> LogFailure(const std::string& id) {
    return [id](base::Result<void> result) {
      if (!result) HLOG_ERROR("event {}: {}", id, result.error().ToString());
    };
  }

  void Write(std::string_view sql, std::vector<Value> parameters, store::GroupCommit::Done done) {
    commits_.Write(
        [sql, parameters = std::move(parameters)](store::Database& database) -> base::Result<void> {
          TRY(database.Run(sql, parameters));
          return {};
        },
        std::move(done), store::GroupCommit::Refuses::kNever);
  }

  io::Loop& loop_;
  store::Database& database_;  // At start alone.
  store::GroupCommit commits_;
  Registry& registry_;
  Invoker& invoker_;
  io::Timer timer_;
  Destinations destinations_;
  std::unordered_map<std::string, Entry> entries_;  // By request id; durable ones only.
  std::multimap<int64_t, std::string> due_;         // Not in flight, by due_ms.
  struct Flight {
    size_t calls = 0;
    std::deque<std::string> waiting;  // Due, but for the function's bound.
  };
  std::unordered_map<std::string, Flight> flights_;  // By function.
  bool pump_posted_ = false;
  size_t accepting_ = 0;
  size_t in_flight_ = 0;
  size_t sending_ = 0;  // Records that a destination has not answered for.
  uint64_t bytes_ = 0;  // Of the payloads of entries_ and of those that are being accepted.
  AsyncCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

base::Result<std::unique_ptr<AsyncQueue>> AsyncQueue::Open(io::Loop& loop,
                                                           store::Database& database,
                                                           io::Offload& writer, Registry& registry,
                                                           Invoker& invoker) {
  auto queue = std::make_unique<SqliteAsyncQueue>(loop, database, writer, registry, invoker);
  TRY(queue->Load());
  return queue;
}

std::vector<store::Migration> AsyncQueueMigrations() {
  return {{"async events",
           "CREATE TABLE async_events (request_id TEXT PRIMARY KEY, function TEXT NOT NULL, "
           "arn TEXT NOT NULL, trace_id TEXT NOT NULL, payload TEXT NOT NULL, "
           "accepted_ms INTEGER NOT NULL, function_errors INTEGER NOT NULL, "
           "host_errors INTEGER NOT NULL, due_ms INTEGER NOT NULL) WITHOUT ROWID"}};
}

}  // namespace hearth::invoker
