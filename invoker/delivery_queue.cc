#include "invoker/delivery_queue.h"

#include <algorithm>
#include <unordered_map>

#include "base/json.h"
#include "base/log.h"
#include "invoker/target_sender.h"
#include "io/timer.h"
#include "store/due_window.h"

namespace hearth::invoker {
namespace {

using base::ErrorKind;
using base::Json;
using store::DueKey;
using store::Value;

constexpr auto kAgain = std::chrono::seconds(1);
constexpr int64_t kFirstBackOffMs = 1000;
// AWS: 185 attempts in 24 hours.
constexpr int64_t kMaxBackOffMs = 10 * 60 * 1000;
// Ours: a dead-letter queue that cannot take a letter is tried for so long.
constexpr int64_t kDeadLetterPatienceMs = 24 * 3600 * 1000;
constexpr std::string_view kRow =
    "SELECT id, due_ms, accepted_ms, attempts, dead, arn, record, rest FROM deliveries ";

// One of the table's rows.
struct Row {
  int64_t id = 0;
  int64_t due_ms = 0;
  int64_t attempts = 0;
  // When it was given up: it is a dead letter from then on. 0: it is not.
  int64_t dead_since_ms = 0;
  TargetDelivery what{};
  std::vector<Destinations::Attribute> why{};  // Of a dead letter.
  size_t flight_bytes = 0;                     // As they were counted when it was taken.
  bool is_forbidden = false;                   // By its target's policy, when it was last tried.

  size_t bytes() const {
    return what.to.arn.size() + what.to.record.size() + what.dead_letter_body.size() + 512;
  }
};

Json AttributesJson(const std::vector<Destinations::Attribute>& attributes) {
  Json out = Json::array();
  for (const auto& [name, type, value] : attributes) out.push_back({name, type, value});
  return out;
}

std::vector<Destinations::Attribute> ReadAttributes(const Json& stored) {
  std::vector<Destinations::Attribute> out;
  for (const Json& one : stored) out.push_back({one.at(0), one.at(1), one.at(2)});
  return out;
}

// All but what has a column of its own; what is as usual is left out.
std::string RestText(const Row& row) {
  const TargetDelivery& what = row.what;
  Json out = Json::object();
  const auto put = [&out](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  put("trace", what.to.trace_id);
  put("group", what.to.group_id);
  put("bus", what.to.by_bus);
  put("service", what.from.service);
  put("source", what.from.arn);
  put("account", what.from.account);
  put("letters", what.dead_letter_arn);
  put("body", what.dead_letter_body);
  if (what.max_retries != kMaxDeliveryRetries) out["retries"] = what.max_retries;
  if (what.max_age_s != kMaxDeliveryAgeS) out["age"] = what.max_age_s;
  if (what.tells_attempt) out["tells"] = true;
  if (!what.marks.empty()) out["marks"] = AttributesJson(what.marks);
  if (!row.why.empty()) out["why"] = AttributesJson(row.why);
  if (what.to.event) {
    out["event"] = {what.to.event->source, what.to.event->detail_type, what.to.event->resources};
  }
  return base::ToJsonText(out);
}

void ReadRest(std::string_view text, Row& row) {
  const Json rest = base::ParseJson(text).value_or(Json::object());
  TargetDelivery& what = row.what;
  what.to.trace_id = rest.value("trace", "");
  what.to.group_id = rest.value("group", "");
  what.to.by_bus = rest.value("bus", "");
  what.from = {rest.value("service", ""), rest.value("source", ""), rest.value("account", "")};
  what.dead_letter_arn = rest.value("letters", "");
  what.dead_letter_body = rest.value("body", "");
  what.max_retries = rest.value("retries", what.max_retries);
  what.max_age_s = rest.value("age", what.max_age_s);
  what.tells_attempt = rest.value("tells", false);
  what.marks = ReadAttributes(rest.value("marks", Json::array()));
  row.why = ReadAttributes(rest.value("why", Json::array()));
  if (const auto event = rest.find("event"); event != rest.end()) {
    what.to.event = Destinations::BusEvent{event->at(0), event->at(1), event->at(2)};
  }
}

Row ReadRow(const store::Row& from) {
  Row row{.id = from.Int(0),
          .due_ms = from.Int(1),
          .attempts = from.Int(3),
          .dead_since_ms = from.Int(4)};
  row.what.accepted_ms = from.Int(2);
  row.what.to.arn = from.Text(5);
  row.what.to.record = from.Text(6);
  ReadRest(from.Text(7), row);
  return row;
}

base::Result<std::vector<Row>> ReadRows(store::Database& database, DueKey after, size_t most) {
  std::vector<Row> rows;
  const Value values[] = {after.due_ms, after.id, static_cast<int64_t>(most)};
  TRY(database.Run(std::string(kRow) + "WHERE (due_ms, id) > (?, ?) ORDER BY due_ms, id LIMIT ?",
                   values, [&](const store::Row& row) { rows.push_back(ReadRow(row)); }));
  return rows;
}

base::Result<void> InsertRows(store::Database& database, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Value values[] = {row.id,          row.due_ms,         row.what.accepted_ms,
                            row.what.to.arn, row.what.to.record, RestText(row)};
    TRY(
        database.Run("INSERT INTO deliveries (id, due_ms, accepted_ms, attempts, dead, arn, "
                     "record, rest) VALUES (?, ?, ?, 0, 0, ?, ?, ?)",
                     values));
  }
  return {};
}

// The same for the same delivery: a virtual clock's runs are alike.
double JitterOf(int64_t id, int64_t attempt) {
  uint64_t x = static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15u + static_cast<uint64_t>(attempt);
  x ^= x >> 31;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 29;
  return static_cast<double>(x >> 40) / static_cast<double>(1u << 24);
}

// Half of it to all of it.
int64_t BackOffMs(int64_t id, int64_t failures) {
  const int64_t whole =
      std::min(kFirstBackOffMs << std::clamp<int64_t>(failures - 1, 0, 20), kMaxBackOffMs);
  return whole / 2 + static_cast<int64_t>(JitterOf(id, failures) * static_cast<double>(whole / 2));
}

const char* CodeOf(const base::Error& error, bool is_forbidden) {
  if (is_forbidden) return "NO_PERMISSIONS";
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return "RESOURCE_NOT_FOUND";
    case ErrorKind::kInvalid:
    case ErrorKind::kUnsupported:
      return "INVALID_PARAMETER";
    case ErrorKind::kLimit:
      return "THROTTLING";
    default:
      return "INTERNAL_ERROR";
  }
}

std::string WithAttempt(std::string record, int64_t attempt) {
  const std::string number = std::to_string(attempt);
  for (size_t at = 0; (at = record.find(kAttemptMark, at)) != std::string::npos;) {
    record.replace(at, sizeof kAttemptMark - 1, number);
    at += number.size();
  }
  return record;
}

class SqliteDeliveryQueue final : public DeliveryQueue {
 public:
  SqliteDeliveryQueue(io::Loop& loop, store::GroupCommit& commits, AsyncQueue& events,
                      const Registry& registry, Account account, int64_t next_id)
      : loop_(loop),
        commits_(commits),
        destinations_(events.destinations()),
        send_(MakeTargetSender(events, registry, loop.service_clock(), std::move(account))),
        timer_(loop, io::Time::kService),
        again_(loop),
        next_id_(next_id),
        window_(loop, {.most_rows = kMaxHeldDeliveries,
                       .most_bytes = kMaxHeldDeliveryBytes,
                       .load = store::DuePages<Row>(commits, kMaxHeldDeliveryBytes, ReadRows),
                       .on_page = [this] { PumpLater(); }}) {}

  void Put(std::vector<TargetDelivery> deliveries, store::GroupCommit::Work work,
           Done done) override {
    const int64_t now = NowMillis();
    auto rows = std::make_shared<std::vector<Row>>();
    rows->reserve(deliveries.size());
    for (TargetDelivery& what : deliveries) {
      rows->push_back({.id = next_id_++, .due_ms = now, .what = std::move(what)});
    }
    using store::GroupCommit;
    const auto refuses = work ? GroupCommit::Refuses::kMaybe : GroupCommit::Refuses::kNever;
    commits_.Write(
        [rows, work = std::move(work)](store::Database& database) -> base::Result<void> {
          TRY(InsertRows(database, *rows));
          return work ? work(database) : base::Result<void>();
        },
        [this, alive = std::weak_ptr<bool>(alive_), rows,
         done = std::move(done)](base::Result<void> result) {
          if (alive.expired()) return;
          if (result) {
            for (Row& row : *rows) window_.Put(std::move(row));
            PumpLater();
          }
          done(std::move(result));
        },
        refuses);
  }

  DeliveryCounters counters() const override { return counters_; }
  bool IsQuiet() const override {
    const auto due = window_.next_due_ms();
    return in_flight_ == 0 && done_.empty() && !window_.IsLoading() && !is_pump_posted_ &&
           (!due || !IsDue(*due, NowMillis()));
  }

 private:
  int64_t NowMillis() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

  void PumpLater() {
    if (std::exchange(is_pump_posted_, true)) return;
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      is_pump_posted_ = false;
      Pump();
    });
  }

  // No delivery waits longer than that by its own: it was put before the clock was set back.
  static bool IsDue(int64_t due_ms, int64_t now) {
    return due_ms <= now || due_ms > now + kMaxBackOffMs;
  }

  bool HasRoom() const {
    return in_flight_ == 0 ||
           (in_flight_ < kMaxDeliveriesInFlight && bytes_in_flight_ < kMaxDeliveryBytesInFlight);
  }

  void Pump() {
    if (again_.active()) return;  // The disk takes nothing: what is sent could not be forgotten.
    const int64_t now = NowMillis();
    auto due = window_.next_due_ms();
    for (; due && IsDue(*due, now) && HasRoom(); due = window_.next_due_ms()) {
      Send(*window_.TakeDue(*due), now);
    }
    ForgetDone();
    if (!due || !HasRoom()) return timer_.Cancel();
    timer_.Start(std::chrono::milliseconds(*due - now), [this] { Pump(); });
  }

  void Send(Row row, int64_t now) {
    row.flight_bytes = row.bytes();
    ++in_flight_;
    bytes_in_flight_ += row.flight_bytes;
    const int64_t id = row.id;
    Row& held = flights_.emplace(id, std::move(row)).first->second;
    const TargetDelivery& what = held.what;
    if (held.dead_since_ms != 0) {
      const std::string& body = what.dead_letter_body;
      return send_({.arn = what.dead_letter_arn,
                    .record = body.empty() ? what.to.record : body,
                    .trace_id = what.to.trace_id,
                    .attributes = held.why},
                   Answering(id));
    }
    if (now - what.accepted_ms > what.max_age_s * 1000) {
      return Answering(id)(
          base::MakeError(ErrorKind::kTimeout, "send to " + what.to.arn, "it is too old"));
    }
    if (!what.from.service.empty()) {
      using enum Destinations::Admission;
      const auto admission = destinations_.Ask(what.to.arn, what.from);
      if (admission == kForbidden) {
        held.is_forbidden = true;
        return Answering(id)(
            base::Invalid("send to " + what.to.arn,
                          "its policy does not let " + what.from.service + " send to it"));
      }
    }
    Destinations::Delivery to = what.to;
    if (what.tells_attempt) to.record = WithAttempt(std::move(to.record), held.attempts + 1);
    send_(std::move(to), Answering(id));
  }

  // What is called back inside the call only posts.
  Destinations::Done Answering(int64_t id) {
    return [this, alive = std::weak_ptr<bool>(alive_), id, &loop = loop_](base::Result<void> sent) {
      loop.Post([this, alive, id, sent = std::move(sent)] {
        if (!alive.expired()) OnSent(id, sent);
      });
    };
  }

  void OnSent(int64_t id, const base::Result<void>& sent) {
    auto flight = flights_.extract(id);
    Row& row = flight.mapped();
    if (sent) {
      ++(row.dead_since_ms != 0 ? counters_.dead_letters : counters_.delivered);
      Finish(row);
    } else if (row.dead_since_ms != 0) {
      OnLetterFailure(std::move(row), sent.error());
    } else {
      OnFailure(std::move(row), sent.error());
    }
    PumpLater();
  }

  // It is dealt with, one way or the other.
  void Finish(const Row& row) {
    Land(row);
    done_.push_back(row.id);
  }

  void Land(const Row& row) {
    --in_flight_;
    bytes_in_flight_ -= row.flight_bytes;
  }

  void OnFailure(Row row, const base::Error& error) {
    const TargetDelivery& what = row.what;
    const int64_t now = NowMillis();
    const bool is_aged = error.kind == ErrorKind::kTimeout;
    if (!is_aged) ++row.attempts;
    const bool is_final = Destinations::IsFinal(error);
    const int64_t due = now + BackOffMs(row.id, row.attempts);
    const bool is_old = is_aged || due - what.accepted_ms > what.max_age_s * 1000;
    const bool is_last = row.attempts > what.max_retries;
    if (!is_final && !is_old && !is_last) {
      ++counters_.retries;
      row.due_ms = due;
      return Store(std::move(row));
    }
    HLOG_WARN("a delivery to {} is given up after {} attempts: {}", what.to.arn, row.attempts,
              error.ToString());
    if (what.dead_letter_arn.empty()) {
      ++counters_.dropped;
      return Finish(row);
    }
    row.why = what.marks;
    // A sender may say it otherwise: the scheduler names the API that it calls.
    const auto is_target = [](const auto& mark) { return mark.name == "TARGET_ARN"; };
    if (std::ranges::none_of(row.why, is_target)) {
      row.why.push_back({"TARGET_ARN", "String", what.to.arn});
    }
    row.why.push_back({"ERROR_CODE", "String", CodeOf(error, row.is_forbidden)});
    row.why.push_back(
        {"ERROR_MESSAGE", "String", error.text.empty() ? error.ToString() : error.text});
    if (!is_final) {
      row.why.push_back(
          {"EXHAUSTED_RETRY_CONDITION", "String",
           is_last && !is_aged ? "MaximumRetryAttempts" : "MaximumEventAgeInSeconds"});
    }
    row.why.push_back(
        {"RETRY_ATTEMPTS", "Number", std::to_string(std::max<int64_t>(row.attempts - 1, 0))});
    if (what.tells_attempt) {
      std::string& body = row.what.dead_letter_body;
      body = WithAttempt(body.empty() ? what.to.record : std::move(body),
                         std::max<int64_t>(row.attempts, 1));
    }
    row.attempts = 0;
    row.dead_since_ms = now;
    row.due_ms = now;
    Store(std::move(row));
  }

  void OnLetterFailure(Row row, const base::Error& error) {
    const int64_t now = NowMillis();
    row.due_ms = now + BackOffMs(row.id, ++row.attempts);
    if (!Destinations::IsFinal(error) && row.due_ms - row.dead_since_ms <= kDeadLetterPatienceMs) {
      return Store(std::move(row));
    }
    HLOG_ERROR("a dead letter is lost: {} cannot take it: {}", row.what.dead_letter_arn,
               error.ToString());
    ++counters_.dropped;
    Finish(row);
  }

  // As it is now. Where the disk fails, it is in flight until it does not.
  void Store(Row row) {
    auto held = std::make_shared<const Row>(std::move(row));
    commits_.Write(
        [held](store::Database& database) -> base::Result<void> {
          const Value values[] = {held->due_ms, held->attempts, held->dead_since_ms,
                                  RestText(*held), held->id};
          TRY(
              database.Run("UPDATE deliveries SET due_ms = ?, attempts = ?, dead = ?, rest = ? "
                           "WHERE id = ?",
                           values));
          return {};
        },
        [this, alive = std::weak_ptr<bool>(alive_), held](const base::Result<void>& result) {
          if (alive.expired()) return;
          if (!result) {
            unstored_.push_back(held);
            return TryAgain(result.error());
          }
          Land(*held);
          window_.Put(*held);
          PumpLater();
        },
        store::GroupCommit::Refuses::kNever);
  }

  // A lost removal means a second delivery after a restart.
  void ForgetDone() {
    if (done_.empty()) return;
    auto ids = std::make_shared<std::vector<int64_t>>(std::exchange(done_, {}));
    commits_.WriteLazily(
        [ids](store::Database& database) -> base::Result<void> {
          for (const int64_t id : *ids) {
            const Value values[] = {id};
            TRY(database.Run("DELETE FROM deliveries WHERE id = ?", values));
          }
          return {};
        },
        [this, alive = std::weak_ptr<bool>(alive_), ids](const base::Result<void>& result) {
          if (alive.expired()) return;
          if (!result) {
            done_.insert(done_.end(), ids->begin(), ids->end());
            return TryAgain(result.error());
          }
          for (const int64_t id : *ids) window_.Forget(id);
        });
  }

  void TryAgain(const base::Error& error) {
    if (again_.active()) return;
    HLOG_ERROR("deliveries cannot be written down: {}", error.ToString());
    again_.Start(kAgain, [this] {
      for (const auto& row : std::exchange(unstored_, {})) Store(*row);
      Pump();
    });
  }

  io::Loop& loop_;
  store::GroupCommit& commits_;
  const Destinations& destinations_;
  const Destinations::Sender send_;
  io::Timer timer_;
  io::Timer again_;  // Of a disk that fails, in the machine's time.
  int64_t next_id_;
  store::DueWindow<Row> window_;
  std::unordered_map<int64_t, Row> flights_;  // By id: sent, and not answered for.
  size_t in_flight_ = 0;                      // These, and what of them is being written down.
  size_t bytes_in_flight_ = 0;
  std::vector<std::shared_ptr<const Row>> unstored_;
  std::vector<int64_t> done_;
  bool is_pump_posted_ = false;
  DeliveryCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

base::Result<std::unique_ptr<DeliveryQueue>> DeliveryQueue::Open(
    io::Loop& loop, store::Database& database, store::GroupCommit& commits, AsyncQueue& events,
    const Registry& registry, Account account) {
  int64_t last = 0;
  TRY(database.Run("SELECT COALESCE(MAX(id), 0) FROM deliveries", {},
                   [&last](const store::Row& row) { last = row.Int(0); }));
  return std::make_unique<SqliteDeliveryQueue>(loop, commits, events, registry, std::move(account),
                                               last + 1);
}

std::vector<store::Migration> DeliveryMigrations() {
  return {{"deliveries",
           "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, due_ms INTEGER NOT NULL, "
           "accepted_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, dead INTEGER NOT NULL, "
           "arn TEXT NOT NULL, record TEXT NOT NULL, rest TEXT NOT NULL) STRICT;"
           "CREATE INDEX deliveries_by_due ON deliveries (due_ms, id)"}};
}

}  // namespace hearth::invoker
