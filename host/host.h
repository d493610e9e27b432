// Host: hearthd's parts, made in order and ended in order. main() makes one and runs it.
//
// Start: state folder and its lock -> zygote (before any thread, and before privilege is dropped)
// -> loop -> store -> code -> registry -> invoker -> control plane -> wire -> listen.
// Stop (SIGTERM, SIGINT): close the gate -> drain -> end sandboxes -> close handles -> close store.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "host/options.h"

namespace hearth::host {

class Host {
 public:
  // Fails where the machine cannot enforce a limit (unless allow_unenforced), the state folder is
  // in use by another hearthd, or the address is taken.
  static base::Result<std::unique_ptr<Host>> Start(const Options& options);
  ~Host();

  // Serves until a signal, or until the zygote is lost. True: ended as asked.
  bool Run();
  const std::string& address() const;  // As bound: with the real port where 0 was asked for.

 private:
  struct Parts;
  explicit Host(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace hearth::host
