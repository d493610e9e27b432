// ApiServer: the HTTP server of a sandbox whose runtime does not need one, for other APIs.
#pragma once

#include <memory>

#include "runtime/session.h"

namespace hearth::runtime {

class ApiServer {
 public:
  // `listener` listens on 127.0.0.1:9001 inside the sandbox. What `apis` does not take is not
  // found.
  static std::unique_ptr<ApiServer> Create(io::Loop& loop, base::UniqueFd listener, OtherApis apis);
  ~ApiServer();

 private:
  ApiServer(io::Loop& loop, OtherApis apis);

  io::Loop& loop_;
  const OtherApis apis_;
  std::shared_ptr<io::HttpServer> server_;
};

}  // namespace hearth::runtime
