// Reports of a sandbox's first process: as hostile as what runs in it. What is no report ends the
// reading; what is one names a program that may exist.
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/sys.h"
#include "invoker/init_control.h"

namespace {

using namespace hearth;

class Told final : public invoker::InitControl::Delegate {
 public:
  void OnStartFailed(uint32_t program, int) override { Count(program); }
  void OnEnded(uint32_t program, const sandbox::Outcome& outcome) override {
    CHECK(!outcome.host_lost && !outcome.out_of_memory);
    Count(program);
  }
  size_t count = 0;

 private:
  void Count(uint32_t program) {
    CHECK(program < sandbox::kMaxInitPrograms);
    ++count;
  }
};

}  // namespace

// The first byte says how long packets are; 0: as long as a report.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const base::SystemClock clock;
  static io::Loop loop(clock);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t step = data[0] == 0 ? sizeof(sandbox::InitReport) : data[0];
  auto [host, peer] = MUST(base::sys::SocketPair(base::sys::SocketType::kSeqpacket));
  Told told;
  const auto control = MUST(invoker::InitControl::Create(loop, std::move(host), told));
  size_t packets = 0;
  for (; !bytes.empty() && packets < 200; ++packets) {
    const std::string_view packet = bytes.substr(0, step);
    if (::send(peer.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    bytes.remove_prefix(packet.size());
  }
  peer.Reset();
  for (int turn = 0; turn < 6; ++turn) {
    loop.Post([] {});
    loop.RunOnce();
  }
  CHECK(told.count <= packets);
  return 0;
}
