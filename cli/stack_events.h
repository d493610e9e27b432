// The stream of events with which the host answers a deployment or a deletion.
//
//   {"event":"resource","logical_id","type","action","status","reason","physical_id"}
//   {"event":"notice","message"}
//   {"event":"done","status":"succeeded|failed|rolled back","outputs":{...}}
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/json.h"
#include "cli/client.h"

namespace hearth::cli {

struct StackRun {
  std::string stack;
  std::string verb;  // "deployed", "deleted"
  std::chrono::steady_clock::time_point began;
  std::function<Failure(const io::HttpResponse&)> explain;  // Words a refusal (status >= 400).
};

// Sends `call`, prints a line an event as it comes, then the outputs. With --json, `console.out`
// gets the "done" event. A stream that ends without "done" is a failure.
int ApplyStack(const Client& client, Console& console, Client::Call call, const StackRun& run);

// A notice is a string, or {"message","line","column"}.
std::string NoticeText(const base::Json& notice);

}  // namespace hearth::cli
