// A data plane over a fake zygote, on a virtual clock.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "invoker/invoker.h"
#include "io/loop.h"
#include "io/offload.h"
#include "tests/unit/invoker/fakes.h"

namespace hearth::invoker::test {

// A call of the test's; stays where it is until it has been answered.
struct Call {
  std::string id;
  int answers = 0;
  InvocationResult result;
  std::function<void()> then;  // Runs inside the callback.
  bool answered() const { return answers > 0; }
  InvocationStatus status() const { return result.status; }
};
using CallPtr = std::shared_ptr<Call>;

class DataPlane : public ::testing::Test {
 protected:
  DataPlane();
  ~DataPlane() override;
  void SetUp() override;

  // Made at its first use, with `options` as they are then.
  Invoker& invoker();
  FunctionRef Function(const std::string& name, FunctionVersion settings = {});
  // The request's id is the call's: "r1", "r2", ...
  CallPtr Invoke(FunctionRef function, InvokeRequest request = {});
  // Turns the loop until everything that is ready has been dealt with.
  void Turn();
  // Moves the clock and fires what is due.
  void Pass(base::Duration time);

  FakeProcess& process(size_t index) { return *zygote.processes.at(index); }
  // One that has been launched, made ready and waits for an event.
  void Start(size_t index);
  // Its event must have arrived and be that call's: answers it with its own payload.
  void Serve(size_t index, const CallPtr& call);
  // What `ps` says of each instance, by id: "idle frozen busy".
  std::string States();
  // The messages of a function's log, oldest first.
  std::vector<std::string> Lines(const std::string& name);

  base::VirtualClock clock;
  io::Loop loop{clock};
  io::Offload disk{loop, 1};
  FakeZygote zygote{loop};
  InvokerOptions options;
  std::unique_ptr<LogStore> logs;
  int requests_ = 0;

 private:
  bool inside_invoke_ = false;
  std::unique_ptr<Invoker> invoker_;
};

}  // namespace hearth::invoker::test
