// The bytes of a process image: what sandbox/image.cc writes and sandbox/restore.cc reads.
//
// An image holds one single-threaded process at the moment in which it waits in read(2) for its
// next order: its registers, its regions, its open files, and every page that it has changed. The
// file is: header, regions, descriptors, strings (NUL-terminated paths), then pages. It is made by
// the machine and the kernel that read it, so numbers are the machine's own and there is one
// version: the build's.
//
// Plain data and fixed-width integers only: restore.cc has no library.
#pragma once

#include <stdint.h>

namespace hearth::sandbox {

constexpr uint64_t kImageMagic = 0x31474d4948545248;  // "HRTHIMG1"
constexpr uint32_t kMaxImageRegions = 8192;
constexpr uint32_t kMaxImageStrings = 256 * 1024;
constexpr uint32_t kMaxImageSpecials = 4;
constexpr uint32_t kMaxImageDescriptors = 64;

// Where hearth-restore lies (sandbox/CMakeLists.txt) and what it uses, which no image holds:
// programs stand below and above, the kernel maps libraries and stacks from 2^47 down.
constexpr uint64_t kRestoreBase = 0x200000000000;
constexpr uint64_t kRestoreSpan = 1ull << 34;

enum ImageRegionKind : uint16_t {
  kRegionZero,    // anonymous
  kRegionImage,   // a private mapping of the image
  kRegionFile,    // a private mapping of a file that the sandbox sees
  kRegionCopied,  // anonymous, its bytes copied from the image
};

// Applied in order: a later region lies over an earlier one.
struct ImageRegion {
  uint64_t start;
  uint64_t length;      // of pages
  uint64_t offset;      // in the image or in the file
  uint32_t protection;  // PROT_*
  uint32_t path;        // kRegionFile: where in the strings
  // kRegionFile: what the file was; another file under its path is not mapped.
  uint64_t inode;
  int64_t changed_s;
  uint32_t changed_ns;
  uint16_t kind;
  uint16_t grows_down;
};

// A file that is opened again: read-only, or one of the devices that every sandbox has.
struct ImageDescriptor {
  uint64_t offset;
  uint32_t path;   // where in the strings
  uint32_t flags;  // O_*
  uint32_t number;
  uint32_t unused;
};

// What the kernel itself maps into every process: [vvar], [vdso].
struct ImageSpecial {
  uint64_t start;
  uint64_t length;
};

struct ImageRegisters {
  uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rdx, rsi, rdi, rsp;
  uint64_t syscall;      // The call to make again.
  uint64_t instruction;  // Where its syscall instruction stands.
  uint64_t fs_base, gs_base;
};

struct ImageHeader {
  uint64_t magic;
  uint32_t region_count;
  uint32_t string_bytes;
  uint32_t descriptor_count;
  uint32_t unused;
  uint32_t special_count;
  uint32_t vdso;  // Which of the specials is the vdso; the others lie at fixed distances of it.
  ImageSpecial specials[kMaxImageSpecials];
  ImageRegisters registers;
  uint64_t rseq_area;  // 0: none
  uint32_t rseq_size;
  uint32_t rseq_signature;
  uint64_t robust_list;
  uint64_t robust_list_size;
  uint64_t ignored_signals;  // Bit n - 1 is signal n.
  uint64_t blocked_signals;
  // As struct prctl_mm_map has them.
  uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
  uint64_t arg_start, arg_end, env_start, env_end;
  char name[16];
};

}  // namespace hearth::sandbox
