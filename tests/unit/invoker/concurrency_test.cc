// Reserved concurrency and the account's settings: what may be reserved, what the data plane is
// told, every operation on the wire and every named error.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace hearth::invoker {
namespace {

using base::Json;

class ConcurrencyTest : public test::ApiFixture {
 protected:
  ConcurrencyTest() {
    EXPECT_TRUE(Create("Hello", Publication::kVersion));
    EXPECT_TRUE(Create("Other"));
  }
  // The answer to PutFunctionConcurrency of Hello, as Shown has it.
  std::string Put(const std::string& body, const std::string& name = "Hello") {
    AskPath("PUT", "/2017-10-31/functions/" + name + "/concurrency", body);
    return Shown();
  }
  Json Get(const std::string& name = "Hello") {
    AskPath("GET", "/2019-09-30/functions/" + name + "/concurrency");
    return Body();
  }
  std::string Provision(uint32_t count) {
    AskPath("PUT", "/2019-09-30/functions/Hello/provisioned-concurrency?Qualifier=1",
            Json{{"ProvisionedConcurrentExecutions", count}}.dump());
    return Shown();
  }
  int Unreserved() {
    AskPath("GET", "/2016-08-19/account-settings");
    return Body()["AccountLimit"]["UnreservedConcurrentExecutions"];
  }
};

std::string Reserve(int calls) { return Json{{"ReservedConcurrentExecutions", calls}}.dump(); }

TEST_F(ConcurrencyTest, AReservationIsPutReadShownAndTakenAway) {
  EXPECT_EQ(Get(), Json::object());
  const std::string revision = registry->Find("Hello")->revision_id;
  EXPECT_EQ(Put(Reserve(7)), "200");
  EXPECT_EQ(Body(), Json({{"ReservedConcurrentExecutions", 7}}));
  EXPECT_EQ(invoker.reserved["Hello"], 7u);
  EXPECT_EQ(registry->Find("Hello")->revision_id, revision) << "warm instances would be retired";
  EXPECT_EQ(Get(), Json({{"ReservedConcurrentExecutions", 7}}));
  for (const char* path : {"", "?Qualifier=1"}) {
    Ask("GET", path);
    EXPECT_EQ(Body()["Concurrency"], Json({{"ReservedConcurrentExecutions", 7}}));
  }
  invoker.reserved.clear();
  Restart();
  EXPECT_EQ(invoker.reserved["Hello"], 7u) << "after a restart";
  EXPECT_EQ(Get(), Json({{"ReservedConcurrentExecutions", 7}}));
  AskPath("DELETE", "/2017-10-31/functions/Hello/concurrency");
  EXPECT_EQ(last.status, 204);
  EXPECT_EQ(invoker.reserved["Hello"], std::nullopt);
  EXPECT_EQ(Get(), Json::object());
  Ask("GET", "");
  EXPECT_FALSE(Body().contains("Concurrency"));
}

TEST_F(ConcurrencyTest, ItOutlivesUpdatesAndIsNoPartOfAVersion) {
  EXPECT_EQ(Put(Reserve(7)), "200");
  EXPECT_EQ(Ask("PUT", "configuration", R"({"Timeout":9})").status, 200);
  EXPECT_EQ(Get(), Json({{"ReservedConcurrentExecutions", 7}}));
  EXPECT_EQ(Ask("POST", "versions").status, 201);
  EXPECT_EQ(Body()["Version"], "2");
  EXPECT_EQ(Put(Reserve(8)), "200");
  EXPECT_EQ(Ask("POST", "versions").status, 201);
  EXPECT_EQ(Body()["Version"], "2") << "nothing of the version has changed";
}

TEST_F(ConcurrencyTest, AnUpdateOfCodeUnderWayKeepsAReservationMadeMeanwhile) {
  std::optional<std::expected<FunctionRef, aws::ApiError>> updated;
  control->UpdateCode("Hello",
                      {.zip = MUST(layers::PackZipOfText("bootstrap", "#!/bin/other\n")),
                       .expected_revision_id = {}},
                      [&](std::expected<FunctionRef, aws::ApiError> result) { updated = result; });
  ASSERT_TRUE(
      Wait<void>([&](auto done) { control->versions().PutReserved("Hello", 7, std::move(done)); }));
  loop.RunUntil([&] { return updated.has_value(); });
  ASSERT_TRUE(*updated);
  EXPECT_EQ(registry->Find("Hello")->reserved, 7u);
}

TEST_F(ConcurrencyTest, ATenthOfTheAccountStaysUnreserved) {
  EXPECT_EQ(Unreserved(), 1000);
  const std::string refusal =
      "400 InvalidParameterValueException: Specified ReservedConcurrentExecutions for function "
      "decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
  EXPECT_EQ(Put(Reserve(901)), refusal);
  EXPECT_EQ(Put(Reserve(900)), "200");
  EXPECT_EQ(Unreserved(), 100);
  EXPECT_EQ(Put(Reserve(1), "Other"), refusal);
  EXPECT_EQ(Put(Reserve(0), "Other"), "200");
  EXPECT_EQ(Put(Reserve(899)), "200") << "what it has does not count against itself";
  EXPECT_EQ(Put(Reserve(2), "Other"), refusal);
  EXPECT_EQ(Put(Reserve(1), "Other"), "200");
  EXPECT_EQ(Put(R"({"ReservedConcurrentExecutions":18446744073709551615})"), refusal);
}

TEST_F(ConcurrencyTest, TwoAtOnceDoNotTakeTheSame) {
  std::vector<bool> taken;
  for (const char* name : {"Hello", "Other"}) {
    control->versions().PutReserved(name, 500, [&](const std::expected<void, aws::ApiError>& made) {
      taken.push_back(made.has_value());
    });
  }
  loop.RunUntil([&] { return taken.size() == 2; });
  EXPECT_NE(taken[0], taken[1]);
  EXPECT_EQ(Unreserved(), 500);
  // One after the other for one function: the second is not held against the first.
  taken.clear();
  for (const uint32_t calls : {300u, 400u}) {
    control->versions().PutReserved(
        "Hello", calls,
        [&](const std::expected<void, aws::ApiError>& made) { taken.push_back(made.has_value()); });
  }
  loop.RunUntil([&] { return taken.size() == 2; });
  EXPECT_TRUE(taken[0] && taken[1]);
  EXPECT_EQ(Get(), Json({{"ReservedConcurrentExecutions", 400}}));
  AskPath("DELETE", "/2017-10-31/functions/Other/concurrency");
  EXPECT_EQ(Unreserved(), 600);
}

TEST_F(ConcurrencyTest, WhatIsProvisionedAndWhatIsReservedFit) {
  EXPECT_EQ(Provision(20), "202");
  EXPECT_EQ(Unreserved(), 980);
  EXPECT_EQ(Put(Reserve(19)),
            "400 InvalidParameterValueException:  ReservedConcurrentExecutions  19 should not be "
            "lower than function's total provisioned concurrency [20].");
  EXPECT_EQ(Put(Reserve(20)), "200");
  EXPECT_EQ(Unreserved(), 980) << "it is a part of the reservation";
  EXPECT_EQ(Provision(21),
            "400 InvalidParameterValueException: Requested Provisioned Concurrency should not be "
            "greater than the reservedConcurrentExecution for function");
  EXPECT_EQ(Provision(10), "202");
  EXPECT_EQ(Unreserved(), 980);
  EXPECT_EQ(Put(Reserve(880), "Other"), "200");
  AskPath("DELETE", "/2017-10-31/functions/Hello/concurrency");
  EXPECT_EQ(Unreserved(), 110);
  EXPECT_EQ(Provision(21),
            "400 InvalidParameterValueException: Specified ConcurrentExecutions for function "
            "decreases account's UnreservedConcurrentExecution below its minimum value of [100].");
}

TEST_F(ConcurrencyTest, BadRequestsAreRefused) {
  EXPECT_EQ(Put("{}"),
            "400 ValidationException: 1 validation error detected: Value null at "
            "'reservedConcurrentExecutions' failed to satisfy constraint: Member must not be null");
  EXPECT_EQ(Put(Reserve(-1)),
            "400 ValidationException: 1 validation error detected: Value '-1' at "
            "'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value "
            "greater than or equal to 0");
  EXPECT_EQ(Put(R"({"ReservedConcurrentExecutions":"7"})"),
            "400 SerializationException: 'ReservedConcurrentExecutions' must be an integer");
  EXPECT_EQ(Put(R"({"ReservedConcurrentExecutions":1.5})"),
            "400 SerializationException: 'ReservedConcurrentExecutions' must be an integer");
  EXPECT_EQ(Put(Reserve(1), "Hello:1"),
            "400 InvalidParameterValueException: This operation is permitted on Lambda functions "
            "only. Aliases and versions do not support this operation. Please specify either a "
            "function name or an unqualified function ARN.");
  const std::string missing =
      "404 ResourceNotFoundException: Function not found: "
      "arn:aws:lambda:us-east-1:000000000000:function:None";
  EXPECT_EQ(Put(Reserve(1), "None"), missing + ":$LATEST");
  Get("None");
  EXPECT_EQ(Shown(), missing);
  AskPath("DELETE", "/2017-10-31/functions/None/concurrency");
  EXPECT_EQ(Shown(), missing + ":$LATEST");
  AskPath("POST", "/2017-10-31/functions/Hello/concurrency");
  EXPECT_EQ(last.status, 501);
}

TEST_F(ConcurrencyTest, AccountSettingsAreWhatThereIs) {
  AskPath("GET", "/2016-08-19/account-settings");
  const uint64_t size = registry->Find("Hello")->code_size;
  EXPECT_EQ(Body(), Json({{"AccountLimit",
                           {{"TotalCodeSize", 80530636800},
                            {"CodeSizeUnzipped", 262144000},
                            {"CodeSizeZipped", 52428800},
                            {"ConcurrentExecutions", 1000},
                            {"UnreservedConcurrentExecutions", 1000}}},
                          {"AccountUsage", {{"TotalCodeSize", 3 * size}, {"FunctionCount", 2}}}}));
}

TEST_F(ConcurrencyTest, ADeletedFunctionGivesItsReservationBack) {
  EXPECT_EQ(Put(Reserve(7)), "200");
  Ask("DELETE", "");
  EXPECT_EQ(last.status, 204);
  EXPECT_EQ(Unreserved(), 1000);
  EXPECT_EQ(invoker.reserved["Hello"], std::nullopt);
}

}  // namespace
}  // namespace hearth::invoker
