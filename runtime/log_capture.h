// LogCapture: reads a sandbox's stdout and stderr (one pipe, so that order is kept) and cuts it
// into lines of at most limits::kMaxLogLine.
//
// A function writes before it answers, so everything an invocation wrote is in the pipe when its
// answer arrives: Drain() then reads it without waiting, and the REPORT line comes after it. A task
// that is posted when the answer arrives need not even look: both came with the I/O of one turn.
// Owner: an invoker::Instance. `on_line` runs on the loop, also inside Drain.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"
#include "io/loop.h"

namespace hearth::runtime {

class LogCapture {
 public:
  // `pipe` is the read end. The line has no newline; bytes that are not UTF-8 stay as they are.
  static std::unique_ptr<LogCapture> Create(io::Loop& loop, base::UniqueFd pipe,
                                            std::function<void(std::string_view line)> on_line);
  virtual ~LogCapture() = default;
  // Reads all that is there now. With `flush`, an unfinished line counts as a line.
  virtual void Drain(bool flush) = 0;
  // In a posted task: makes sure that all is read that was there before the I/O of this turn.
  virtual void CatchUp() = 0;
};

}  // namespace hearth::runtime
