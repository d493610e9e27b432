// InstanceTelemetry: who is told what of one instance: its extensions that have subscribed to the
// Telemetry API or the Logs API.
//
// Until its init is over whatever is told is kept as well, within bounds, for whoever is still to
// subscribe. Owner: an Instance; its InstanceLog tells it what happens, its InstanceExtensions
// subscribe. Source: "Lambda Telemetry API", "Lambda Logs API" (who gets which records).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "invoker/telemetry_stream.h"
#include "invoker/telemetry_transport.h"
#include "io/loop.h"
#include "runtime/telemetry_subscription.h"

namespace hearth::invoker {

class InstanceTelemetry {
 public:
  // Whom a record is for: the APIs' schemas differ. A sum of these.
  enum Audience : unsigned {
    kTelemetry = 1,         // Telemetry API, 2022-07-01,
    kTelemetryObjects = 2,  // and later, where a line that is a JSON object is the record itself.
    kLogs = 4,              // Logs API, 2020-08-15,
    kLogsOfRuntime = 8,     // and 2021-03-18, with platform.runtimeDone.
    kEveryTelemetry = 3,
    kEveryLogs = 12,
    kEverybody = 15,
  };

  InstanceTelemetry(io::Loop& loop, SocketSource sockets)
      : loop_(loop), sockets_(std::move(sockets)) {}

  // By the extension of that name. One that has subscribed before is told everything again, at its
  // new destination.
  std::optional<runtime::TelemetryRefusal> Subscribe(std::string_view name,
                                                     runtime::TelemetrySubscription subscription);
  // Nobody will subscribe any more; false: nobody has.
  bool EndInit();

  // A record of the platform's, as JSON text.
  void Platform(unsigned audience, std::string_view record);
  // A line of the "function" or of an "extension". `is_json`: the function's log format is.
  void Output(std::string_view type, std::string_view line, bool is_json);

  // Around the time in which the sandbox is frozen.
  void Pause();
  void Resume();
  // The end: what is left is sent at once, and what still comes. True: nothing is left; else
  // `on_drained` follows, once, from the loop, where the consumers keep up.
  bool Drain(std::function<void()> on_drained);

 private:
  struct Record {
    std::string type;
    unsigned audience;
    std::string text;
  };
  struct Missed {
    size_t records = 0;
    size_t bytes = 0;
  };
  struct Subscriber {
    std::string name;
    runtime::TelemetrySubscription subscription;
    Audience audience;
    std::unique_ptr<TelemetryStream> stream;
  };

  void Tell(std::string_view type, unsigned audience, std::string_view text);
  std::unique_ptr<TelemetryStream> MakeStream(const runtime::TelemetrySubscription& to);
  void OnDrained();
  bool DrainAll();

  io::Loop& loop_;
  const SocketSource sockets_;
  TelemetryAllowance allowance_{limits::kMaxTelemetryHeld};
  std::vector<Subscriber> subscribers_;
  bool in_init_ = true;
  std::vector<Record> of_init_;
  size_t of_init_bytes_ = 0;
  std::map<std::string, Missed, std::less<>> missed_of_init_;  // By type.
  std::function<void()> on_drained_;
};

}  // namespace hearth::invoker
