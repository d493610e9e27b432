// ApiServer: an HTTP server inside a sandbox, for other APIs than its runtime's.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/limits.h"
#include "runtime/session.h"

namespace hearth::runtime {

class ApiServer {
 public:
  // `listener` listens inside the sandbox. What `apis` does not take is not
  // found.
  static std::unique_ptr<ApiServer> Create(
      io::Loop& loop, base::UniqueFd listener, OtherApis apis,
      base::Bytes max_body = base::Bytes(limits::kMaxExtensionBody));
  ~ApiServer();

 private:
  ApiServer(io::Loop& loop, OtherApis apis, base::Bytes max_body);

  io::Loop& loop_;
  const OtherApis apis_;
  std::shared_ptr<io::HttpServer> server_;
};

}  // namespace hearth::runtime
