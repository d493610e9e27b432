// ApiServer: an HTTP server inside a sandbox, for other APIs than its runtime's.
#pragma once

#include <memory>

#include "runtime/session.h"

namespace hearth::runtime {

class ApiServer {
 public:
  // `listener` listens inside the sandbox. What `apis` does not take is not
  // found.
  static std::unique_ptr<ApiServer> Create(io::Loop& loop, base::UniqueFd listener, OtherApis apis,
                                           io::HttpServerOptions options = ExtensionsOptions());
  // Of the Extensions API and its like: small bodies, answers that are waited for without end.
  static io::HttpServerOptions ExtensionsOptions();
  ~ApiServer();

 private:
  ApiServer(io::Loop& loop, OtherApis apis, io::HttpServerOptions options);

  io::Loop& loop_;
  const OtherApis apis_;
  std::shared_ptr<io::HttpServer> server_;
};

}  // namespace hearth::runtime
