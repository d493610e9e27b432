// Front: the least that answers HTTP. One thread, raw epoll and llhttp, keep-alive, no pipelining.
//
// What a request with a body asks is given to a worker, one call a worker at a time, or, without
// workers, answered by the front itself; other requests get `{}` at once, so that a client's own
// questions about the function are cheap. Owner: main(). Serves until the process is killed.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/worker.h"

namespace hearth::bench {

struct FrontOptions {
  uint16_t port = 0;
  WorkerKind worker = WorkerKind::kNone;
  size_t max_workers = 16;
};

class Front {
 public:
  // Listens on 127.0.0.1.
  static base::Result<std::unique_ptr<Front>> Create(const FrontOptions& options);
  ~Front();
  // Ends only with an error: a worker that died, or a socket that could not be had.
  base::Result<void> Serve();

 private:
  struct Client;
  struct Busy;
  // What an epoll event points to.
  struct Source {
    enum class Kind { kListener, kClient, kWorker };
    explicit Source(Kind k) : kind(k) {}
    Kind kind;
  };

  explicit Front(const FrontOptions& options);
  base::Result<void> Listen();
  base::Result<void> Watch(int fd, Source* source);
  base::Result<void> OnEvent(Source& source);
  base::Result<void> Accept();
  base::Result<void> Read(Client& client);
  base::Result<void> Dispatch(Client& client);
  base::Result<void> Hand(Busy& worker, Client& client);
  base::Result<void> ReadAnswer(Busy& worker);
  void Answer(Client& client, char* body, size_t size);
  void Close(Client& client);

  FrontOptions options_;
  base::UniqueFd epoll_;
  base::UniqueFd listener_;
  Source listening_{Source::Kind::kListener};
  std::vector<std::unique_ptr<Busy>> workers_;
  std::vector<Busy*> idle_;  // The most recently used is last, and first to be taken.
  std::deque<Client*> waiting_;
  std::vector<Client*> closed_;  // Freed after the turn: an event of it may still be under way.
  std::vector<char> buffer_;
};

}  // namespace hearth::bench
