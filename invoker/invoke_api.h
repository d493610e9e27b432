// InvokeApi: POST /2015-03-31/functions/NAME/invocations, the warm path's HTTP half, and
// POST /2021-11-15/functions/NAME/response-streaming-invocations, whose answer is an event stream.
//
// Builds and parses no JSON but to see that the payload is some. Source: Lambda API, Invoke,
// InvokeWithResponseStream;
// aws-facts 4.5. Owner: LambdaApi.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "invoker/async_queue.h"
#include "invoker/control_plane.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"

namespace hearth::invoker {

// "Root=1-<8 hex seconds>-<24 hex>;Parent=<16 hex>;Sampled=0". Source: X-Ray, tracing header.
std::string NewTraceId(base::WallTime now);

class InvokeApi {
 public:
  // `events` may be null: Event invocations are then refused.
  InvokeApi(Registry& registry, Invoker& invoker, const base::Clock& clock, Account account,
            AsyncQueue* events)
      : registry_(registry),
        invoker_(invoker),
        clock_(clock),
        account_(std::move(account)),
        events_(events) {}

  enum class Answer { kWhole, kStream };
  // `encoded_name` as the path has it.
  void Handle(aws::Call call, std::string_view encoded_name, Answer answer = Answer::kWhole);

 private:
  void InvokeNow(aws::Call call, InvokeRequest request);
  void InvokeStreaming(aws::Call call, InvokeRequest request);
  void InvokeLater(aws::Call call, InvokeRequest request);

  Registry& registry_;
  Invoker& invoker_;
  const base::Clock& clock_;
  const Account account_;
  AsyncQueue* const events_;
};

}  // namespace hearth::invoker
