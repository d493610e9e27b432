// AdminApi: the host's own paths below /_hearth/: health, ps, logs,
// instances, reset. What `hearth` shows.
//
//   GET  /_hearth/health                          {"status":"ok"|"draining","machine":{…},…}
//   GET  /_hearth/ps                              {"instances":[…],"counters":{…}}
//   GET  /_hearth/logs/<function>?tail=N          {"events":[…],"next":sequence}
//   GET  /_hearth/logs/<function>?after=S&wait_s=N  the same; waits until there is something new
//   GET  /_hearth/metrics, /metrics               for Prometheus (metrics_text.h)
//   GET  /_hearth/usage?month=2026-11             {"month":…,"functions":[{"function":…,…}]}
//   DELETE /_hearth/functions/<function>/instances  ends those that are idle: {"ended":N,"left":M}
//   POST /_hearth/reset                           deletes every function (only with --allow-reset)
//
// Owner: Host. Everything it names must outlive it.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "aws/gateway.h"
#include "host/options.h"
#include "invoker/invoker.h"
#include "invoker/lambda_api.h"
#include "invoker/log_store.h"
#include "invoker/registry.h"
#include "invoker/usage.h"
#include "io/loop.h"
#include "sandbox/zygote_client.h"

namespace hearth::host {

class AdminApi {
 public:
  struct Parts {
    io::Loop& loop;
    const Options& options;
    const sandbox::ZygoteClient& zygote;
    invoker::Registry& registry;
    invoker::Invoker& invoker;
    invoker::ControlPlane& control;
    invoker::LogStore& logs;
    invoker::UsageStore* usage = nullptr;  // Null: none is kept.
  };
  explicit AdminApi(Parts parts);
  ~AdminApi();
  void Register(aws::Gateway& gateway);
  void SetDraining() { draining_ = true; }
  // Answers every waiting reader with what there is.
  void ReleaseWaiters();

 private:
  struct LogWaiter;
  void Health(aws::Call call);
  void Ps(aws::Call call);
  void Logs(aws::Call call);
  void Metrics(aws::Call call);
  void Usage(aws::Call call);
  void EndInstances(aws::Call call);
  void Reset(aws::Call call);
  void Answer(LogWaiter& waiter);

  Parts parts_;
  bool draining_ = false;
  std::list<std::unique_ptr<LogWaiter>> waiters_;
};

}  // namespace hearth::host
