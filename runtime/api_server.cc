#include "runtime/api_server.h"

#include "base/limits.h"
#include "runtime/api_answer.h"

namespace hearth::runtime {
io::HttpServerOptions ApiServer::ExtensionsOptions() {
  io::HttpServerOptions options;
  options.max_body = base::Bytes(limits::kMaxExtensionBody);
  options.header_timeout = base::Duration::zero();
  options.idle_timeout = base::Duration::zero();
  options.max_connections = limits::kMaxSandboxConnections;
  return options;
}

std::unique_ptr<ApiServer> ApiServer::Create(io::Loop& loop, base::UniqueFd listener,
                                             OtherApis apis, io::HttpServerOptions options) {
  std::unique_ptr<ApiServer> made(new ApiServer(loop, std::move(apis), std::move(options)));
  MUST(made->server_->ListenFd(std::move(listener)));
  return made;
}

ApiServer::ApiServer(io::Loop& loop, OtherApis apis, io::HttpServerOptions options)
    : loop_(loop),
      apis_(std::move(apis)),
      server_(std::make_shared<io::HttpServer>(
          loop, std::move(options), [this](io::HttpRequest request, io::HttpResponder responder) {
            if (apis_(request, responder)) return;
            responder.Send(
                ApiError(404, "NotFound", "no such path: " + std::string(request.path())));
          })) {}

ApiServer::~ApiServer() {
  // The server outlives us until libuv has closed its handles.
  server_->CloseNow([server = server_, &loop = loop_] { loop.Post([server] {}); });
}

}  // namespace hearth::runtime
