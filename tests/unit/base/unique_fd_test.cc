#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>

namespace hearth::base {
namespace {

bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int OpenNull() { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }

TEST(UniqueFd, ClosesItsDescriptorOnce) {
  const int fd = OpenNull();
  {
    const UniqueFd owner(fd);
    EXPECT_TRUE(owner.valid());
    EXPECT_TRUE(IsOpen(fd));
  }
  EXPECT_FALSE(IsOpen(fd));
}

TEST(UniqueFd, MovesWithoutClosing) {
  const int fd = OpenNull();
  UniqueFd first(fd);
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());
  EXPECT_EQ(second.get(), fd);
  const int other = OpenNull();
  UniqueFd third(other);
  third = std::move(second);
  EXPECT_TRUE(IsOpen(fd));
  EXPECT_FALSE(IsOpen(other));
  UniqueFd& same = third;
  third = std::move(same);
  EXPECT_EQ(third.get(), fd);
  EXPECT_TRUE(IsOpen(fd));
}

TEST(UniqueFd, GivesUpWhatItReleasesAndClosesWhatItReplaces) {
  UniqueFd owner(OpenNull());
  const int released = owner.Release();
  EXPECT_FALSE(owner.valid());
  EXPECT_TRUE(IsOpen(released));
  owner.Reset(released);
  owner.Reset(OpenNull());
  owner.Reset();
  EXPECT_FALSE(IsOpen(released));
}

TEST(UniqueFd, TakesZeroForADescriptor) {
  UniqueFd zero(0);
  EXPECT_TRUE(zero.valid());
  EXPECT_EQ(zero.Release(), 0);
  static_assert(!std::is_copy_constructible_v<UniqueFd>);
  static_assert(!std::is_convertible_v<UniqueFd, bool>);
}

}  // namespace
}  // namespace hearth::base
