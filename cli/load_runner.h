// LoadRunner: sends the calls of a LoadSchedule over keep-alive connections, on one loop.
//
// Lean on purpose: it shares the machine with the host it measures. The request is made once and
// sent as it is; a reply is read for its status and three headers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cli/load.h"
#include "io/fd_watcher.h"
#include "io/http_client.h"
#include "io/loop.h"

namespace hearth::cli {

// What this program has used since its start.
base::Duration ProcessorTime();

struct LoadTarget {
  std::string address;                         // "127.0.0.1:4566"
  std::shared_ptr<const std::string> request;  // A whole HTTP/1.1 request.
};

class LoadRunner {
 public:
  // How long replies, and calls that are late, are waited for after the end.
  static constexpr base::Duration kDrain = std::chrono::seconds(15);

  LoadRunner(io::Loop& loop, const LoadPlan& plan, LoadTarget target);
  // Runs the loop until all is over. Once.
  base::Result<LoadResult> Run();

 private:
  struct Connection {
    explicit Connection(io::Loop& loop, const std::string& address) : client(loop, address) {}
    io::HttpClient client;
    Shot shot;
    bool busy = false;
  };

  base::Result<void> StartTimer();
  void SendWhatIsDue();
  void SetAlarm();
  void OnReply(Connection& connection, base::Result<io::HttpResponse> response);
  bool IsOver() const;
  void CountWhatIsLeft();

  io::Loop& loop_;
  LoadPlan plan_;
  LoadTarget target_;
  LoadResult result_;
  LoadRecorder recorder_{result_};
  std::unique_ptr<LoadSchedule> schedule_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_;
  base::MonoTime last_reply_;
  // A timerfd: libuv's own timers are a millisecond coarse, which would show as latency.
  base::UniqueFd alarm_;
  std::unique_ptr<io::FdWatcher> alarm_watcher_;
  bool failed_to_connect_ = false;
};

}  // namespace hearth::cli
