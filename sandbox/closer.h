// Closer: a few processes that close descriptors whose close takes long.
//
// The last close of a volume unmounts it and frees what it held, 1 - 50 ms that no launch may wait
// for. Owner: the zygote; it ends with its owner.
#pragma once

#include <deque>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {

class Closer {
 public:
  // Forks: the caller is single-threaded.
  static base::Result<Closer> Start();

  // Takes no time; where some hundred are on their way, this one waits for a Flush.
  void Close(base::UniqueFd fd);
  // Sends what waits, as far as there is room. False: some still waits; call it again in a while.
  bool Flush();

 private:
  explicit Closer(base::UniqueFd socket) : socket_(std::move(socket)) {}
  base::UniqueFd socket_;
  std::deque<base::UniqueFd> waiting_;
};

}  // namespace hearth::sandbox
