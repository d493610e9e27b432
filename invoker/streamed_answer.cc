#include "invoker/streamed_answer.h"

#include "aws/event_stream.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"

namespace hearth::invoker {

void StreamedAnswer::BeginHead() {
  io::HttpHeaders headers;
  headers.Add("Content-Type", aws::kEventStreamType);
  headers.Add("x-amzn-RequestId", call_.request_id);
  headers.Add("X-Amz-Executed-Version", options_.executed_version);
  headers.Add("X-Amzn-Trace-Id", options_.trace_id);
  call_.responder.Begin(200, std::move(headers));
  has_begun_ = true;
}

void StreamedAnswer::Begin(std::string, std::function<void()> has_room) {
  BeginHead();
  call_.responder.OnRoom(std::move(has_room));
}

bool StreamedAnswer::Write(std::string_view piece) {
  if (piece.empty()) return true;
  const size_t queued =
      call_.responder.Write(aws::EncodeEvent("PayloadChunk", "application/octet-stream", piece));
  return queued <= limits::kStreamQueue;
}

void StreamedAnswer::End(const InvocationResult& result) {
  if (!has_begun_) BeginHead();
  base::Json complete = base::Json::object();
  if (result.status == InvocationStatus::kHostError) {
    complete["ErrorCode"] = "ServiceException";
    complete["ErrorDetails"] = result.host_error;
  } else if (IsFunctionError(result.status)) {
    complete["ErrorCode"] = "Unhandled";
    complete["ErrorDetails"] = result.payload;
  } else if (!result.payload.empty()) {
    Write(result.payload);
  }
  if (options_.want_log_tail) complete["LogResult"] = base::Base64Encode(result.log_tail);
  call_.responder.Write(
      aws::EncodeEvent("InvokeComplete", "application/json", base::ToJsonText(complete)));
  call_.responder.End();
}

}  // namespace hearth::invoker
