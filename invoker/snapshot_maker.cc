#include "invoker/snapshot_maker.h"

#include <fcntl.h>

#include <algorithm>

#include "base/json.h"
#include "base/limits.h"
#include "base/sys.h"
#include "invoker/instance_spec.h"
#include "invoker/stem_cells.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

// Until calls have given memory back.
constexpr auto kTryAgain = 1s;
// As on AWS: an init that is to be a snapshot has 130 s, or the function's timeout.
constexpr auto kInitTimeout = 130s;

std::string MessageOf(const runtime::FunctionError& error) {
  const auto parsed = base::ParseJson(error.payload);
  if (!parsed || !parsed->is_object()) return error.type;
  return error.type + ": " + parsed->value("errorMessage", "");
}

}  // namespace

SnapshotMaker::SnapshotMaker(const InstanceParts& parts, Admission& admission, FunctionRef version,
                             Snapshots::Done done)
    : parts_(parts),
      admission_(admission),
      version_(std::move(version)),
      done_(std::move(done)),
      log_(parts.logs, LogGroupName(*version_), version_->version, parts.loop.clock().WallNow()),
      timer_(parts.loop) {}

SnapshotMaker::~SnapshotMaker() { admission_.Release(reserved_); }

void SnapshotMaker::Start(Made made) {
  made_ = std::move(made);
  timer_.Start(base::Duration::zero(), [this] { Reserve(); });
}

void SnapshotMaker::Reserve() {
  const base::Bytes size = base::Bytes::MiB(version_->memory_mib);
  if (!admission_.Reserve(size)) return timer_.Start(kTryAgain, [this] { Reserve(); });
  reserved_ = size;
  timer_.Start(std::max<base::Duration>(kInitTimeout, version_->timeout),
               [this] { Finish(Failed("its init took too long")); });
  if (auto launched = Launch(); !launched) Finish(std::unexpected(launched.error()));
}

base::Result<void> SnapshotMaker::Launch() {
  const auto runtime = parts_.catalog.Find(version_->runtime);
  if (!runtime) return Failed("the runtime " + version_->runtime + " is not on this machine");
  runtime_ = *runtime;
  if (runtime_.transport != runtime::Transport::kChannel) {
    return Failed("the runtime " + version_->runtime + " has no snapshots");
  }
  sandbox::Spec spec =
      TRY(MakeSandboxSpec(parts_.options, *version_, runtime_, log_.stream(), kSnapStart));
  const int image = parts_.stem_cells.Image(*version_, runtime_);
  return LaunchRuntime(
      parts_.zygote, std::move(spec), runtime_.transport, image,
      [this, alive = std::weak_ptr<bool>(alive_)](base::Result<RuntimeProcess> process) {
        if (alive.expired()) return;
        if (!process) return Finish(std::unexpected(process.error()));
        OnLaunched(std::move(*process));
      });
}

void SnapshotMaker::OnLaunched(RuntimeProcess process) {
  sandbox_ = std::move(process.sandbox);
  sandbox_->OnExit([this](sandbox::Outcome) { Finish(Failed("its runtime exited")); });
  log_.InitStart(RuntimeVersionText(runtime_));
  output_ = runtime::LogCapture::Create(parts_.loop, std::move(process.output),
                                        [this](std::string_view line) { log_.Line(line); });
  session_ = runtime::MakeChannelSession(parts_.loop, std::move(process.channel), *this);
  if (!process.environment.empty()) session_->Load(process.environment);
}

void SnapshotMaker::OnReady() {
  if (!made_) return;
  if (std::exchange(prepared_, true)) return Capture();
  session_->Prepare();
}

void SnapshotMaker::OnInitError(runtime::FunctionError error) { Finish(Failed(MessageOf(error))); }

void SnapshotMaker::OnBroken(std::string reason) { Finish(Failed(std::move(reason))); }

void SnapshotMaker::Capture() {
  auto file = MakeImageFile(parts_.options);
  if (!file) return Finish(std::unexpected(file.error()));
  const auto image = std::make_shared<base::UniqueFd>(std::move(*file));
  parts_.zygote.Capture(
      *sandbox_, image->get(), ChannelImageRules(),
      [this, alive = std::weak_ptr<bool>(alive_), image](const base::Result<void>& captured) {
        if (!alive.expired()) OnCaptured(*image, captured);
      });
}

void SnapshotMaker::OnCaptured(const base::UniqueFd& file, const base::Result<void>& captured) {
  if (captured) return Finish(base::sys::OpenAgain(file.get(), O_RDONLY));
  output_->Drain(true);
  log_.Line("SNAPSTART not used, this version starts the usual way: " +
            (captured.error().text.empty() ? captured.error().ToString() : captured.error().text));
  Finish(base::UniqueFd());
}

std::unexpected<base::Error> SnapshotMaker::Failed(std::string why) const {
  return base::MakeError(base::ErrorKind::kInvalid, "init of " + version_->name, std::move(why));
}

void SnapshotMaker::Finish(base::Result<base::UniqueFd> result) {
  if (!made_) return;
  timer_.Cancel();
  if (output_) output_->Drain(true);
  if (sandbox_) {
    sandbox_->OnExit(nullptr);
    sandbox_->Kill();
  }
  std::exchange(made_, nullptr)(std::move(result));
}

}  // namespace hearth::invoker
