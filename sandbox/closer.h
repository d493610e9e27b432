// Closer: a process that closes descriptors whose close takes long.
//
// The last close of a volume unmounts it and frees what it held, 1 - 50 ms that no launch may wait
// for. Owner: the zygote; it ends with its owner.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {

class Closer {
 public:
  // Forks: the caller is single-threaded.
  static base::Result<Closer> Start();

  // Takes no time, unless some hundred are being closed: then as long as this one takes.
  void Close(base::UniqueFd fd) const;

 private:
  explicit Closer(base::UniqueFd socket) : socket_(std::move(socket)) {}
  base::UniqueFd socket_;
};

}  // namespace hearth::sandbox
