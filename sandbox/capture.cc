#include "sandbox/capture.h"

#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "base/file.h"
#include "base/sys.h"
#include "sandbox/fixed_files.h"
#include "sandbox/image_format.h"
#include "sandbox/process_map.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {
namespace {

namespace sys = base::sys;
using base::Result;

// A page that lies between two others costs its bytes; a region of its own costs a system call.
constexpr uint64_t kMaxGap = 8;
// The subject says that it is about to wait; until it does is a matter of microseconds.
constexpr int kAttempts = 500;
constexpr unsigned kMaxSeconds = 60;
// Each page that could be there is asked after, even of memory that was only reserved.
constexpr uint64_t kMaxAddressSpace = 64ull << 30;

// Stopped from Stop to the end of its scope.
class Subject {
 public:
  explicit Subject(pid_t pid) : pid_(pid), folder_("/proc/" + std::to_string(pid)) {}
  ~Subject() {
    if (stopped_) ::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  Result<void> Stop() {
    if (::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) return base::SystemError("seize");
    if (::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) != 0) {
      return base::SystemError("interrupt");
    }
    int status = 0;
    if (::waitpid(pid_, &status, __WALL) != pid_) return base::SystemError("wait for the stop");
    if (!WIFSTOPPED(status)) return CannotWriteDown("the process ended");
    stopped_ = true;
    return {};
  }

  Result<struct user_regs_struct> Registers() const {
    struct user_regs_struct out{};
    struct iovec vector{&out, sizeof out};
    if (::ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &vector) != 0) {
      return base::SystemError("read registers");
    }
    return out;
  }

  pid_t pid() const { return pid_; }
  const std::string& folder() const { return folder_; }  // /proc/<pid>
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  Result<std::string> Read(const std::string& name) const { return base::ReadFile(Path(name)); }

 private:
  const pid_t pid_;
  const std::string folder_;
  bool stopped_ = false;
};

// Stops it while it is in read(2) of the descriptor: nothing of such a call is lost when it is made
// again by the restored process.
Result<std::unique_ptr<Subject>> StopWaiting(pid_t pid, int waits_on,
                                             struct user_regs_struct& registers) {
  for (int i = 0; i < kAttempts; ++i) {
    auto subject = std::make_unique<Subject>(pid);
    TRY(subject->Stop());
    registers = TRY(subject->Registers());
    if (registers.orig_rax == SYS_read && registers.rdi == static_cast<uint64_t>(waits_on)) {
      return subject;
    }
    subject.reset();
    ::poll(nullptr, 0, 1);
  }
  return CannotWriteDown("it does not wait for an order");
}

Result<uint64_t> Hex(std::string_view text) {
  uint64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc()) return CannotWriteDown("no number: " + std::string(text));
  return value;
}

// What is outside its memory, and would be missing in another process.
Result<void> CheckAlone(const Subject& subject, std::string_view status) {
  if (StatusField(status, "Threads") != "1") {
    return CannotWriteDown("it has " + std::string(StatusField(status, "Threads")) + " threads");
  }
  const std::string children =
      TRY(subject.Read("task/" + std::to_string(subject.pid()) + "/children"));
  if (!children.empty()) return CannotWriteDown("it has child processes");
  if (!TRY(subject.Read("timers")).empty()) return CannotWriteDown("it has timers");
  return {};
}

bool IsSpecial(const MemoryRegion& region) {
  return region.name == "[vdso]" || region.name.starts_with("[vvar");
}

// The image's tables, and where its pages are to come from.
struct Plan {
  ImageHeader header{};
  std::vector<ImageRegion> regions;
  std::vector<ImageDescriptor> descriptors;
  std::string strings;
  uint64_t page_bytes = 0;

  void Add(const MemoryRegion& of, uint64_t start, uint64_t end, ImageRegionKind kind) {
    ImageRegion region{};
    region.start = start;
    region.length = end - start;
    region.protection = of.protection;
    region.kind = kind;
    if (kind == kRegionImage || kind == kRegionCopied) {
      region.offset = page_bytes;  // From where the pages begin, until the tables' size is known.
      page_bytes += region.length;
    }
    regions.push_back(region);
  }

  void AddOpen(const OpenFile& file) {
    descriptors.push_back(file.descriptor);
    descriptors.back().path = static_cast<uint32_t>(strings.size());
    strings.append(file.path).push_back('\0');
  }

  void AddFile(const MemoryRegion& of, const struct stat& file) {
    Add(of, of.start, of.end, kRegionFile);
    // The regions of one library follow each other.
    const size_t size = of.name.size() + 1;
    const bool same = strings.size() >= size &&
                      strings.compare(strings.size() - size, size - 1, of.name) == 0 &&
                      (strings.size() == size || strings[strings.size() - size - 1] == '\0');
    if (!same) strings.append(of.name).push_back('\0');
    regions.back().path = static_cast<uint32_t>(strings.size() - size);
    regions.back().offset = of.offset;
    regions.back().inode = file.st_ino;
    regions.back().changed_s = file.st_mtim.tv_sec;
    regions.back().changed_ns = static_cast<uint32_t>(file.st_mtim.tv_nsec);
  }
};

Result<void> PlanRegion(const Subject& subject, int pagemap, const MemoryRegion& region,
                        Plan& plan) {
  struct stat file{};
  const bool stable = IsFixed(subject.folder(), region, file);
  if (region.shared && (region.protection & PROT_WRITE) != 0) {
    return CannotWriteDown("it has shared memory: " + region.name);
  }
  std::vector<PageRun> own;
  if (region.inode != 0 && !stable) {
    own.push_back({region.start, region.end});  // Its file is nothing that others have.
  } else if (!region.shared) {
    own = TRY(OwnPages(pagemap, region, kMaxGap));
  }
  if (region.name == "[stack]") {
    if (own.empty()) return CannotWriteDown("it has no stack");
    // What lies below is made when it is needed.
    plan.Add(region, own.front().start, region.end, kRegionCopied);
    plan.regions.back().grows_down = 1;
    return {};
  }
  const bool all = own.size() == 1 && own[0].start == region.start && own[0].end == region.end;
  if (stable) {
    plan.AddFile(region, file);
  } else if (!all) {
    plan.Add(region, region.start, region.end, kRegionZero);
  }
  for (const auto& run : own) {
    // A folder may forbid executing what is mapped from it; anonymous memory has none.
    const bool executable = (region.protection & PROT_EXEC) != 0;
    plan.Add(region, run.start, run.end, executable ? kRegionCopied : kRegionImage);
  }
  return {};
}

Result<void> PlanMemory(const Subject& subject, uint64_t max_bytes, Plan& plan) {
  const base::UniqueFd pagemap(::open(subject.Path("pagemap").c_str(), O_RDONLY | O_CLOEXEC));
  if (!pagemap.valid()) return base::SystemError("open its pagemap");
  uint64_t address_space = 0;
  for (const auto& region : TRY(ParseMaps(TRY(subject.Read("maps"))))) {
    const bool restorer = region.start >= kRestoreBase && region.end <= kRestoreBase + kRestoreSpan;
    if (region.name == "[vsyscall]" || restorer) continue;
    if (region.name == "[heap]") plan.header.brk = region.end;
    if (IsSpecial(region)) {
      if (plan.header.special_count == kMaxImageSpecials)
        return CannotWriteDown("too many vvar regions");
      if (region.name == "[vdso]") plan.header.vdso = plan.header.special_count;
      plan.header.specials[plan.header.special_count++] = {region.start, region.length()};
      continue;
    }
    address_space += region.length();
    if (address_space > kMaxAddressSpace) return CannotWriteDown("it has reserved too much memory");
    TRY(PlanRegion(subject, pagemap.get(), region, plan));
    if (plan.page_bytes > max_bytes) return CannotWriteDown("its memory is too large");
    if (plan.regions.size() > kMaxImageRegions || plan.strings.size() > kMaxImageStrings) {
      return CannotWriteDown("it has too many memory regions");
    }
  }
  return {};
}

void SetRegisters(const struct user_regs_struct& from, ImageRegisters& to) {
  constexpr uint64_t kSyscallInstruction = 2;  // bytes
  to = {.r15 = from.r15,
        .r14 = from.r14,
        .r13 = from.r13,
        .r12 = from.r12,
        .rbp = from.rbp,
        .rbx = from.rbx,
        .r10 = from.r10,
        .r9 = from.r9,
        .r8 = from.r8,
        .rdx = from.rdx,
        .rsi = from.rsi,
        .rdi = from.rdi,
        .rsp = from.rsp,
        .syscall = from.orig_rax,
        .instruction = from.rip - kSyscallInstruction,
        .fs_base = from.fs_base,
        .gs_base = from.gs_base};
}

Result<void> DescribeThread(const Subject& subject, std::string_view status, ImageHeader& header) {
  header.ignored_signals = TRY(Hex(StatusField(status, "SigIgn")));
  header.blocked_signals = TRY(Hex(StatusField(status, "SigBlk")));
  const std::string_view name = StatusField(status, "Name");
  name.copy(header.name, sizeof header.name - 1);
  void* robust = nullptr;
  size_t size = 0;
  if (::syscall(SYS_get_robust_list, subject.pid(), &robust, &size) == 0) {
    header.robust_list = reinterpret_cast<uint64_t>(robust);
    header.robust_list_size = size;
  }
  struct __ptrace_rseq_configuration rseq{};
  if (::ptrace(static_cast<__ptrace_request>(PTRACE_GET_RSEQ_CONFIGURATION), subject.pid(),
               sizeof rseq, &rseq) > 0) {
    header.rseq_area = rseq.rseq_abi_pointer;
    header.rseq_size = rseq.rseq_abi_size;
    header.rseq_signature = rseq.signature;
  }
  const auto stat = TRY(ParseStat(TRY(subject.Read("stat"))));
  if (stat.size() < 49) return CannotWriteDown("its memory layout is unknown");
  header.start_code = stat[23];
  header.end_code = stat[24];
  header.start_stack = stat[25];
  header.start_data = stat[42];
  header.end_data = stat[43];
  header.start_brk = stat[44];
  if (header.brk == 0) header.brk = header.start_brk;
  header.arg_start = stat[45];
  header.arg_end = stat[46];
  header.env_start = stat[47];
  header.env_end = stat[48];
  return {};
}

Result<void> CopyPages(const Subject& subject, const ImageRegion& region, int image) {
  const base::UniqueFd memory(::open(subject.Path("mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory.valid()) return base::SystemError("open its memory");
  std::vector<char> block(1 << 20);
  for (uint64_t done = 0; done < region.length;) {
    const size_t want = std::min<uint64_t>(block.size(), region.length - done);
    const ssize_t got =
        ::pread(memory.get(), block.data(), want, static_cast<off_t>(region.start + done));
    if (got <= 0) return base::SystemError("read its memory", got < 0 ? errno : EIO);
    const auto bytes = static_cast<size_t>(got);
    for (size_t put = 0; put < bytes;) {
      const ssize_t written = ::pwrite(image, block.data() + put, bytes - put,
                                       static_cast<off_t>(region.offset + done + put));
      if (written < 0) return base::SystemError("write the image");
      put += static_cast<size_t>(written);
    }
    done += bytes;
  }
  return {};
}

Result<void> Write(const Subject& subject, Plan& plan, int image) {
  plan.header.magic = kImageMagic;
  plan.header.region_count = static_cast<uint32_t>(plan.regions.size());
  plan.header.descriptor_count = static_cast<uint32_t>(plan.descriptors.size());
  plan.header.string_bytes = static_cast<uint32_t>(plan.strings.size());
  const uint64_t tables = sizeof plan.header + plan.regions.size() * sizeof(ImageRegion) +
                          plan.descriptors.size() * sizeof(ImageDescriptor) + plan.strings.size();
  const uint64_t pages = (tables + kPageSize - 1) / kPageSize * kPageSize;
  for (auto& region : plan.regions) {
    if (region.kind != kRegionImage && region.kind != kRegionCopied) continue;
    region.offset += pages;
    TRY(CopyPages(subject, region, image));
  }
  std::string head(reinterpret_cast<const char*>(&plan.header), sizeof plan.header);
  head.append(reinterpret_cast<const char*>(plan.regions.data()),
              plan.regions.size() * sizeof(ImageRegion));
  head.append(reinterpret_cast<const char*>(plan.descriptors.data()),
              plan.descriptors.size() * sizeof(ImageDescriptor));
  head += plan.strings;
  if (::lseek(image, 0, SEEK_SET) != 0) return base::SystemError("write the image");
  return base::WriteAll(image, head);
}

[[noreturn]] void RunCapturer(pid_t subject, int image, const ImageRules& rules, int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::alarm(kMaxSeconds);  // A subject that cannot be stopped holds nobody up for ever.
  const auto written = WriteImage(subject, image, rules);
  (void)sys::SendMessage(socket, written ? "I" : EncodeFailed({0, written.error()}), {});
  ::_exit(0);
}

}  // namespace

Result<void> WriteImage(pid_t pid, int image, const ImageRules& rules) {
  struct user_regs_struct registers{};
  const auto subject = TRY(StopWaiting(pid, rules.waits_on, registers));
  const std::string status = TRY(subject->Read("status"));
  TRY(CheckAlone(*subject, status));
  Plan plan;
  SetRegisters(registers, plan.header.registers);
  TRY(PlanMemory(*subject, rules.max_bytes, plan));
  TRY(DescribeThread(*subject, status, plan.header));
  for (const auto& file : TRY(DescribeOpenFiles(subject->folder(), rules.last_descriptor))) {
    plan.AddOpen(file);
  }
  return Write(*subject, plan, image);
}

Result<Capturer> StartCapturer(pid_t subject, int image, const ImageRules& rules) {
  auto [mine, its] = TRY(sys::SocketPair(sys::SocketType::kSeqpacket));
  int pidfd = -1;
  struct clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const pid_t pid = TRY(sys::Clone3(args));
  if (pid == 0) RunCapturer(subject, image, rules, its.get());
  return Capturer{pid, base::UniqueFd(pidfd), std::move(mine)};
}

Result<void> ReceiveCapture(int socket) {
  const auto message = TRY(sys::ReceiveMessage(socket, kMaxPacket));
  if (message.closed || message.data.empty()) {
    return base::MakeError(base::ErrorKind::kClosed, "write a process image", "the capturer died");
  }
  if (message.data == "I") return {};
  return std::unexpected(TRY(DecodeFailed(std::string_view(message.data).substr(1))).error);
}

}  // namespace hearth::sandbox
