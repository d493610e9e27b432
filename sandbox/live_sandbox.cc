#include "sandbox/live_sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"

namespace hearth::sandbox {
namespace {

// A kernel file that holds one number: one read gives all of it.
base::Result<base::Bytes> ReadBytes(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  if (size < 0) return base::SystemError("read a cgroup's number");
  uint64_t value = 0;
  std::from_chars(text, text + size, value);
  return base::Bytes(value);
}

}  // namespace

pid_t PidOf(int pidfd) {
  const auto info = base::ReadFile("/proc/self/fdinfo/" + std::to_string(pidfd));
  pid_t pid = 0;
  const size_t at = info ? info->find("Pid:") : std::string::npos;
  if (at == std::string::npos) return 0;
  const char* const end = info->data() + info->size();
  std::from_chars(std::find_if(info->data() + at + 4, end, [](char c) { return c > ' '; }), end,
                  pid);
  return std::max(pid, 0);
}

base::Result<base::UniqueFd> SandboxState::Open(GroupFile file, const char* step) const {
  if (!ended) return group.Open(file);
  return base::MakeError(base::ErrorKind::kClosed, step, "the sandbox has ended");
}

base::Result<void> SandboxState::Write(GroupFile file, std::string_view text,
                                       const char* step) const {
  const base::UniqueFd fd = TRY(Open(file, step));
  if (::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return base::SystemError(step);
}

LiveSandbox::~LiveSandbox() {
  state_->on_exit = nullptr;
  state_->Kill();
}

base::Result<void> LiveSandbox::Freeze() {
  frozen_ = true;
  peak_.Reset();
  return state_->Write(GroupFile::kFreeze, "1", "cgroup.freeze");
}

base::Result<void> LiveSandbox::Thaw() {
  frozen_ = false;
  return state_->Write(GroupFile::kFreeze, "0", "cgroup.freeze");
}

base::Result<void> LiveSandbox::SetCpuLimit(uint32_t permille) {
  const std::string text = FormatCpuLimit(permille, state_->layout->CpuIsV2());
  return state_->Write(GroupFile::kCpu, text, "cpu limit");
}

base::Result<base::UniqueFd> LiveSandbox::OpenReclaim() const {
  return state_->Open(GroupFile::kReclaim, "reclaim memory");
}

base::Result<MemoryUse> LiveSandbox::Memory() const {
  const base::UniqueFd file = TRY(state_->Open(GroupFile::kMemoryNow, "memory in use"));
  const base::Bytes now = TRY(ReadBytes(file.get()));
  return MemoryUse{now, std::max(now, TRY(MemoryPeak()))};
}

base::Result<base::Bytes> LiveSandbox::MemoryPeak() const {
  if (!peak_.valid()) peak_ = TRY(state_->Open(GroupFile::kMemoryPeak, "peak of memory"));
  const auto peak = ReadBytes(peak_.get());
  if (frozen_) peak_.Reset();
  return peak;
}

uint64_t LiveSandbox::OutOfMemoryKills() const {
  const auto file = state_->Open(GroupFile::kOom, "out-of-memory kills");
  const auto text = file ? base::ReadFromStart(file->get()) : std::unexpected(file.error());
  if (!text) return state_->outcome.out_of_memory ? 1 : 0;
  return NumberAfter(*text, "oom_kill");
}

void LiveSandbox::OnExit(std::function<void(Outcome)> callback) {
  state_->on_exit = std::move(callback);
}

}  // namespace hearth::sandbox
