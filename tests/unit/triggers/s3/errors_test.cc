#include "triggers/s3/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::s3 {
namespace {

using testing::HasSubstr;

TEST(S3Errors, CarryTheirStatusTheirMessageAndWhatTheyAreAbout) {
  const auto answer = ErrorAnswer(Refusal("NoSuchKey", {{"Key", "a<b"}}), "/bucket/a<b", "id-1");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.headers.Get("x-amz-request-id"), "id-1");
  EXPECT_EQ(answer.body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
            "<Message>The specified key does not exist.</Message><Key>a&lt;b</Key>"
            "<Resource>/bucket/a&lt;b</Resource><RequestId>id-1</RequestId></Error>");
}

TEST(S3Errors, HaveNoBodyWhereNothingHasChanged) {
  EXPECT_EQ(ErrorAnswer(Refusal("NotModified"), "/b/k", "id").body, "");
}

TEST(S3Errors, AFullDiskAsksClientsToComeBackLater) {
  const base::Error full{base::ErrorKind::kLimit, "write", ENOSPC, "the disk is full"};
  EXPECT_EQ(HostFailure(full).status, 503);
  EXPECT_EQ(HostFailure(full).type, "SlowDown");
  EXPECT_EQ(HostFailure({base::ErrorKind::kCorrupt, "read", 0, "x"}).status, 500);
}

}  // namespace
}  // namespace hearth::s3
