#include "invoker/telemetry_stream.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "invoker/platform_events.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration kFirstRetry = 50ms;
constexpr base::Duration kLastRetry = 5s;
constexpr base::Duration kLastRetryOfEnd = 100ms;  // Its sandbox has two seconds.
constexpr char kWhyDropped[] =
    "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.";

}  // namespace

TelemetryStream::TelemetryStream(io::Loop& loop, const Options& options,
                                 TelemetryAllowance& allowance,
                                 std::unique_ptr<TelemetryTransport> transport,
                                 std::function<void()> on_drained)
    : loop_(loop),
      options_(options),
      allowance_(allowance),
      transport_(std::move(transport)),
      on_drained_(std::move(on_drained)),
      timeout_(loop),
      deadline_(loop),
      retry_(loop) {}

TelemetryStream::~TelemetryStream() { allowance_.held -= held_; }

// --- The buffer

// A record that is larger than the whole buffer is taken where it is alone.
bool TelemetryStream::HasRoom(size_t size) const {
  if (allowance_.held + size > allowance_.most) return false;
  return held_ == 0 || held_ + size <= limits::kMaxTelemetryBatches * options_.max_bytes;
}

void TelemetryStream::Add(std::string_view record) {
  if (dropped_records_ > 0) TellDropped();
  if (dropped_records_ == 0 && HasRoom(record.size())) return Append(record);
  CountDropped(1, record.size());
}

void TelemetryStream::CountDropped(size_t records, size_t bytes) {
  dropped_records_ += records;
  dropped_bytes_ += bytes;
}

void TelemetryStream::TellDropped() {
  if (options_.tells_drops) {
    const auto event =
        LogsDroppedEvent(loop_.clock().WallNow(), dropped_records_, dropped_bytes_, kWhyDropped);
    if (!HasRoom(event.text.size())) return;
    Append(event.text);
  }
  dropped_records_ = dropped_bytes_ = 0;
}

void TelemetryStream::Append(std::string_view record) {
  const bool is_array = options_.framing == Framing::kArray;
  std::string& text = *open_.text;
  if (is_array) text += open_.items == 0 ? '[' : ',';
  text += record;
  if (!is_array) text += '\n';
  ++open_.items;
  open_.bytes += record.size();
  held_ += record.size();
  allowance_.held += record.size();
  if (open_.items >= options_.max_items || open_.bytes >= options_.max_bytes) {
    CloseBatch();
  } else if (draining_) {
    Pump();
  } else if (open_.items == 1) {
    timeout_.Start(options_.timeout, [this] { CloseBatch(); });
  }
}

void TelemetryStream::CloseBatch() {
  timeout_.Cancel();
  if (options_.framing == Framing::kArray) *open_.text += ']';
  closed_.push_back(std::exchange(open_, {}));
  Pump();
}

void TelemetryStream::Release(const Batch& batch) {
  held_ -= batch.bytes;
  allowance_.held -= batch.bytes;
}

// --- Delivery

void TelemetryStream::Pump() {
  if (sending_ || paused_ || retry_.active()) return;
  if (closed_.empty()) {
    if (draining_ && open_.items > 0) CloseBatch();  // And comes here again.
    return;
  }
  sending_ = true;
  StartDeadline();
  transport_->Send(closed_.front().text,
                   [this](base::Result<void> result) { OnSent(std::move(result)); });
}

void TelemetryStream::StartDeadline() {
  deadline_.Start(limits::kTelemetryDelivery, [this] {
    transport_->Cancel();
    OnSent(base::MakeError(base::ErrorKind::kTimeout, "deliver telemetry", "no answer in time"));
  });
}

void TelemetryStream::OnSent(const base::Result<void>& result) {
  sending_ = false;
  deadline_.Cancel();
  if (result) {
    attempts_ = 0;
    Release(closed_.front());
    closed_.pop_front();
    if (dropped_records_ > 0) TellDropped();
  } else if (++attempts_ >= limits::kMaxTelemetryAttempts) {
    HLOG_DEBUG("telemetry is dropped: {}", result.error().ToString());
    DropFirst();
  } else {
    const base::Duration wait = kFirstRetry * (1 << (attempts_ - 1));
    retry_.Start(std::min(wait, draining_ ? kLastRetryOfEnd : kLastRetry), [this] { Pump(); });
    return;
  }
  Pump();
  if (draining_ && IsEmpty()) on_drained_();
}

void TelemetryStream::DropFirst() {
  attempts_ = 0;
  const Batch& first = closed_.front();
  CountDropped(first.items, first.bytes);
  Release(first);
  closed_.pop_front();
}

void TelemetryStream::Pause() {
  paused_ = true;
  deadline_.Cancel();
  retry_.Cancel();
}

void TelemetryStream::Resume() {
  if (!std::exchange(paused_, false)) return;
  if (sending_) return StartDeadline();
  Pump();
}

bool TelemetryStream::Drain() {
  draining_ = true;
  timeout_.Cancel();
  if (attempts_ > 0) retry_.Cancel();  // It is now or never.
  Pump();
  return IsEmpty();
}

}  // namespace hearth::invoker
