#include "sandbox/wire.h"

#include <gmock/gmock.h>

#include <random>

namespace hearth::sandbox {
namespace {

using ::testing::ElementsAre;

std::string_view Body(const std::string& packet) { return std::string_view(packet).substr(1); }

TEST(Wire, WritesNumbersLittleEndianAndTextsWithTheirLength) {
  WireWriter out;
  out.Number(0x0102030405060708);
  out.Text("hi");
  EXPECT_EQ(out.Take(), std::string("\x08\x07\x06\x05\x04\x03\x02\x01"
                                    "\x02\0\0\0\0\0\0\0hi",
                                    18));
}

TEST(Wire, ReadsWhatWasWrittenAndNoMore) {
  WireWriter out;
  out.Number(UINT64_MAX);
  out.Text(std::string_view("a\0b", 3));
  out.Text("");
  const std::string bytes = out.Take();
  WireReader in(bytes);
  EXPECT_EQ(in.Number(), UINT64_MAX);
  EXPECT_FALSE(in.End().has_value());
  EXPECT_EQ(in.Text(3), std::string("a\0b", 3));
  EXPECT_EQ(in.Text(0), "");
  EXPECT_TRUE(in.End().has_value());
  EXPECT_FALSE(in.Number().has_value());
}

TEST(Wire, RefusesANumberOrATextBeyondItsLimit) {
  WireWriter out;
  out.Number(8);
  const std::string bytes = out.Take();
  EXPECT_TRUE(WireReader(bytes).Number(8).has_value());
  EXPECT_FALSE(WireReader(bytes).Number(7).has_value());
  EXPECT_FALSE(WireReader(bytes).Text(100).has_value()) << "the text is not there";
  EXPECT_FALSE(WireReader(bytes + "12345678").Text(7).has_value());
  EXPECT_EQ(WireReader(bytes + "12345678").Text(8), "12345678");
}

const ZygoteOptions kOptions{.program = "not sent",
                             .state_folder = "/var/lib/hearth",
                             .cgroup_name = "hearth",
                             .pool_size = 7,
                             .max_sandboxes = 77,
                             .first_uid = 3'000'000'000,
                             .governor = 990,
                             .allow_unenforced = true};
const MachineReport kReport{"hybrid", "tmpfs", {"no memory"}, {"a", "b"}};
const LaunchPacket kLaunch{42, {0, 1, 199}, "spec"};
const LaunchedPacket kLaunched{42, "/hearth/s7", {{"exec", std::chrono::nanoseconds(5)}}};
const AdoptPacket kAdopt{42, 41, {base::Bytes::MiB(64), 500, 77, {{"/a", "/var/task"}}}};
const DonePacket kDone{42, {{"mounts", std::chrono::nanoseconds(6)}}};
const CapturePacket kCapture{42, 41, {5, 6}};
const FailedPacket kFailed{42, {base::ErrorKind::kClosed, "mounts", 13, "why"}};
const ExitedPacket kExited{
    42, {Outcome::Kind::kSignaled, 0, 9, true, base::Bytes(77), std::chrono::microseconds(88)}};

TEST(Packets, CarryTheirMembersBothWays) {
  const auto options = DecodeOptions(Body(EncodeOptions(kOptions)));
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->state_folder, kOptions.state_folder);
  EXPECT_EQ(options->cgroup_name, kOptions.cgroup_name);
  EXPECT_EQ(options->pool_size, 7u);
  EXPECT_EQ(options->first_uid, 3'000'000'000u);
  EXPECT_EQ(options->governor, 990u);
  EXPECT_EQ(options->max_sandboxes, 77u);
  EXPECT_TRUE(options->allow_unenforced);

  const auto report = DecodeHello(Body(EncodeHello(kReport)));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->cgroup_layout, "hybrid");
  EXPECT_EQ(report->tmp_kind, "tmpfs");
  EXPECT_THAT(report->unenforced, ElementsAre("no memory"));
  EXPECT_THAT(report->notices, ElementsAre("a", "b"));

  const auto launch = DecodeLaunch(Body(EncodeLaunch(kLaunch)));
  ASSERT_TRUE(launch.has_value());
  EXPECT_EQ(launch->id, 42u);
  EXPECT_THAT(launch->passed_as, ElementsAre(0, 1, 199));
  EXPECT_EQ(launch->spec, "spec");

  const auto launched = DecodeLaunched(Body(EncodeLaunched(kLaunched)));
  ASSERT_TRUE(launched.has_value());
  EXPECT_EQ(launched->group, "/hearth/s7");
  ASSERT_EQ(launched->timings.size(), 1u);
  EXPECT_EQ(launched->timings[0].step, "exec");
  EXPECT_EQ(launched->timings[0].took.count(), 5);

  const auto capture = DecodeCapture(Body(EncodeCapture(kCapture)));
  ASSERT_TRUE(capture.has_value());
  EXPECT_EQ(capture->id, 42u);
  EXPECT_EQ(capture->sandbox, 41u);
  EXPECT_EQ(capture->rules.waits_on, 5);
  EXPECT_EQ(capture->rules.last_descriptor, 6);

  const auto failed = DecodeFailed(Body(EncodeFailed(kFailed)));
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->error.kind, base::ErrorKind::kClosed);
  EXPECT_EQ(failed->error.step, "mounts");
  EXPECT_EQ(failed->error.error_number, 13);
  EXPECT_EQ(failed->error.text, "why");

  const auto exited = DecodeExited(Body(EncodeExited(kExited)));
  ASSERT_TRUE(exited.has_value());
  EXPECT_EQ(exited->outcome.kind, Outcome::Kind::kSignaled);
  EXPECT_EQ(exited->outcome.signal, 9);
  EXPECT_TRUE(exited->outcome.out_of_memory);
  EXPECT_EQ(exited->outcome.memory_peak, base::Bytes(77));
  EXPECT_EQ(exited->outcome.cpu_time.count(), 88);
}

// Every decoder, as "accepts these bytes".
struct Decoder {
  const char* name;
  std::string packet;
  bool (*accepts)(std::string_view);
};

const std::vector<Decoder>& Decoders() {
  static const std::vector<Decoder> kDecoders = {
      {"options", EncodeOptions(kOptions), [](auto b) { return DecodeOptions(b).has_value(); }},
      {"hello", EncodeHello(kReport), [](auto b) { return DecodeHello(b).has_value(); }},
      {"launch", EncodeLaunch(kLaunch), [](auto b) { return DecodeLaunch(b).has_value(); }},
      {"launched", EncodeLaunched(kLaunched), [](auto b) { return DecodeLaunched(b).has_value(); }},
      {"adopt", EncodeAdopt(kAdopt), [](auto b) { return DecodeAdopt(b).has_value(); }},
      {"done", EncodeDone(kDone), [](auto b) { return DecodeDone(b).has_value(); }},
      {"capture", EncodeCapture(kCapture), [](auto b) { return DecodeCapture(b).has_value(); }},
      {"failed", EncodeFailed(kFailed), [](auto b) { return DecodeFailed(b).has_value(); }},
      {"exited", EncodeExited(kExited), [](auto b) { return DecodeExited(b).has_value(); }},
  };
  return kDecoders;
}

TEST(Packets, OfDifferentKindsBeginDifferently) {
  std::string first;
  for (const auto& decoder : Decoders()) first += decoder.packet[0];
  EXPECT_EQ(first, "OHLGADCFE");
}

TEST(Packets, AreRefusedCutShortOrWithBytesTooMany) {
  for (const auto& [name, packet, accepts] : Decoders()) {
    const std::string_view body = Body(packet);
    EXPECT_TRUE(accepts(body)) << name;
    for (size_t length = 0; length < body.size(); ++length) {
      EXPECT_FALSE(accepts(body.substr(0, length))) << name << " " << length;
    }
    EXPECT_FALSE(accepts(std::string(body) + "x")) << name;
  }
}

TEST(Packets, SurviveAnyBytes) {
  std::mt19937 random(2);
  for (const auto& [name, packet, accepts] : Decoders()) {
    size_t refused = 0;
    for (int round = 0; round < 5000; ++round) {
      std::string body(Body(packet));
      for (int i = 0; i < 3; ++i) body[random() % body.size()] = static_cast<char>(random());
      refused += !accepts(body);
    }
    EXPECT_GT(refused, 500u) << name;
    EXPECT_FALSE(accepts(std::string(4096, '\xff'))) << name;
  }
}

TEST(Packets, ASocketIsAskedForBySandbox) {
  const std::string packet = EncodeSocket({7, 8});
  EXPECT_EQ(packet[0], 'S');
  const auto read = DecodeSocket(Body(packet));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->id, 7u);
  EXPECT_EQ(read->sandbox, 8u);
  EXPECT_FALSE(DecodeSocket(Body(packet).substr(1)).has_value());
  EXPECT_FALSE(DecodeSocket(std::string(Body(packet)) + "x").has_value());
}

TEST(Packets, RefuseNumbersThatMeanNothing) {
  LaunchPacket launch = kLaunch;
  launch.passed_as = {kMaxPassedNumber + 1};
  EXPECT_FALSE(DecodeLaunch(Body(EncodeLaunch(launch))).has_value());
  launch.passed_as = {-1};
  EXPECT_FALSE(DecodeLaunch(Body(EncodeLaunch(launch))).has_value());
  launch.passed_as.assign(17, 0);
  EXPECT_FALSE(DecodeLaunch(Body(EncodeLaunch(launch))).has_value());
  ExitedPacket exited = kExited;
  exited.outcome.signal = 65;
  EXPECT_FALSE(DecodeExited(Body(EncodeExited(exited))).has_value());
  FailedPacket failed = kFailed;
  failed.error.kind = static_cast<base::ErrorKind>(99);
  EXPECT_FALSE(DecodeFailed(Body(EncodeFailed(failed))).has_value());
}

}  // namespace
}  // namespace hearth::sandbox
