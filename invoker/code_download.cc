#include "invoker/code_download.h"

#include "base/digest.h"
#include "base/id.h"

namespace hearth::invoker {
namespace {

// Without a branch on the content, so that time tells nothing about the token.
bool SameText(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

}  // namespace

CodeDownload::CodeDownload(layers::CodeStore& code, io::Offload& disk)
    : code_(code), disk_(disk), secret_(base::NewHexId(64)) {}

std::string CodeDownload::TokenOf(std::string_view digest) const {
  // The outer digest keeps the inner one's state from being extended.
  const auto inner = base::Sha256Of(secret_ + std::string(digest));
  return base::ToHex(base::Sha256Of(secret_ + base::ToHex(inner)));
}

std::string CodeDownload::Location(std::string_view host, const std::string& digest) const {
  return "http://" + std::string(host) + std::string(kPath) + digest +
         ".zip?token=" + TokenOf(digest);
}

void CodeDownload::Handle(aws::Call call) {
  const auto refuse = [&](int status, std::string type, std::string message) {
    call.responder.Send(aws::RestJsonError(
        {.status = status, .type = std::move(type), .message = std::move(message)},
        call.request_id));
  };
  if (call.request.method != "GET") {
    return refuse(405, "MethodNotAllowedException", "Code is only read: use GET.");
  }
  std::string_view name = call.request.path();
  name.remove_prefix(std::min(name.size(), kPath.size()));
  if (!name.ends_with(".zip") || !base::FromHex(name.substr(0, name.size() - 4))) {
    return refuse(404, "ResourceNotFoundException", "The path must be <sha256>.zip.");
  }
  std::string digest(name.substr(0, name.size() - 4));
  if (!SameText(io::QueryParameter(call.request.query(), "token").value, TokenOf(digest))) {
    return refuse(403, "AccessDeniedException",
                  "The token does not fit this code; call GetFunction for a new Location.");
  }
  auto held = std::make_shared<aws::Call>(std::move(call));
  disk_.Run([&code = code_, digest] { return code.ReadZip(digest); },
            [held](base::Result<std::string> zip) {
              if (!zip) {
                return held->responder.Send(aws::RestJsonError(
                    {.status = zip.error().kind == base::ErrorKind::kNotFound ? 404 : 500,
                     .type = "ResourceNotFoundException",
                     .message = zip.error().ToString()},
                    held->request_id));
              }
              io::HttpResponse response{.status = 200, .headers = {}, .body = std::move(*zip)};
              response.headers.Add("Content-Type", "application/zip");
              held->responder.Send(std::move(response));
            });
}

}  // namespace hearth::invoker
