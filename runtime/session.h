// RuntimeSession: the host's end of one sandbox's runtime. Two transports, one state machine:
// ChannelSession (binary frames on a socketpair, Hearth's bootstraps) and RuntimeApiSession (HTTP,
// 2018-06-01, any stock runtime client).
//
// Owner: an invoker::Instance. States: starting -> ready -> running -> ready -> ... -> closed.
// Delegate calls come from the loop, never inside a call of the owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/http_server.h"
#include "io/loop.h"

namespace hearth::runtime {

struct InvocationEvent {
  std::string request_id;
  int64_t deadline_ms = 0;  // Epoch milliseconds.
  std::string invoked_function_arn;
  std::string trace_id;          // Empty: header omitted.
  std::string client_context;    // JSON, decoded; empty: omitted.
  std::string cognito_identity;  // JSON; empty: omitted.
  std::string tenant_id;         // Empty: omitted.
  std::string content_type = "application/json";
  std::string payload;
};

// What a function (or its runtime) says when it failed: AWS's error object, ready to be sent on.
struct FunctionError {
  std::string type;     // "Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError", "ValueError"
  std::string payload;  // {"errorMessage":…,"errorType":…,"stackTrace":[…]} as the runtime made it
};

class RuntimeSession {
 public:
  class Delegate {
   public:
    virtual ~Delegate() = default;
    virtual void OnReady() = 0;  // Init is done: the first `next`.
    virtual void OnInitError(FunctionError error) = 0;
    virtual void OnResponse(std::string_view request_id, std::string payload,
                            std::string content_type) = 0;
    virtual void OnError(std::string_view request_id, FunctionError error) = 0;
    // An answer that comes in pieces: its beginning, its pieces, and OnStreamEnd or OnError.
    virtual void OnStreamBegin(std::string_view request_id, std::string content_type) = 0;
    // False: no more before ResumeStream; what has been read already still comes.
    virtual bool OnStreamPiece(std::string_view piece) = 0;
    virtual void OnStreamEnd() = 0;
    // The runtime asked for the next event after answering: the invocation has ended.
    virtual void OnIdle() = 0;
    // The peer broke the protocol or closed; the owner kills the sandbox.
    virtual void OnBroken(std::string reason) = 0;
  };

  virtual ~RuntimeSession() = default;
  // To a stem cell, at once after this session was made: the environment of the function whose code
  // it is to load. What follows is as if it had started with it. Only on a channel. CHECKs it.
  virtual void Load(const std::vector<std::string>& environment) = 0;
  // While ready: the process is to be written down. It is ready once more (OnReady) when it is
  // about to wait for a Load. Only on a channel. CHECKs it.
  virtual void Prepare() = 0;
  // The process has ended without having read all that it was sent.
  virtual bool HasUnread() const = 0;
  // The process has ended: what it has said and nobody has read yet is told now. It is neither
  // ready nor idle any more, and that its end is closed breaks nothing.
  virtual void ReadRest() = 0;
  // Only while ready (after OnReady or OnIdle). CHECKs it.
  virtual void Invoke(InvocationEvent event) = 0;
  // Reads on, where a piece of an answer has stopped it; else nothing.
  virtual void ResumeStream() = 0;
};

// The bootstrap's descriptors of the channel.
constexpr int kEventsFd = 3;
constexpr int kAnswersFd = 4;

// The host's ends of two SOCK_STREAM pairs, whose other ends are these.
struct ChannelSockets {
  base::UniqueFd events;
  base::UniqueFd answers;
};
std::unique_ptr<RuntimeSession> MakeChannelSession(io::Loop& loop, ChannelSockets sockets,
                                                   RuntimeSession::Delegate& delegate);
// `listener` listens on 127.0.0.1:9001 inside the sandbox.
// `other` takes requests for other APIs than the runtime's, and says whether it has.
using OtherApis = std::function<bool(io::HttpRequest& request, io::HttpResponder& responder)>;
std::unique_ptr<RuntimeSession> MakeRuntimeApiSession(io::Loop& loop, base::UniqueFd listener,
                                                      RuntimeSession::Delegate& delegate,
                                                      OtherApis other = nullptr);

}  // namespace hearth::runtime
