#include "sandbox/spec.h"

#include <gmock/gmock.h>

#include <random>

#include "sandbox/embryo.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;

Spec FullSpec() {
  Spec spec;
  spec.name = "my-function_1.2";
  spec.memory = base::Bytes::MiB(1769);
  spec.cpu_permille = 1000;
  spec.pids = 512;
  spec.tmp = base::Bytes::MiB(10240);
  spec.tmp_inodes = 99;
  spec.mounts = {{"/srv/code", "/var/task"}, {"/srv/layer one", "/opt"}};
  spec.executable = "/usr/bin/python3";
  spec.argv = {"python3", "", "-c", "print('\n')"};
  spec.environment = {"A=b", "EMPTY=", "B=c=d"};
  spec.working_directory = "/opt";
  spec.listen_ports = {9001, 1, 65535};
  return spec;
}

std::string WhyNot(const Spec& spec) {
  const auto decoded = DecodeSpec(EncodeSpec(spec));
  return decoded ? "it is fine" : decoded.error().ToString();
}

TEST(SpecWire, CarriesEveryMember) {
  const Spec spec = FullSpec();
  const auto decoded = DecodeSpec(EncodeSpec(spec));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
  EXPECT_EQ(decoded->name, spec.name);
  EXPECT_EQ(decoded->memory, spec.memory);
  EXPECT_EQ(decoded->cpu_permille, spec.cpu_permille);
  EXPECT_EQ(decoded->pids, spec.pids);
  EXPECT_EQ(decoded->tmp, spec.tmp);
  EXPECT_EQ(decoded->tmp_inodes, spec.tmp_inodes);
  ASSERT_EQ(decoded->mounts.size(), 2u);
  EXPECT_EQ(decoded->mounts[1].source, "/srv/layer one");
  EXPECT_EQ(decoded->mounts[1].target, "/opt");
  EXPECT_EQ(decoded->executable, spec.executable);
  EXPECT_EQ(decoded->argv, spec.argv);
  EXPECT_EQ(decoded->environment, spec.environment);
  EXPECT_EQ(decoded->working_directory, spec.working_directory);
  EXPECT_EQ(decoded->listen_ports, spec.listen_ports);
  // Whatever has a member more is written twice the same.
  EXPECT_EQ(EncodeSpec(*decoded), EncodeSpec(spec));
}

TEST(SpecWire, RefusesEveryBeginningOfItself) {
  const std::string bytes = EncodeSpec(FullSpec());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeSpec(std::string_view(bytes).substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(DecodeSpec(bytes + '\0').has_value());
}

TEST(SpecWire, NeitherCrashesNorAllocatesWildlyOnChangedBytes) {
  const std::string good = EncodeSpec(FullSpec());
  std::mt19937 random(1);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto decoded = DecodeSpec(bytes);
    if (!decoded) {
      ++refused;
      continue;
    }
    // What is accepted is whole: it goes round again.
    EXPECT_EQ(EncodeSpec(*decoded), bytes);
  }
  EXPECT_GT(refused, 5000u);
}

TEST(SpecWire, RefusesLengthsThatPromiseMoreThanThereIs) {
  WireWriter out;
  out.Number(UINT64_MAX);
  EXPECT_FALSE(DecodeSpec(out.Take()).has_value());
  WireWriter counts;
  counts.Text("x");
  for (int i = 0; i < 5; ++i) counts.Number(1 << 24);
  counts.Number(UINT64_MAX);  // mounts
  EXPECT_FALSE(DecodeSpec(counts.Take()).has_value());
}

TEST(SpecCheck, RefusesLimitsThatNothingCouldRunWith) {
  for (const auto spoil :
       {+[](Spec& s) { s.memory = base::Bytes::MiB(3); }, +[](Spec& s) { s.cpu_permille = 0; },
        +[](Spec& s) { s.pids = 0; }, +[](Spec& s) { s.tmp = base::Bytes(4096); },
        +[](Spec& s) { s.tmp_inodes = 0; }}) {
    Spec spec = FullSpec();
    spoil(spec);
    EXPECT_THAT(WhyNot(spec), HasSubstr("a limit is too small"));
  }
}

TEST(SpecCheck, RefusesNamesPathsAndStringsThatMeanSomethingElse) {
  const auto why = [](void (*spoil)(Spec&)) {
    Spec spec = FullSpec();
    spoil(spec);
    return WhyNot(spec);
  };
  using std::string_literals::operator""s;
  EXPECT_THAT(why([](Spec& s) { s.name = "a/../b"; }), HasSubstr("a/../b"));
  EXPECT_THAT(why([](Spec& s) { s.name = std::string(101, 'a'); }), HasSubstr("larger than 100"));
  EXPECT_THAT(why([](Spec& s) { s.executable = "bin/sh"; }), HasSubstr("'bin/sh'"));
  EXPECT_THAT(why([](Spec& s) { s.executable = ""; }), HasSubstr("the executable"));
  EXPECT_THAT(why([](Spec& s) { s.executable = "/a\0b"s; }), HasSubstr("the executable"));
  EXPECT_THAT(why([](Spec& s) { s.working_directory = "."; }), HasSubstr("working directory"));
  EXPECT_THAT(why([](Spec& s) { s.mounts[0].source = "code"; }), HasSubstr("mount source"));
  EXPECT_THAT(why([](Spec& s) { s.mounts[0].target = "task"; }), HasSubstr("mount target"));
  EXPECT_THAT(why([](Spec& s) { s.argv.clear(); }), HasSubstr("argv is empty"));
  EXPECT_THAT(why([](Spec& s) { s.argv[1] = "\0"s; }), HasSubstr("NUL"));
  EXPECT_THAT(why([](Spec& s) { s.environment[0] = "NOVALUE"; }), HasSubstr("'NOVALUE'"));
  EXPECT_THAT(why([](Spec& s) { s.environment[0] = "=x"; }), HasSubstr("'=x'"));
  EXPECT_THAT(why([](Spec& s) { s.environment[0] = ""; }), HasSubstr("NAME=value"));
  EXPECT_THAT(why([](Spec& s) { s.mounts.resize(9, s.mounts[0]); }), HasSubstr("larger than 8"));
  EXPECT_THAT(why([](Spec& s) { s.listen_ports.resize(9, 1); }), HasSubstr("larger than 8"));
  EXPECT_THAT(why([](Spec& s) { s.argv.resize(129); }), HasSubstr("larger than 128"));
  EXPECT_THAT(why([](Spec& s) { s.environment.resize(513, "A=b"); }), HasSubstr("larger than 512"));
}

TEST(SpecCheck, LimitsAllTextsTogetherSoThatEveryPacketFits) {
  Spec spec = FullSpec();
  spec.environment.assign(2, "A=" + std::string(49 * 1024, 'x'));
  EXPECT_THAT(WhyNot(spec), HasSubstr("at most 98,304"));
  // The most that is let through, in the most pieces.
  spec.argv.assign(128, "");
  spec.environment.assign(512, "A=");
  spec.environment[0] = "A=" + std::string(98'304 - 128 - 511 * 3 - 3, 'x');
  spec.mounts.assign(8, {"/" + std::string(1400, 's'), "/" + std::string(1400, 't')});
  EXPECT_EQ(WhyNot(spec), "it is fine");
  EXPECT_LT(EncodeLaunch({1, std::vector<int>(kMaxPassed), EncodeSpec(spec)}).size(), kMaxPacket);
  size_t order = spec.executable.size() + spec.working_directory.size() + 2;
  for (const auto& text : spec.argv) order += text.size() + 1;
  for (const auto& text : spec.environment) order += text.size() + 1;
  EXPECT_LT(order, kOrderStrings);
  spec.mounts.assign(8, {"/" + std::string(4000, 's'), "/" + std::string(4000, 't')});
  EXPECT_THAT(WhyNot(spec), HasSubstr("at most 122,880"));
}

}  // namespace
}  // namespace hearth::sandbox
