// InitControl: the host's end of hearth-init (sandbox/init.h), for a sandbox that runs several
// programs.
//
// Owner: InstanceExtensions. What comes from the sandbox is hostile: what is no report is no longer
// read, and how the sandbox itself ends says the rest. Delegate calls come from the loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/fd_watcher.h"
#include "io/loop.h"
#include "sandbox/init.h"
#include "sandbox/outcome.h"

namespace hearth::invoker {

struct InitProgram {
  std::string executable;
  std::string working_directory;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
};

class InitControl {
 public:
  class Delegate {
   public:
    virtual ~Delegate() = default;
    virtual void OnStartFailed(uint32_t program, int error_number) = 0;
    virtual void OnEnded(uint32_t program, const sandbox::Outcome& outcome) = 0;
  };

  static base::Result<std::unique_ptr<InitControl>> Create(io::Loop& loop, base::UniqueFd socket,
                                                           Delegate& delegate);
  base::Result<void> Start(uint32_t program, const InitProgram& what);
  // To nobody where the program has ended.
  void Signal(uint32_t program, int signal);

 private:
  InitControl(base::UniqueFd socket, Delegate& delegate)
      : socket_(std::move(socket)), delegate_(delegate) {}
  void Read();

  const base::UniqueFd socket_;
  Delegate& delegate_;
  std::unique_ptr<io::FdWatcher> watcher_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::invoker
