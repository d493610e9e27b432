#include "invoker/stem_cells.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/sys.h"
#include "invoker/instance_spec.h"
#include "runtime/channel.h"

namespace hearth::invoker {
namespace {

using namespace std::chrono_literals;

constexpr auto kDemandWindow = 10s;
// Starts come in bursts: the next cell is made when there has been none for so long.
constexpr auto kQuiet = 2ms;
constexpr int kMaxFailures = 3;
// A function may end as one that cannot be restored does; it costs the others an image a minute.
constexpr auto kBelieve = 60s;
// Of the memory budget, for all cells together.
constexpr uint64_t kBudgetShare = 20;
// One that goes on from an image shares what it has not written.
constexpr base::Bytes kImageReserve = base::Bytes::MiB(3);
constexpr base::Bytes kPythonReserve = base::Bytes::MiB(10);
constexpr base::Bytes kNodeReserve = base::Bytes::MiB(32);

}  // namespace

bool NeedsOwnStart(const std::map<std::string, std::string>& environment) {
  constexpr std::string_view kPrefixes[] = {"LD_",    "LC_",     "PYTHON",  "NODE_", "UV_",
                                            "GLIBC_", "MALLOC_", "OPENSSL", "SSL_"};
  constexpr std::string_view kNames[] = {
      "AWS_LAMBDA_EXEC_WRAPPER", "LANG", "LANGUAGE", "PATH", "HOME", "TZ", "TZDIR", "TMPDIR"};
  return std::ranges::any_of(environment, [&](const auto& variable) {
    const std::string_view name = variable.first;
    return std::ranges::find(kNames, name) != std::end(kNames) ||
           std::ranges::any_of(kPrefixes, [&](auto prefix) { return name.starts_with(prefix); });
  });
}

StemCells::StemCells(io::Loop& loop, sandbox::ZygoteClient& zygote, const runtime::Catalog& catalog,
                     const InvokerOptions& options, Admission& admission)
    : loop_(loop), zygote_(zygote), options_(options), admission_(admission), timer_(loop) {
  if (options.stem_cells == 0) {
    stopped_ = true;
    return;
  }
  // Any name of a language gives the machine's one interpreter.
  const std::pair<const char*, base::Bytes> languages[] = {{"python3.12", kPythonReserve},
                                                           {"nodejs22.x", kNodeReserve}};
  for (size_t i = 0; i < kinds_.size(); ++i) {
    const auto runtime = catalog.Find(languages[i].first);
    if (!runtime) continue;
    kinds_[i].runtime = *runtime;
    kinds_[i].reserve = languages[i].second;
    kinds_[i].usable = true;
    kinds_[i].single_threaded = runtime->language == runtime::Language::kPython;
  }
  Arm(kQuiet);
}

StemCells::~StemCells() = default;

StemCells::Kind* StemCells::KindOf(runtime::Language language) {
  const auto found = std::ranges::find_if(
      kinds_, [&](const Kind& kind) { return kind.usable && kind.runtime.language == language; });
  return found == kinds_.end() ? nullptr : &*found;
}

int StemCells::Image(const FunctionVersion& function, const runtime::Runtime& runtime) {
  const Kind* const kind = stopped_ ? nullptr : KindOf(runtime.language);
  return kind == nullptr || NeedsOwnStart(function.environment) ? -1 : kind->image.get();
}

void StemCells::ImageFailed(const runtime::Runtime& runtime) {
  Kind* const kind = KindOf(runtime.language);
  const base::MonoTime now = loop_.clock().Now();
  if (kind == nullptr || now < kind->believed_until) return;
  kind->believed_until = now + kBelieve;
  kind->image.Reset();
}

std::optional<StemCell> StemCells::Take(const FunctionVersion& function,
                                        const runtime::Runtime& runtime) {
  Kind* const kind = stopped_ ? nullptr : KindOf(runtime.language);
  if (kind == nullptr || function.tmp_mib != limits::kMinTmpMiB ||
      NeedsOwnStart(function.environment)) {
    return std::nullopt;
  }
  kind->starts.push_back(loop_.clock().Now());
  Arm(kQuiet);
  if (kind->waiting.empty()) return std::nullopt;
  const StemCell* const oldest = kind->waiting.front().get();
  StemCell cell = std::move(*kind->waiting.front());
  Remove(*kind, oldest);
  return cell;
}

// As many as there were starts in the last moments, and one: the next start should find it.
size_t StemCells::Wanted(Kind& kind) const {
  const base::MonoTime since = loop_.clock().Now() - kDemandWindow;
  while (!kind.starts.empty() && kind.starts.front() < since) kind.starts.pop_front();
  return std::min(options_.stem_cells, kind.starts.size() + 1);
}

base::Bytes StemCells::ReserveOf(const Kind& kind) {
  return kind.image.valid() ? kImageReserve : kind.reserve;
}

void StemCells::Arm(base::Duration delay) {
  if (!stopped_) timer_.Start(delay, [this] { Refill(); });
}

void StemCells::Refill() {
  if (launching_ || stopped_ || failures_ >= kMaxFailures) return;
  const base::Bytes share(admission_.budget().count() / kBudgetShare);
  Kind* shortest = nullptr;
  for (Kind& kind : kinds_) {
    if (!kind.usable || kind.waiting.size() >= Wanted(kind)) continue;
    if (reserved_ + ReserveOf(kind) > share) continue;
    if (shortest == nullptr || kind.waiting.size() < shortest->waiting.size()) shortest = &kind;
  }
  if (shortest == nullptr || !admission_.Reserve(ReserveOf(*shortest))) return;
  reserved_ += ReserveOf(*shortest);
  Launch(*shortest);
}

void StemCells::Launch(Kind& kind) {
  launching_ = true;
  const base::Bytes reserve = ReserveOf(kind);
  const auto launched = [this, alive = std::weak_ptr<bool>(alive_), &kind,
                         reserve](base::Result<RuntimeProcess> process) {
    if (!alive.expired()) OnLaunched(kind, reserve, std::move(process));
  };
  const auto asked = LaunchRuntime(zygote_, MakeStemCellSpec(options_, kind.runtime),
                                   kind.runtime.transport, kind.image.get(), launched);
  if (!asked) OnLaunched(kind, reserve, std::unexpected(asked.error()));
}

void StemCells::OnLaunched(Kind& kind, base::Bytes reserved, base::Result<RuntimeProcess> process) {
  launching_ = false;
  if (!process) {
    Release(reserved);
    if (++failures_ == kMaxFailures) {
      HLOG_WARN("no stem cells from now on: {}", process.error().ToString());
    }
    return Arm(1s);
  }
  failures_ = 0;
  auto cell = std::make_unique<StemCell>(StemCell{std::move(*process), reserved});
  if (kind.single_threaded && !kind.image.valid() && !stopped_) {
    return Capture(kind, std::move(cell));
  }
  // What it does for the first time it does now, and not in somebody's first call. The write fits
  // into an empty socket; where it fails the cell is lost, and that is told elsewhere.
  const std::string prepare = runtime::EncodePrepare();
  (void)::send(cell->process.channel.events.get(), prepare.data(), prepare.size(), MSG_NOSIGNAL);
  Keep(kind, std::move(cell));
}

void StemCells::Capture(Kind& kind, std::unique_ptr<StemCell> cell) {
  auto file = MakeImageFile(options_);
  if (!file) {
    OnCaptured(kind, {}, std::unexpected(file.error()));
    return Keep(kind, std::move(cell));
  }
  launching_ = true;
  const auto ended = std::make_shared<bool>(false);
  cell->process.sandbox->OnExit([ended](sandbox::Outcome) { *ended = true; });
  const auto image = std::make_shared<base::UniqueFd>(std::move(*file));
  const auto subject = std::make_shared<std::unique_ptr<StemCell>>(std::move(cell));
  zygote_.Capture(*(*subject)->process.sandbox, image->get(),
                  ChannelImageRules(base::Bytes::MiB(limits::kMinMemoryMiB)),
                  [this, alive = std::weak_ptr<bool>(alive_), &kind, ended, image,
                   subject](const base::Result<void>& captured) {
                    if (alive.expired()) return;
                    launching_ = false;
                    OnCaptured(kind, *image, captured);
                    if (!*ended) return Keep(kind, std::move(*subject));
                    Release((*subject)->reserved);
                    Arm(1s);
                  });
}

void StemCells::OnCaptured(Kind& kind, const base::UniqueFd& image,
                           const base::Result<void>& captured) {
  const auto keep = [&]() -> base::Result<void> {
    TRY(captured);
    kind.image = TRY(base::sys::OpenAgain(image.get(), O_RDONLY));
    return {};
  };
  const auto kept = keep();
  if (kept) return;
  kind.single_threaded = ++refused_images_ < kMaxFailures;
  HLOG_WARN("no image of {}: {}", kind.runtime.name, kept.error().ToString());
}

void StemCells::Keep(Kind& kind, std::unique_ptr<StemCell> cell) {
  const StemCell* const raw = cell.get();
  kind.waiting.push_back(std::move(cell));
  if (stopped_) return Remove(kind, raw);
  raw->process.sandbox->OnExit([this, &kind, raw](sandbox::Outcome outcome) {
    // No function has run in it, so this is the image's fault: a file under /usr is another now.
    if (outcome.exit_status == sandbox::kRestoreFailed) kind.image.Reset();
    Remove(kind, raw);
    Arm(1s);
  });
  Arm(kQuiet);
}

// Out of the queue; what was not moved out of it ends.
void StemCells::Remove(Kind& kind, const StemCell* cell) {
  const auto found =
      std::ranges::find_if(kind.waiting, [&](const auto& one) { return one.get() == cell; });
  CHECK(found != kind.waiting.end());
  const base::Bytes reserved = (*found)->reserved;
  // It may be inside its sandbox's own callback: it dies on a later turn.
  loop_.Post([gone = std::shared_ptr<StemCell>(std::move(*found))] {});
  kind.waiting.erase(found);
  Release(reserved);
}

void StemCells::Release(base::Bytes reserved) {
  reserved_ -= reserved;
  admission_.Release(reserved);
}

base::Bytes StemCells::Evict() {
  const base::Bytes before = reserved_;
  for (Kind& kind : kinds_) {
    while (!kind.waiting.empty()) Remove(kind, kind.waiting.front().get());
  }
  return before - reserved_;
}

void StemCells::Stop() {
  stopped_ = true;
  timer_.Cancel();
  Evict();
}

void StemCells::AddInfo(std::vector<InstanceInfo>& to) const {
  for (const Kind& kind : kinds_) {
    for (const auto& cell : kind.waiting) {
      InstanceInfo info;
      info.function = "(" + LanguageFolder(kind.runtime.language) + " stem cell)";
      info.state = "waiting";
      info.pid = cell->process.sandbox->pid();
      if (const auto memory = cell->process.sandbox->Memory()) {
        info.memory_now = memory->now;
        info.memory_peak = memory->peak;
      }
      to.push_back(std::move(info));
    }
  }
}

}  // namespace hearth::invoker
