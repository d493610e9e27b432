// Snapshots: what the published versions that ask for it (SnapStart) go on from.
//
// Preparing a version runs its init once, in a sandbox of its own, and writes the process down
// (sandbox/image.h). Its instances then begin there. A version that cannot be written down (it has
// threads, open sockets, child processes) starts the usual way, and its log says why. Snapshots
// live as long as hearthd does: they are prepared again after a restart. Owner: the invoker.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/unique_fd.h"
#include "invoker/admission.h"
#include "invoker/instance.h"

namespace hearth::invoker {

class SnapshotMaker;

class Snapshots {
 public:
  using Done = std::function<void(base::Result<void>)>;

  Snapshots(const InstanceParts& parts, Admission& admission);
  ~Snapshots();

  // `done` runs once, never inside the call; its error is what the version's init failed with.
  void Prepare(FunctionRef version, Done done);
  // Ours; -1: there is none.
  int Image(const FunctionVersion& version) const;
  // Its image can no longer be restored: it is made anew, once.
  void Renew(FunctionRef version);
  // The function's other revisions are gone.
  void Retire(const std::string& function_name, const std::set<std::string>& live_revisions);
  // Prepares nothing any more; what is under way fails.
  void Stop();

 private:
  void StartNext();
  void OnMade(const std::string& revision, base::Result<base::UniqueFd> image);

  const InstanceParts& parts_;
  Admission& admission_;
  std::map<std::string, std::unique_ptr<SnapshotMaker>> makers_;  // By revision.
  std::deque<std::string> queue_;                                 // Those that have not begun.
  size_t making_ = 0;
  bool stopped_ = false;
  std::map<std::string, std::string> renewed_;  // Functions, by revision.
  struct Snapshot {
    std::string function;
    base::UniqueFd image;
  };
  std::map<std::string, Snapshot> snapshots_;  // The same.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::invoker
