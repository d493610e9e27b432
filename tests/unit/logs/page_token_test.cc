#include "logs/page_token.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace hearth::logs {
namespace {

TEST(PageToken, ComesBackAsItWas) {
  EXPECT_EQ(DecodeToken(EncodeToken("/aws/lambda/F")), "/aws/lambda/F");
  EXPECT_EQ(DecodeToken(EncodeToken("")), "");
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{7}, UINT64_MAX}) {
    for (const bool forward : {true, false}) {
      const auto token = DecodeEventToken(EncodeEventToken({forward, sequence}));
      ASSERT_TRUE(token.has_value());
      EXPECT_EQ(token->sequence, sequence);
      EXPECT_EQ(token->forward, forward);
    }
  }
}

TEST(PageToken, OfNobodysMakingIsRefused) {
  EXPECT_FALSE(DecodeToken("x").has_value());
  EXPECT_FALSE(DecodeToken(base::Base64Encode("other:x")).has_value());
  EXPECT_FALSE(DecodeToken(std::string(5000, 'A')).has_value());
  const std::string good = EncodeEventToken({true, 5});
  for (std::string bad :
       {std::string(), std::string("f/5/s"), good + "x", good.substr(1), "x" + good.substr(1),
        good.substr(0, 10) + "x" + good.substr(11), "f/" + std::string(56, '9') + "/s"}) {
    EXPECT_FALSE(DecodeEventToken(bad).has_value()) << bad;
  }
}

TEST(PageToken, AnEventsIdHas56Digits) {
  EXPECT_EQ(EventId(1716222584833, 7).size(), 56u);
  EXPECT_NE(EventId(1, 2), EventId(2, 1));
}

}  // namespace
}  // namespace hearth::logs
