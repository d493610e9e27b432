// What the attacks share: how a probe says what happened. See probe.cc.
#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>

namespace probe {

inline std::string argument;  // What the test gives: a path, a pid, a port.

using Attacks = std::map<std::string, std::function<std::string()>>;
const Attacks& KernelAttacks();    // attacks_kernel.cc: system calls that must not be served
const Attacks& FileAttacks();      // attacks_files.cc: files, processes and sockets out of reach
const Attacks& ResourceAttacks();  // attacks_resources.cc: more than one's share

inline std::string Blocked(const std::string& what) { return "blocked: " + what; }
inline std::string Breach(const std::string& what) { return "BREACH: " + what; }

// A call that must fail, with any errno of refusal.
inline std::string MustFail(const char* what, long result) {
  if (result >= 0) return Breach(std::string(what) + " succeeded");
  return Blocked(std::string(what) + " " + std::strerror(errno));
}
// A call that the filter must refuse before the kernel looks at it.
inline std::string MustFailWith(int error_number, const char* what, long result) {
  if (result < 0 && errno == error_number) return Blocked(what);
  return Breach(std::string(what) + (result >= 0 ? " succeeded" : " reached the kernel: ") +
                (result >= 0 ? "" : std::strerror(errno)));
}

inline std::string First(std::initializer_list<std::string> results) {
  std::string all;
  for (const auto& result : results) {
    if (result.starts_with("BREACH")) return result;
    all += (all.empty() ? "" : "; ") + result;
  }
  return all;
}

}  // namespace probe
