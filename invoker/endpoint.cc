#include "invoker/endpoint.h"

#include "base/limits.h"

namespace hearth::invoker {

void AddEndpoint(const InvokerOptions& options, sandbox::Spec& spec) {
  if (options.endpoint) spec.listen_ports.push_back(options.endpoint_port());
}

std::string EndpointUrl(const InvokerOptions& options) {
  return options.endpoint ? "http://127.0.0.1:" + std::to_string(options.endpoint_port()) : "";
}

std::unique_ptr<runtime::ApiServer> ServeEndpoint(io::Loop& loop, const InvokerOptions& options,
                                                  std::vector<base::UniqueFd>& listeners) {
  if (!options.endpoint || listeners.empty()) return nullptr;
  base::UniqueFd listener = std::move(listeners.back());
  listeners.pop_back();
  io::HttpServerOptions server;
  server.max_body = base::Bytes(kMaxEndpointBody);
  server.uploader = options.endpoint_uploader;
  server.max_connections = kMaxEndpointConnections;
  return runtime::ApiServer::Create(
      loop, std::move(listener),
      [&options](io::HttpRequest& request, io::HttpResponder& responder) {
        options.endpoint(std::move(request), std::move(responder));
        return true;
      },
      std::move(server));
}

}  // namespace hearth::invoker
