#include "base/limits.h"

#include <gtest/gtest.h>

namespace hearth::limits {
namespace {

// AWS's numbers, written out: a limit that drifts changes what clients see.
TEST(Limits, AreTheNumbersThatAwsPublishes) {
  EXPECT_EQ(kMaxZippedUpload.count(), 50u * 1024 * 1024);
  EXPECT_EQ(kMaxUnzipped.count(), 250u * 1024 * 1024);
  EXPECT_EQ(kMaxResponsePayload, 6291556u);
  EXPECT_EQ(kMaxSyncPayload, 6291456u);
  EXPECT_EQ(kMaxTimeout, std::chrono::minutes(15));
  EXPECT_EQ(kMaxMemoryMiB % kMemoryStepMiB, 0u);
  EXPECT_EQ(kMinMemoryMiB % kMemoryStepMiB, 0u);
}

// A request body holds a whole upload in base64, and more.
TEST(Limits, LetTheLargestUploadThrough) {
  EXPECT_GT(kMaxRequestBody, kMaxZippedUpload.count() * 4 / 3);
}

}  // namespace
}  // namespace hearth::limits
