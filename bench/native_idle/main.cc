// The least that a sandbox can hold: a static program that waits for ever. bench/sandboxes counts
// what the sandbox itself costs around it.
#include <unistd.h>

int main() {
  while (true) ::pause();
}
