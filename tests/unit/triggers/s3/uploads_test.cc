#include "tests/unit/triggers/s3/store_fixture.h"

namespace hearth::s3 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string CodeOf(const auto& answer) { return answer ? "" : answer.error().type; }

class UploadsTest : public test::StoreTest {
 protected:
  UploadsTest() { MakeBucket("b"); }
  std::string Create(const std::string& key) {
    return MustHave(Ask<UploadRecord>([&](auto done) {
             store->CreateUpload({.bucket = "b",
                                  .key = key,
                                  .headers = {{"content-type", "a/b"}},
                                  .tags = {{"t", "1"}}},
                                 std::move(done));
           }))
        .id;
  }
  Answer<PartRecord> PutPart(const std::string& key, const std::string& id, int number,
                             const std::string& bytes) {
    const auto body = MustHave(Stage(bytes));
    return Ask<PartRecord>([&](auto done) {
      store->PutPart(
          "b", key, id,
          {.number = number, .size = body.size, .etag = body.md5, .extents = body.extents},
          std::move(done));
    });
  }
  // Of the parts with these numbers.
  Answer<ObjectRecord> Complete(const std::string& key, const std::string& id,
                                std::vector<int> numbers, PutCondition condition = {}) {
    CompleteRequest request{.bucket = "b", .key = key, .upload_id = id, .condition = condition};
    request.assemble = [numbers](const UploadRecord&,
                                 std::vector<PartRecord> parts) -> Answer<ObjectRecord> {
      ObjectRecord object{.etag = "e-" + std::to_string(numbers.size())};
      for (const PartRecord& part : parts) {
        if (std::ranges::find(numbers, part.number) == numbers.end()) continue;
        object.size += part.size;
        object.extents.insert(object.extents.end(), part.extents.begin(), part.extents.end());
      }
      if (object.extents.size() != numbers.size()) return std::unexpected(Refusal("InvalidPart"));
      return object;
    };
    return Ask<ObjectRecord>(
        [&](auto done) { store->Complete(std::move(request), std::move(done)); });
  }
  Answer<PartsPage> Parts(const std::string& id, int after = 0, int most = 1000) {
    return Ask<PartsPage>(
        [&](auto done) { store->ListParts("b", "k", id, after, most, std::move(done)); });
  }
};

TEST_F(UploadsTest, ItsPartsBecomeTheObjectAndWhatIsLeftOutGoes) {
  const std::string id = Create("k");
  PutPart("k", id, 2, "two");
  PutPart("k", id, 1, "former one");
  PutPart("k", id, 1, "one");
  PutPart("k", id, 3, "left out");
  Reopen();
  auto page = MustHave(Parts(id, 0, 2));
  EXPECT_TRUE(page.is_truncated);
  ASSERT_THAT(page.parts, SizeIs(2));
  EXPECT_EQ(page.parts[1].number, 2);
  EXPECT_EQ(page.upload.key, "k");
  page = MustHave(Parts(id, 2, 2));
  EXPECT_FALSE(page.is_truncated);
  EXPECT_THAT(page.parts, SizeIs(1));
  EXPECT_EQ(Get("b", "k"), "NoSuchKey");
  EXPECT_EQ(CodeOf(Complete("k", id, {1, 2, 9})), "InvalidPart") << "changes nothing";
  EXPECT_EQ(CodeOf(Complete("k", id, {1, 2}, {.if_match = "*"})), "NoSuchKey");
  const auto object = MustHave(Complete("k", id, {1, 2}));
  EXPECT_EQ(object.headers.at("content-type"), "a/b");
  EXPECT_EQ(object.tags.at("t"), "1");
  EXPECT_EQ(Get("b", "k"), "onetwo");
  EXPECT_EQ(CodeOf(Complete("k", id, {1, 2})), "NoSuchUpload");
  EXPECT_EQ(CodeOf(PutPart("k", id, 4, "late")), "NoSuchUpload");
  EXPECT_EQ(CodeOf(Parts(id)), "NoSuchUpload");
  Settle();
  EXPECT_EQ(CountFiles(), 2u);
  Reopen();
  EXPECT_EQ(Get("b", "k"), "onetwo");
  Delete({.bucket = "b", .key = "k"});
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(UploadsTest, AnAbortedOneLeavesNothing) {
  const std::string id = Create("k");
  PutPart("k", id, 1, "one");
  const auto abort = [&] {
    return Ask<void>([&](auto done) { store->Abort("b", "k", id, std::move(done)); });
  };
  EXPECT_EQ(CodeOf(abort()), "");
  EXPECT_EQ(CodeOf(abort()), "NoSuchUpload");
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(UploadsTest, ABucketGoesWithItsUploads) {
  PutPart("k", Create("k"), 1, "one");
  EXPECT_EQ(CodeOf(Ask<void>([&](auto done) { store->DeleteBucket("b", std::move(done)); })), "");
  Settle();
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(UploadsTest, AreListedByKeyAndAgePageByPage) {
  std::vector<std::string> ids;
  for (const char* key : {"a", "c/1", "b", "a", "c/2", "a"}) ids.push_back(Create(key));
  const auto list = [&](ListRequest request) {
    request.bucket = "b";
    return MustHave(
        Ask<UploadsPage>([&](auto done) { store->ListUploads(request, std::move(done)); }));
  };
  for (int most = 1; most < 7; ++most) {
    std::vector<std::string> found;
    ListRequest request{.most = most};
    while (true) {
      const auto page = list(request);
      for (const auto& upload : page.uploads) found.push_back(upload.id);
      if (!page.is_truncated) break;
      request.after = page.next_key;
      request.after_version = page.next_id;
    }
    EXPECT_THAT(found, ElementsAre(ids[0], ids[3], ids[5], ids[2], ids[1], ids[4])) << most;
  }
  const auto page = list({.delimiter = "/"});
  EXPECT_THAT(page.common_prefixes, ElementsAre("c/"));
  EXPECT_THAT(page.uploads, SizeIs(4));
  EXPECT_THAT(list({.prefix = "d"}).uploads, IsEmpty());
}

}  // namespace
}  // namespace hearth::s3
