#include "triggers/s3/disk_store.h"

#include "base/md5.h"
#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using test::Versioning;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using DiskStoreTest = test::StoreTest;

std::string CodeOf(const auto& answer) { return answer ? "" : answer.error().type; }

TEST_F(DiskStoreTest, WhatWasPutIsThereAfterAKill) {
  MakeBucket("b");
  PutRequest request{.bucket = "b", .object = Object("a/k", MustHave(Stage("hello")))};
  request.object.headers = {{"content-type", "text/plain"},
                            {"x-amz-meta-a", std::string("\xff\0", 2)}};
  request.object.tags = {{"colour", "blue"}};
  request.object.checksum = {"CRC32", "NhCmhg==", false};
  const auto put = MustHave(Put(request));
  EXPECT_EQ(put.etag, base::Md5Hex("hello"));
  EXPECT_EQ(put.version_id, "null");
  EXPECT_EQ(put.modified_ms, 1764000000000);
  for (int i = 0; i < 2; ++i) {
    const auto object = MustHave(Look("b", "a/k"));
    EXPECT_EQ(object.sequence, put.sequence);
    EXPECT_EQ(object.headers, request.object.headers);
    EXPECT_EQ(object.tags, request.object.tags);
    EXPECT_EQ(object.checksum.value, "NhCmhg==");
    EXPECT_EQ(object.size, 5u);
    EXPECT_EQ(BytesOf(object), "hello");
    Reopen();
  }
  EXPECT_EQ(store->Find("b")->created_ms, 1764000000000);
}

TEST_F(DiskStoreTest, BucketsAreMadeOnceChangedAndRemovedWhenEmpty) {
  MakeBucket("b");
  const auto create = [&](const std::string& name) {
    return Ask<void>([&](auto done) { store->CreateBucket({.name = name}, std::move(done)); });
  };
  const auto remove = [&](const std::string& name) {
    return Ask<void>([&](auto done) { store->DeleteBucket(name, std::move(done)); });
  };
  EXPECT_EQ(CodeOf(create("b")), "BucketAlreadyOwnedByYou");
  EXPECT_EQ(CodeOf(remove("other")), "NoSuchBucket");
  Put("b", "k", "x");
  EXPECT_EQ(CodeOf(remove("b")), "BucketNotEmpty");
  Delete({.bucket = "b", .key = "k"});
  // Two changes at once: the second one has the first one's too.
  std::optional<Answer<void>> first;
  std::optional<Answer<void>> second;
  store->ChangeBucket(
      "b", [](BucketRecord& bucket) { bucket.texts["policy"] = "p"; },
      [&](Answer<void> done) { first = std::move(done); });
  store->ChangeBucket(
      "b", [](BucketRecord& bucket) { bucket.texts["cors"] = "c"; },
      [&](Answer<void> done) { second = std::move(done); });
  EXPECT_THAT(store->Find("b")->texts, IsEmpty()) << "before it is durable";
  Wait(first);
  Wait(second);
  Reopen();
  EXPECT_THAT(store->Find("b")->texts, SizeIs(2));
  EXPECT_TRUE(remove("b").has_value());
  EXPECT_EQ(store->Find("b"), nullptr);
  EXPECT_EQ(CodeOf(Look("b", "k")), "NoSuchBucket");
  Reopen();
  EXPECT_THAT(store->Buckets(), IsEmpty());
}

TEST_F(DiskStoreTest, AChangeOfABucketThatIsGoneMissesTheNextOneOfItsName) {
  MakeBucket("b");
  std::optional<Answer<void>> made;
  std::optional<Answer<void>> changed;
  store->DeleteBucket("b", [](Answer<void>) {});
  store->CreateBucket({.name = "b"}, [&](Answer<void> done) { made = std::move(done); });
  store->ChangeBucket(
      "b", [](BucketRecord& bucket) { bucket.texts["policy"] = "of the old one"; },
      [&](Answer<void> done) { changed = std::move(done); });
  EXPECT_EQ(CodeOf(Wait(made)), "");
  EXPECT_EQ(CodeOf(Wait(changed)), "NoSuchBucket");
  EXPECT_THAT(store->Find("b")->texts, IsEmpty());
  Reopen();
  EXPECT_THAT(store->Find("b")->texts, IsEmpty());
}

TEST_F(DiskStoreTest, ConditionsHoldAgainstWhatIsCommitted) {
  MakeBucket("b");
  const auto put = [&](PutCondition condition, const std::string& bytes) {
    return CodeOf(Put({.bucket = "b",
                       .object = Object("k", MustHave(Stage(bytes))),
                       .condition = std::move(condition)}));
  };
  EXPECT_EQ(put({.if_match = "*"}, "0"), "NoSuchKey");
  EXPECT_EQ(put({.if_none_match = true}, "1"), "");
  EXPECT_EQ(put({.if_none_match = true}, "2"), "PreconditionFailed");
  EXPECT_EQ(put({.if_match = base::Md5Hex("2")}, "3"), "PreconditionFailed");
  EXPECT_EQ(put({.if_match = base::Md5Hex("1")}, "4"), "");
  EXPECT_EQ(CodeOf(Delete({.bucket = "b", .key = "k", .if_match = base::Md5Hex("1")})),
            "PreconditionFailed");
  EXPECT_EQ(Get("b", "k"), "4");
  Settle();
  EXPECT_EQ(CountFiles(), 1u) << "what was refused or replaced is removed";
  EXPECT_TRUE(Delete({.bucket = "b", .key = "k", .if_match = base::Md5Hex("4")}).has_value());
  EXPECT_EQ(Get("b", "k"), "NoSuchKey");
  EXPECT_TRUE(Delete({.bucket = "b", .key = "k"}).has_value()) << "what is not there is deleted";
}

TEST_F(DiskStoreTest, OfManyWhoWantToBeFirstOneIs) {
  MakeBucket("b");
  std::vector<PutRequest> requests;
  for (int i = 0; i < 20; ++i) {
    requests.push_back({.bucket = "b",
                        .object = Object("k", MustHave(Stage(std::to_string(i)))),
                        .condition = {.if_none_match = true}});
  }
  std::vector<std::string> codes;
  for (auto& request : requests) {
    store->Put(std::move(request), [&](Answer<ObjectRecord> put) { codes.push_back(CodeOf(put)); });
  }
  loop.RunUntil([&] { return codes.size() == 20; });
  EXPECT_EQ(std::ranges::count(codes, ""), 1);
  EXPECT_EQ(std::ranges::count(codes, "PreconditionFailed"), 19);
  EXPECT_EQ(codes[0], "");
  EXPECT_EQ(Get("b", "k"), "0");
}

TEST_F(DiskStoreTest, OfManyPutsOfOneKeyTheLastOneStandsAndTheOthersFilesGo) {
  MakeBucket("b");
  int done = 0;
  int64_t last = 0;
  for (int i = 0; i < 50; ++i) {
    store->Put({.bucket = "b", .object = Object("k", MustHave(Stage(std::to_string(i))))},
               [&](Answer<ObjectRecord> put) {
                 EXPECT_GT(put->sequence, last);
                 last = put->sequence;
                 ++done;
               });
  }
  loop.RunUntil([&] { return done == 50; });
  EXPECT_EQ(Get("b", "k"), "49");
  Settle();
  EXPECT_EQ(CountFiles(), 1u);
  Reopen();
  EXPECT_EQ(Get("b", "k"), "49");
}

TEST_F(DiskStoreTest, ALookThatWasUnderWayPutsNothingStaleIntoTheCache) {
  options.cache_bytes = 1 << 20;
  MakeBucket("b");
  Put("b", "k", "old");
  Reopen();  // The cache is empty.
  for (int round = 0; round < 200; ++round) {
    const auto body = MustHave(Stage(std::to_string(round)));
    bool has_put = false;
    int looked = 0;
    const auto look = [&] { store->Look("b", "k", "", [&](Answer<ObjectRecord>) { ++looked; }); };
    look();
    store->Put({.bucket = "b", .object = Object("k", body)},
               [&](Answer<ObjectRecord>) { has_put = true; });
    look();
    loop.RunUntil([&] { return has_put; });
    look();
    EXPECT_EQ(Look("b", "k")->etag, body.md5) << "after the put was answered";
    loop.RunUntil([&] { return looked == 3; });
    ASSERT_EQ(Look("b", "k")->etag, body.md5) << round;
    Delete({.bucket = "b", .key = "k"});
    ASSERT_EQ(Get("b", "k"), "NoSuchKey");
    if (round % 2 == 0) Put("b", "k", "again");
  }
}

TEST_F(DiskStoreTest, ARecordThatWasLookedUpCanBeReadAfterItsObjectIsGone) {
  MakeBucket("b");
  Put("b", "k", "old");
  const auto object = MustHave(Look("b", "k"));
  Put("b", "k", "new");
  loop.RunUntil([&] { return store->IsQuiet(); });
  EXPECT_EQ(BytesOf(object), "old");
  Settle();
  EXPECT_THAT(BytesOf(object), ::testing::HasSubstr("No such file"));
}

TEST_F(DiskStoreTest, WhatAKillLeavesBehindIsCollected) {
  MakeBucket("b");
  Put("b", "kept", "1");
  const auto orphan = MustHave(Stage("never put"));
  EXPECT_EQ(CountFiles(), 2u);
  Put("b", "gone", "2");
  Delete({.bucket = "b", .key = "gone"});
  EXPECT_EQ(CountFiles(), 3u) << "it rests";
  Reopen();
  EXPECT_EQ(CountFiles(), 2u) << "of which one is garbage that the index knows";
  Settle();
  EXPECT_EQ(CountFiles(), 1u);
  EXPECT_EQ(Get("b", "kept"), "1");
  EXPECT_NE(MustHave(Stage("x")).extents[0].file, orphan.extents[0].file) << "never given again";
}

TEST_F(DiskStoreTest, ARowThatCannotBeReadFailsWhoeverNeedsItAndNobodyElse) {
  MakeBucket("b");
  Put("b", "bad", "1");
  store.reset();
  {
    const auto migrations = ObjectMigrations();
    const auto database = MUST(store::Database::Open(folder / "objects/index.db", migrations));
    MUST(database->Run("UPDATE objects SET extents = 'x' WHERE key = 'bad'"));
  }
  Open();
  std::vector<std::string> codes;
  for (const char* key : {"a", "bad", "c"}) {
    store->Put({.bucket = "b", .object = Object(key, MustHave(Stage(key)))},
               [&](Answer<ObjectRecord> put) { codes.push_back(CodeOf(put)); });
  }
  loop.RunUntil([&] { return codes.size() == 3; });
  EXPECT_THAT(codes, ElementsAre("", "InternalError", ""));
  EXPECT_EQ(CodeOf(Look("b", "bad")), "InternalError");
  EXPECT_EQ(Get("b", "c"), "c");
  Settle();
  EXPECT_EQ(CountFiles(), 3u) << "the two, and the one whose row is lost";
}

TEST_F(DiskStoreTest, WhatAClientsConnectionHoldsMayOutliveTheStore) {
  MakeBucket("b");
  const auto writer = store->Write({}, [] {});
  writer->Write(std::string(300000, 'x'));
  const auto finished = store->Write({}, [] {});
  finished->Finish([](Answer<StagedBody>) { FAIL() << "called back"; });
  store.reset();
  loop.RunOnce();
}

TEST_F(DiskStoreTest, EventsAreCommittedWithTheirCauseAndLastUntilTheyAreForgotten) {
  MakeBucket("b");
  std::vector<OutboxRow> heard;
  store->OnOutbox(
      [&](std::vector<OutboxRow> rows) { heard.insert(heard.end(), rows.begin(), rows.end()); });
  const Announce announce = [](const Change& change) -> std::vector<OutgoingEvent> {
    return {{"arn:" + change.object.key, std::to_string(static_cast<int>(change.kind))}};
  };
  const auto put = Put("b", "k", "1", announce);
  EXPECT_EQ(CodeOf(Put({.bucket = "b",
                        .object = Object("k", {}),
                        .condition = {.if_none_match = true},
                        .announce = announce})),
            "PreconditionFailed");
  Delete({.bucket = "b", .key = "k", .announce = announce});
  Delete({.bucket = "b", .key = "k", .announce = announce});
  loop.RunUntil([&] { return heard.size() == 2; });
  Reopen();
  const auto load = [&] {
    return MustHave(
        Ask<std::vector<OutboxRow>>([&](auto done) { store->LoadOutbox(0, 10, std::move(done)); }));
  };
  auto rows = load();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].event.arn, "arn:k");
  EXPECT_EQ(rows[1].event.payload, "1");
  EXPECT_EQ(rows[1].id, heard[1].id);
  store->ForgetOutbox({rows[0].id});
  Settle();
  EXPECT_THAT(load(), SizeIs(1));
}

TEST_F(DiskStoreTest, ACopyOfTheWholeSharesItsBytesAndOutlivesTheOriginal) {
  MakeBucket("b");
  const auto object = Put("b", "from", "0123456789");
  const auto copy = [&](Piece piece, std::vector<std::string> checksums, bool needs_md5) {
    return MustHave(Ask<StagedBody>(
        [&](auto done) { store->Copy(object, piece, checksums, needs_md5, std::move(done)); }));
  };
  const auto whole = copy({0, 10}, {}, false);
  const auto piece = copy({3, 4}, {}, false);
  const auto digested = copy({2, 5}, {}, true);
  EXPECT_EQ(digested.md5, base::Md5Hex("23456"));
  EXPECT_EQ(std::filesystem::hard_link_count(PathOf(whole.extents[0].file)), 2u);
  Put({.bucket = "b", .object = Object("whole", whole)});
  Put({.bucket = "b", .object = Object("piece", piece)});
  Put({.bucket = "b", .object = Object("digested", digested)});
  Delete({.bucket = "b", .key = "from"});
  Settle();
  EXPECT_EQ(CountFiles(), 3u);
  EXPECT_EQ(Get("b", "whole"), "0123456789");
  EXPECT_EQ(Get("b", "piece"), "3456");
  EXPECT_EQ(Get("b", "digested"), "23456");
}

}  // namespace
}  // namespace hearth::s3
