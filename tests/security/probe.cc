// The attacker: runs inside a sandbox, tries the attack that its argument names, and prints
// "blocked: how" or "BREACH: what". Then it tries again until it is killed, so that a test can see
// how others fare meanwhile. Linked statically, without sanitizers; uses no code of Hearth.
#include "tests/security/probe.h"

#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  if (argc > 2) probe::argument = argv[2];
  for (const auto* attacks :
       {&probe::KernelAttacks(), &probe::FileAttacks(), &probe::ResourceAttacks()}) {
    const auto found = attacks->find(argv[1]);
    if (found == attacks->end()) continue;
    const std::string result = found->second();
    std::printf("%s\n", result.c_str());
    std::fflush(stdout);
    // These end their first process or hold what they took: another round would undo the point.
    if (found->first.starts_with("outlive")) return 0;
    if (found->first.starts_with("hold-")) {
      while (true) ::pause();
    }
    while (true) (void)found->second();
  }
  std::printf("BREACH: no attack is called %s\n", argv[1]);
  return 64;
}
