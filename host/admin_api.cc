#include "host/admin_api.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/json.h"
#include "host/metrics_text.h"
#include "host/version.h"
#include "io/timer.h"

namespace hearth::host {
namespace {

using base::Json;

constexpr size_t kMaxEventsAnAnswer = 10000;
constexpr uint64_t kMaxWaitSeconds = 60;
// A reader that has left is found out only by its answer: the oldest makes room for one more.
constexpr size_t kMaxLogWaiters = 1000;

uint64_t NumberParameter(const io::HttpRequest& request, std::string_view name, uint64_t otherwise,
                         uint64_t most) {
  const io::QueryValue value = io::QueryParameter(request.query(), name);
  uint64_t number = otherwise;
  if (value.found) {
    std::from_chars(value.value.data(), value.value.data() + value.value.size(), number);
  }
  return std::min(number, most);
}

void SendJson(aws::Call& call, int status, const Json& body) {
  call.responder.Send(aws::RestJsonAnswer(status, body, call.request_id));
}

double Seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

Json ToJson(const invoker::InstanceInfo& info) {
  return {{"id", info.id},
          {"function", info.function},
          {"version", info.version},
          {"state", info.state},
          {"pid", info.pid},
          {"memory_now", info.memory_now.count()},
          {"memory_peak", info.memory_peak.count()},
          {"memory_limit", info.memory_limit.count()},
          {"age_s", Seconds(info.age)},
          {"invocations", info.invocations}};
}

Json ToJson(const std::vector<invoker::LogEvent>& events, uint64_t after) {
  Json list = Json::array();
  for (const invoker::LogEvent& event : events) {
    list.push_back({{"sequence", event.sequence},
                    {"timestamp_ms", event.timestamp_ms},
                    {"stream", event.stream},
                    {"message", event.message}});
  }
  return {{"events", std::move(list)}, {"next", events.empty() ? after : events.back().sequence}};
}

// Refuses what is not `method`; the caller returns where this is false.
bool RequireMethod(aws::Call& call, std::string_view method) {
  if (call.request.method == method) return true;
  aws::ApiError error{405, "MethodNotAllowedException",
                      std::string(call.request.path()) + " takes " + std::string(method) +
                          ", not " + call.request.method};
  call.responder.Send(aws::RestJsonError(error, call.request_id));
  return false;
}

void RefuseUnknown(aws::Call& call, const invoker::Account& account, const std::string& name) {
  aws::ApiError error{404, "ResourceNotFoundException",
                      "Function not found: " + invoker::FunctionArn(account, name)};
  call.responder.Send(aws::RestJsonError(error, call.request_id));
}

}  // namespace

// A reader that waits for something new in a log group.
struct AdminApi::LogWaiter {
  LogWaiter(io::Loop& loop, aws::Call waiting) : call(std::move(waiting)), timer(loop) {}
  aws::Call call;
  std::string group;
  uint64_t after = 0;
  uint64_t follow_token = 0;
  io::Timer timer;
};

AdminApi::AdminApi(Parts parts) : parts_(parts) {}

AdminApi::~AdminApi() {
  for (const auto& waiter : waiters_) parts_.logs.Unfollow(waiter->follow_token);
}

void AdminApi::Register(aws::Gateway& gateway) {
  gateway.RegisterOwn("/_hearth/health", [this](aws::Call call) { Health(std::move(call)); });
  gateway.RegisterOwn("/_hearth/ps", [this](aws::Call call) { Ps(std::move(call)); });
  gateway.RegisterOwn("/_hearth/logs/", [this](aws::Call call) { Logs(std::move(call)); });
  gateway.RegisterOwn("/_hearth/metrics", [this](aws::Call call) { Metrics(std::move(call)); });
  gateway.RegisterOwn("/metrics", [this](aws::Call call) { Metrics(std::move(call)); });
  gateway.RegisterOwn("/_hearth/usage", [this](aws::Call call) { Usage(std::move(call)); });
  gateway.RegisterOwn("/_hearth/functions/",
                      [this](aws::Call call) { EndInstances(std::move(call)); });
  gateway.RegisterOwn("/_hearth/reset", [this](aws::Call call) { Reset(std::move(call)); });
}

void AdminApi::Health(aws::Call call) {
  if (!RequireMethod(call, "GET")) return;
  const sandbox::MachineReport& machine = parts_.zygote.machine();
  SendJson(call, 200,
           {{"status", draining_ ? "draining" : "ok"},
            {"version", kVersion},
            {"region", parts_.options.account.region},
            {"account", parts_.options.account.id},
            {"functions", parts_.registry.List().size()},
            {"instances", parts_.invoker.Instances().size()},
            {"machine",
             {{"cgroups", machine.cgroup_layout},
              {"tmp", machine.tmp_kind},
              {"unenforced", machine.unenforced},
              {"notices", machine.notices}}}});
}

void AdminApi::Ps(aws::Call call) {
  if (!RequireMethod(call, "GET")) return;
  Json instances = Json::array();
  for (const invoker::InstanceInfo& info : parts_.invoker.Instances()) {
    instances.push_back(ToJson(info));
  }
  const invoker::InvokerCounters counters = parts_.invoker.counters();
  SendJson(call, 200,
           {{"instances", std::move(instances)},
            {"counters",
             {{"invocations", counters.invocations},
              {"errors", counters.errors},
              {"throttles", counters.throttles},
              {"cold_starts", counters.cold_starts},
              {"evictions", counters.evictions}}}});
}

void AdminApi::Metrics(aws::Call call) {
  if (!RequireMethod(call, "GET")) return;
  io::HttpResponse response;
  response.headers.Add("Content-Type", kMetricsContentType);
  response.body = MetricsText(parts_.invoker.metrics().All(), parts_.invoker.gauges(),
                              parts_.invoker.counters());
  call.responder.Send(std::move(response));
}

void AdminApi::Usage(aws::Call call) {
  if (!RequireMethod(call, "GET")) return;
  const auto refuse = [&call](int status, const char* type, const std::string& message) {
    call.responder.Send(aws::RestJsonError({status, type, message}, call.request_id));
  };
  if (parts_.usage == nullptr) return refuse(501, "NotImplementedException", "no usage is kept");
  const io::QueryValue asked = io::QueryParameter(call.request.query(), "month");
  const std::string month = asked.found ? asked.value : parts_.usage->ThisMonth();
  if (!invoker::IsMonth(month)) {
    return refuse(400, "InvalidParameterValueException",
                  "a month is written 2026-11, not " + month.substr(0, 100));
  }
  parts_.usage->Read(month, [month, shared = std::make_shared<aws::Call>(std::move(call))](
                                const base::Result<std::map<std::string, invoker::Usage>>& read) {
    if (!read) {
      const aws::ApiError error{500, "ServiceException", read.error().ToString()};
      return shared->responder.Send(aws::RestJsonError(error, shared->request_id));
    }
    Json functions = Json::array();
    for (const auto& [function, usage] : *read) {
      functions.push_back(
          {{"function", function}, {"requests", usage.requests}, {"mib_ms", usage.mib_ms}});
    }
    SendJson(*shared, 200, {{"month", month}, {"functions", std::move(functions)}});
  });
}

void AdminApi::Logs(aws::Call call) {
  if (!RequireMethod(call, "GET")) return;
  constexpr std::string_view kPrefix = "/_hearth/logs/";
  const std::string name = io::PercentDecode(call.request.path().substr(kPrefix.size()));
  const invoker::FunctionRef function = parts_.registry.Find(name);
  if (function == nullptr) return RefuseUnknown(call, parts_.options.account, name);
  const std::string group = invoker::LogGroupName(*function);
  if (!io::QueryParameter(call.request.query(), "after").found) {
    const uint64_t count = NumberParameter(call.request, "tail", 100, kMaxEventsAnAnswer);
    SendJson(call, 200, ToJson(parts_.logs.Tail(group, count), 0));
    return;
  }
  const uint64_t after = NumberParameter(call.request, "after", 0, UINT64_MAX);
  const uint64_t wait = NumberParameter(call.request, "wait_s", 0, kMaxWaitSeconds);
  const auto events = parts_.logs.Read(group, after, kMaxEventsAnAnswer);
  if (!events.empty() || wait == 0 || draining_) {
    SendJson(call, 200, ToJson(events, after));
    return;
  }
  if (waiters_.size() >= kMaxLogWaiters) Answer(*waiters_.front());
  waiters_.push_back(std::make_unique<LogWaiter>(parts_.loop, std::move(call)));
  LogWaiter& waiter = *waiters_.back();
  waiter.group = group;
  waiter.after = after;
  waiter.follow_token = parts_.logs.Follow(group, [this, &waiter] { Answer(waiter); });
  waiter.timer.Start(std::chrono::seconds(wait), [this, &waiter] { Answer(waiter); });
}

void AdminApi::Answer(LogWaiter& waiter) {
  const auto at = std::find_if(waiters_.begin(), waiters_.end(),
                               [&](const auto& each) { return each.get() == &waiter; });
  CHECK(at != waiters_.end());
  // Kept until a later turn: this may run inside the waiter's own timer or follower.
  std::shared_ptr<LogWaiter> owned = std::move(*at);
  waiters_.erase(at);
  parts_.logs.Unfollow(owned->follow_token);
  SendJson(owned->call, 200,
           ToJson(parts_.logs.Read(owned->group, owned->after, kMaxEventsAnAnswer), owned->after));
  parts_.loop.Post([owned] {});
}

void AdminApi::ReleaseWaiters() {
  while (!waiters_.empty()) Answer(*waiters_.front());
}

void AdminApi::EndInstances(aws::Call call) {
  constexpr std::string_view kPrefix = "/_hearth/functions/", kSuffix = "/instances";
  std::string_view part = std::string_view(call.request.path()).substr(kPrefix.size());
  if (!part.ends_with(kSuffix)) {
    aws::ApiError error{404, "ResourceNotFoundException",
                        "no such path; there is /_hearth/functions/NAME/instances"};
    call.responder.Send(aws::RestJsonError(error, call.request_id));
    return;
  }
  if (!RequireMethod(call, "DELETE")) return;
  part.remove_suffix(kSuffix.size());
  const std::string name = io::PercentDecode(part);
  if (parts_.registry.Find(name) == nullptr) {
    return RefuseUnknown(call, parts_.options.account, name);
  }
  const size_t ended = parts_.invoker.EndIdle(name);
  const auto instances = parts_.invoker.Instances();
  const auto left = std::ranges::count_if(instances, [&name](const auto& each) {
    return each.function == name && each.state != "ending";
  });
  SendJson(call, 200, {{"ended", ended}, {"left", left}});
}

void AdminApi::Reset(aws::Call call) {
  if (!RequireMethod(call, "POST")) return;
  if (!parts_.options.allow_reset) {
    aws::ApiError error{403, "AccessDeniedException",
                        "this host was not started with --allow-reset"};
    call.responder.Send(aws::RestJsonError(error, call.request_id));
    return;
  }
  const auto functions = parts_.registry.List();
  auto shared = std::make_shared<aws::Call>(std::move(call));
  auto left = std::make_shared<size_t>(functions.size());
  auto failed = std::make_shared<std::string>();
  const auto finish = [shared, failed, count = functions.size()] {
    if (failed->empty()) {
      SendJson(*shared, 200, {{"deleted", count}});
      return;
    }
    aws::ApiError error{500, "ServiceException", *failed};
    shared->responder.Send(aws::RestJsonError(error, shared->request_id));
  };
  if (functions.empty()) finish();
  for (const invoker::FunctionRef& function : functions) {
    parts_.control.Delete(function->name, [left, failed, finish](const auto& deleted) {
      if (!deleted) *failed = deleted.error().message;
      if (--*left == 0) finish();
    });
  }
}

}  // namespace hearth::host
