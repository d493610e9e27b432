// `hearth usage`: the free tier and the list price.
#include "cli/usage.h"

#include <gmock/gmock.h>

#include <sstream>

#include "base/json.h"

namespace hearth::cli {
namespace {

using ::testing::HasSubstr;

TEST(Bill, IsNothingWithinTheFreeTier) {
  const Bill bill = BillOf(1'000'000, 400'000);
  EXPECT_EQ(bill.free_requests_left, 0u);
  EXPECT_EQ(bill.free_gb_s_left, 0);
  EXPECT_EQ(bill.requests_usd + bill.compute_usd, 0);
  EXPECT_EQ(BillOf(1, 0.5).free_requests_left, 999'999u);
  EXPECT_EQ(BillOf(1, 0.5).free_gb_s_left, 399'999.5);
}

TEST(Bill, IsAwsListPriceBeyondIt) {
  // AWS's own example: 3 million requests of 120 ms at 1,536 MB: 540,000 GB-s.
  const Bill bill = BillOf(3'000'000, 540'000);
  EXPECT_NEAR(bill.requests_usd, 0.40, 1e-9);
  EXPECT_NEAR(bill.compute_usd, 2.33, 0.01);
}

struct Answer {
  int code;
  std::string out, err, url;
};

Answer Ask(const std::string& body, bool json, const std::string& month, int status = 200) {
  Answer answer;
  std::ostringstream out, err;
  const Client client("http://h:1", [&](const io::FetchRequest& request) {
    answer.url = request.url;
    return base::Result<io::HttpResponse>(io::HttpResponse{.status = status, .body = body});
  });
  Console console{out, err, json};
  answer.code = RunUsage(client, console, {month});
  answer.out = out.str();
  answer.err = err.str();
  return answer;
}

constexpr char kBody[] =
    R"({"month":"2026-11","functions":[{"function":"F","requests":1500000,"mib_ms":1024000},)"
    R"({"function":"G","requests":5,"mib_ms":512}]})";

TEST(RunUsage, ShowsEachFunctionAndTheMonth) {
  const Answer answer = Ask(kBody, false, "2026-11");
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.url, "http://h:1/_hearth/usage?month=2026-11");
  EXPECT_THAT(answer.out, HasSubstr("F          1500000       1.000"));
  EXPECT_THAT(answer.out, HasSubstr("2026-11: 1500005 requests, 1.000 GB-seconds"));
  EXPECT_THAT(answer.out, HasSubstr("free tier left: 0 of 1000000 requests, 399998.999"));
  EXPECT_THAT(answer.out, HasSubstr("$0.10 (requests $0.10, compute $0.00)"));
}

TEST(RunUsage, SpeaksJson) {
  const auto json = MUST(base::ParseJson(Ask(kBody, true, "").out));
  EXPECT_EQ(json.at("requests"), 1500005);
  EXPECT_EQ(json.at("functions")[0].at("gb_s"), 1.0);
}

TEST(RunUsage, FailsWhereTheHostDoes) {
  EXPECT_EQ(Ask("{", false, "").code, kHostError);
  EXPECT_EQ(Ask(R"({"message":"a month is written 2026-11"})", false, "x", 400).code, kHostError);
  EXPECT_EQ(Ask("{}", false, "").code, kOk);
}

}  // namespace
}  // namespace hearth::cli
