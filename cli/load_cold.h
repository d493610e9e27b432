// ColdRunner: calls that find no warm instance, one after the other or all at once.
//
// Before each call (before all of a burst) whatever is idle of the functions is ended, and ended
// again until nothing of them is left: an instance that has just answered is not idle yet.
// Owner: RunBench, or a test. Blocks; runs its loop.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/load.h"
#include "io/http_client.h"
#include "io/loop.h"

namespace hearth::cli {

struct ColdPlan {
  enum class Order { kOneByOne, kAtOnce };
  Order order = Order::kOneByOne;
  size_t calls = 100;
  base::Duration interval{};  // Between the end of what was warm and the call.
};

struct ColdTarget {
  std::string address;  // "127.0.0.1:4566"
  // Whole HTTP/1.1 requests, one a function; the calls take them in turn.
  std::vector<std::shared_ptr<const std::string>> requests;
  // Ends what is idle of all of them; how many instances are left.
  std::function<std::expected<uint64_t, Failure>()> end_idle;
};

class ColdRunner {
 public:
  // For how long busy instances are waited for, and a reply.
  static constexpr base::Duration kBusy = std::chrono::seconds(10);
  static constexpr base::Duration kReply = std::chrono::minutes(2);

  ColdRunner(io::Loop& loop, const ColdPlan& plan, ColdTarget target)
      : loop_(loop), plan_(plan), target_(std::move(target)) {}
  // Once. A function that fails is an error in the result; what ends a run is a Failure.
  std::expected<LoadResult, Failure> Run();

 private:
  std::expected<void, Failure> Connect(size_t count);
  std::expected<void, Failure> EndWhatIsWarm();
  // Sends `count` calls, one a connection, and waits for the replies. False: not all have come.
  bool Call(size_t count);
  void Wait(base::Duration time);

  io::Loop& loop_;
  const ColdPlan plan_;
  ColdTarget target_;
  LoadResult result_;
  LoadRecorder recorder_{result_};
  std::vector<std::unique_ptr<io::HttpClient>> connections_;
  size_t next_request_ = 0;
};

}  // namespace hearth::cli
