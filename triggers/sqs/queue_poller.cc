#include "triggers/sqs/queue_poller.h"

#include "aws/arn.h"
#include "base/id.h"
#include "base/log.h"
#include "invoker/invoke_api.h"
#include "triggers/sqs/batch_outcome.h"

namespace hearth::sqs {

using invoker::InvocationResult;
using invoker::InvocationStatus;

namespace {

using namespace std::chrono_literals;

// Whoever waits is woken by what comes. So long, as at AWS, a new visibility timeout of the queue
// may go unseen.
constexpr base::Duration kWait = 60s;
constexpr base::Duration kTick = 1s;
constexpr base::Duration kLongWait = 1s;  // Of a call, for room on this host.
constexpr char kCallFailed[] = "PROBLEM: Function call failed";
constexpr char kQueueGone[] =
    "PROBLEM: Error occurred while ReceiveMessage. SQS Error Code: "
    "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
    "exist for this wsdl version.";

std::string NameOf(const std::string& arn) {
  const auto parsed = aws::ParseArn(arn);
  return parsed ? parsed->resource : std::string();
}

bool WasLetIn(const InvocationResult& result) {
  return result.status != InvocationStatus::kThrottled &&
         result.status != InvocationStatus::kHostError;
}

}  // namespace

QueuePoller::QueuePoller(const PollerParts& parts, invoker::MappingRef mapping)
    : parts_(parts),
      mapping_(std::move(mapping)),
      queue_(NameOf(mapping_->source_arn)),
      filter_(mapping_->filters),
      origin_{.arn = mapping_->source_arn,
              .region = parts.account.region,
              .account = parts.account.id,
              .is_fifo = queue_.ends_with(".fifo")},
      pace_(origin_.is_fifo ? limits::kMaxQueueBatches : limits::kFirstQueueBatches,
            static_cast<size_t>(mapping_->max_concurrency.value_or(limits::kMaxQueueBatches))),
      pause_(parts.loop, io::Time::kService),
      tick_(parts.loop, io::Time::kService) {}

QueuePoller::~QueuePoller() {
  for (const auto& [_, batch] : batches_) {
    if (batch.receive != 0) parts_.engine.StopWaiting(batch.receive);
  }
}

void QueuePoller::Pump() {
  while (may_receive() && gatherer_ == 0 && batches_.size() < pace_.allowed() &&
         parts_.budget.Admit()) {
    const uint64_t number = next_batch_++;
    batches_[number];
    Receive(number);
  }
  WatchPace();
}

ReceiveOptions QueuePoller::OptionsFor(const Batch& batch, const QueueRecord& queue) const {
  const size_t room = limits::kMaxSyncPayload - kEventTail.size() - batch.event.size();
  const size_t most = static_cast<size_t>(mapping_->batch_size) - batch.ids.size();
  const base::MonoTime now = parts_.loop.service_clock().Now();
  const base::Duration left = batch.window ? batch.closes - now : 1s * mapping_->window_s;
  ReceiveOptions options;
  options.most =
      std::clamp<size_t>(std::min(most, limits::kMaxGatheredAtOnce), 1, room / kLeastRecord + 1);
  options.most_bytes = room;
  // The timeout is for the function: it begins when the window is over. Never zero, or what has
  // been received would come again at once.
  options.visibility_s = std::max<int64_t>(queue.settings.visibility_s, 1) +
                         std::chrono::ceil<std::chrono::seconds>(left).count();
  options.wait = kWait;
  return options;
}

void QueuePoller::Receive(uint64_t number) {
  const QueueRecord* const queue = parts_.engine.Find(queue_);
  if (queue == nullptr) {
    Abandon(number);
    return OnQueueGone();
  }
  Batch& batch = batches_.at(number);
  ReceiveOptions options = OptionsFor(batch, *queue);
  const size_t room = options.most_bytes;
  batch.receive =
      parts_.engine.Receive(queue_, std::move(options),
                            [this, alive = std::weak_ptr<bool>(alive_), number](Received received) {
                              if (!alive.expired()) OnReceived(number, std::move(received));
                            });
  const bool waits = batch.receive != 0;
  batch.stage = waits ? Batch::Stage::kWaiting : Batch::Stage::kReceiving;
  if (!waits) {
    batch.reserved = room;
    parts_.budget.Charge(room);
  }
  gatherer_ = waits || HasWindow() ? number : 0;
}

void QueuePoller::OnReceived(uint64_t number, Received received) {
  Batch& batch = batches_.at(number);
  const bool has_waited = std::exchange(batch.receive, 0) != 0;
  batch.stage = Batch::Stage::kReceiving;
  if (!HasWindow() && gatherer_ == number) gatherer_ = 0;
  if (!received) {
    Abandon(number);
    if (received.error().kind == base::ErrorKind::kNotFound) return OnQueueGone();
    HLOG_WARN("mapping {} cannot receive: {}", mapping_->uuid, received.error().ToString());
    Report("PROBLEM: " + received.error().ToString());
    // Of those that fail together each comes here.
    if (!pause_.active()) PauseLonger();
    return;
  }
  if (is_stopping_) {
    std::vector<std::string> handles;
    for (ReceivedMessage& each : *received) handles.push_back(std::move(each.receipt_handle));
    GiveBack(std::move(handles));
    return Abandon(number);
  }
  const bool is_empty = received->empty();
  const bool has_taken_all = Add(batch, *std::move(received));
  // Not before what came instead is counted.
  parts_.budget.Release(std::exchange(batch.reserved, 0));
  if (is_empty) return OnNoMessages(number, has_waited);
  if (batch.ids.empty()) {
    Report("No records processed");
    End(number);
    return Pump();
  }
  if (HasWindow() && batch.window == nullptr) OpenWindow(number);
  const bool is_full = batch.ids.size() >= static_cast<size_t>(mapping_->batch_size);
  const bool goes_on = HasWindow() && has_taken_all && !is_full && !batch.is_over &&
                       may_receive() && parts_.budget.has_room();
  if (!goes_on) return Close(number);
  Receive(number);
}

// There was no place to wait, or the wait is over.
void QueuePoller::OnNoMessages(uint64_t number, bool has_waited) {
  const Batch& batch = batches_.at(number);
  if (!batch.ids.empty()) {
    if (has_waited && !batch.is_over) return Receive(number);
    return Close(number);
  }
  End(number);
  if (has_waited) return Pump();
  Pause(limits::kFirstQueueBackOff);
}

bool QueuePoller::Add(Batch& batch, std::vector<ReceivedMessage> messages) {
  const size_t most = limits::kMaxSyncPayload - kEventTail.size();
  std::vector<std::string> unwanted;
  std::vector<std::string> left_over;
  for (ReceivedMessage& message : messages) {
    const std::string record = RecordText(message, origin_);
    if (!filter_.Takes(record)) {
      unwanted.push_back(std::move(message.receipt_handle));
      continue;
    }
    // Once one has no room, those behind it have none: a group's stay in order.
    const bool has_room = batch.ids.empty() || batch.event.size() + 1 + record.size() <= most;
    if (!left_over.empty() || !has_room) {
      left_over.push_back(std::move(message.receipt_handle));
      continue;
    }
    if (!batch.ids.empty()) batch.event += ',';
    batch.event += record;
    batch.ids.push_back(std::move(message.id));
    batch.handles.push_back(std::move(message.receipt_handle));
  }
  parts_.budget.Charge(batch.event.size() - batch.charged);
  batch.charged = batch.event.size();
  const bool has_taken_all = left_over.empty();
  Delete(std::move(unwanted));
  GiveBack(std::move(left_over));
  return has_taken_all;
}

void QueuePoller::OpenWindow(uint64_t number) {
  Batch& batch = batches_.at(number);
  const base::Duration window = 1s * mapping_->window_s;
  batch.closes = parts_.loop.service_clock().Now() + window;
  batch.window = std::make_unique<io::Timer>(parts_.loop, io::Time::kService);
  batch.window->Start(window, [this, number] { OnWindowOver(number); });
}

void QueuePoller::OnWindowOver(uint64_t number) {
  Batch& batch = batches_.at(number);
  if (batch.receive != 0 && parts_.engine.StopWaiting(batch.receive)) {
    batch.receive = 0;
    return Close(number);
  }
  batch.is_over = true;
}

void QueuePoller::Close(uint64_t number) {
  if (gatherer_ == number) gatherer_ = 0;
  batches_.at(number).window.reset();
  Call(number);
  Pump();
}

void QueuePoller::Call(uint64_t number) {
  invoker::FunctionRef function =
      parts_.registry.Resolve({mapping_->function, mapping_->qualifier});
  if (function == nullptr || invoker::CheckInvocable(*function)) {
    Report(kCallFailed);
    BackOff();
    return Abandon(number);
  }
  Batch& batch = batches_.at(number);
  batch.stage = Batch::Stage::kCalling;
  ++calls_;
  std::string payload = std::move(batch.event);
  payload += kEventTail;
  parts_.invoker.Invoke(
      {.request_id = base::NewUuid(),
       .function = std::move(function),
       .invoked_arn = invoker::FunctionArn(parts_.account, mapping_->function, mapping_->qualifier),
       .trace_id = invoker::NewTraceId(parts_.loop.service_clock().WallNow()),
       .client_context = {},
       .payload = std::move(payload),
       .received = parts_.loop.clock().Now()},
      [this, alive = std::weak_ptr<bool>(alive_), number](const InvocationResult& result) {
        if (!alive.expired()) OnAnswer(number, result);
      });
}

void QueuePoller::OnAnswer(uint64_t number, const InvocationResult& result) {
  --calls_;
  if (WasLetIn(result)) {
    back_off_ = {};
    if (result.spans.queue > kLongWait) pace_.OnLongWait();
    Settle(batches_.at(number), result);
    End(number);
  } else {
    Report(kCallFailed);
    BackOff();
    Abandon(number);
  }
  Pump();
}

void QueuePoller::Settle(Batch& batch, const InvocationResult& result) {
  std::optional<std::set<std::string>> failed;
  if (result.status == InvocationStatus::kSuccess) {
    failed = mapping_->reports_item_failures ? ReadBatchOutcome(result.payload, batch.ids)
                                             : std::set<std::string>();
  }
  if (!failed) {
    // A function that reports its failures one by one is not slowed down by them.
    if (!mapping_->reports_item_failures) pace_.OnFailure();
    return Report(kCallFailed);
  }
  std::vector<std::string> handled;
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    if (!failed->contains(batch.ids[i])) handled.push_back(std::move(batch.handles[i]));
  }
  Delete(std::move(handled));
  Report("OK");
}

void QueuePoller::Abandon(uint64_t number) {
  GiveBack(std::move(batches_.at(number).handles));
  End(number);
}

void QueuePoller::End(uint64_t number) {
  const auto batch = batches_.find(number);
  if (gatherer_ == number) gatherer_ = 0;
  const size_t held = batch->second.charged + batch->second.reserved;
  batches_.erase(batch);
  parts_.budget.Release(held);
  EndIfStopped();
}

QueueEngine::Outcomes QueuePoller::Settling() {
  ++settling_;
  return [this, alive = std::weak_ptr<bool>(alive_)](const std::vector<HandleOutcome>& outcomes) {
    if (alive.expired()) return;
    --settling_;
    if (std::ranges::find(outcomes, HandleOutcome::kFailed) != outcomes.end()) {
      // Their visibility timeout ends, and they come again, as at-least-once allows.
      HLOG_WARN("mapping {}: what became of messages could not be written", mapping_->uuid);
    }
    EndIfStopped();
  };
}

void QueuePoller::Delete(std::vector<std::string> handles) {
  if (!handles.empty()) parts_.engine.Delete(queue_, std::move(handles), Settling());
}

void QueuePoller::GiveBack(std::vector<std::string> handles) {
  if (!handles.empty()) parts_.engine.GiveBack(queue_, std::move(handles), Settling());
}

void QueuePoller::BackOff() {
  StopGathering();
  if (pause_.active()) return;
  pace_.OnThrottle(calls_);
  // The end of one of its calls makes room.
  if (calls_ == 0) PauseLonger();
}

void QueuePoller::PauseLonger() {
  back_off_ = std::clamp<base::Duration>(back_off_ * 2, limits::kFirstQueueBackOff,
                                         limits::kMaxQueueBackOff);
  Pause(back_off_);
}

void QueuePoller::Pause(base::Duration wait) {
  if (!is_stopping_) pause_.Start(wait, [this] { Pump(); });
}

// Who waits for messages would at once have those that are given back.
void QueuePoller::StopGathering() {
  if (gatherer_ == 0) return;
  Batch& batch = batches_.at(gatherer_);
  if (batch.receive != 0 && parts_.engine.StopWaiting(batch.receive)) {
    batch.receive = 0;
    Abandon(gatherer_);
  } else {
    batch.is_over = true;
  }
}

void QueuePoller::OnQueueGone() {
  is_lost_ = true;
  Report(kQueueGone);
}

void QueuePoller::OnQueueCreated(const std::string& name) {
  if (name != queue_) return;
  is_lost_ = false;
  Pump();
}

void QueuePoller::Report(std::string result) { parts_.report(mapping_->uuid, std::move(result)); }

bool QueuePoller::HasBacklog() const {
  return gatherer_ == 0 && batches_.size() >= pace_.allowed() &&
         parts_.engine.Counts(queue_).ready > 0;
}

void QueuePoller::WatchPace() {
  if (is_stopping_ || tick_.active() || (pace_.is_at_rest() && !HasBacklog())) return;
  tick_.Start(kTick, [this] {
    pace_.Tick(HasBacklog(), batches_.size());
    Pump();
  });
}

void QueuePoller::Stop(std::function<void()> stopped) {
  is_stopping_ = true;
  stopped_ = std::move(stopped);
  pause_.Cancel();
  tick_.Cancel();
  StopGathering();
  EndIfStopped();
}

void QueuePoller::EndIfStopped() {
  if (stopped_ && batches_.empty() && settling_ == 0) {
    parts_.loop.Post(std::exchange(stopped_, nullptr));
  }
}

bool QueuePoller::IsQuiet() const {
  return settling_ == 0 && std::ranges::all_of(batches_, [](const auto& each) {
           return each.second.stage == Batch::Stage::kWaiting;
         });
}

}  // namespace hearth::sqs
