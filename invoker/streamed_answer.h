// StreamedAnswer: the answer of InvokeWithResponseStream, as event stream messages.
//
// PayloadChunk for each piece that the function makes, then InvokeComplete. A function that answers
// as a whole makes one piece. A call that was refused, or whose host failed before the first piece,
// has an error's usual answer; whatever fails later is in InvokeComplete. Source: Lambda API,
// InvokeWithResponseStream. Owner: its call's request and callback.
#pragma once

#include <string>

#include "aws/gateway.h"
#include "invoker/invocation.h"

namespace hearth::invoker {

class StreamedAnswer final : public ResponseSink {
 public:
  struct Options {
    std::string executed_version;
    std::string trace_id;
    bool want_log_tail = false;
  };
  StreamedAnswer(aws::Call call, Options options)
      : call_(std::move(call)), options_(std::move(options)) {}

  void Begin(std::string content_type, std::function<void()> has_room) override;
  bool Write(std::string_view piece) override;
  // Once, last. Neither throttled, nor the host's error where nothing has begun: that is refused.
  void End(const InvocationResult& result);

  bool has_begun() const { return has_begun_; }
  aws::Call& call() { return call_; }

 private:
  void BeginHead();

  aws::Call call_;
  const Options options_;
  bool has_begun_ = false;
};

}  // namespace hearth::invoker
