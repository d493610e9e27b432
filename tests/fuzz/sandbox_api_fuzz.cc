// What comes from a sandbox over HTTP, to the Runtime API and the Extensions API behind one
// listener: hostile. Whatever it is, the runtime's calls keep their order, each call is answered at
// most once, and the two ends are left in a state in which they can be destroyed.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/sys.h"
#include "runtime/extensions_api.h"
#include "runtime/session.h"

namespace {

using namespace hearth;

class Host final : public runtime::RuntimeSession::Delegate,
                   public runtime::ExtensionsApi::Delegate {
 public:
  explicit Host(io::Loop& loop)
      : api_({"F", "7", "app.handler", "000000000000"}, {"watch"}, *this) {
    static const int kListener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static const bool kListens = ::listen(kListener, 16) == 0;  // On a port of the kernel's choice.
    size_ = sizeof address_;
    CHECK(kListens && ::getsockname(kListener, address(), &size_) == 0);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base::UniqueFd listener(::fcntl(kListener, F_DUPFD_CLOEXEC, 0));
    session_ = runtime::MakeRuntimeApiSession(
        loop, std::move(listener), *this,
        [this](io::HttpRequest& request, io::HttpResponder& responder) {
          return api_.Handle(request, responder);
        });
  }
  base::UniqueFd Connect() {
    base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A reset at the end leaves no port behind that waits for a minute.
    const struct linger at_once{1, 0};
    CHECK(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    // The machine's ports may be used up for a moment: then there is no client.
    if (::connect(client.get(), address(), size_) != 0) client.Reset();
    return client;
  }
  // To whoever waits for an event.
  void Tell() {
    if (state_ == State::kReady) {
      state_ = State::kRunning;
      session_->Invoke({.request_id = "id", .payload = "{}"});
      api_.Invoke({"id", 1, "arn", "trace"});
    }
    if (api_.AllReady()) api_.CloseRegistration();
    CHECK(api_.all().size() <= limits::kMaxExtensions + 1);
  }

  void OnReady() override {
    CHECK(state_ == State::kStarting);
    state_ = State::kReady;
  }
  void OnInitError(runtime::FunctionError error) override {
    CHECK(state_ == State::kStarting && !error.type.empty());
    state_ = State::kFailed;
  }
  void OnResponse(std::string_view id, std::string, std::string) override { Answered(id); }
  void OnError(std::string_view id, runtime::FunctionError error) override {
    CHECK(!error.type.empty());
    Answered(id);
  }
  void OnStreamBegin(std::string_view id, std::string) override {
    CHECK(state_ == State::kRunning && id == "id");
    state_ = State::kStreaming;
  }
  bool OnStreamPiece(std::string_view piece) override {
    CHECK(state_ == State::kStreaming);
    return piece.size() % 3 != 0;
  }
  void OnStreamEnd() override {
    CHECK(state_ == State::kStreaming);
    state_ = State::kAnswered;
  }
  void OnIdle() override {
    CHECK(state_ == State::kAnswered);
    state_ = State::kReady;
  }
  void OnBroken(std::string) override { CHECK(false); }  // A channel's; HTTP answers.

  void OnRegistered() override { CHECK(!api_.all().empty()); }
  void OnAsked() override {}
  void OnExtensionError(std::string_view type) override {
    CHECK(type == "Extension.InitError" || type == "Extension.ExitError");
  }
  std::optional<runtime::TelemetryRefusal> OnSubscription(
      std::string_view name, runtime::TelemetrySubscription subscription) override {
    CHECK(!name.empty() && !subscription.types.empty());
    return std::nullopt;
  }

  runtime::RuntimeSession& session() { return *session_; }

 private:
  enum class State { kStarting, kReady, kRunning, kStreaming, kAnswered, kFailed };
  void Answered(std::string_view id) {
    CHECK((state_ == State::kRunning || state_ == State::kStreaming) && id == "id");
    state_ = State::kAnswered;
  }
  struct sockaddr* address() { return reinterpret_cast<struct sockaddr*>(&address_); }

  struct sockaddr_in address_{};
  socklen_t size_ = 0;
  State state_ = State::kStarting;
  runtime::ExtensionsApi api_;
  std::unique_ptr<runtime::RuntimeSession> session_;
};

}  // namespace

// A byte 0x01 begins a connection of its own; the others stay.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const base::SystemClock clock;
  static io::Loop loop(clock);
  std::string_view bytes(reinterpret_cast<const char*>(data), std::min<size_t>(size, 32768));
  Host host(loop);
  std::vector<base::UniqueFd> clients;
  while (!bytes.empty() && clients.size() < 8) {
    const std::string_view part = bytes.substr(0, bytes.find('\x01'));
    bytes.remove_prefix(std::min(bytes.size(), part.size() + 1));
    clients.push_back(host.Connect());
    if (!clients.back().valid()) break;
    (void)::send(clients.back().get(), part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    for (int turn = 0; turn < 4; ++turn) {
      loop.Post([] {});  // So that no turn waits.
      loop.RunOnce();
      host.session().ResumeStream();
      host.Tell();
    }
  }
  clients.clear();
  for (int turn = 0; turn < 3; ++turn) {
    loop.Post([] {});
    loop.RunOnce();
  }
  return 0;
}
