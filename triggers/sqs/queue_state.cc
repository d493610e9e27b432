#include "triggers/sqs/queue_state.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace hearth::sqs {

uint32_t QueueState::GroupNumber(std::string_view name) {
  const auto [at, is_new] = group_numbers_.emplace(name, next_group_);
  if (is_new) groups_[next_group_++].name = std::string(name);
  return at->second;
}

void QueueState::DropEmptyGroups() {
  std::erase_if(groups_, [this](const auto& each) {
    const bool is_empty = each.second.in_flight == 0 && each.second.waiting.empty();
    if (is_empty) group_numbers_.erase(each.second.name);
    return is_empty;
  });
}

void QueueState::Count(const Message& message, int change) {
  size_t* count = nullptr;
  switch (message.state) {
    case MessageState::kReady:
      count = &counts_.ready;
      break;
    case MessageState::kDelayed:
      count = &counts_.delayed;
      break;
    case MessageState::kInFlight:
      count = &counts_.in_flight;
      break;
    case MessageState::kMoving:
      break;
  }
  CHECK(count != nullptr && (change > 0 || *count > 0));
  *count += static_cast<size_t>(change);
}

// Whether a group has something to offer may have changed.
void QueueState::Reopen(uint32_t number, Group& group) {
  uint64_t offer = 0;
  if (group.in_flight == 0 && !group.waiting.empty()) {
    const Message* const first = index_.Find(group.waiting.front());
    CHECK(first != nullptr);
    if (first->state == MessageState::kReady && !IsHeld(*first)) offer = first->sequence;
  }
  if (offer != group.offered_as) {
    if (group.offered_as != 0) open_.erase({group.offered_as, number});
    if (offer != 0) open_.emplace(offer, number);
    group.offered_as = offer;
  }
  if (group.in_flight == 0 && group.waiting.empty()) {
    group_numbers_.erase(group.name);
    groups_.erase(number);
  }
}

void QueueState::EnterWaiting(const Message& message) {
  auto& waiting = groups_.at(message.group).waiting;
  // Most come in order; what comes back goes near the front.
  if (waiting.empty() || waiting.back() < message.sequence) {
    waiting.push_back(message.sequence);
  } else {
    waiting.insert(std::ranges::lower_bound(waiting, message.sequence), message.sequence);
  }
}

void QueueState::LeaveWaiting(const Message& message) {
  auto& waiting = groups_.at(message.group).waiting;
  const auto place = std::ranges::lower_bound(waiting, message.sequence);
  CHECK(place != waiting.end() && *place == message.sequence);
  waiting.erase(place);
}

void QueueState::EnterReady(Message& message) {
  message.state = MessageState::kReady;
  message.passed_over = false;
  Count(message, 1);
  if (!is_fifo_) ready_.push_back(message.sequence);
}

void QueueState::Add(Message& message, int64_t now_ms) {
  message.queue = queue_;
  by_age_.Add({message.sent_ms, message.sequence});
  const bool is_later = message.visible_at_ms > now_ms;
  const bool in_flight = is_later && message.receive_count > 0;
  if (is_later) {
    message.state = in_flight ? MessageState::kInFlight : MessageState::kDelayed;
    Count(message, 1);
    timed_.Add({message.visible_at_ms, message.sequence});
  } else {
    EnterReady(message);
  }
  if (!is_fifo_) return;
  Group& group = groups_.at(message.group);
  if (in_flight) {
    ++group.in_flight;
  } else {
    EnterWaiting(message);
  }
  Reopen(message.group, group);
}

void QueueState::Remove(Message& message) {
  CHECK(IsMine(&message));
  Count(message, -1);
  if (is_fifo_) {
    Group& group = groups_.at(message.group);
    if (message.state == MessageState::kInFlight) {
      --group.in_flight;
    } else {
      LeaveWaiting(message);
    }
    message.state = MessageState::kMoving;
    Reopen(message.group, group);
  }
  message.state = MessageState::kMoving;
  timed_.Pack(counts_.delayed + counts_.in_flight,
              [this](const MomentHeap::Moment& each) { return IsTimed(each); });
  by_age_.Pack(counts_.all(), [this](const MomentHeap::Moment& each) {
    return IsMine(index_.Find(each.sequence));
  });
}

void QueueState::Take(Message& message, int64_t visible_at_ms) {
  CHECK(message.state == MessageState::kReady);
  Count(message, -1);
  message.state = MessageState::kInFlight;
  message.visible_at_ms = visible_at_ms;
  Count(message, 1);
  timed_.Add({visible_at_ms, message.sequence});
  if (!is_fifo_) return;
  Group& group = groups_.at(message.group);
  LeaveWaiting(message);
  ++group.in_flight;
  Reopen(message.group, group);
}

void QueueState::ChangeVisibility(Message& message, int64_t visible_at_ms, int64_t now_ms) {
  CHECK(message.state == MessageState::kInFlight);
  message.visible_at_ms = visible_at_ms;
  if (visible_at_ms > now_ms) {
    timed_.Add({visible_at_ms, message.sequence});
    timed_.Pack(counts_.delayed + counts_.in_flight,
                [this](const MomentHeap::Moment& each) { return IsTimed(each); });
    return;
  }
  Count(message, -1);
  EnterReady(message);
  if (!is_fifo_) return;
  Group& group = groups_.at(message.group);
  --group.in_flight;
  EnterWaiting(message);
  Reopen(message.group, group);
}

bool QueueState::IsTimed(const MomentHeap::Moment& moment) {
  const Message* const message = index_.Find(moment.sequence);
  return IsMine(message) && message->state != MessageState::kReady &&
         message->visible_at_ms == moment.at_ms;
}

bool QueueState::Advance(int64_t now_ms, size_t most) {
  while (!timed_.empty() && timed_.top().at_ms <= now_ms) {
    if (most-- == 0) return false;
    const MomentHeap::Moment due = timed_.top();
    timed_.Pop();
    if (!IsTimed(due)) continue;
    Message& message = *index_.Find(due.sequence);
    if (message.state == MessageState::kInFlight) {
      ChangeVisibility(message, due.at_ms, now_ms);
      continue;
    }
    Count(message, -1);
    EnterReady(message);
    if (is_fifo_) Reopen(message.group, groups_.at(message.group));
  }
  return true;
}

void QueueState::OfferReady(size_t most, const std::function<bool(Message&)>& visit) {
  if (is_fifo_) return OfferOfGroups(most, visit);
  while (most > 0 && !ready_.empty()) {
    Message* const message = index_.Find(ready_.front());
    if (!IsMine(message) || message->state != MessageState::kReady) {
      ready_.pop_front();
      continue;
    }
    if (IsHeld(*message)) {  // Release gives it its place again.
      message->passed_over = true;
      ready_.pop_front();
      continue;
    }
    if (!visit(*message)) return;
    CHECK(message->state != MessageState::kReady);
    ready_.pop_front();
    --most;
  }
}

void QueueState::OfferOfGroups(size_t most, const std::function<bool(Message&)>& visit) {
  while (most > 0 && !open_.empty()) {
    const uint32_t number = open_.begin()->second;
    // As long as it lasts, a group gives all to one receive, in order; then it is locked.
    for (auto at = groups_.find(number);
         most > 0 && at != groups_.end() && !at->second.waiting.empty();
         at = groups_.find(number), --most) {
      Message* const message = index_.Find(at->second.waiting.front());
      CHECK(message != nullptr);
      if (message->state != MessageState::kReady) break;
      if (IsHeld(*message)) {
        Reopen(number, at->second);
        break;
      }
      if (!visit(*message)) return;
      CHECK(message->state != MessageState::kReady);
    }
  }
}

void QueueState::Release(Message& message) {
  if (message.state != MessageState::kReady || IsHeld(message)) return;
  if (is_fifo_) return Reopen(message.group, groups_.at(message.group));
  if (std::exchange(message.passed_over, false)) ready_.push_front(message.sequence);
}

bool QueueState::OfferSentBy(int64_t sent_ms, size_t most,
                             const std::function<void(Message&)>& visit) {
  while (!by_age_.empty() && by_age_.top().at_ms <= sent_ms) {
    if (most-- == 0) return false;
    const uint64_t sequence = by_age_.top().sequence;
    by_age_.Pop();
    if (Message* const message = index_.Find(sequence); IsMine(message)) visit(*message);
  }
  return true;
}

void QueueState::Trim(size_t most) {
  // What nobody receives leaves its places here.
  for (size_t left = most; left > 0 && !ready_.empty(); --left) {
    if (IsMine(index_.Find(ready_.front()))) break;
    ready_.pop_front();
  }
  for (size_t left = most; left > 0 && !by_age_.empty(); --left) {
    if (IsMine(index_.Find(by_age_.top().sequence))) break;
    by_age_.Pop();
  }
  for (size_t left = most; left > 0 && !timed_.empty(); --left) {
    if (IsTimed(timed_.top())) break;
    timed_.Pop();
  }
}

void QueueState::StartPurge(uint64_t before) {
  CHECK(!purge_);
  purge_ = Purge{.before = before, .spared = {}};
}

void QueueState::Spare(uint64_t sequence) {
  if (purge_) purge_->spared.insert(sequence);
}

std::optional<int64_t> QueueState::next_ready_ms() {
  while (!timed_.empty() && !IsTimed(timed_.top())) timed_.Pop();
  return timed_.empty() ? std::nullopt : std::optional(timed_.top().at_ms);
}

std::optional<int64_t> QueueState::oldest_sent_ms() {
  while (!by_age_.empty() && !IsMine(index_.Find(by_age_.top().sequence))) by_age_.Pop();
  return by_age_.empty() ? std::nullopt : std::optional(by_age_.top().at_ms);
}

}  // namespace hearth::sqs
