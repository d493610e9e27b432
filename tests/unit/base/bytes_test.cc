#include "base/bytes.h"

#include <gtest/gtest.h>

namespace hearth::base {
namespace {

TEST(Bytes, RoundsUpToWholeMebibytes) {
  EXPECT_EQ(Bytes(0).ToMiBCeil(), 0u);
  EXPECT_EQ(Bytes(1).ToMiBCeil(), 1u);
  EXPECT_EQ(Bytes::MiB(1).ToMiBCeil(), 1u);
  EXPECT_EQ((Bytes::MiB(1) + Bytes(1)).ToMiBCeil(), 2u);
  EXPECT_EQ(Bytes::MiB(3072).ToMiBCeil(), 3072u);
}

TEST(Bytes, ComparesAndAddsByCount) {
  EXPECT_EQ(Bytes::KiB(1024), Bytes::MiB(1));
  EXPECT_LT(Bytes::KiB(1), Bytes::MiB(1));
  Bytes size = Bytes::MiB(2);
  size -= Bytes::MiB(1);
  size += Bytes(1);
  EXPECT_EQ(size.count(), 1024u * 1024 + 1);
  EXPECT_EQ((size - Bytes(1)).count(), 1024u * 1024);
}

TEST(Bytes, HoldsMoreThanFourGibibytes) { EXPECT_EQ(Bytes::MiB(8192).count(), uint64_t{1} << 33); }

}  // namespace
}  // namespace hearth::base
