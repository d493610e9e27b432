#include "invoker/instance_telemetry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "invoker/platform_events.h"

namespace hearth::invoker {
namespace {

using runtime::TelemetryApi;
using runtime::TelemetrySubscription;

const char* ApiName(TelemetryApi api) {
  return api == TelemetryApi::kLogs ? "LogsAPI" : "TelemetryAPI";
}

InstanceTelemetry::Audience AudienceOf(const TelemetrySubscription& subscription) {
  const std::string& version = subscription.schema_version;
  if (subscription.api == TelemetryApi::kLogs) {
    return version == "2020-08-15" ? InstanceTelemetry::kLogs : InstanceTelemetry::kLogsOfRuntime;
  }
  return version == "2022-07-01" ? InstanceTelemetry::kTelemetry
                                 : InstanceTelemetry::kTelemetryObjects;
}

}  // namespace

// --- Who is told

std::optional<runtime::TelemetryRefusal> InstanceTelemetry::Subscribe(
    std::string_view name, TelemetrySubscription subscription) {
  auto found = std::ranges::find(subscribers_, name, &Subscriber::name);
  if (found != subscribers_.end() && found->subscription.api != subscription.api) {
    const bool is_logs = subscription.api == TelemetryApi::kLogs;
    return runtime::TelemetryRefusal{
        400, is_logs ? "Logs.AccessDenied" : "Telemetry.AccessDenied",
        fmt::format("The extension {} is already subscribed to the {}. You must either subscribe "
                    "to the LogsAPI or the TelemetryAPI",
                    name, ApiName(found->subscription.api))};
  }
  if (found == subscribers_.end()) {
    subscribers_.push_back({std::string(name), {}, kTelemetry, nullptr});
    found = subscribers_.end() - 1;
  }
  Subscriber& one = *found;
  const bool again = one.stream != nullptr && one.subscription == subscription;
  if (!again) {
    one.subscription = std::move(subscription);
    one.audience = AudienceOf(one.subscription);
    one.stream.reset();
    one.stream = MakeStream(one.subscription);
    for (const Record& record : of_init_) {
      if ((record.audience & one.audience) == 0 || !one.subscription.Wants(record.type)) continue;
      one.stream->Add(record.text);
    }
    for (const auto& [type, missed] : missed_of_init_) {
      if (one.subscription.Wants(type)) one.stream->CountDropped(missed.records, missed.bytes);
    }
  }
  const std::vector<std::string_view> types(one.subscription.types.begin(),
                                            one.subscription.types.end());
  const auto event = one.subscription.api == TelemetryApi::kLogs ? LogsSubscriptionEvent
                                                                 : TelemetrySubscriptionEvent;
  Platform(one.subscription.api == TelemetryApi::kLogs ? kEveryLogs : kEveryTelemetry,
           event(loop_.clock().WallNow(), name, again ? "Already subscribed" : "Subscribed", types)
               .text);
  return {};
}

std::unique_ptr<TelemetryStream> InstanceTelemetry::MakeStream(const TelemetrySubscription& to) {
  const auto framing =
      to.is_tcp ? TelemetryStream::Framing::kLines : TelemetryStream::Framing::kArray;
  return std::make_unique<TelemetryStream>(
      loop_,
      TelemetryStream::Options{.framing = framing,
                               .max_items = to.max_items,
                               .max_bytes = to.max_bytes,
                               .timeout = to.timeout,
                               .tells_drops = to.Wants("platform")},
      allowance_, MakeTelemetryTransport(loop_, sockets_, to), [this] { OnDrained(); });
}

bool InstanceTelemetry::EndInit() {
  in_init_ = false;
  of_init_ = {};
  return !subscribers_.empty();
}

// --- What they are told

void InstanceTelemetry::Platform(unsigned audience, std::string_view record) {
  Tell("platform", audience, record);
}

void InstanceTelemetry::Output(std::string_view type, std::string_view line, bool is_json) {
  const auto now = loop_.clock().WallNow();
  const auto is_object = [&] {
    const auto parsed = base::ParseJson(line);
    return parsed && parsed->is_object();
  };
  if (!is_json || !line.starts_with('{') || !is_object()) {
    return Tell(type, kEverybody, OutputEvent(now, type, line, false));
  }
  Tell(type, kEverybody & ~kTelemetryObjects, OutputEvent(now, type, line, false));
  Tell(type, kTelemetryObjects, OutputEvent(now, type, line, true));
}

void InstanceTelemetry::Tell(std::string_view type, unsigned audience, std::string_view text) {
  for (const Subscriber& one : subscribers_) {
    if ((audience & one.audience) != 0 && one.subscription.Wants(type)) one.stream->Add(text);
  }
  if (!in_init_) return;
  if (of_init_bytes_ + text.size() <= limits::kMaxTelemetryOfInit) {
    of_init_.push_back({std::string(type), audience, std::string(text)});
    of_init_bytes_ += text.size();
  } else if ((audience & kTelemetry) != 0) {  // Once, of what differs by audience.
    Missed& missed = missed_of_init_[std::string(type)];
    ++missed.records;
    missed.bytes += text.size();
  }
}

// --- When they are told

void InstanceTelemetry::Pause() {
  for (const Subscriber& one : subscribers_) one.stream->Pause();
}

void InstanceTelemetry::Resume() {
  for (const Subscriber& one : subscribers_) one.stream->Resume();
}

bool InstanceTelemetry::DrainAll() {
  bool is_empty = true;
  for (const Subscriber& one : subscribers_) is_empty = one.stream->Drain() && is_empty;
  return is_empty;
}

bool InstanceTelemetry::Drain(std::function<void()> on_drained) {
  if (DrainAll()) return true;
  on_drained_ = std::move(on_drained);
  return false;
}

void InstanceTelemetry::OnDrained() {
  if (!on_drained_ || !DrainAll()) return;
  std::exchange(on_drained_, nullptr)();
}

}  // namespace hearth::invoker
