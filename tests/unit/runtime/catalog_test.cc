#include "runtime/catalog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace hearth::runtime {
namespace {

bool Has(const char* program) { return ::access(program, X_OK) == 0; }

TEST(Catalog, ServesEveryPythonOnTheOneAtHandAndSaysSo) {
  if (!Has("/usr/bin/python3")) GTEST_SKIP() << "/usr/bin/python3 is missing";
  const Catalog catalog = Catalog::Probe();
  const auto newest = catalog.Find("python3.14");
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->language, Language::kPython);
  EXPECT_EQ(newest->transport, Transport::kChannel);
  EXPECT_EQ(newest->executable, "/usr/bin/python3");
  EXPECT_EQ(newest->execution_env, "AWS_Lambda_python3.14");
  ASSERT_TRUE(newest->version.starts_with("3."));
  const std::string own = newest->version.substr(0, newest->version.find('.', 2));
  const auto same = catalog.Find("python" + own);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->notice, "");
  // "3.1" is no prefix of "3.11" that counts.
  EXPECT_NE(catalog.Find("python3.1")->notice, "");
  if (own != "3.14") {
    EXPECT_EQ(newest->notice, "python3.14 runs on this machine's Python " + newest->version);
  }
}

TEST(Catalog, ServesEveryNodeOnTheOneAtHand) {
  if (!Has("/usr/bin/node")) GTEST_SKIP() << "/usr/bin/node is missing";
  const auto node = Catalog::Probe().Find("nodejs24.x");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->language, Language::kNode);
  EXPECT_EQ(node->transport, Transport::kChannel);
  EXPECT_FALSE(node->version.empty());
}

TEST(Catalog, ServesProvidedOverTheRuntimeApi) {
  const Catalog catalog = Catalog::Probe();
  for (const char* name : {"provided", "provided.al2", "provided.al2023"}) {
    const auto runtime = catalog.Find(name);
    ASSERT_TRUE(runtime) << name;
    EXPECT_EQ(runtime->transport, Transport::kRuntimeApi);
    EXPECT_EQ(runtime->executable, "/var/task/bootstrap");
    EXPECT_EQ(runtime->notice, "");
  }
}

TEST(Catalog, FindsNothingByAnyOtherName) {
  const Catalog catalog = Catalog::Probe();
  for (const char* name : {"", "python", "python3", "python3.", "python3.x", "python3.11.2",
                           "python2.7", "Python3.11", "python3.11 ", "python3.-1", "nodejs",
                           "nodejs.x", "nodejs20", "nodejs20.y", "nodejs-1.x", "nodejsx",
                           "node20.x", "java21", "ruby3.3", "provided.al",
                           "provided/../../bin/sh", "go1.x"}) {
    EXPECT_FALSE(catalog.Find(name)) << name;
  }
}

TEST(Catalog, KnowsTheNamesThatAwsAcceptsEachOnce) {
  std::vector<std::string> names = Catalog::KnownNames();
  for (const char* name : {"python3.14", "nodejs24.x", "provided.al2023", "java21", "dotnet8"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace hearth::runtime
