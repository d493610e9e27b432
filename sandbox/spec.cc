#include "sandbox/spec.h"

#include <algorithm>

#include "sandbox/wire.h"

namespace hearth::sandbox {
namespace {

constexpr size_t kMaxName = 100;
constexpr size_t kMaxPath = 4095;  // PATH_MAX without its NUL
constexpr size_t kMaxArguments = 128;
constexpr size_t kMaxVariables = 512;
constexpr size_t kMaxStrings = 96 * 1024;  // all arguments and variables together
// All texts of a spec: a launch fits into kMaxPacket, an order into kOrderStrings.
constexpr size_t kMaxTexts = 120 * 1024;

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

bool IsAbsolute(const std::string& path) { return !path.empty() && path.front() == '/'; }

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

base::Result<std::vector<std::string>> ReadStrings(WireReader& in, size_t max_count) {
  std::vector<std::string> out;
  const uint64_t count = TRY(in.Number(max_count));
  for (uint64_t i = 0; i < count; ++i) out.push_back(TRY(in.Text(kMaxStrings)));
  return out;
}

base::Result<void> CheckPath(const std::string& path, const char* what) {
  if (IsAbsolute(path) && !HasNul(path) && path.size() <= kMaxPath) return {};
  return base::Invalid("sandbox spec", std::string(what) + " '" + path +
                                           "' is not an absolute path of at most 4,095 bytes");
}

base::Result<void> CheckStrings(const Spec& spec) {
  size_t total = 0;
  for (const auto* list : {&spec.argv, &spec.environment}) {
    for (const auto& text : *list) {
      if (HasNul(text)) return base::Invalid("sandbox spec", "a string contains a NUL byte");
      total += text.size() + 1;
    }
  }
  if (total > kMaxStrings) {
    return base::Invalid("sandbox spec", "arguments and environment take " + std::to_string(total) +
                                             " bytes, at most 98,304");
  }
  for (const auto& variable : spec.environment) {
    if (variable.find('=') == std::string::npos || variable.front() == '=') {
      return base::Invalid("sandbox spec", "'" + variable + "' is not NAME=value");
    }
  }
  return {};
}

base::Result<void> CheckTexts(const Spec& spec) {
  size_t total = spec.name.size() + spec.executable.size() + spec.working_directory.size();
  for (const auto& mount : spec.mounts) total += mount.source.size() + mount.target.size();
  for (const auto& argument : spec.argv) total += argument.size();
  for (const auto& variable : spec.environment) total += variable.size();
  if (total <= kMaxTexts) return {};
  return base::Invalid("sandbox spec", "all texts together take " + std::to_string(total) +
                                           " bytes, at most 122,880");
}

base::Result<void> CheckSpec(const Spec& spec) {
  if (!std::ranges::all_of(spec.name, IsNameCharacter)) {
    return base::Invalid("sandbox spec", "the name '" + spec.name +
                                             "' has characters outside "
                                             "A-Z a-z 0-9 _ . -");
  }
  if (spec.cpu_permille == 0 || spec.pids == 0 || spec.tmp_inodes == 0 ||
      spec.memory < base::Bytes::MiB(4) || spec.tmp < base::Bytes::MiB(1)) {
    return base::Invalid("sandbox spec",
                         "a limit is too small: memory needs 4 MiB, /tmp 1 MiB, "
                         "cpu, pids and inodes 1");
  }
  if (spec.argv.empty()) return base::Invalid("sandbox spec", "argv is empty");
  TRY(CheckPath(spec.executable, "the executable"));
  TRY(CheckPath(spec.working_directory, "the working directory"));
  for (const auto& mount : spec.mounts) {
    TRY(CheckPath(mount.source, "the mount source"));
    TRY(CheckPath(mount.target, "the mount target"));
  }
  TRY(CheckTexts(spec));
  return CheckStrings(spec);
}

}  // namespace

std::string EncodeSpec(const Spec& spec) {
  WireWriter out;
  out.Text(spec.name);
  out.Number(spec.memory.count());
  out.Number(spec.cpu_permille);
  out.Number(spec.pids);
  out.Number(spec.tmp.count());
  out.Number(spec.tmp_inodes);
  out.Number(spec.mounts.size());
  for (const auto& mount : spec.mounts) {
    out.Text(mount.source);
    out.Text(mount.target);
  }
  out.Number(spec.tmp_of);
  out.Text(spec.executable);
  out.Number(spec.argv.size());
  for (const auto& argument : spec.argv) out.Text(argument);
  out.Number(spec.environment.size());
  for (const auto& variable : spec.environment) out.Text(variable);
  out.Text(spec.working_directory);
  out.Number(spec.listen_ports.size());
  for (const uint16_t port : spec.listen_ports) out.Number(port);
  return out.Take();
}

base::Result<Spec> DecodeSpec(std::string_view bytes) {
  WireReader in(bytes);
  Spec out;
  out.name = TRY(in.Text(kMaxName));
  // 1 EiB: far above any machine, far below where sums overflow.
  constexpr uint64_t kMaxSize = uint64_t{1} << 60;
  out.memory = base::Bytes(TRY(in.Number(kMaxSize)));
  out.cpu_permille = static_cast<uint32_t>(TRY(in.Number(1'000'000)));
  out.pids = static_cast<uint32_t>(TRY(in.Number(1 << 22)));
  out.tmp = base::Bytes(TRY(in.Number(kMaxSize)));
  out.tmp_inodes = TRY(in.Number(1u << 31));
  const uint64_t mounts = TRY(in.Number(kMaxMounts));
  for (uint64_t i = 0; i < mounts; ++i) {
    std::string source = TRY(in.Text(kMaxPath));
    // Not inside the braces: a return from there would leak what they hold already.
    std::string target = TRY(in.Text(kMaxPath));
    out.mounts.push_back({std::move(source), std::move(target)});
  }
  out.tmp_of = TRY(in.Number());
  out.executable = TRY(in.Text(kMaxPath));
  out.argv = TRY(ReadStrings(in, kMaxArguments));
  out.environment = TRY(ReadStrings(in, kMaxVariables));
  out.working_directory = TRY(in.Text(kMaxPath));
  const uint64_t ports = TRY(in.Number(kMaxListenPorts));
  for (uint64_t i = 0; i < ports; ++i) {
    out.listen_ports.push_back(static_cast<uint16_t>(TRY(in.Number(UINT16_MAX))));
  }
  TRY(in.End());
  TRY(CheckSpec(out));
  return out;
}

}  // namespace hearth::sandbox
