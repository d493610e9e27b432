#include "bench/machine.h"

#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "base/file.h"

namespace hearth::bench {
namespace {

std::string Text(const std::string& path) { return base::ReadFile(path).value_or(""); }
std::string OfProcess(pid_t pid, const char* file) {
  return Text("/proc/" + std::to_string(pid) + "/" + file);
}

// The number after "key:" in /proc/meminfo's kind of file.
double Field(const std::string& text, const std::string& key) {
  const size_t at = text.find(key + ":");
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + key.size() + 1, nullptr);
}

double Ticks() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

}  // namespace

CpuTime ReadMachineCpu() {
  std::istringstream in(Text("/proc/stat"));
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, hard = 0, soft = 0;
  in >> name >> user >> nice >> system >> idle >> wait >> hard >> soft;
  return {(user + nice) / Ticks(), system / Ticks(), (hard + soft) / Ticks()};
}

Memory ReadMemory() {
  const std::string text = Text("/proc/meminfo");
  return {Field(text, "MemTotal") - Field(text, "MemAvailable"), Field(text, "Slab"),
          Field(text, "Percpu"), Field(text, "KernelStack"), Field(text, "PageTables")};
}

double ProcessCpu(pid_t pid) {
  // sum_exec_runtime is exact, where the ticks of stat are 10 ms; the first number, nanoseconds.
  return std::strtod(OfProcess(pid, "schedstat").c_str(), nullptr) / 1e9;
}

double ReapedCpu(pid_t pid) {
  // The name, second, may hold blanks; cutime and cstime are fields 16 and 17.
  const std::string text = OfProcess(pid, "stat");
  std::istringstream in(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 16; ++field) in >> skipped;
  double user = 0, system = 0;
  in >> user >> system;
  return (user + system) / Ticks();
}

double ProportionalKib(pid_t pid) { return Field(OfProcess(pid, "smaps_rollup"), "Pss"); }

size_t CountDescriptors(pid_t pid) {
  std::error_code error;
  size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
    count += !entry.path().empty();
  }
  return count;
}

}  // namespace hearth::bench
