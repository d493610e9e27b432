// The bytes between hearthd and the zygote: little-endian integers, length-prefixed strings, one
// message per SOCK_SEQPACKET packet. Every reader treats its input as foreign.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/adoption.h"
#include "sandbox/image.h"
#include "sandbox/outcome.h"
#include "sandbox/zygote_client.h"

namespace hearth::sandbox {

// The longest packet: below the kernel's default socket buffer (net.core.wmem_default, 208 KiB).
constexpr size_t kMaxPacket = 160 * 1024;

class WireWriter {
 public:
  void Number(uint64_t value);
  void Text(std::string_view text);
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}
  base::Result<uint64_t> Number(uint64_t max = UINT64_MAX);
  base::Result<std::string> Text(size_t max);
  // Error unless every byte has been read.
  base::Result<void> End() const;

 private:
  std::string_view bytes_;
};

// The first byte of every packet.
enum class PacketKind : char {
  kOptions = 'O',    // host -> zygote, once
  kHello = 'H',      // zygote -> host, once
  kLaunch = 'L',     // host -> zygote, with the passed descriptors
  kLaunched = 'G',   // zygote -> host, with the pidfd and the listeners
  kAdopt = 'A',      // host -> zygote
  kDone = 'D',       // zygote -> host: to a kAdopt or a kCapture; to a kSocket, with the socket
  kCapture = 'C',    // host -> zygote, with the file for the image
  kSocket = 'S',     // host -> zygote: a socket in a sandbox's network
  kTerminate = 'T',  // host -> zygote: SIGTERM to a sandbox's first process; unanswered
  kRelease = 'R',    // host -> zygote: an ended sandbox's /tmp is wanted no more; unanswered
  kFailed = 'F',     // zygote -> host: to kOptions (id 0), or to a request
  kExited = 'E',     // zygote -> host, after kLaunched
};

struct LaunchPacket {
  uint64_t id = 0;
  std::vector<int> passed_as;  // the numbers that the packet's descriptors get
  std::string spec;            // EncodeSpec
};
struct LaunchedPacket {
  uint64_t id = 0;
  std::string group;  // Cgroup::path
  std::vector<StepTiming> timings;
};
struct AdoptPacket {
  uint64_t id = 0;       // of the request
  uint64_t sandbox = 0;  // the id of its kLaunch
  Adoption adoption;
};
struct DonePacket {
  uint64_t id = 0;
  std::vector<StepTiming> timings;
};
struct CapturePacket {
  uint64_t id = 0;       // of the request
  uint64_t sandbox = 0;  // the id of its kLaunch
  ImageRules rules;
};
struct SocketPacket {
  uint64_t id = 0;       // of the request
  uint64_t sandbox = 0;  // the id of its kLaunch
};
struct FailedPacket {
  uint64_t id = 0;
  base::Error error;
};
struct ExitedPacket {
  uint64_t id = 0;
  Outcome outcome;
};

std::string EncodeOptions(const ZygoteOptions& options);
std::string EncodeHello(const MachineReport& report);
std::string EncodeLaunch(const LaunchPacket& packet);
std::string EncodeLaunched(const LaunchedPacket& packet);
std::string EncodeAdopt(const AdoptPacket& packet);
std::string EncodeDone(const DonePacket& packet);
std::string EncodeCapture(const CapturePacket& packet);
std::string EncodeSocket(const SocketPacket& packet);
// The id of the sandbox's kLaunch.
std::string EncodeTerminate(uint64_t sandbox);
std::string EncodeRelease(uint64_t sandbox);
std::string EncodeFailed(const FailedPacket& packet);
std::string EncodeExited(const ExitedPacket& packet);

// Each takes the packet without its first byte.
base::Result<ZygoteOptions> DecodeOptions(std::string_view body);
base::Result<MachineReport> DecodeHello(std::string_view body);
base::Result<LaunchPacket> DecodeLaunch(std::string_view body);
base::Result<LaunchedPacket> DecodeLaunched(std::string_view body);
base::Result<AdoptPacket> DecodeAdopt(std::string_view body);
base::Result<DonePacket> DecodeDone(std::string_view body);
base::Result<CapturePacket> DecodeCapture(std::string_view body);
base::Result<SocketPacket> DecodeSocket(std::string_view body);
base::Result<uint64_t> DecodeSandbox(std::string_view body);  // kTerminate, kRelease
base::Result<FailedPacket> DecodeFailed(std::string_view body);
base::Result<ExitedPacket> DecodeExited(std::string_view body);

}  // namespace hearth::sandbox
