#include "invoker/delivery_queue.h"

#include "async_queue_fixture.h"

namespace hearth::invoker::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kTarget[] = "arn:aws:fake:us-east-1:000000000000:target";
constexpr char kLetters[] = "arn:aws:letters:us-east-1:000000000000:dead";

// Deliveries over a real SQLite file, to a target that answers as it is told.
class DeliveryQueueTest : public AsyncQueueTest {
 protected:
  DeliveryQueueTest() { OpenDeliveries(); }
  ~DeliveryQueueTest() override { CloseDeliveries(); }

  void OpenDeliveries() {
    store = MUST(store::Database::Open(folder / "events.db", DeliveryMigrations()));
    thread = std::make_unique<io::Offload>(loop, 1);
    commits = std::make_unique<store::GroupCommit>(loop, *store, *thread);
    queue->destinations().Attach(
        "fake",
        [this](Destinations::Delivery to, Destinations::Done done) {
          sent.push_back(to.record);
          groups.push_back(to.group_id + to.by_bus);
          if (keeps) {
            kept.push_back(std::move(done));
          } else {
            done(answer);
          }
        },
        [this](const std::string&, const Destinations::Source&) { return admission; });
    queue->destinations().Attach("letters",
                                 [this](Destinations::Delivery to, Destinations::Done done) {
                                   if (letters_answer) letters.push_back(std::move(to));
                                   done(letters_answer);
                                 });
    deliveries = MUST(DeliveryQueue::Open(loop, *store, *commits, *queue, registry, {}));
  }
  // As a kill does it.
  void CloseDeliveries() {
    deliveries.reset();
    commits.reset();
    thread.reset();
    store.reset();
    kept.clear();
  }
  void ReopenDeliveries() {
    CloseDeliveries();
    OpenDeliveries();
    Settled();
  }
  void Settled() {
    for (int quiet = 0; quiet < 12; ++quiet) {
      if (thread->pending() > 0 || writer->pending() > 0) quiet = 0;
      loop.RunOnce();
    }
  }
  void Passed(base::Duration time) {
    clock.Advance(time);
    loop.ClockMoved();
    Settled();
  }
  TargetDelivery Delivery(std::string record) {
    return {.to = {.arn = kTarget, .record = std::move(record)},
            .accepted_ms = base::EpochMillis(clock.WallNow())};
  }
  void Send(std::vector<TargetDelivery> what) {
    std::optional<base::Result<void>> result;
    deliveries->Put(std::move(what), {}, [&](base::Result<void> done) { result = done; });
    EXPECT_FALSE(result.has_value()) << "answered inside Put";
    loop.RunUntil([&] { return result.has_value(); });
    EXPECT_TRUE(result->has_value());
  }
  int64_t Rows() {
    Settled();
    int64_t count = 0;
    MUST(store->Run("SELECT COUNT(*) FROM deliveries", {},
                    [&](const store::Row& row) { count = row.Int(0); }));
    return count;
  }
  static std::map<std::string, std::string> Attributes(const Destinations::Delivery& letter) {
    std::map<std::string, std::string> out;
    for (const auto& [name, type, value] : letter.attributes) out[name] = value;
    return out;
  }
  static base::Result<void> Fails(base::ErrorKind kind) {
    return base::MakeError(kind, "send", "the target says no");
  }

  std::unique_ptr<store::Database> store;
  std::unique_ptr<io::Offload> thread;
  std::unique_ptr<store::GroupCommit> commits;
  std::unique_ptr<DeliveryQueue> deliveries;
  std::vector<std::string> sent;
  std::vector<std::string> groups;
  std::vector<Destinations::Done> kept;
  std::vector<Destinations::Delivery> letters;
  base::Result<void> answer;
  base::Result<void> letters_answer;
  bool keeps = false;
  Destinations::Admission admission = Destinations::Admission::kAdmitted;
};

TEST_F(DeliveryQueueTest, SendsOnceItIsDurableAndForgetsIt) {
  TargetDelivery one = Delivery("{\"n\":1}");
  one.to.group_id = "g";
  Send({one, Delivery("{\"n\":2}")});
  Settled();
  EXPECT_THAT(sent, ElementsAre("{\"n\":1}", "{\"n\":2}"));
  EXPECT_THAT(groups, ElementsAre("g", ""));
  EXPECT_EQ(Rows(), 0);
  EXPECT_EQ(deliveries->counters().delivered, 2u);
  EXPECT_TRUE(deliveries->IsQuiet());
}

TEST_F(DeliveryQueueTest, SendsWhatAKilledProcessLeftAndLosesNothingOfIt) {
  keeps = true;
  TargetDelivery one = Delivery("1");
  one.to.group_id = "g";
  one.to.by_bus = "arn:bus";
  one.to.event = Destinations::BusEvent{"s", "d", {"r"}};
  one.max_retries = 3;
  Send({one, Delivery("2")});
  Settled();
  EXPECT_EQ(sent.size(), 2u);
  keeps = false;
  ReopenDeliveries();
  EXPECT_THAT(sent, ElementsAre("1", "2", "1", "2"));
  EXPECT_EQ(groups[2], "garn:bus");
  EXPECT_EQ(Rows(), 0);
  ReopenDeliveries();
  EXPECT_EQ(sent.size(), 4u);
}

TEST_F(DeliveryQueueTest, CommitsWithItsSendersOwnWorkOrNotAtAll) {
  std::optional<base::Result<void>> result;
  deliveries->Put(
      {Delivery("1")},
      [](store::Database&) -> base::Result<void> {
        return base::MakeError(base::ErrorKind::kConflict, "move", "somebody was faster");
      },
      [&](base::Result<void> done) { result = std::move(done); });
  loop.RunUntil([&] { return result.has_value(); });
  EXPECT_FALSE(result->has_value());
  EXPECT_EQ(Rows(), 0);
  EXPECT_THAT(sent, IsEmpty());
}

TEST_F(DeliveryQueueTest, TriesAgainWithLongerAndLongerWaits) {
  answer = Fails(base::ErrorKind::kSystem);
  Send({Delivery("1")});
  Settled();
  EXPECT_EQ(sent.size(), 1u);
  std::vector<int64_t> waits;
  int64_t waited = 0;
  while (waits.size() < 14) {
    const size_t before = sent.size();
    Passed(100ms);
    waited += 100;
    if (sent.size() == before) continue;
    waits.push_back(waited);
    waited = 0;
  }
  for (size_t i = 0; i < waits.size(); ++i) {
    const int64_t whole = std::min<int64_t>(1000 << i, 600'000);
    EXPECT_GE(waits[i], whole / 2) << i;
    EXPECT_LE(waits[i], whole + 100) << i;
  }
  answer = {};
  Passed(10min);
  EXPECT_EQ(Rows(), 0);
  EXPECT_EQ(deliveries->counters().retries, 15u);
}

TEST_F(DeliveryQueueTest, SendsADeadLetterThatSaysWhyAfterTheLastRetry) {
  answer = Fails(base::ErrorKind::kLimit);
  TargetDelivery one = Delivery("input");
  one.max_retries = 2;
  one.dead_letter_arn = kLetters;
  one.dead_letter_body = "the event";
  one.marks = {{"RULE_ARN", "String", "arn:rule"}};
  Send({one});
  for (int i = 0; i < 10; ++i) Passed(1min);
  EXPECT_EQ(sent.size(), 3u);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].record, "the event");
  EXPECT_THAT(Attributes(letters[0]),
              ElementsAre(std::pair("ERROR_CODE", "THROTTLING"),
                          std::pair("ERROR_MESSAGE", "the target says no"),
                          std::pair("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
                          std::pair("RETRY_ATTEMPTS", "2"), std::pair("RULE_ARN", "arn:rule"),
                          std::pair("TARGET_ARN", kTarget)));
  EXPECT_EQ(Rows(), 0);
}

TEST_F(DeliveryQueueTest, GivesUpAtOnceWhatIsRefusedForGood) {
  answer = Fails(base::ErrorKind::kNotFound);
  TargetDelivery one = Delivery("input");
  one.dead_letter_arn = kLetters;
  Send({one, Delivery("nobody hears of it")});
  Settled();
  EXPECT_EQ(sent.size(), 2u);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].record, "input");
  EXPECT_EQ(Attributes(letters[0])["ERROR_CODE"], "RESOURCE_NOT_FOUND");
  EXPECT_EQ(Attributes(letters[0]).count("EXHAUSTED_RETRY_CONDITION"), 0u);
  EXPECT_EQ(deliveries->counters().dropped, 1u);
  EXPECT_EQ(Rows(), 0);
}

TEST_F(DeliveryQueueTest, GivesUpWhatIsTooOldAlsoWhereItWasTooOldWhenItCame) {
  TargetDelivery late = Delivery("late");
  late.accepted_ms -= 61'000;
  late.max_age_s = 60;
  late.dead_letter_arn = kLetters;
  answer = Fails(base::ErrorKind::kSystem);
  TargetDelivery one = Delivery("one");
  one.max_age_s = 60;
  one.dead_letter_arn = kLetters;
  Send({late, one});
  Settled();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].record, "late");
  EXPECT_EQ(Attributes(letters[0])["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
  for (int i = 0; i < 12; ++i) Passed(10s);
  EXPECT_THAT(sent, testing::Not(Contains("late")));
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(Attributes(letters[1])["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
}

TEST_F(DeliveryQueueTest, AsksTheTargetsPolicyOnlyWhereSomebodyIsNamed) {
  admission = Destinations::Admission::kForbidden;
  TargetDelivery asked = Delivery("asked");
  asked.from = {"events.amazonaws.com", "arn:rule", "000000000000"};
  asked.dead_letter_arn = kLetters;
  Send({asked, Delivery("by its role")});
  Settled();
  EXPECT_THAT(sent, ElementsAre("by its role"));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(Attributes(letters[0])["ERROR_CODE"], "NO_PERMISSIONS");
}

TEST_F(DeliveryQueueTest, KeepsADeadLetterUntilItsQueueTakesIt) {
  answer = Fails(base::ErrorKind::kInvalid);
  letters_answer = Fails(base::ErrorKind::kSystem);
  TargetDelivery one = Delivery("input");
  one.dead_letter_arn = kLetters;
  Send({one});
  Passed(10s);
  EXPECT_EQ(Rows(), 1);
  letters_answer = {};
  answer = {};
  ReopenDeliveries();
  Passed(1min);
  EXPECT_EQ(sent.size(), 1u) << "given up, and sent again all the same";
  EXPECT_EQ(letters.size(), 1u);
  EXPECT_EQ(Attributes(letters[0])["ERROR_CODE"], "INVALID_PARAMETER");
  EXPECT_EQ(Rows(), 0);
}

TEST_F(DeliveryQueueTest, LosesADeadLetterWhoseQueueIsGone) {
  answer = Fails(base::ErrorKind::kInvalid);
  letters_answer = Fails(base::ErrorKind::kNotFound);
  TargetDelivery one = Delivery("input");
  one.dead_letter_arn = kLetters;
  Send({one});
  Settled();
  EXPECT_EQ(Rows(), 0);
  EXPECT_EQ(deliveries->counters().dropped, 1u);
}

TEST_F(DeliveryQueueTest, TellsTheNumberOfTheAttemptWhereItIsAskedFor) {
  answer = Fails(base::ErrorKind::kSystem);
  TargetDelivery one = Delivery("try <aws.scheduler.attempt-number> of it");
  one.tells_attempt = true;
  Send({one});
  Settled();
  Passed(2s);
  EXPECT_THAT(sent, ElementsAre("try 1 of it", "try 2 of it"));
}

TEST_F(DeliveryQueueTest, InvokesFunctionsAndKnowsThoseThatAreNotThere) {
  registry.functions["F"] = std::make_shared<FunctionVersion>(FunctionVersion{.name = "F"});
  TargetDelivery here = Delivery("{}");
  here.to.arn = "arn:aws:lambda:us-east-1:000000000000:function:F";
  TargetDelivery gone = here;
  gone.to.arn = "arn:aws:lambda:us-east-1:000000000000:function:Gone";
  gone.dead_letter_arn = kLetters;
  Send({here, gone});
  Settled();
  EXPECT_EQ(invoker.ids.size(), 1u);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(Attributes(letters[0])["ERROR_CODE"], "RESOURCE_NOT_FOUND");
}

TEST_F(DeliveryQueueTest, HoldsFewOfManyInMemoryAndSendsThemAll) {
  keeps = true;
  const size_t most = kMaxHeldDeliveries + 2 * kMaxDeliveriesInFlight;
  std::vector<TargetDelivery> many(most, Delivery("x"));
  Send(std::move(many));
  Settled();
  EXPECT_EQ(sent.size(), kMaxDeliveriesInFlight);
  EXPECT_FALSE(deliveries->IsQuiet());
  keeps = false;
  while (!kept.empty()) {
    for (auto& done : std::exchange(kept, {})) done({});
    Settled();
  }
  EXPECT_EQ(sent.size(), most);
  EXPECT_EQ(Rows(), 0);
}

TEST_F(DeliveryQueueTest, KnowsNoFunctionOfAnAliasThatIsNotThereNorOfAnotherAccount) {
  for (const char* arn : {"arn:aws:lambda:us-east-1:000000000000:function:F:NOPE",
                          "arn:aws:lambda:eu-west-1:000000000000:function:F",
                          "arn:aws:lambda:us-east-1:111111111111:function:F"}) {
    TargetDelivery gone = Delivery("{}");
    gone.to.arn = arn;
    gone.dead_letter_arn = kLetters;
    Send({gone});
    Settled();
    ASSERT_EQ(letters.size(), 1u) << arn;
    EXPECT_EQ(Attributes(letters[0])["ERROR_CODE"], "RESOURCE_NOT_FOUND");
    letters.clear();
  }
  EXPECT_EQ(deliveries->counters().delivered, 0u);
}

TEST_F(DeliveryQueueTest, AClockThatIsSetBackKeepsNothingWaiting) {
  answer = Fails(base::ErrorKind::kSystem);
  Send({Delivery("1")});
  Settled();
  answer = {};
  clock.Advance(-24h);
  Send({Delivery("2")});
  Settled();
  EXPECT_THAT(sent, testing::UnorderedElementsAre("1", "1", "2"));
  EXPECT_EQ(Rows(), 0);
}

TEST_F(DeliveryQueueTest, RemovesWhatIsDeliveredOnceTheDiskTakesItAgain) {
  MUST(store->Run(
      "CREATE TRIGGER t BEFORE DELETE ON deliveries BEGIN SELECT RAISE(ABORT, 'x'); END"));
  TargetDelivery one = Delivery("1");
  one.dead_letter_arn = kLetters;
  Send({one});
  Settled();
  EXPECT_EQ(sent.size(), 1u);
  EXPECT_FALSE(deliveries->IsQuiet());
  MUST(store->Run("DROP TRIGGER t"));
  Passed(1s);
  EXPECT_EQ(Rows(), 0);
  EXPECT_TRUE(deliveries->IsQuiet());
  Passed(25h);
  ReopenDeliveries();
  EXPECT_EQ(letters.size(), 0u) << "a dead letter of what was delivered";
}

TEST_F(DeliveryQueueTest, SendsAllOfABacklogWhoseRetriesTheDiskDidNotTake) {
  MUST(store->Run(
      "CREATE TRIGGER t BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'x'); END"));
  answer = Fails(base::ErrorKind::kSystem);
  const size_t most = kMaxHeldDeliveries + 2 * kMaxDeliveriesInFlight;
  Send(std::vector<TargetDelivery>(most, Delivery("x")));
  Settled();
  MUST(store->Run("DROP TRIGGER t"));
  answer = {};
  for (int i = 0; i < 20; ++i) Passed(1min);
  EXPECT_EQ(Rows(), 0);
  EXPECT_TRUE(deliveries->IsQuiet());
  EXPECT_EQ(deliveries->counters().delivered, most);
}

}  // namespace
}  // namespace hearth::invoker::test
