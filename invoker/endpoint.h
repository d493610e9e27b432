// The AWS endpoint inside a sandbox: functions' clients reach this host's services there.
//
// A sandbox has no network but its own loopback, so the host listens in it, on the port on which it
// listens outside: a QueueUrl is then right in both places. Each sandbox has its own server, so
// that one that opens connections without end takes nobody else's. Source: AWS SDKs'
// AWS_ENDPOINT_URL.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "invoker/invoker.h"
#include "io/loop.h"
#include "runtime/api_server.h"
#include "sandbox/spec.h"

namespace hearth::invoker {

// Ours: what a sandbox asks is held in the host's memory, so it is as much as a call may carry, and
// for as long as clients may take for it. What a service takes as it comes may be longer.
inline constexpr size_t kMaxEndpointBody = 8u << 20;
inline constexpr size_t kMaxEndpointConnections = 16;

// Asks for the listener, as the last one. Nothing where the host has no endpoint.
void AddEndpoint(const InvokerOptions& options, sandbox::Spec& spec);
// AWS_ENDPOINT_URL; empty: none.
std::string EndpointUrl(const InvokerOptions& options);
// Takes that listener off `listeners`; nullptr where the host has no endpoint.
std::unique_ptr<runtime::ApiServer> ServeEndpoint(io::Loop& loop, const InvokerOptions& options,
                                                  std::vector<base::UniqueFd>& listeners);

}  // namespace hearth::invoker
