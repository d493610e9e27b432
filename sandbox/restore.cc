// hearth-restore: becomes the process whose image is descriptor kImageFd (sandbox/image.h).
//
// Executed inside a finished sandbox, with nothing that a function would not have. It is linked at
// an address where no other program has anything, uses no library and no thread-local state, and
// replaces its own address space region by region; last of all it jumps. Whatever fails is said on
// descriptor 2, and the exit status is kRestoreFailed.
#include <asm/errno.h>
#include <asm/prctl.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include <initializer_list>

#include "sandbox/image.h"
#include "sandbox/image_format.h"

using namespace hearth::sandbox;

namespace {

constexpr uint64_t kScratch = kRestoreBase + (1ull << 32);
constexpr uint64_t kTableBytes = sizeof(ImageHeader) + kMaxImageRegions * sizeof(ImageRegion) +
                                 kMaxImageDescriptors * sizeof(ImageDescriptor) + kMaxImageStrings;

long Call(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0,
          uint64_t e = 0, uint64_t f = 0) {
  long result;
  register uint64_t r10 asm("r10") = d;
  register uint64_t r8 asm("r8") = e;
  register uint64_t r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

uint64_t Address(const volatile void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

[[noreturn]] void Fail(const char* step, long error) {
  char text[96];
  size_t at = 0;
  for (const char* from : {"hearth-restore: ", step, ": error "}) {
    while (*from != 0 && at < sizeof text - 8) text[at++] = *from++;
  }
  error = error < 0 ? -error : error;
  for (long unit = 1000; unit > 0; unit /= 10) {
    text[at++] = static_cast<char>('0' + error / unit % 10);
  }
  text[at++] = '\n';
  Call(__NR_write, 2, Address(text), at);
  while (true) Call(__NR_exit_group, kRestoreFailed);
}

long Must(long result, const char* step) {
  if (result < 0 && result > -4096) Fail(step, result);
  return result;
}

uint64_t OwnVdso(const uint64_t* stack) {
  const uint64_t* at = stack + 1 + stack[0] + 1;  // argc, argv, NULL
  while (*at != 0) ++at;                          // environment
  for (++at; at[0] != AT_NULL; at += 2) {
    if (at[0] == AT_SYSINFO_EHDR) return at[1];
  }
  return 0;
}

void ReadAll(uint64_t to, uint64_t size, uint64_t offset, const char* step) {
  while (size > 0) {
    const long got = Must(Call(__NR_pread64, kImageFd, to, size, offset), step);
    if (got == 0) Fail(step, 0);
    to += static_cast<uint64_t>(got);
    offset += static_cast<uint64_t>(got);
    size -= static_cast<uint64_t>(got);
  }
}

const ImageHeader* ReadTable() {
  Must(Call(__NR_mmap, kScratch, kTableBytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ~0ull, 0),
       "map the table");
  auto* const header = reinterpret_cast<ImageHeader*>(kScratch);
  ReadAll(kScratch, sizeof *header, 0, "read the header");
  if (header->magic != kImageMagic || header->region_count > kMaxImageRegions ||
      header->string_bytes > kMaxImageStrings || header->descriptor_count > kMaxImageDescriptors ||
      header->special_count > kMaxImageSpecials) {
    Fail("read the header", 0);
  }
  ReadAll(kScratch + sizeof *header,
          header->region_count * sizeof(ImageRegion) +
              header->descriptor_count * sizeof(ImageDescriptor) + header->string_bytes,
          sizeof *header, "read the table");
  return header;
}

// The kernel's own mappings lie in one row, in the same order in every process.
void MoveSpecials(const ImageHeader& header, uint64_t from_vdso, uint64_t to_vdso) {
  for (uint32_t i = 0; i < header.special_count; ++i) {
    const uint64_t distance = header.specials[i].start - header.specials[header.vdso].start;
    Must(Call(__NR_mremap, from_vdso + distance, header.specials[i].length,
              header.specials[i].length, MREMAP_MAYMOVE | MREMAP_FIXED, to_vdso + distance),
         "move the vdso");
  }
}

void Map(const ImageRegion& region, uint64_t protection, uint64_t flags, uint64_t fd,
         uint64_t offset, const char* step) {
  Must(Call(__NR_mmap, region.start, region.length, protection, MAP_PRIVATE | MAP_FIXED | flags, fd,
            offset),
       step);
}

// The windows of 4 GiB in which the image is mapped.
struct Windows {
  static constexpr uint32_t kMax = 16;
  uint32_t count = 0;
  uint32_t upper[kMax] = {};

  void Add(uint64_t address) {
    const auto half = static_cast<uint32_t>(address >> 32);
    for (uint32_t i = 0; i < count; ++i) {
      if (upper[i] == half) return;
    }
    if (count == kMax) Fail("map the image", 0);
    upper[count++] = half;
  }
};

long OpenSame(const ImageRegion& region, const char* path) {
  const long file =
      Must(Call(__NR_openat, static_cast<uint64_t>(AT_FDCWD), Address(path), O_RDONLY | O_CLOEXEC),
           path);
  struct stat now;
  Must(Call(__NR_fstat, static_cast<uint64_t>(file), Address(&now)), path);
  if (now.st_ino != region.inode || static_cast<int64_t>(now.st_mtime) != region.changed_s ||
      now.st_mtime_nsec != region.changed_ns) {
    Fail(path, ESTALE);
  }
  return file;
}

void MapRegions(const ImageRegion* regions, uint32_t count, const char* strings, Windows& windows) {
  long file = -1;
  uint32_t file_path = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const ImageRegion& region = regions[i];
    const uint64_t grows = region.grows_down != 0 ? MAP_GROWSDOWN : 0;
    switch (region.kind) {
      case kRegionZero:
        Map(region, region.protection, MAP_ANONYMOUS | grows, ~0ull, 0, "map memory");
        break;
      case kRegionImage:
        Map(region, region.protection, 0, kImageFd, region.offset, "map the image");
        for (uint64_t at = region.start; at < region.start + region.length; at += 1ull << 32) {
          windows.Add(at);
        }
        windows.Add(region.start + region.length - 1);
        break;
      case kRegionCopied:
        Map(region, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | grows, ~0ull, 0, "map memory");
        ReadAll(region.start, region.length, region.offset, "read the image");
        if (region.protection != (PROT_READ | PROT_WRITE)) {
          Must(Call(__NR_mprotect, region.start, region.length, region.protection), "protect");
        }
        break;
      default:
        if (file < 0 || file_path != region.path) {
          if (file >= 0) Call(__NR_close, static_cast<uint64_t>(file));
          file = OpenSame(region, strings + region.path);
          file_path = region.path;
        }
        Map(region, region.protection, 0, static_cast<uint64_t>(file), region.offset, "map a file");
    }
  }
  if (file >= 0) Call(__NR_close, static_cast<uint64_t>(file));
}

// After the image is closed: its number is free for whoever had it.
void OpenFiles(const ImageDescriptor* files, uint32_t count, const char* strings) {
  for (uint32_t i = 0; i < count; ++i) {
    const char* const path = strings + files[i].path;
    const auto fd = static_cast<uint64_t>(Must(
        Call(__NR_openat, static_cast<uint64_t>(AT_FDCWD), Address(path), files[i].flags), path));
    Call(__NR_lseek, fd, files[i].offset, 0 /* SEEK_SET */);  // Devices may have no place.
    if (fd == files[i].number) continue;
    Must(Call(__NR_dup3, fd, files[i].number, files[i].flags & O_CLOEXEC), path);
    Call(__NR_close, fd);
  }
}

// For /proc/self/cmdline and brk(2). Nothing but these depends on it, and a kernel without
// checkpoint support refuses it.
void DescribeMemory(const ImageHeader& header) {
  struct prctl_mm_map map{};
  map.start_code = header.start_code;
  map.end_code = header.end_code;
  map.start_data = header.start_data;
  map.end_data = header.end_data;
  map.start_brk = header.start_brk;
  map.brk = header.brk;
  map.start_stack = header.start_stack;
  map.arg_start = header.arg_start;
  map.arg_end = header.arg_end;
  map.env_start = header.env_start;
  map.env_end = header.env_end;
  map.exe_fd = ~0u;
  Call(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, Address(&map), sizeof map);
}

struct Filter {
  struct sock_filter code[64];
  unsigned short length = 0;

  void Put(unsigned operation, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0) {
    code[length++] = {static_cast<uint16_t>(operation), if_true, if_false, value};
  }
  void Load(uint32_t offset) { Put(BPF_LD | BPF_W | BPF_ABS, offset); }
  void Return(uint32_t what) { Put(BPF_RET | BPF_K, what); }
  // Goes on where the first argument lies in one of the windows; any other is allowed.
  void OnlyIn(const Windows& windows) {
    Load(kUpperArgument);
    for (uint32_t i = 0; i < windows.count; ++i) {
      Put(BPF_JMP | BPF_JEQ | BPF_K, windows.upper[i], static_cast<uint8_t>(windows.count - i));
    }
    Return(SECCOMP_RET_ALLOW);
  }
  static constexpr uint32_t kUpperArgument = offsetof(struct seccomp_data, args[0]) + 4;
};

// To an allocator, memory reads as zero after MADV_DONTNEED, and where mremap has made it longer. A
// private mapping of the image would read as the image, so both fail there, which every allocator
// takes as "nothing was given back" and "it must be copied". What was mapped later lies elsewhere.
void KeepImageFromShowing(const Windows& windows) {
  constexpr uint32_t kNumber = offsetof(struct seccomp_data, nr);
  constexpr uint32_t kOldSize = offsetof(struct seccomp_data, args[1]);
  constexpr uint32_t kAdvice = offsetof(struct seccomp_data, args[2]);
  constexpr uint32_t kNewSize = kAdvice;
  Filter filter;
  filter.Load(kNumber);
  filter.Put(BPF_JMP | BPF_JEQ | BPF_K, __NR_madvise, 2);
  filter.Put(BPF_JMP | BPF_JEQ | BPF_K, __NR_mremap, static_cast<uint8_t>(windows.count + 7));
  filter.Return(SECCOMP_RET_ALLOW);
  filter.Load(kAdvice);
  filter.Put(BPF_JMP | BPF_JEQ | BPF_K, MADV_DONTNEED, 1);
  filter.Return(SECCOMP_RET_ALLOW);
  filter.OnlyIn(windows);
  filter.Return(SECCOMP_RET_ERRNO | EINVAL);
  filter.OnlyIn(windows);
  // Longer than it was? Halves of 64 bits, the upper first.
  filter.Load(kOldSize + 4);
  filter.Put(BPF_MISC | BPF_TAX, 0);
  filter.Load(kNewSize + 4);
  filter.Put(BPF_JMP | BPF_JGT | BPF_X, 0, 5);
  filter.Put(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 5);
  filter.Load(kOldSize);
  filter.Put(BPF_MISC | BPF_TAX, 0);
  filter.Load(kNewSize);
  filter.Put(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 1);
  filter.Return(SECCOMP_RET_ERRNO | ENOMEM);
  filter.Return(SECCOMP_RET_ALLOW);
  const struct sock_fprog program{filter.length, filter.code};
  Must(Call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, Address(&program)), "seccomp");
}

struct KernelSigaction {
  uint64_t handler, flags, restorer, mask;
};

void RestoreThread(const ImageHeader& header) {
  const KernelSigaction ignore{1 /* SIG_IGN */, 0, 0, 0};
  for (uint64_t signal = 1; signal <= 64; ++signal) {
    if ((header.ignored_signals >> (signal - 1) & 1) == 0) continue;
    Call(__NR_rt_sigaction, signal, Address(&ignore), 0, 8);
  }
  Must(Call(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, Address(&header.blocked_signals), 0, 8),
       "set the signal mask");
  Must(Call(__NR_prctl, PR_SET_NAME, Address(header.name)), "set the name");
  Must(Call(__NR_arch_prctl, ARCH_SET_FS, header.registers.fs_base), "set fs");
  Must(Call(__NR_arch_prctl, ARCH_SET_GS, header.registers.gs_base), "set gs");
  if (header.robust_list != 0) {
    Must(Call(__NR_set_robust_list, header.robust_list, header.robust_list_size), "robust list");
  }
  if (header.rseq_area != 0) {
    Must(Call(__NR_rseq, header.rseq_area, header.rseq_size, 0, header.rseq_signature), "rseq");
  }
}

// rcx is free: the system call at the other end overwrites it.
[[noreturn]] void Jump(const ImageRegisters& registers) {
  asm volatile(
      "mov 0(%0), %%r15\n mov 8(%0), %%r14\n mov 16(%0), %%r13\n mov 24(%0), %%r12\n"
      "mov 32(%0), %%rbp\n mov 40(%0), %%rbx\n mov 48(%0), %%r10\n mov 56(%0), %%r9\n"
      "mov 64(%0), %%r8\n mov 72(%0), %%rdx\n mov 80(%0), %%rsi\n mov 88(%0), %%rdi\n"
      "mov 96(%0), %%rsp\n mov 112(%0), %%rcx\n mov 104(%0), %%rax\n"
      "jmp *%%rcx\n"
      :
      : "a"(&registers)
      : "memory");
  __builtin_unreachable();
}

ImageRegisters last_registers;

}  // namespace

extern "C" [[noreturn]] __attribute__((used)) void RestoreMain(const uint64_t* stack) {
  const uint64_t own_vdso = OwnVdso(stack);
  const ImageHeader& header = *ReadTable();
  const auto* const regions = reinterpret_cast<const ImageRegion*>(&header + 1);
  const auto* const files = reinterpret_cast<const ImageDescriptor*>(regions + header.region_count);
  const char* const strings = reinterpret_cast<const char*>(files + header.descriptor_count);
  const uint64_t parked_vdso = kScratch + (1ull << 32);
  if (header.special_count > 0) {
    if (own_vdso == 0) Fail("find the vdso", 0);
    MoveSpecials(header, own_vdso, parked_vdso);
  }
  Windows windows;
  MapRegions(regions, header.region_count, strings, windows);
  if (header.special_count > 0) {
    MoveSpecials(header, parked_vdso, header.specials[header.vdso].start);
  }
  Call(__NR_close, kImageFd);
  OpenFiles(files, header.descriptor_count, strings);
  DescribeMemory(header);
  RestoreThread(header);
  KeepImageFromShowing(windows);
  last_registers = header.registers;
  Call(__NR_munmap, kScratch, kTableBytes);
  Jump(last_registers);
}

// On a stack of its own: the one that the kernel made may lie where a region goes.
asm(R"(
  .bss
  .balign 16
own_stack:
  .skip 65536
own_stack_end:
  .text
  .globl _start
_start:
  mov %rsp, %rdi
  lea own_stack_end(%rip), %rsp
  xor %ebp, %ebp
  call RestoreMain
  hlt
)");
