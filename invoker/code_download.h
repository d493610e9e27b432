// CodeDownload: GET /_hearth/code/<digest>.zip?token=..., where GetFunction's Code.Location points.
//
// The token is a digest over a secret of this process and the code's digest: the link works for who
// was given it, until the host restarts. Owner: host, which registers Handle with the gateway under
// kPath. Source: Lambda API, shape FunctionCodeLocation (a presigned URL on AWS).
#pragma once

#include <memory>
#include <string>

#include "aws/gateway.h"
#include "io/offload.h"
#include "layers/code_store.h"

namespace hearth::invoker {

class CodeDownload {
 public:
  static constexpr std::string_view kPath = "/_hearth/code/";

  CodeDownload(layers::CodeStore& code, io::Offload& disk);

  // "http://<host>/_hearth/code/<digest>.zip?token=<64 hex>"
  std::string Location(std::string_view host, const std::string& digest) const;
  void Handle(aws::Call call);

 private:
  std::string TokenOf(std::string_view digest) const;

  layers::CodeStore& code_;
  io::Offload& disk_;
  const std::string secret_;
};

}  // namespace hearth::invoker
