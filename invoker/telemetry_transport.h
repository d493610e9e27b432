// How telemetry reaches the listener of an extension, inside its sandbox.
//
// Over HTTP a batch is the body of a request, over TCP a piece of one stream; a connection is kept.
// Each is made on a socket of the sandbox's own network. Whoever listens may be hostile: what it
// answers is bounded, what it says on a stream is not read, and how long it takes is the caller's
// to bound. Source: "Lambda Telemetry API", destination protocols.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "invoker/telemetry_stream.h"
#include "io/loop.h"
#include "runtime/telemetry_subscription.h"

namespace hearth::invoker {

// Asks for a TCP socket in the sandbox's network, non-blocking and not connected.
using SocketSource = std::function<void(std::function<void(base::Result<base::UniqueFd>)>)>;

std::unique_ptr<TelemetryTransport> MakeTelemetryTransport(
    io::Loop& loop, SocketSource sockets, const runtime::TelemetrySubscription& to);

}  // namespace hearth::invoker
