// Event source mappings on the wire, over sources that a test plays: every operation, every state,
// every named error.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "invoker/event_source_mappings.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kQueue[] = "arn:aws:sqs:us-east-1:000000000000:Q";
constexpr char kFifo[] = "arn:aws:sqs:us-east-1:000000000000:Q.fifo";
constexpr char kStream[] = "arn:aws:kinesis:us-east-1:000000000000:stream/S";
constexpr char kHello[] = "arn:aws:lambda:us-east-1:000000000000:function:Hello";

Json Criteria(const std::vector<std::string>& patterns) {
  Json filters = Json::array();
  for (const std::string& pattern : patterns) filters.push_back(Json{{"Pattern", pattern}});
  return Json{{"Filters", std::move(filters)}};
}

// Has every source whose ARN does not end in "None".
class FakeSource final : public EventSource {
 public:
  FakeSource(io::Loop& loop, SourceRules rules) : loop_(loop), rules_(rules) {}
  std::expected<SourceRules, aws::ApiError> Find(const std::string& arn) const override {
    if (arn.ends_with("None")) return std::unexpected(InvalidParameter("it is not there"));
    SourceRules rules = rules_;
    if (arn.ends_with("Short")) rules.visibility_s = 2;
    if (arn.ends_with("Long")) rules.visibility_s = 3;
    if (arn.ends_with(".fifo")) {
      rules.max_batch = 10;
      rules.has_window = false;
    }
    return rules;
  }
  void Start(MappingRef mapping) override {
    EXPECT_FALSE(running.contains(mapping->uuid)) << "it runs already";
    ++starts;
    running[mapping->uuid] = mapping;
  }
  void Stop(const std::string& uuid, std::function<void()> stopped) override {
    EXPECT_EQ(running.erase(uuid), 1u) << "it does not run";
    stopping = std::move(stopped);
    if (!holds_stops) Stopped();
  }
  void Stopped() { loop_.Post(std::exchange(stopping, nullptr)); }

  std::map<std::string, MappingRef> running;
  std::function<void()> stopping;
  bool holds_stops = false;
  int starts = 0;

 private:
  io::Loop& loop_;
  const SourceRules rules_;
};

class EventSourceTest : public test::ApiFixture {
 protected:
  EventSourceTest() {
    EXPECT_TRUE(Create("Hello", Publication::kVersion));
    Open(true);
  }
  ~EventSourceTest() override { Close(); }
  void Open(bool attaches) {
    mappings_database = MUST(store::Database::Open(root_ + "/esm.db", EventSourceMigrations()));
    mappings = MUST(EventSourceMappings::Load(loop, *mappings_database, *writer));
    if (attaches) Attach();
    lambda = MakeLambdaApi(*control, *registry, invoker, *code, *writer, loop, {}, events.get(),
                           nullptr, mappings.get());
    gateway = std::make_unique<aws::Gateway>();
    gateway->Register(*lambda);
  }
  void Attach() {
    mappings->Attach("sqs", queues);
    mappings->Attach("kinesis", streams);
  }
  void Close() {
    gateway.reset();
    lambda.reset();
    mappings.reset();
    // What is being written uses the database.
    bool written = false;
    writer->Run([] { return 0; }, [&](int) { written = true; });
    loop.RunUntil([&] { return written; });
    mappings_database.reset();
  }
  // As after a kill: what the sources run is lost.
  void Reopen(bool attaches = true) {
    Close();
    queues.running.clear();
    streams.running.clear();
    Open(attaches);
  }

  std::string Make(const Json& more = {}, const std::string& source = kQueue) {
    Json body{{"EventSourceArn", source}, {"FunctionName", "Hello"}};
    if (source == kStream) body["StartingPosition"] = "LATEST";
    if (more.is_object()) body.update(more);
    AskPath("POST", kPath, body.dump());
    if (last.status == 202) uuid = Body()["UUID"];
    return Shown();
  }
  std::string Call(const char* method, const Json& body = {}) {
    AskPath(method, std::string(kPath) + "/" + uuid, body.is_null() ? "" : body.dump());
    return Shown();
  }
  std::string State() {
    Call("GET");
    return last.status == 200 ? Body()["State"].get<std::string>() : Shown();
  }
  void RunUntil(const std::string& state) {
    loop.RunUntil([&] {
      const auto found = mappings->Find(uuid);
      return found ? found->state == state : state == "gone";
    });
  }

  static constexpr char kPath[] = "/2015-03-31/event-source-mappings";
  FakeSource queues{loop, {}};
  FakeSource streams{
      loop, {.family = SourceRules::Family::kStream, .default_batch = 100, .max_batch = 10'000}};
  std::unique_ptr<store::Database> mappings_database;
  std::unique_ptr<EventSourceMappings> mappings;
  std::string uuid;
};

constexpr char kNotFound[] =
    "404 ResourceNotFoundException: The resource you requested does not exist.";

TEST_F(EventSourceTest, AQueuesMappingLivesItsWholeLife) {
  const Json criteria = Criteria({R"({"body":{"a":[1]}})"});
  EXPECT_EQ(Make({{"FilterCriteria", criteria}}), "202");
  Json made = Body();
  EXPECT_GT(made["LastModified"].get<double>(), 0);
  made.erase("LastModified");
  EXPECT_EQ(made, Json({{"UUID", uuid},
                        {"EventSourceArn", kQueue},
                        {"EventSourceMappingArn",
                         "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + uuid},
                        {"FunctionArn", kHello},
                        {"BatchSize", 10},
                        {"MaximumBatchingWindowInSeconds", 0},
                        {"FunctionResponseTypes", Json::array()},
                        {"FilterCriteria", criteria},
                        {"State", "Creating"},
                        {"StateTransitionReason", "USER_INITIATED"}}));
  RunUntil("Enabled");
  EXPECT_EQ(State(), "Enabled");
  EXPECT_EQ(queues.running.at(uuid)->filters.size(), 1u);

  queues.holds_stops = true;
  EXPECT_EQ(Call("PUT", {{"BatchSize", 5}, {"ScalingConfig", {{"MaximumConcurrency", 2}}}}), "202");
  EXPECT_EQ(Body()["State"], "Updating");
  EXPECT_EQ(Body()["BatchSize"], 5);
  loop.RunUntil([&] { return queues.stopping != nullptr; });
  EXPECT_EQ(Call("PUT", {{"BatchSize", 6}}),
            "400 ResourceInUseException: Cannot update the event source mapping because it is in "
            "use.");
  EXPECT_EQ(Call("DELETE"),
            "400 ResourceInUseException: Cannot delete the event source mapping because it is in "
            "use.");
  EXPECT_EQ(State(), "Updating");
  queues.Stopped();
  RunUntil("Enabled");
  EXPECT_EQ(queues.running.at(uuid)->batch_size, 5);
  EXPECT_EQ(queues.running.at(uuid)->max_concurrency, 2);

  queues.holds_stops = false;
  EXPECT_EQ(Call("PUT", {{"Enabled", false}}), "202");
  EXPECT_EQ(Body()["State"], "Disabling");
  RunUntil("Disabled");
  EXPECT_TRUE(queues.running.empty());
  EXPECT_EQ(Call("PUT", {{"BatchSize", 7}}), "202");
  RunUntil("Disabled");
  EXPECT_TRUE(queues.running.empty()) << "an update starts nothing that is disabled";
  EXPECT_EQ(Call("PUT", {{"Enabled", true}, {"ScalingConfig", Json::object()}}), "202");
  EXPECT_EQ(Body()["State"], "Enabling");
  RunUntil("Enabled");
  EXPECT_EQ(queues.running.at(uuid)->max_concurrency, std::nullopt);

  mappings->Report(uuid, "PROBLEM: Function call failed");
  Call("GET");
  EXPECT_EQ(Body()["LastProcessingResult"], "PROBLEM: Function call failed");
  queues.holds_stops = true;
  EXPECT_EQ(Call("DELETE"), "202");
  EXPECT_EQ(Body()["State"], "Deleting");
  loop.RunUntil([&] { return queues.stopping != nullptr; });
  EXPECT_EQ(State(), "Deleting");
  queues.Stopped();
  RunUntil("gone");
  EXPECT_EQ(State(), kNotFound);
}

TEST_F(EventSourceTest, AStreamsMappingHasItsOwnSettings) {
  EXPECT_EQ(Make({{"StartingPosition", "AT_TIMESTAMP"},
                  {"StartingPositionTimestamp", 1700000000.5},
                  {"ParallelizationFactor", 3},
                  {"MaximumRetryAttempts", 4},
                  {"MaximumRecordAgeInSeconds", 60},
                  {"TumblingWindowInSeconds", 30},
                  {"BisectBatchOnFunctionError", true},
                  {"FunctionResponseTypes", {"ReportBatchItemFailures"}},
                  {"DestinationConfig", {{"OnFailure", {{"Destination", kQueue}}}}}},
                 kStream),
            "202");
  RunUntil("Enabled");
  Reopen();
  Call("GET");
  const Json got = Body();
  for (const auto& [member, value] : std::map<std::string, Json>{
           {"StartingPosition", "AT_TIMESTAMP"},
           {"StartingPositionTimestamp", 1700000000.5},
           {"BatchSize", 100},
           {"ParallelizationFactor", 3},
           {"MaximumRetryAttempts", 4},
           {"MaximumRecordAgeInSeconds", 60},
           {"TumblingWindowInSeconds", 30},
           {"BisectBatchOnFunctionError", true},
           {"FunctionResponseTypes", Json::array({"ReportBatchItemFailures"})},
           {"DestinationConfig", {{"OnFailure", {{"Destination", kQueue}}}}},
           {"StateTransitionReason", "User action"},
           {"LastProcessingResult", "No records processed"}}) {
    EXPECT_EQ(got.value(member, Json()), value) << member;
  }
}

TEST_F(EventSourceTest, WhatIsAcknowledgedOutlivesAKill) {
  EXPECT_EQ(Make(), "202");
  const std::string first = uuid;
  RunUntil("Enabled");
  EXPECT_EQ(Make({{"Enabled", false}}, kFifo), "202");
  RunUntil("Disabled");
  EXPECT_EQ(Make({}, kStream), "202");
  RunUntil("Enabled");
  streams.holds_stops = true;
  EXPECT_EQ(Call("DELETE"), "202");  // And killed before the source has stopped.
  Reopen(false);
  EXPECT_EQ(mappings->List().size(), 2u);
  EXPECT_EQ(State(), kNotFound);
  uuid = first;
  EXPECT_EQ(State(), "Creating") << "its service is not here yet";
  Attach();
  RunUntil("Enabled");
  EXPECT_EQ(queues.running.size(), 1u);
  EXPECT_TRUE(streams.running.empty());
}

TEST_F(EventSourceTest, OneFunctionIsMappedToOneSourceOnce) {
  EXPECT_EQ(Make(), "202");
  EXPECT_EQ(Make(), std::string("409 ResourceConflictException: An event source mapping with SQS "
                                "arn (\" ") +
                        kQueue +
                        " \") and function (\" Hello \") already exists. Please update or delete "
                        "the existing mapping with UUID " +
                        uuid);
  EXPECT_EQ(Make({}, kStream), "202");
  EXPECT_EQ(Make({}, kStream),
            std::string("409 ResourceConflictException: The event source arn (\" ") + kStream +
                " \") and function (\" Hello \") provided mapping already exists. Please update or "
                "delete the existing mapping with UUID " +
                uuid);
  EXPECT_EQ(Make({{"FunctionName", "Hello:1"}}), "202") << "a version is another";
  EXPECT_EQ(Body()["FunctionArn"], std::string(kHello) + ":1");
  RunUntil("Enabled");
  EXPECT_TRUE(Call("PUT", {{"FunctionName", "Hello"}}).starts_with("409 "));
}

TEST_F(EventSourceTest, AnUpdateUnderWayKeepsTheOldPairAndTakesTheNew) {
  EXPECT_EQ(Make(), "202");
  RunUntil("Enabled");
  const EventSourceMapping before = *mappings->Find(uuid)->mapping;
  EventSourceMapping next = before;
  next.qualifier = "1";
  std::optional<bool> updated;
  mappings->Update(uuid, next, [&](const auto& result) { updated = result.has_value(); });
  for (const EventSourceMapping& pair : {before, next}) {
    EventSourceMapping another = pair;
    another.uuid = "another";
    ASSERT_NE(mappings->FindTwin(another), nullptr) << pair.qualifier;
    EXPECT_EQ(mappings->FindTwin(another)->uuid, uuid);
  }
  loop.RunUntil([&] { return updated.has_value(); });
  EXPECT_TRUE(*updated);
  EventSourceMapping another = before;
  another.uuid = "another";
  EXPECT_EQ(mappings->FindTwin(another), nullptr) << "the old pair is free again";
}

TEST_F(EventSourceTest, WhoWaitsIsCalledWhenNothingOfTheMappingIsUnderWay) {
  int calls = 0;
  const auto wait = [&](const std::string& mapping) {
    const int before = calls;
    mappings->WhenSettled(mapping, [&] { ++calls; });
    EXPECT_EQ(calls, before) << "never inside the call";
  };
  wait("none");
  loop.RunUntil([&] { return calls == 1; });
  EXPECT_EQ(Make(), "202");
  wait(uuid);
  loop.RunUntil([&] { return calls == 2; });
  EXPECT_EQ(State(), "Enabled");
  queues.holds_stops = true;
  EXPECT_EQ(Call("PUT", {{"BatchSize", 1}}), "202");
  wait(uuid);
  loop.RunUntil([&] { return queues.stopping != nullptr; });
  EXPECT_EQ(State(), "Updating");
  EXPECT_EQ(calls, 2);
  queues.Stopped();
  loop.RunUntil([&] { return calls == 3; });
  EXPECT_EQ(State(), "Enabled");
  EXPECT_EQ(Call("DELETE"), "202");
  wait(uuid);
  loop.RunUntil([&] { return queues.stopping != nullptr; });
  EXPECT_EQ(calls, 3);
  queues.Stopped();
  loop.RunUntil([&] { return calls == 4; });
  EXPECT_EQ(State(), kNotFound);
}

TEST_F(EventSourceTest, AreListedInPagesAndByWhatTheyMap) {
  for (const char* source : {kQueue, kFifo, kStream}) EXPECT_EQ(Make({}, source), "202");
  EXPECT_EQ(Make({{"FunctionName", "Hello:1"}}), "202");
  const auto count = [this](const std::string& query) {
    AskPath("GET", std::string(kPath) + "/" + query);
    return Body()["EventSourceMappings"].size();
  };
  EXPECT_EQ(count(""), 4u);
  EXPECT_EQ(count(std::string("?EventSourceArn=") + kQueue), 2u);
  EXPECT_EQ(count("?FunctionName=Hello"), 3u);
  EXPECT_EQ(count(std::string("?FunctionName=") + kHello + ":1"), 1u);
  EXPECT_EQ(count("?FunctionName=None"), 0u);
  EXPECT_EQ(count("?MaxItems=3"), 3u);
  EXPECT_EQ(count("?MaxItems=3&Marker=" + Body()["NextMarker"].get<std::string>()), 1u);
  EXPECT_FALSE(Body().contains("NextMarker"));
}

TEST_F(EventSourceTest, ASourceThatIsNotThereIsRefusedAsAwsDoes) {
  const std::string invalid = "400 InvalidParameterValueException: ";
  EXPECT_EQ(Make({{"EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:None"}}),
            invalid + "it is not there");
  const std::string table = "arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/L";
  EXPECT_EQ(Make({{"EventSourceArn", table}}), invalid + "Stream not found: " + table);
  EXPECT_EQ(Make({{"EventSourceArn", "arn:aws:s3:::bucket"}}),
            invalid + "Unrecognized event source.");
  EXPECT_EQ(Make({{"EventSourceArn", Json()}}), invalid + "Unrecognized event source.");
  EXPECT_TRUE(Make({{"EventSourceArn", "queue"}}).starts_with("400 ValidationException"));
  EXPECT_EQ(Make({{"FunctionName", "None"}}), invalid + "Function does not exist");
  EXPECT_EQ(Make({{"FunctionName", "Hello:9"}}),
            std::string("404 ResourceNotFoundException: Function not found: ") + kHello + ":9");
  EXPECT_TRUE(Make({{"FunctionName", Json()}}).starts_with("400 ValidationException"));
  Reopen(false);
  EXPECT_EQ(Make(), invalid +
                        "Error occurred while ReceiveMessage. SQS Error Code: "
                        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified "
                        "queue does not exist for this wsdl version.");
  EXPECT_EQ(mappings->List().size(), 0u);
}

TEST_F(EventSourceTest, AQueueThatHidesForLessThanTheFunctionMayTakeIsRefused) {
  const std::string queue = "arn:aws:sqs:us-east-1:000000000000:";
  EXPECT_EQ(Make({}, queue + "Short"),
            "400 InvalidParameterValueException: Queue visibility timeout: 2 seconds is less than "
            "Function timeout: 3 seconds");
  EXPECT_EQ(mappings->List().size(), 0u);
  Make({}, queue + "Long");
  EXPECT_EQ(last.status, 202);
}

TEST_F(EventSourceTest, BadSettingsAreRefusedAndNothingIsStored) {
  const auto patterns = [](size_t count) {
    return Json{
        {"FilterCriteria", Criteria(std::vector<std::string>(count, std::string(R"({"a":[1]})")))}};
  };
  const struct {
    const char* source;
    Json more;
    const char* refusal;  // How it begins; nullptr: it is good.
  } rows[] = {
      {kQueue, {{"BatchSize", 0}}, "400 ValidationException"},
      {kQueue, {{"BatchSize", 10001}}, "400 ValidationException"},
      {kQueue, {{"BatchSize", 18446744073709551615u}}, "400 ValidationException"},
      {kQueue, {{"BatchSize", -9223372036854775807}}, "400 ValidationException"},
      {kQueue, {{"BatchSize", "1"}}, "400 SerializationException"},
      {kQueue,
       {{"BatchSize", 11}},
       "400 InvalidParameterValueException: Maximum batch window in "
       "seconds must be greater than 0 if maximum batch size is "
       "greater than 10"},
      {kQueue, {{"BatchSize", 10000}, {"MaximumBatchingWindowInSeconds", 300}}, nullptr},
      {kQueue, {{"MaximumBatchingWindowInSeconds", 301}}, "400 ValidationException"},
      {kFifo,
       {{"BatchSize", 11}, {"MaximumBatchingWindowInSeconds", 1}},
       "400 ValidationException"},
      {kFifo, {{"MaximumBatchingWindowInSeconds", 1}}, "400 InvalidParameterValueException"},
      {kQueue, {{"ScalingConfig", {{"MaximumConcurrency", 1}}}}, "400 ValidationException"},
      {kQueue, {{"ScalingConfig", {{"MaximumConcurrency", 1001}}}}, "400 ValidationException"},
      {kStream,
       {{"ScalingConfig", {{"MaximumConcurrency", 5}}}},
       "400 InvalidParameterValueException: Unsupported ScalingConfig parameter for given event "
       "source mapping type."},
      {kQueue,
       {{"ParallelizationFactor", 2}},
       "400 InvalidParameterValueException: Unsupported ParallelizationFactor parameter"},
      {kStream, {{"ParallelizationFactor", 11}}, "400 ValidationException"},
      {kStream, {{"MaximumRetryAttempts", -2}}, "400 ValidationException"},
      {kStream, {{"TumblingWindowInSeconds", 901}}, "400 ValidationException"},
      {kStream, {{"MaximumRecordAgeInSeconds", 604801}}, "400 ValidationException"},
      {kQueue,
       {{"StartingPosition", "LATEST"}},
       "400 InvalidParameterValueException: StartingPosition is not valid for SQS event sources."},
      {kStream,
       {{"StartingPosition", "0"}},
       "400 ValidationException: 1 validation error detected: Value '0' at 'startingPosition' "
       "failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, "
       "TRIM_HORIZON]"},
      {kStream,
       {{"StartingPosition", Json()}},
       "400 InvalidParameterValueException: 1 validation error detected: Value null at "
       "'startingPosition'"},
      {kStream,
       {{"StartingPositionTimestamp", 1}},
       "400 InvalidParameterValueException: Timestamp only valid with StartingPosition "
       "AT_TIMESTAMP"},
      {kQueue, patterns(5), nullptr},
      {kQueue, patterns(6), "400 ValidationException"},
      // How many they are is seen before any is read.
      {kQueue,
       {{"FilterCriteria", Criteria(std::vector<std::string>(6, "{"))}},
       "400 ValidationException"},
      {kQueue,
       {{"FilterCriteria", Criteria({"{"})}},
       "400 InvalidParameterValueException: Invalid filter pattern definition."},
      {kQueue, {{"FilterCriteria", 7}}, "400 SerializationException"},
      {kQueue, {{"FunctionResponseTypes", {"Other"}}}, "400 ValidationException"},
      {kQueue, {{"Enabled", "yes"}}, "400 SerializationException"},
      {kStream,
       {{"DestinationConfig", {{"OnFailure", {{"Destination", "q"}}}}}},
       "400 InvalidParameterValueException"},
      {kStream,
       {{"DestinationConfig", {{"OnSuccess", {{"Destination", kQueue}}}}}},
       "400 InvalidParameterValueException: Hearth does not serve DestinationConfig.OnSuccess"},
      {kQueue,
       {{"KMSKeyArn", "arn:aws:kms:x"}},
       "400 InvalidParameterValueException: Hearth does not serve KMSKeyArn"},
      {kQueue,
       {{"ProvisionedPollerConfig", {{"MinimumPollers", 1}}}},
       "400 InvalidParameterValueException: Hearth does not serve ProvisionedPollerConfig"},
      {kQueue, {{"Tags", {{"aws:x", "1"}}}}, "400 InvalidParameterValueException"},
      {kQueue, {{"Tags", {{"a", "1"}}}}, nullptr},
  };
  for (const auto& row : rows) {
    const std::string shown = Make(row.more, row.source);
    if (row.refusal != nullptr) {
      EXPECT_TRUE(shown.starts_with(row.refusal)) << row.more << " " << shown;
      continue;
    }
    EXPECT_EQ(shown, "202") << row.more;
    RunUntil("Enabled");
    EXPECT_EQ(Call("DELETE"), "202");
    RunUntil("gone");
  }
  EXPECT_EQ(mappings->List().size(), 0u);
  uuid = "none";
  EXPECT_EQ(Call("PUT", {{"BatchSize", 1}}), kNotFound);
  EXPECT_EQ(Call("DELETE"), kNotFound);
  AskPath("PATCH", kPath);
  EXPECT_EQ(last.status, 501);
}

}  // namespace
}  // namespace hearth::invoker
