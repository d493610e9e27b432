// SnapshotMaker: one version's init, run to be written down.
#pragma once

#include <memory>
#include <string>

#include "invoker/admission.h"
#include "invoker/instance.h"
#include "invoker/runtime_launch.h"
#include "invoker/snapshots.h"

namespace hearth::invoker {

class SnapshotMaker final : private runtime::RuntimeSession::Delegate {
 public:
  // The image, read-only, or an empty descriptor where the version starts the usual way; an error
  // is its init's own, or, kClosed, says that nothing was decided, or, kLimit, that it is to be
  // tried once more: memory was short, or the language's image out of date.
  using Made = std::function<void(base::Result<base::UniqueFd>)>;

  SnapshotMaker(const InstanceParts& parts, Admission& admission, FunctionRef version,
                Snapshots::Done done, Made made);
  ~SnapshotMaker() override;

  // `made` runs once, never inside this call; the maker may be destroyed on a later turn.
  void Start();
  // Where it has not ended: `made` runs inside this call.
  void Stop(const std::string& reason);
  const FunctionRef& version() const { return version_; }
  Snapshots::Done TakeDone() { return std::move(done_); }

 private:
  void Reserve();
  base::Result<void> Launch();
  void OnLaunched(RuntimeProcess process);
  void Capture();
  void OnCaptured(const base::UniqueFd& file, const base::Result<void>& captured);
  void OnExit(const sandbox::Outcome& outcome);
  std::unexpected<base::Error> Failed(std::string why) const;
  // Nothing is wrong with the version: it starts the usual way, and its log says why.
  void FinishWithout(const std::string& why);
  // To be tried again.
  void FinishForNow(const char* why);
  void Finish(base::Result<base::UniqueFd> result);

  // runtime::RuntimeSession::Delegate
  void OnReady() override;
  void OnInitError(runtime::FunctionError error) override;
  void OnResponse(std::string_view, std::string, std::string) override {}
  void OnError(std::string_view, runtime::FunctionError) override {}
  void OnStreamBegin(std::string_view, std::string) override {}
  bool OnStreamPiece(std::string_view) override { return true; }
  void OnStreamEnd() override {}
  void OnIdle() override {}
  void OnBroken(std::string reason) override;

  const InstanceParts& parts_;
  Admission& admission_;
  const FunctionRef version_;
  Snapshots::Done done_;
  Made made_;
  runtime::Runtime runtime_;
  InstanceLog log_;
  io::Timer timer_;
  base::Bytes reserved_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<runtime::LogCapture> output_;
  std::unique_ptr<runtime::RuntimeSession> session_;
  std::unique_ptr<runtime::ApiServer> endpoint_;  // What init asks of this host's services.
  bool prepared_ = false;                         // It has been told to be ready for the image.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::invoker
