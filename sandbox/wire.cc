#include "sandbox/wire.h"

#include "base/sys.h"

namespace hearth::sandbox {
namespace {

constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxLines = 64;

std::string Packet(PacketKind kind, WireWriter body) {
  return static_cast<char>(kind) + body.Take();
}

void WriteLines(WireWriter& out, const std::vector<std::string>& lines) {
  out.Number(lines.size());
  for (const auto& line : lines) out.Text(line);
}

base::Result<std::vector<std::string>> ReadLines(WireReader& in) {
  std::vector<std::string> out;
  const uint64_t count = TRY(in.Number(kMaxLines));
  for (uint64_t i = 0; i < count; ++i) out.push_back(TRY(in.Text(kMaxPath)));
  return out;
}

void WriteTimings(WireWriter& out, const std::vector<StepTiming>& timings) {
  out.Number(timings.size());
  for (const auto& timing : timings) {
    out.Text(timing.step);
    out.Number(static_cast<uint64_t>(timing.took.count()));
  }
}

base::Result<std::vector<StepTiming>> ReadTimings(WireReader& in) {
  std::vector<StepTiming> out;
  const uint64_t count = TRY(in.Number(kMaxLines));
  for (uint64_t i = 0; i < count; ++i) {
    std::string step = TRY(in.Text(100));
    const auto took = static_cast<int64_t>(TRY(in.Number(INT64_MAX)));
    out.push_back({std::move(step), std::chrono::nanoseconds(took)});
  }
  return out;
}

std::string SandboxPacket(PacketKind kind, uint64_t sandbox) {
  WireWriter out;
  out.Number(sandbox);
  return Packet(kind, std::move(out));
}

}  // namespace

void WireWriter::Number(uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(value >> shift);
}

void WireWriter::Text(std::string_view text) {
  Number(text.size());
  bytes_ += text;
}

base::Result<uint64_t> WireReader::Number(uint64_t max) {
  if (bytes_.size() < 8) return base::Invalid("read packet", "a number is cut short");
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes_[i]);
  bytes_.remove_prefix(8);
  if (value > max) {
    return base::Invalid("read packet", "the number " + std::to_string(value) + " is larger than " +
                                            std::to_string(max));
  }
  return value;
}

base::Result<std::string> WireReader::Text(size_t max) {
  const uint64_t size = TRY(Number(max));
  if (size > bytes_.size()) return base::Invalid("read packet", "a text is cut short");
  std::string out(bytes_.substr(0, size));
  bytes_.remove_prefix(size);
  return out;
}

base::Result<void> WireReader::End() const {
  if (bytes_.empty()) return {};
  return base::Invalid("read packet", std::to_string(bytes_.size()) + " bytes too many");
}

std::string EncodeOptions(const ZygoteOptions& options) {
  WireWriter out;
  out.Text(options.state_folder);
  out.Text(options.cgroup_name);
  out.Number(options.pool_size);
  out.Number(options.max_sandboxes);
  out.Number(options.first_uid);
  out.Number(options.governor);
  out.Number(options.allow_unenforced);
  return Packet(PacketKind::kOptions, std::move(out));
}

base::Result<ZygoteOptions> DecodeOptions(std::string_view body) {
  WireReader in(body);
  ZygoteOptions out;
  out.state_folder = TRY(in.Text(kMaxPath));
  out.cgroup_name = TRY(in.Text(kMaxPath));
  out.pool_size = TRY(in.Number(1024));
  out.max_sandboxes = TRY(in.Number());
  out.first_uid = static_cast<uint32_t>(TRY(in.Number(UINT32_MAX)));
  out.governor = static_cast<uid_t>(TRY(in.Number(UINT32_MAX)));
  out.allow_unenforced = TRY(in.Number(1)) != 0;
  TRY(in.End());
  return out;
}

std::string EncodeHello(const MachineReport& report) {
  WireWriter out;
  out.Text(report.cgroup_layout);
  out.Text(report.tmp_kind);
  WriteLines(out, report.unenforced);
  WriteLines(out, report.notices);
  return Packet(PacketKind::kHello, std::move(out));
}

base::Result<MachineReport> DecodeHello(std::string_view body) {
  WireReader in(body);
  MachineReport out;
  out.cgroup_layout = TRY(in.Text(kMaxPath));
  out.tmp_kind = TRY(in.Text(kMaxPath));
  out.unenforced = TRY(ReadLines(in));
  out.notices = TRY(ReadLines(in));
  TRY(in.End());
  return out;
}

std::string EncodeLaunch(const LaunchPacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  out.Number(packet.passed_as.size());
  for (const int as : packet.passed_as) out.Number(static_cast<uint64_t>(as));
  out.Text(packet.spec);
  return Packet(PacketKind::kLaunch, std::move(out));
}

base::Result<LaunchPacket> DecodeLaunch(std::string_view body) {
  WireReader in(body);
  LaunchPacket out;
  out.id = TRY(in.Number());
  const uint64_t count = TRY(in.Number(base::sys::kMaxPassedFds));
  for (uint64_t i = 0; i < count; ++i) {
    out.passed_as.push_back(static_cast<int>(TRY(in.Number(kMaxPassedNumber))));
  }
  out.spec = TRY(in.Text(kMaxPacket));
  TRY(in.End());
  return out;
}

std::string EncodeLaunched(const LaunchedPacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  out.Text(packet.group);
  WriteTimings(out, packet.timings);
  return Packet(PacketKind::kLaunched, std::move(out));
}

base::Result<LaunchedPacket> DecodeLaunched(std::string_view body) {
  WireReader in(body);
  LaunchedPacket out;
  out.id = TRY(in.Number());
  out.group = TRY(in.Text(kMaxPath));
  out.timings = TRY(ReadTimings(in));
  TRY(in.End());
  return out;
}

std::string EncodeAdopt(const AdoptPacket& packet) {
  const Adoption& adoption = packet.adoption;
  WireWriter out;
  out.Number(packet.id);
  out.Number(packet.sandbox);
  out.Number(adoption.memory.count());
  out.Number(adoption.cpu_permille);
  out.Number(adoption.pids);
  out.Number(adoption.mounts.size());
  for (const auto& mount : adoption.mounts) {
    out.Text(mount.source);
    out.Text(mount.target);
  }
  out.Number(adoption.tmp_of);
  return Packet(PacketKind::kAdopt, std::move(out));
}

base::Result<AdoptPacket> DecodeAdopt(std::string_view body) {
  WireReader in(body);
  AdoptPacket out;
  Adoption& adoption = out.adoption;
  out.id = TRY(in.Number());
  out.sandbox = TRY(in.Number());
  adoption.memory = base::Bytes(TRY(in.Number(uint64_t{1} << 60)));
  adoption.cpu_permille = static_cast<uint32_t>(TRY(in.Number(1'000'000)));
  adoption.pids = static_cast<uint32_t>(TRY(in.Number(1 << 22)));
  const uint64_t count = TRY(in.Number(kMaxMounts));
  for (uint64_t i = 0; i < count; ++i) {
    std::string source = TRY(in.Text(kMaxPath));
    std::string target = TRY(in.Text(kMaxPath));
    adoption.mounts.push_back({std::move(source), std::move(target)});
  }
  adoption.tmp_of = TRY(in.Number());
  TRY(in.End());
  return out;
}

std::string EncodeDone(const DonePacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  WriteTimings(out, packet.timings);
  return Packet(PacketKind::kDone, std::move(out));
}

base::Result<DonePacket> DecodeDone(std::string_view body) {
  WireReader in(body);
  DonePacket out;
  out.id = TRY(in.Number());
  out.timings = TRY(ReadTimings(in));
  TRY(in.End());
  return out;
}

std::string EncodeTerminate(uint64_t sandbox) {
  return SandboxPacket(PacketKind::kTerminate, sandbox);
}

std::string EncodeRelease(uint64_t sandbox) { return SandboxPacket(PacketKind::kRelease, sandbox); }

base::Result<uint64_t> DecodeSandbox(std::string_view body) {
  WireReader in(body);
  const uint64_t sandbox = TRY(in.Number());
  TRY(in.End());
  return sandbox;
}

std::string EncodeCapture(const CapturePacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  out.Number(packet.sandbox);
  out.Number(static_cast<uint64_t>(packet.rules.waits_on));
  out.Number(static_cast<uint64_t>(packet.rules.last_descriptor));
  out.Number(packet.rules.max_bytes);
  return Packet(PacketKind::kCapture, std::move(out));
}

base::Result<CapturePacket> DecodeCapture(std::string_view body) {
  WireReader in(body);
  CapturePacket out;
  out.id = TRY(in.Number());
  out.sandbox = TRY(in.Number());
  out.rules.waits_on = static_cast<int>(TRY(in.Number(kMaxPassedNumber)));
  out.rules.last_descriptor = static_cast<int>(TRY(in.Number(kMaxPassedNumber)));
  out.rules.max_bytes = TRY(in.Number());
  TRY(in.End());
  return out;
}

std::string EncodeSocket(const SocketPacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  out.Number(packet.sandbox);
  return Packet(PacketKind::kSocket, std::move(out));
}

base::Result<SocketPacket> DecodeSocket(std::string_view body) {
  WireReader in(body);
  SocketPacket out;
  out.id = TRY(in.Number());
  out.sandbox = TRY(in.Number());
  TRY(in.End());
  return out;
}

std::string EncodeFailed(const FailedPacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  out.Number(static_cast<uint64_t>(packet.error.kind));
  out.Text(packet.error.step);
  out.Number(static_cast<uint64_t>(packet.error.error_number));
  out.Text(packet.error.text);
  return Packet(PacketKind::kFailed, std::move(out));
}

base::Result<FailedPacket> DecodeFailed(std::string_view body) {
  WireReader in(body);
  FailedPacket out;
  out.id = TRY(in.Number());
  out.error.kind =
      static_cast<base::ErrorKind>(TRY(in.Number(static_cast<uint64_t>(base::ErrorKind::kClosed))));
  out.error.step = TRY(in.Text(kMaxPath * 2));
  out.error.error_number = static_cast<int>(TRY(in.Number(4096)));
  out.error.text = TRY(in.Text(kMaxPacket));
  TRY(in.End());
  return out;
}

std::string EncodeExited(const ExitedPacket& packet) {
  WireWriter out;
  out.Number(packet.id);
  out.Number(packet.outcome.kind == Outcome::Kind::kSignaled);
  out.Number(static_cast<uint64_t>(packet.outcome.exit_status));
  out.Number(static_cast<uint64_t>(packet.outcome.signal));
  out.Number(packet.outcome.out_of_memory);
  out.Number(packet.outcome.memory_peak.count());
  out.Number(static_cast<uint64_t>(packet.outcome.cpu_time.count()));
  return Packet(PacketKind::kExited, std::move(out));
}

base::Result<ExitedPacket> DecodeExited(std::string_view body) {
  WireReader in(body);
  ExitedPacket out;
  out.id = TRY(in.Number());
  out.outcome.kind = TRY(in.Number(1)) != 0 ? Outcome::Kind::kSignaled : Outcome::Kind::kExited;
  out.outcome.exit_status = static_cast<int>(TRY(in.Number(255)));
  out.outcome.signal = static_cast<int>(TRY(in.Number(64)));
  out.outcome.out_of_memory = TRY(in.Number(1)) != 0;
  out.outcome.memory_peak = base::Bytes(TRY(in.Number()));
  out.outcome.cpu_time = std::chrono::microseconds(TRY(in.Number(INT64_MAX)));
  TRY(in.End());
  return out;
}

}  // namespace hearth::sandbox
