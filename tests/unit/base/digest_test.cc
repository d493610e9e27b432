#include "base/digest.h"

#include <gtest/gtest.h>

namespace hearth::base {
namespace {

// FIPS 180-4's examples.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(ToHex(Sha256Of("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256Of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256Of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(ToHex(Sha256Of(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, IsTheSameInPiecesAsInOne) {
  Sha256 hash;
  for (const char c : std::string("abc")) hash.Update({&c, 1});
  hash.Update("");
  EXPECT_EQ(hash.Finish(), Sha256Of("abc"));
}

TEST(Digest, SurvivesHexAndBackAndRefusesAnythingElse) {
  const Sha256Digest digest = Sha256Of("abc");
  EXPECT_EQ(MUST(FromHex(ToHex(digest))), digest);
  EXPECT_EQ(AsBytes(digest).size(), 32u);
  const std::string good = ToHex(digest);
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "0", "BA" + good.substr(2), "g0" + good.substr(2),
        good.substr(2) + "/.", good.substr(0, 63) + std::string(1, '\0')}) {
    EXPECT_FALSE(FromHex(bad)) << bad;
  }
}

// RFC 4648, section 10.
TEST(Base64, MatchesThePublishedVectors) {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(Base64Encode(plain), coded);
    EXPECT_EQ(MUST(Base64Decode(coded)), plain);
  }
}

TEST(Base64, KeepsEveryByteValueAtEveryLength) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (size_t size = 250; size <= all.size(); ++size) {
    const std::string data = all.substr(0, size);
    EXPECT_EQ(MUST(Base64Decode(Base64Encode(data))), data);
  }
}

TEST(Base64, RefusesWhatIsNotStrictlyBase64) {
  for (const std::string_view bad :
       {"Zg", "Zg=", "Z", "Zg===", "====", "=Zg=", "Z===", "Zm9v\n", " Zm9vYg=", "Zm9v Zm9",
        "Zm=v", "Zm9=Zm9v", "Zm9-", "Zm9_", "\xff\xff\xff\xff"}) {
    EXPECT_FALSE(Base64Decode(bad)) << bad;
  }
  EXPECT_FALSE(Base64Decode(std::string_view("Zm9\0", 4)));
}

}  // namespace
}  // namespace hearth::base
