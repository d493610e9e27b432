#include "invoker/snapshot_maker.h"

#include <fcntl.h>

#include <algorithm>

#include "base/json.h"
#include "base/limits.h"
#include "base/sys.h"
#include "invoker/endpoint.h"
#include "invoker/instance_spec.h"
#include "invoker/stem_cells.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

// Until calls have given memory back.
constexpr auto kTryAgain = 1s;
// As on AWS: an init that is to be a snapshot has 130 s, or the function's timeout.
constexpr auto kInitTimeout = 130s;

// What the bootstrap says where it could not even try (hearth_snapshot.py).
constexpr char kUnfit[] = "Hearth.CannotWriteDown";
// Of an error that is stored with the version.
constexpr size_t kMaxMessage = 1024;

// The function may have written it itself: it can be anything.
std::string MessageOf(const runtime::FunctionError& error) {
  const auto parsed = base::ParseJson(error.payload);
  const bool has_message = parsed && parsed->is_object() && parsed->contains("errorMessage") &&
                           (*parsed)["errorMessage"].is_string();
  return has_message ? (*parsed)["errorMessage"].get<std::string>() : std::string();
}

}  // namespace

SnapshotMaker::SnapshotMaker(const InstanceParts& parts, Admission& admission, FunctionRef version,
                             Snapshots::Done done, Made made)
    : parts_(parts),
      admission_(admission),
      version_(std::move(version)),
      done_(std::move(done)),
      made_(std::move(made)),
      log_(parts.logs, *version_, parts.loop.clock()),
      timer_(parts.loop) {}

SnapshotMaker::~SnapshotMaker() { admission_.Release(reserved_); }

void SnapshotMaker::Start() {
  timer_.Start(base::Duration::zero(), [this] { Reserve(); });
}

void SnapshotMaker::Stop(const std::string& reason) {
  Finish(base::MakeError(base::ErrorKind::kClosed, "prepare " + version_->name, reason));
}

void SnapshotMaker::Reserve() {
  const base::Bytes size = base::Bytes::MiB(version_->memory_mib);
  if (size > admission_.budget()) {
    return FinishWithout("its memory size is more than this host's memory budget");
  }
  if (!admission_.Reserve(size)) {
    return timer_.Start(kTryAgain, [this] { FinishForNow("memory is short"); });
  }
  reserved_ = size;
  timer_.Start(std::max<base::Duration>(kInitTimeout, version_->timeout),
               [this] { Finish(Failed("its init took too long")); });
  if (auto launched = Launch(); !launched) FinishWithout(launched.error().ToString());
}

base::Result<void> SnapshotMaker::Launch() {
  const auto runtime = parts_.catalog.Find(version_->runtime);
  if (!runtime || runtime->transport != runtime::Transport::kChannel) {
    return base::MakeError(base::ErrorKind::kUnsupported, "prepare " + version_->name,
                           "the runtime " + version_->runtime + " has no snapshots here");
  }
  runtime_ = *runtime;
  sandbox::Spec spec =
      TRY(MakeSandboxSpec(parts_.options, *version_, runtime_, log_.stream(), kSnapStart));
  const int image = parts_.stem_cells.Image(*version_, runtime_);
  return LaunchRuntime(
      parts_.zygote, std::move(spec), runtime_.transport, image,
      [this, alive = std::weak_ptr<bool>(alive_)](base::Result<RuntimeProcess> process) {
        if (alive.expired()) return;
        if (!process && process.error().kind == base::ErrorKind::kClosed) {
          return Stop(process.error().ToString());
        }
        if (!process) return FinishWithout(process.error().ToString());
        OnLaunched(std::move(*process));
      });
}

void SnapshotMaker::OnLaunched(RuntimeProcess process) {
  sandbox_ = std::move(process.sandbox);
  sandbox_->OnExit([this](sandbox::Outcome outcome) { OnExit(outcome); });
  log_.InitStart(RuntimeVersionText(runtime_), kSnapStart);
  output_ = runtime::LogCapture::Create(parts_.loop, std::move(process.output),
                                        [this](std::string_view line) { log_.Line(line); });
  auto listeners = sandbox_->TakeListeners();
  endpoint_ = ServeEndpoint(parts_.loop, parts_.options, listeners);
  session_ = runtime::MakeChannelSession(parts_.loop, std::move(process.channel), *this);
  if (!process.environment.empty()) session_->Load(process.environment);
}

void SnapshotMaker::OnReady() {
  if (!made_) return;
  if (std::exchange(prepared_, true)) return Capture();
  session_->Prepare();
}

void SnapshotMaker::OnInitError(runtime::FunctionError error) {
  const std::string message = MessageOf(error);
  if (error.type == kUnfit) return FinishWithout(message.substr(0, kMaxMessage));
  Finish(Failed((error.type + ": " + message).substr(0, kMaxMessage)));
}

// How it ended says more.
void SnapshotMaker::OnBroken(std::string) {
  if (made_) sandbox_->Kill();
}

void SnapshotMaker::OnExit(const sandbox::Outcome& outcome) {
  if (outcome.host_lost) return Stop("the sandbox was lost");
  // Of the language's image, then: no code of the function's has run.
  if (outcome.exit_status == sandbox::kRestoreFailed && session_->HasUnread()) {
    parts_.stem_cells.ImageFailed(runtime_);
    return timer_.Start(kTryAgain, [this] { FinishForNow("the language's image is out of date"); });
  }
  session_->ReadRest();  // Which may have finished this.
  Finish(Failed("Runtime.ExitError: " + ExitText(outcome)));
}

void SnapshotMaker::Capture() {
  auto file = MakeImageFile(parts_.options);
  if (!file) return FinishWithout(file.error().ToString());
  const auto image = std::make_shared<base::UniqueFd>(std::move(*file));
  parts_.zygote.Capture(
      *sandbox_, image->get(), ChannelImageRules(base::Bytes::MiB(version_->memory_mib)),
      [this, alive = std::weak_ptr<bool>(alive_), image](const base::Result<void>& captured) {
        if (!alive.expired()) OnCaptured(*image, captured);
      });
}

void SnapshotMaker::OnCaptured(const base::UniqueFd& file, const base::Result<void>& captured) {
  auto image = captured ? base::sys::OpenAgain(file.get(), O_RDONLY)
                        : base::Result<base::UniqueFd>(std::unexpected(captured.error()));
  if (image) return Finish(std::move(image));
  const base::Error& error = image.error();
  FinishWithout(error.text.empty() ? error.ToString() : error.text);
}

void SnapshotMaker::FinishForNow(const char* why) {
  Finish(base::MakeError(base::ErrorKind::kLimit, "prepare " + version_->name, why));
}

void SnapshotMaker::FinishWithout(const std::string& why) {
  if (!made_) return;
  if (output_) output_->Drain(true);
  log_.Line("SNAPSTART not used, this version starts the usual way: " + why);
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
