// TelemetryStream: what one subscriber is told, in batches, in order, at least once.
//
// A batch is closed at the first of so many records, so many bytes, so much time since its first
// record; one is delivered at a time. A delivery that fails is tried again, ever later; at last its
// batch is dropped. A consumer that falls behind finds its buffer full: what comes then is dropped.
// What was dropped is told by a platform.logsDropped record in its place. While the sandbox is
// frozen (paused), nothing is sent and no time counts against the consumer.
// Pure logic over a loop's timers and a transport. Owner: an InstanceTelemetry.
// Source: "Lambda Telemetry API", buffering and destination protocols.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/loop.h"
#include "io/timer.h"

namespace hearth::invoker {

// Takes one batch at a time to the consumer.
class TelemetryTransport {
 public:
  virtual ~TelemetryTransport() = default;
  using Callback = std::function<void(base::Result<void>)>;
  // The callback runs once, never inside Send; not at all once cancelled or destroyed.
  virtual void Send(std::shared_ptr<const std::string> batch, Callback callback) = 0;
  virtual void Cancel() = 0;
};

// What all streams of an instance may hold, and hold now, in bytes.
struct TelemetryAllowance {
  size_t most = 0;
  size_t held = 0;
};

class TelemetryStream {
 public:
  enum class Framing {
    kArray,  // [{…},{…}]
    kLines,  // {…}\n{…}\n
  };
  struct Options {
    Framing framing = Framing::kArray;
    size_t max_items = 0;
    size_t max_bytes = 0;
    base::Duration timeout{};
    bool tells_drops = true;  // It has subscribed to platform records.
  };

  // `on_drained` is called where Drain said that there is something left, from the loop.
  TelemetryStream(io::Loop& loop, const Options& options, TelemetryAllowance& allowance,
                  std::unique_ptr<TelemetryTransport> transport, std::function<void()> on_drained);
  ~TelemetryStream();
  TelemetryStream(const TelemetryStream&) = delete;
  TelemetryStream& operator=(const TelemetryStream&) = delete;

  // A JSON object.
  void Add(std::string_view record);
  // So many have been dropped before they came here.
  void CountDropped(size_t records, size_t bytes);
  void Pause();
  void Resume();
  // From now on nothing waits for more; true: nothing is left.
  bool Drain();

 private:
  struct Batch {
    std::shared_ptr<std::string> text = std::make_shared<std::string>();
    size_t items = 0;
    size_t bytes = 0;  // Of the records, as they are held.
  };

  bool IsEmpty() const { return closed_.empty() && open_.items == 0; }
  bool HasRoom(size_t size) const;
  void Append(std::string_view record);
  void TellDropped();
  void CloseBatch();
  void Pump();
  void StartDeadline();
  void OnSent(const base::Result<void>& result);
  void DropFirst();
  void Release(const Batch& batch);

  io::Loop& loop_;
  const Options options_;
  TelemetryAllowance& allowance_;
  const std::unique_ptr<TelemetryTransport> transport_;
  const std::function<void()> on_drained_;
  Batch open_;
  std::deque<Batch> closed_;  // The first is the one that is sent.
  size_t held_ = 0;
  size_t dropped_records_ = 0;
  size_t dropped_bytes_ = 0;
  io::Timer timeout_;   // The open batch's.
  io::Timer deadline_;  // The delivery's.
  io::Timer retry_;
  int attempts_ = 0;
  bool sending_ = false;
  bool paused_ = false;
  bool draining_ = false;
};

}  // namespace hearth::invoker
