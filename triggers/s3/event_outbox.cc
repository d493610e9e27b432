#include "triggers/s3/event_outbox.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "invoker/destinations.h"

namespace hearth::s3 {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kFirstBackOffMs = 1000;
constexpr int64_t kMaxBackOffMs = 5 * 60 * 1000;
constexpr int64_t kPatienceMs = 24 * 3600 * 1000;
constexpr auto kReload = 1s;

size_t BytesOf(const OutgoingEvent& event) { return event.arn.size() + event.payload.size(); }

int64_t BackOffMs(int failures) {
  return std::min(kFirstBackOffMs << std::min(failures - 1, 20), kMaxBackOffMs);
}

}  // namespace

EventOutbox::EventOutbox(io::Loop& loop, Deliver deliver, Rows rows)
    : loop_(loop),
      deliver_(std::move(deliver)),
      rows_(std::move(rows)),
      timer_(loop, io::Time::kService),
      reload_(loop) {
  PumpLater();
}

int64_t EventOutbox::NowMillis() const {
  return base::EpochMillis(loop_.service_clock().WallNow());
}

// --- What is held

void EventOutbox::Add(std::vector<OutboxRow> rows) {
  for (OutboxRow& row : rows) {
    const auto target = targets_.find(row.event.arn);
    const bool is_left = target != targets_.end() && target->second.left_after;
    if (!unseen_after_ && !is_left) {
      Take(std::move(row));
    } else if (is_loading_ && heard_.size() < kMaxHeldEventsOfOne) {
      heard_.push_back(std::move(row));  // The page on its way may be older than it.
    } else if (is_loading_) {
      heard_too_many_ = true;
    }  // Else a page will bring it, in its order.
  }
  PumpLater();
}

bool EventOutbox::HasRoom(const Target& target) const {
  if (target.waiting.empty() && target.in_flight == 0) return true;
  return target.waiting.size() < kMaxHeldEventsOfOne && held_ < kMaxHeldEvents &&
         held_bytes_ < kMaxHeldEventBytes;
}

void EventOutbox::Take(OutboxRow row) {
  Target& target = targets_[row.event.arn];
  if (target.left_after) return;
  if (!HasRoom(target)) {
    target.left_after = row.id - 1;
    return;
  }
  Hold(target, std::move(row));
}

void EventOutbox::Hold(Target& target, OutboxRow row) {
  // Heard of twice, where the store reads and writes on threads of their own.
  if (target.waiting.contains(row.id) || in_flight_.contains(row.id)) return;
  ++held_;
  held_bytes_ += BytesOf(row.event);
  target.waiting.emplace(row.id, std::move(row.event));
}

// --- Sending

void EventOutbox::PumpLater() {
  if (std::exchange(is_pump_posted_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    is_pump_posted_ = false;
    Pump();
  });
}

bool EventOutbox::CanSend(const Target& target, int64_t now) const {
  if (target.waiting.empty() || in_flight_.size() >= limits::kMaxObjectEvents) return false;
  // One that fails is probed by one.
  if (target.failures > 0) return target.in_flight == 0 && target.due_ms <= now;
  return target.in_flight < kMaxEventsInFlightOfOne;
}

// Round after round, one row of each target: the first has no more of the room than the last.
void EventOutbox::Pump() {
  const int64_t now = NowMillis();
  for (bool has_sent = true; has_sent;) {
    has_sent = false;
    for (auto at = targets_.begin(); at != targets_.end(); ++at) {
      if (SendOne(at, now)) has_sent = true;
    }
  }
  std::erase_if(targets_, [](const auto& one) {
    const Target& target = one.second;
    return target.waiting.empty() && target.in_flight == 0 && !target.left_after;
  });
  if (!done_.empty()) rows_.forget(std::exchange(done_, {}));
  Scan();
  StartTimer(now);
}

// What is called back inside the call only posts.
bool EventOutbox::SendOne(Targets::iterator at, int64_t now) {
  auto& [arn, target] = *at;
  if (!CanSend(target, now)) return false;
  auto first = target.waiting.extract(target.waiting.begin());
  const int64_t id = first.key();
  ++target.in_flight;
  const auto flight = in_flight_.emplace(id, std::move(first.mapped())).first;
  deliver_(flight->second, [this, alive = std::weak_ptr<bool>(alive_), arn = arn, id,
                            &loop = loop_](base::Result<void> sent) {
    loop.Post([this, alive, arn, id, sent = std::move(sent)] {
      if (!alive.expired()) OnSent(arn, id, sent);
    });
  });
  return true;
}

void EventOutbox::OnSent(const std::string& arn, int64_t id, base::Result<void> sent) {
  auto flight = in_flight_.extract(id);
  Target& target = targets_.at(arn);
  --target.in_flight;
  if (!sent && !invoker::Destinations::IsFinal(sent.error())) {
    OnFailure(arn, target, id, std::move(flight.mapped()), sent.error());
    return PumpLater();
  }
  if (sent) {
    ++counters_.delivered;
  } else {
    ++counters_.given_up;
    HLOG_WARN("an event of an object is not delivered to {}: {}", arn, sent.error().ToString());
  }
  target.failures = 0;
  target.failing_since_ms = 0;
  held_bytes_ -= BytesOf(flight.mapped());
  Forget(id);
  PumpLater();
}

void EventOutbox::OnFailure(const std::string& arn, Target& target, int64_t id, OutgoingEvent event,
                            const base::Error& error) {
  const int64_t now = NowMillis();
  ++counters_.retries;
  target.waiting.emplace(id, std::move(event));
  // Those that were sent together fail together: that counts once.
  if (target.failures > 0 && target.due_ms > now) return;
  if (target.failures == 0) {
    target.failing_since_ms = now;
    HLOG_WARN("events of objects wait for {}: {}", arn, error.ToString());
  }
  target.due_ms = now + BackOffMs(++target.failures);
  if (now - target.failing_since_ms >= kPatienceMs) GiveUpAll(arn, target);
}

void EventOutbox::GiveUpAll(const std::string& arn, Target& target) {
  HLOG_ERROR("{} events of objects are given up: {} has failed for a day", target.waiting.size(),
             arn);
  counters_.given_up += target.waiting.size();
  for (const auto& [id, event] : target.waiting) {
    held_bytes_ -= BytesOf(event);
    Forget(id);
  }
  target.waiting.clear();
}

void EventOutbox::Forget(int64_t id) {
  --held_;
  done_.push_back(id);
}

void EventOutbox::StartTimer(int64_t now) {
  int64_t due = INT64_MAX;
  for (const auto& [_, target] : targets_) {
    if (!target.waiting.empty() && target.failures > 0 && target.in_flight == 0) {
      due = std::min(due, target.due_ms);
    }
  }
  if (due == INT64_MAX) return timer_.Cancel();
  timer_.Start(std::chrono::milliseconds(std::max<int64_t>(due - now, 1)), [this] { Pump(); });
}

bool EventOutbox::IsQuiet() const {
  const int64_t now = NowMillis();
  if (is_pump_posted_ || is_loading_ || !in_flight_.empty() || !done_.empty()) return false;
  if (NextScan()) return false;
  return std::ranges::none_of(targets_, [&](const auto& one) { return CanSend(one.second, now); });
}

// --- What was left on the disk

// Behind which id there are rows that may be taken now.
std::optional<int64_t> EventOutbox::NextScan() const {
  std::optional<int64_t> after = unseen_after_;
  for (const auto& [_, target] : targets_) {
    if (!target.left_after || target.waiting.size() > kMaxHeldEventsOfOne / 2) continue;
    if (HasRoom(target)) after = after ? std::min(*after, *target.left_after) : *target.left_after;
  }
  return after;
}

void EventOutbox::Scan() {
  const std::optional<int64_t> after = NextScan();
  if (!after || is_loading_ || reload_.active()) return;
  is_loading_ = true;
  rows_.load(*after, kOutboxPage,
             [this, alive = std::weak_ptr<bool>(alive_),
              after = *after](Answer<std::vector<OutboxRow>> page) {
               if (!alive.expired()) OnPage(after, kOutboxPage, std::move(page));
             });
}

void EventOutbox::OnPage(int64_t after, int most, Answer<std::vector<OutboxRow>> page) {
  is_loading_ = false;
  std::vector<OutboxRow> heard = std::exchange(heard_, {});
  const bool heard_all = !std::exchange(heard_too_many_, false);
  if (!page) {
    HLOG_ERROR("events of objects cannot be read: {}", page.error().message);
    return reload_.Start(kReload, [this] { Pump(); });
  }
  const int64_t end = page->empty() ? after : page->back().id;
  for (OutboxRow& row : *page) {
    Target& target = targets_[row.event.arn];
    if (!target.left_after) {
      if (unseen_after_ && row.id > *unseen_after_) Take(std::move(row));
      continue;
    }
    // Only what follows on what it has: rows before this page may be left on the disk too.
    if (*target.left_after < after || row.id <= *target.left_after || !HasRoom(target)) continue;
    target.left_after = row.id;
    Hold(target, std::move(row));
  }
  const bool is_last = page->size() < static_cast<size_t>(most) && heard_all;
  MoveOn(after, end, is_last);
  if (is_last) {
    for (OutboxRow& row : heard) {
      if (row.id > end) Take(std::move(row));
    }
  }
  PumpLater();
}

// All rows behind `after` and up to `end` were looked at; `is_last`: there are no more.
void EventOutbox::MoveOn(int64_t after, int64_t end, bool is_last) {
  for (auto& [_, target] : targets_) {
    // What has room at the end had it all the time, and missed nothing.
    if (!target.left_after || *target.left_after < after || !HasRoom(target)) continue;
    target.left_after = std::max(*target.left_after, end);
    if (is_last) target.left_after.reset();
  }
  if (!unseen_after_) return;
  unseen_after_ = std::max(*unseen_after_, end);
  if (is_last) unseen_after_.reset();
}

}  // namespace hearth::s3
