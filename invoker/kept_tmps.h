// KeptTmps: what instances that were reset have left in /tmp, for those that follow them.
//
// Lambda resets an execution environment whose runtime or extension crashed or ran into a timeout:
// its processes end, its /tmp stays. Here the next instance of the same revision gets it; where
// none comes within kKeepFor it is freed. Owner: the invoker; the loop's thread only.
// Source: "Understanding the Lambda execution environment lifecycle", failures during the invoke
// phase.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>

#include "base/limits.h"
#include "invoker/function.h"
#include "io/loop.h"
#include "io/timer.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker {

class KeptTmps {
 public:
  static constexpr auto kKeepFor = limits::kKeepAlive;
  static constexpr int kMostOfOne = 16;  // Of a revision; an older one gives way.

  explicit KeptTmps(io::Loop& loop) : loop_(loop), timer_(loop) {}

  // nullptr: nothing could be kept.
  void Put(const FunctionRef& function, std::unique_ptr<sandbox::KeptTmp> tmp);
  // The one that came last; nullptr: there is none. The caller holds it until a sandbox has it.
  std::unique_ptr<sandbox::KeptTmp> Take(const FunctionVersion& function);
  // Frees what other revisions of this function have left.
  void Retire(const std::string& function_name, const std::set<std::string>& live_revisions);

 private:
  struct One {
    FunctionRef function;
    std::unique_ptr<sandbox::KeptTmp> tmp;
    base::MonoTime until{};
  };
  void Expire();

  io::Loop& loop_;
  std::deque<One> kept_;  // The oldest first: a few, as the zygote's client keeps no more.
  io::Timer timer_;
};

}  // namespace hearth::invoker
