// The index's log, and what is destroyed while it works.
#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using DiskStoreLogTest = test::StoreTest;
using DiskStoreEndTest = test::StoreTest;

TEST_F(DiskStoreLogTest, IsCutThoughReadersAlwaysHaveABacklog) {
  options.log_bytes = 256 << 10;
  Reopen();
  MakeBucket("b");
  bool is_over = false;
  const std::function<void()> read = [&] {
    store->List({.bucket = "b"}, [&](Answer<ListPage> page) {
      EXPECT_TRUE(page.has_value());
      if (!is_over) read();
    });
  };
  for (int i = 0; i < 40; ++i) read();
  uintmax_t longest = 0;
  for (int i = 0; i < 150; ++i) {
    const auto changed = Ask<void>([&](auto done) {
      store->ChangeBucket(
          "b",
          [i](BucketRecord& bucket) {
            bucket.texts["cors"] = std::string(40000, static_cast<char>('a' + i % 26));
          },
          std::move(done));
    });
    ASSERT_TRUE(changed.has_value());
    longest = std::max(longest, std::filesystem::file_size(folder / "objects/index.db-wal"));
  }
  EXPECT_LT(longest, 2u << 20);
  is_over = true;
  loop.RunUntil([&] { return store->IsQuiet(); });
}

TEST_F(DiskStoreEndTest, WhateverIsUnderWayEndsWithTheStoreUnheard) {
  for (int turns = 0; turns < 12; ++turns) {
    const std::string name = "b" + std::to_string(turns);
    MakeBucket(name);
    const auto object = Put(name, "k", "0123456789");
    ObjectRecord many = object;  // Needs more numbers than there are: a block is asked for first.
    many.size = 5000;
    many.extents.assign(5000, {object.extents[0].file, 1});
    const auto is_gone = std::make_shared<bool>(false);
    // As a request that is answered then, with the body that it was about.
    const std::shared_ptr<BodyWriter> body = store->Write({}, [] {});
    body->Write(std::string(300000, 'x'));
    const auto done = [is_gone, body](const auto&) { EXPECT_FALSE(*is_gone); };
    const std::shared_ptr<BodyWriter> finished = store->Write({}, [] {});
    finished->Write("x");
    finished->Finish(done);
    store->Copy(many, {0, 5000}, {}, false, done);
    store->Copy(object, {0, 10}, {}, false, done);
    store->Copy(object, {2, 5}, {"CRC32"}, true, done);
    store->Read(object, done);
    store->Put({.bucket = name, .object = {.key = "other"}}, done);
    store->Look(name, "k", "", done);
    store->Look(name, "other", "", done);
    store->List({.bucket = name}, done);
    store->SetTags(name, "k", "", {{"a", "b"}}, {}, done);
    store->Delete({.bucket = name, .key = "k"}, done);
    store->CreateUpload({.bucket = name, .key = "u"}, done);
    store->ChangeBucket(name, [](BucketRecord& bucket) { bucket.texts["cors"] = "x"; }, done);
    store->CreateBucket({.name = "new" + name}, done);
    store->PutOutbox({{"arn", "text"}}, done);
    store->LoadOutbox(0, 10, done);
    for (int i = 0; i < turns / 2; ++i) loop.RunOnce();
    store.reset();
    *is_gone = true;
    for (int i = 0; i < 3; ++i) loop.RunOnce();
    Open();
  }
}

}  // namespace
}  // namespace hearth::s3
