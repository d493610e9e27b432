// StemCells: sandboxes in which a language is already up, waiting to be told whose code they are.
//
// A cold start that finds one skips the interpreter's own start: its limits are written, its code
// is mounted (sandbox/adoption.h), its environment is sent (RuntimeSession::Load). How many wait
// follows from the starts of the last moments, up to a maximum, and within a share of the memory
// budget; they are made one after another when no start is under way.
//
// Where a process of the language can be written down (python's can, node has threads), the first
// cell is: those after it, and starts that find no cell, go on from that image (sandbox/image.h),
// which takes two milliseconds instead of twenty and shares what none of them changes. No
// function's code has run in it. Owner: the invoker.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "invoker/admission.h"
#include "invoker/invoker.h"
#include "invoker/runtime_launch.h"
#include "io/timer.h"
#include "runtime/session.h"
#include "sandbox/zygote_client.h"

namespace hearth::invoker {

struct StemCell {
  RuntimeProcess process;
  base::Bytes reserved;  // Of the memory budget, while it waits.
};

class StemCells {
 public:
  StemCells(io::Loop& loop, sandbox::ZygoteClient& zygote, const runtime::Catalog& catalog,
            const InvokerOptions& options, Admission& admission);
  ~StemCells();

  // For a start of this function: the cell that has waited longest, or nothing where none waits or
  // where the function needs an interpreter of its own (a /tmp of another size, variables that an
  // interpreter reads when it starts). Counts as demand either way.
  std::optional<StemCell> Take(const FunctionVersion& function, const runtime::Runtime& runtime);
  // For a start that found none: the image to go on from, ours; -1 where there is none, or where
  // the function needs an interpreter of its own.
  int Image(const FunctionVersion& function, const runtime::Runtime& runtime);
  // An instance that was to go on from the language's image could not.
  void ImageFailed(const runtime::Runtime& runtime);
  // Ends those that wait; returns what they held. Memory is needed for calls.
  base::Bytes Evict();
  // Makes no more, and ends those that wait.
  void Stop();
  void AddInfo(std::vector<InstanceInfo>& to) const;

 private:
  struct Kind {  // One language.
    runtime::Runtime runtime;
    base::Bytes reserve;  // What one that was executed holds of the budget while it waits.
    std::deque<std::unique_ptr<StemCell>> waiting;
    std::deque<base::MonoTime> starts;  // Of the last kDemandWindow.
    bool usable = false;
    bool single_threaded = false;  // It can become an image.
    base::UniqueFd image;          // Read-only.
    base::MonoTime believed_until{};  // Whatever is told of the image.
  };
  Kind* KindOf(runtime::Language language);
  size_t Wanted(Kind& kind) const;
  static base::Bytes ReserveOf(const Kind& kind);
  void Arm(base::Duration delay);
  void Refill();
  void Launch(Kind& kind);
  void OnLaunched(Kind& kind, base::Bytes reserved, base::Result<RuntimeProcess> process);
  void Capture(Kind& kind, std::unique_ptr<StemCell> cell);
  void OnCaptured(Kind& kind, const base::UniqueFd& image, const base::Result<void>& captured);
  void Keep(Kind& kind, std::unique_ptr<StemCell> cell);
  void Remove(Kind& kind, const StemCell* cell);
  void Release(base::Bytes reserved);

  io::Loop& loop_;
  sandbox::ZygoteClient& zygote_;
  const InvokerOptions& options_;
  Admission& admission_;
  io::Timer timer_;
  std::array<Kind, 2> kinds_;
  base::Bytes reserved_;  // Of all cells, those under way included.
  bool launching_ = false;
  bool stopped_ = false;
  int failures_ = 0;  // In a row.
  int refused_images_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// True where `environment` holds something that the language's interpreter, or its loader, reads
// when it starts.
bool NeedsOwnStart(const std::map<std::string, std::string>& environment);

}  // namespace hearth::invoker
