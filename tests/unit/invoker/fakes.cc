#include "tests/unit/invoker/fakes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/init.h"

namespace hearth::invoker::test {
namespace {

using namespace std::chrono_literals;

void PutField(std::string& to, std::string_view field) {
  const auto size = static_cast<uint32_t>(field.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof size).append(field);
}

std::pair<base::UniqueFd, uint16_t> Listener() {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  struct sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), size), 0);
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &size), 0);
  return {std::move(fd), ntohs(where.sin_port)};
}

}  // namespace

// What the invoker owns of a FakeProcess.
class FakeSandbox final : public sandbox::Sandbox {
 public:
  explicit FakeSandbox(FakeProcessPtr process) : process_(std::move(process)) {}
  ~FakeSandbox() override {
    process_->dropped = true;
    process_->on_exit_ = nullptr;
  }
  uint64_t id() const override { return process_->id; }
  pid_t pid() const override { return 1000 + static_cast<pid_t>(process_->id); }
  const std::vector<sandbox::StepTiming>& timings() const override { return timings_; }
  std::vector<base::UniqueFd> TakeListeners() override { return std::move(process_->listeners_); }
  base::Result<void> Freeze() override {
    ++process_->freezes;
    if (!process_->freezable) return base::SystemError("cgroup.freeze", EIO);
    process_->frozen = true;
    return {};
  }
  base::Result<void> Thaw() override {
    ++process_->thaws;
    process_->frozen = false;
    return {};
  }
  void Kill() override {
    ++process_->kills;
    if (!process_->lingers) process_->Signal(SIGKILL);
  }
  base::Result<void> SetCpuLimit(uint32_t permille) override {
    process_->cpu_permille = permille;
    return {};
  }
  base::Result<base::UniqueFd> OpenReclaim() const override {
    if (!process_->reclaim.valid()) return Sandbox::OpenReclaim();
    return base::UniqueFd(::fcntl(process_->reclaim.get(), F_DUPFD_CLOEXEC, 3));
  }
  base::Result<sandbox::MemoryUse> Memory() const override {
    ++process_->memory_reads;
    return process_->memory;
  }
  base::Result<base::Bytes> MemoryPeak() const override { return process_->memory.peak; }
  uint64_t OutOfMemoryKills() const override { return 0; }
  void OnExit(std::function<void(sandbox::Outcome)> callback) override {
    process_->on_exit_ = std::move(callback);
  }

 private:
  FakeProcessPtr process_;
  std::vector<sandbox::StepTiming> timings_{{"clone", 2ms}, {"exec", 1ms}};
};

// --- FakeProcess

FakeProcess::FakeProcess(io::Loop& loop, uint64_t number, const sandbox::Spec& what,
                         const std::vector<sandbox::PassedFd>& fds,
                         sandbox::ZygoteClient::LaunchCallback callback)
    : id(number), spec(what), loop_(loop), callback_(std::move(callback)) {
  for (const auto& passed : fds) {
    base::UniqueFd copy(::fcntl(passed.fd, F_DUPFD_CLOEXEC, 3));
    EXPECT_TRUE(copy.valid());
    if (passed.as == 1) output_ = std::move(copy);
    if (passed.as == 3) events_ = std::move(copy);
    if (passed.as == 4) answers_ = std::move(copy);
    if (passed.as == sandbox::kInitControlFd) init_ = std::move(copy);
    if (passed.as == sandbox::kInitOutputFd) extension_output_ = std::move(copy);
  }
  for ([[maybe_unused]] const uint16_t port : spec.listen_ports) {
    auto [listener, at] = Listener();
    listeners_.push_back(std::move(listener));
    port_ = at;
  }
  // The zygote would refuse what it cannot read.
  EXPECT_TRUE(sandbox::DecodeSpec(sandbox::EncodeSpec(spec)).has_value());
}

void FakeProcess::Launched() {
  ASSERT_TRUE(callback_);
  launched_ = true;
  loop_.Post([self = shared_from_this(), callback = std::exchange(callback_, nullptr)] {
    callback(std::make_unique<FakeSandbox>(self));
  });
}

void FakeProcess::LaunchFails(const std::string& step, int error_number) {
  ASSERT_TRUE(callback_);
  told_ = true;
  loop_.Post([callback = std::exchange(callback_, nullptr),
              error = base::Error{base::ErrorKind::kSystem, step, error_number, {}}] {
    callback(std::unexpected(error));
  });
}

void FakeProcess::Send(runtime::FrameType type, const std::vector<std::string_view>& fields) {
  std::string frame(runtime::kFrameHeader, '\0');
  for (const auto field : fields) PutField(frame, field);
  const auto length = static_cast<uint32_t>(frame.size() - runtime::kFrameHeader);
  std::memcpy(frame.data(), &length, sizeof length);
  frame[4] = static_cast<char>(type);
  SendBytes(frame);
}

void FakeProcess::SendBytes(std::string_view bytes) {
  ASSERT_TRUE(answers_.valid());
  ASSERT_FALSE(frozen) << "a frozen process says nothing";
  // The host reads while its loop turns: a long frame goes in pieces.
  while (!bytes.empty()) {
    const ssize_t put =
        ::send(answers_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EAGAIN) {
      loop_.RunOnce();
      continue;
    }
    if (put < 0) return;  // The host has let go of it.
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

void FakeProcess::Print(std::string_view text) {
  ASSERT_FALSE(frozen) << "a frozen process prints nothing";
  MUST(base::WriteAll(output_.get(), text));
}

std::vector<std::string> FakeProcess::TakeLoad() {
  char block[65536];
  const ssize_t got = ::recv(events_.get(), block, sizeof block, MSG_DONTWAIT);
  if (got < static_cast<ssize_t>(runtime::kFrameHeader)) return {};
  const std::string_view frame(block, static_cast<size_t>(got));
  EXPECT_EQ(frame[4], static_cast<char>(runtime::FrameType::kLoad));
  const auto fields = runtime::DecodeFields(frame.substr(runtime::kFrameHeader), 1);
  EXPECT_TRUE(fields.has_value());
  std::vector<std::string> out;
  std::string_view rest = (*fields)[0];
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\0'), rest.size());
    out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

bool FakeProcess::TakePrepare() {
  char block[runtime::kFrameHeader];
  const ssize_t got = ::recv(events_.get(), block, sizeof block, MSG_DONTWAIT);
  return got == sizeof block && block[4] == static_cast<char>(runtime::FrameType::kPrepare);
}

std::optional<Event> FakeProcess::Take() {
  char block[65536];
  ssize_t got;
  while (events_.valid() && (got = ::recv(events_.get(), block, sizeof block, MSG_DONTWAIT)) > 0) {
    received_.append(block, static_cast<size_t>(got));
  }
  if (received_.size() < runtime::kFrameHeader) return std::nullopt;
  const auto header = MUST(runtime::DecodeFrameHeader(received_));
  const size_t whole = runtime::kFrameHeader + header.length;
  if (received_.size() < whole) return std::nullopt;
  EXPECT_EQ(header.type, runtime::FrameType::kInvoke);
  EXPECT_FALSE(frozen) << "an event must not reach a frozen process";
  const std::string body = received_.substr(runtime::kFrameHeader, header.length);
  received_.erase(0, whole);
  const auto fields = MUST(runtime::DecodeFields(body, 8));
  Event event;
  event.request_id = fields[0];
  std::memcpy(&event.deadline_ms, fields[1].data(), sizeof event.deadline_ms);
  event.arn = fields[2];
  event.trace_id = fields[3];
  event.client_context = fields[4];
  event.payload = fields[7];
  return event;
}

void FakeProcess::End(const sandbox::Outcome& outcome) {
  if (!Close()) return;
  loop_.Post([self = shared_from_this(), outcome] { self->Tell(outcome); });
}

void FakeProcess::ExitFirst(int status) {
  if (Close()) Tell({.kind = sandbox::Outcome::Kind::kExited, .exit_status = status});
}

bool FakeProcess::Close() {
  if (std::exchange(ended_, true)) return false;
  CloseChannel();
  output_.Reset();
  init_.Reset();
  extension_output_.Reset();
  return true;
}

void FakeProcess::Tell(const sandbox::Outcome& outcome) {
  told_ = true;
  if (auto on_exit = std::exchange(on_exit_, nullptr)) on_exit(outcome);
}

void FakeProcess::ReadOrders() {
  char block[sizeof(sandbox::InitOrder) + sandbox::kMaxInitStrings];
  ssize_t got;
  while (init_.valid() && (got = ::recv(init_.get(), block, sizeof block, MSG_DONTWAIT)) > 0) {
    sandbox::InitOrder order;
    ASSERT_GE(got, static_cast<ssize_t>(sizeof order));
    std::memcpy(&order, block, sizeof order);
    const std::string program = "program " + std::to_string(order.program) + ": ";
    if (order.kind == sandbox::InitOrder::kStart) {
      programs_.push_back(program + (block + sizeof order));
    } else {
      signals_.push_back(program + std::to_string(order.signal));
    }
  }
}

std::vector<std::string> FakeProcess::TakePrograms() {
  ReadOrders();
  return std::exchange(programs_, {});
}

std::vector<std::string> FakeProcess::TakeSignals() {
  ReadOrders();
  return std::exchange(signals_, {});
}

void FakeProcess::ProgramEnds(uint32_t program, uint32_t kind, int value) {
  const sandbox::InitReport report{kind, program, value};
  ASSERT_EQ(::send(init_.get(), &report, sizeof report, MSG_NOSIGNAL),
            static_cast<ssize_t>(sizeof report));
}

void FakeProcess::PrintAsExtension(std::string_view text) {
  MUST(base::WriteAll(extension_output_.get(), text));
}

std::string FakeProcess::address() const { return "127.0.0.1:" + std::to_string(port_); }

// --- FakeZygote

void FakeZygote::Launch(const sandbox::Spec& spec, const std::vector<sandbox::PassedFd>& fds,
                        LaunchCallback callback) {
  processes.push_back(
      std::make_shared<FakeProcess>(loop_, ++launches_, spec, fds, std::move(callback)));
  if (on_launch) on_launch(*processes.back());
}

void FakeZygote::Adopt(const sandbox::Sandbox& sandbox, const sandbox::Adoption& adoption,
                       AdoptCallback callback) {
  const auto found =
      std::ranges::find(processes, sandbox.id(), [](const auto& p) { return p->id; });
  ASSERT_NE(found, processes.end());
  (*found)->adopted = adoption;
  loop_.Post([process = *found, callback = std::move(callback)] {
    if (process->refuses_adoption) {
      callback(base::MakeError(base::ErrorKind::kNotFound, "adopt", "the sandbox has ended"));
    } else {
      callback(std::vector<sandbox::StepTiming>{{"mounts", 1ms}});
    }
  });
}

void FakeZygote::Terminate(const sandbox::Sandbox& sandbox) {
  const auto found =
      std::ranges::find(processes, sandbox.id(), [](const auto& p) { return p->id; });
  ASSERT_NE(found, processes.end());
  ++(*found)->terminations;
}

std::unique_ptr<sandbox::KeptTmp> FakeZygote::KeepTmp(const sandbox::Sandbox& sandbox) {
  class Kept final : public sandbox::KeptTmp {
   public:
    Kept(std::set<uint64_t>& all, uint64_t sandbox) : all_(all), sandbox_(sandbox) {
      all_.insert(sandbox);
    }
    ~Kept() override { all_.erase(sandbox_); }
    uint64_t sandbox() const override { return sandbox_; }

   private:
    std::set<uint64_t>& all_;
    const uint64_t sandbox_;
  };
  return std::make_unique<Kept>(tmps_kept, sandbox.id());
}

void FakeZygote::MakeSocket(const sandbox::Sandbox&, SocketCallback callback) {
  loop_.Post([callback = std::move(callback)] {
    callback(base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  });
}

void FakeZygote::Capture(const sandbox::Sandbox& sandbox, int image, const sandbox::ImageRules&,
                         CaptureCallback callback) {
  const auto found =
      std::ranges::find(processes, sandbox.id(), [](const auto& p) { return p->id; });
  ASSERT_NE(found, processes.end());
  ASSERT_TRUE(base::WriteAll(image, "image of " + (*found)->spec.name).has_value());
  auto finish = [process = *found, callback = std::move(callback)] {
    if (process->refuses_capture.empty()) return callback({});
    callback(base::MakeError(base::ErrorKind::kUnsupported, "write a process image",
                             process->refuses_capture));
  };
  if (holds_captures) {
    finish_capture = std::move(finish);
  } else {
    loop_.Post(std::move(finish));
  }
}

size_t FakeZygote::alive() const {
  return static_cast<size_t>(
      std::ranges::count_if(processes, [](const auto& process) { return process->alive(); }));
}

}  // namespace hearth::invoker::test
