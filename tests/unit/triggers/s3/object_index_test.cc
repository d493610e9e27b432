// The index: a listing against a model of it; what versioning makes of puts and deletes.
#include "triggers/s3/object_index.h"

#include <map>
#include <random>
#include <set>

#include "base/limits.h"
#include "tests/unit/base/temporary_folder.h"
#include "triggers/s3/object_rows.h"

namespace hearth::s3 {
namespace {

using Versioning = BucketRecord::Versioning;

class ObjectIndexTest : public ::testing::Test {
 protected:
  ObjectIndexTest() { index = MUST(ObjectIndex::Open(folder / "index.db")); }
  template <typename T>
  Answer<T> Do(const std::function<Outcome<T>()>& body) {
    std::optional<Outcome<T>> out;
    MUST(index->Commit([&]() -> base::Result<void> {
      out.emplace(body());
      if (!*out) return std::unexpected(out->error());
      return {};
    }));
    return std::move(**out);
  }
  int64_t MakeBucket(Versioning versioning = Versioning::kNever) {
    return Do<NumberedBucket>(
               [&] { return index->CreateBucket({.name = "b", .versioning = versioning}); })
        ->id;
  }
  void SetVersioning(Versioning versioning) {
    Do<void>([&] {
      const int64_t id = MUST(index->LoadBuckets()).front().id;
      return index->SaveBucket(id, {.name = "b", .versioning = versioning});
    });
  }
  ObjectRecord Put(const std::string& key, const std::string& etag = {}, int64_t file = 0) {
    PutRequest request{.bucket = "b", .object = {.key = key, .etag = etag}};
    if (file != 0) request.object.extents = {{file, 1}};
    return *Do<ObjectRecord>([&] { return index->Put(request, 1); });
  }
  Deleted Delete(const std::string& key, const std::string& version = {}) {
    return *Do<Deleted>(
        [&] { return index->Delete({.bucket = "b", .key = key, .version_id = version}, 1); });
  }
  // "3 2* 1" of a key: etags, newest first; "-" for a marker, "*" behind a null version, the
  // current one in brackets.
  std::string Versions(int64_t bucket, const std::string& key) {
    std::string out;
    const auto page = MUST(index->ListVersions(bucket, {.bucket = "b", .prefix = key}));
    for (const auto& object : page->objects) {
      std::string one = object.is_delete_marker ? "-" : object.etag;
      if (object.version_id == "null") one += "*";
      if (object.is_latest) one = "[" + one + "]";
      out += (out.empty() ? "" : " ") + one;
    }
    return out;
  }
  std::set<int64_t> Garbage() {
    std::set<int64_t> out;
    for (const auto& row : MUST(index->LoadGarbage(0, INT64_MAX, 1000))) out.insert(row.file);
    return out;
  }

  hearth::test::TemporaryFolder folder;
  std::unique_ptr<ObjectIndex> index;
};

// What a listing is, the slow way.
ListPage Naive(const std::set<std::string>& keys, const ListRequest& request) {
  ListPage page;
  std::string last_common;
  for (const std::string& key : keys) {
    if (!key.starts_with(request.prefix)) continue;
    std::string common;
    if (!request.delimiter.empty()) {
      const size_t at = key.find(request.delimiter, request.prefix.size());
      if (at != std::string::npos) common = key.substr(0, at + request.delimiter.size());
    }
    if (!common.empty() && (common == request.after || common == last_common)) continue;
    if (key <= request.after) continue;
    if (page.objects.size() + page.common_prefixes.size() == static_cast<size_t>(request.most)) {
      page.is_truncated = request.most > 0;
      break;
    }
    page.next = common.empty() ? key : common;
    if (common.empty())
      page.objects.push_back({.key = key});
    else
      page.common_prefixes.push_back(last_common = common);
  }
  return page;
}

std::string Show(const ListPage& page) {
  std::string out;
  for (const auto& object : page.objects) out += object.key + "|";
  out += "#";
  for (const auto& common : page.common_prefixes) out += common + "|";
  return out + (page.is_truncated ? "..." : "") + page.next;
}

TEST_F(ObjectIndexTest, AListingIsWhatItsModelSays) {
  const int64_t bucket = MakeBucket();
  std::mt19937 random(7);
  const auto pick = [&random](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  const std::string_view kLetters[] = {"a", "b",    "/",    "//",  "\xc3\xa9", "\xf0\x9f\x98\x80",
                                       " ", "\x7f", "\xff", "\x01"};
  const auto word = [&](int most) {
    std::string out;
    for (int i = pick(most + 1); i > 0; --i) out += kLetters[pick(std::size(kLetters))];
    return out;
  };
  std::set<std::string> keys;
  MUST(index->Commit([&]() -> base::Result<void> {
    for (int i = 0; i < 600; ++i) {
      std::string key = word(6);
      if (key.empty() || !keys.insert(key).second) continue;
      TRY(index->Put({.bucket = "b", .object = {.key = key}}, 1));
    }
    return {};
  }));
  for (int round = 0; round < 500; ++round) {
    ListRequest request{.bucket = "b",
                        .prefix = word(2),
                        .delimiter = pick(4) == 0 ? "" : word(2),
                        .after = pick(2) == 0 ? "" : word(4),
                        .most = pick(5) == 0 ? 1000 : pick(12)};
    // To its end, page by page.
    for (int pages = 0; pages < 1000; ++pages) {
      const ListPage expected = Naive(keys, request);
      const ListPage page = *MUST(index->List(bucket, request));
      ASSERT_EQ(Show(page), Show(expected))
          << request.prefix << " by " << request.delimiter << " after " << request.after;
      ASSERT_EQ(Show(*MUST(index->ListVersions(bucket, request))), Show(expected));
      if (!page.is_truncated) break;
      request.after = page.next;
    }
  }
}

TEST_F(ObjectIndexTest, APageOfVersionsGoesOnBehindTheLastOne) {
  const int64_t bucket = MakeBucket(Versioning::kEnabled);
  std::vector<std::string> all;
  for (int i = 0; i < 7; ++i) {
    for (const char* key : {"a", "b", "b/c"}) {
      if (i == 3)
        Delete(key);
      else
        Put(key, std::to_string(i));
    }
  }
  ListRequest request{.bucket = "b", .most = 1000};
  const auto whole = *MUST(index->ListVersions(bucket, request));
  ASSERT_EQ(whole.objects.size(), 21u);
  for (int most = 1; most < 22; ++most) {
    ListPage gathered;
    request = {.bucket = "b", .most = most};
    while (true) {
      auto page = *MUST(index->ListVersions(bucket, request));
      for (auto& object : page.objects) gathered.objects.push_back(std::move(object));
      if (!page.is_truncated) break;
      request.after = page.next;
      request.after_version = page.next_version;
    }
    ASSERT_EQ(gathered.objects.size(), 21u) << most;
    for (size_t i = 0; i < 21; ++i) {
      EXPECT_EQ(gathered.objects[i].version_id, whole.objects[i].version_id);
      EXPECT_EQ(gathered.objects[i].is_latest, whole.objects[i].is_latest);
      EXPECT_EQ(gathered.objects[i].is_latest, i % 7 == 0);
    }
  }
}

// As whoever empties a bucket does: what a page told is removed before the next one is asked for.
TEST_F(ObjectIndexTest, AListingThatDeletesWhatItWasToldLeavesNoVersion) {
  const int64_t bucket = MakeBucket(Versioning::kEnabled);
  for (int most = 1; most < 8; ++most) {
    for (const char* key : {"a", "b"}) {
      for (int i = 0; i < 5; ++i) Put(key, std::to_string(i));
      Delete(key);
      Put(key, "5");
      Delete(key);
    }
    ListRequest request{.bucket = "b", .most = most};
    size_t told = 0;
    for (bool is_truncated = true; is_truncated;) {
      const auto page = *MUST(index->ListVersions(bucket, request));
      std::string last;
      for (const auto& object : page.objects) {
        EXPECT_EQ(object.is_latest, object.key != last) << "those above it are gone";
        last = object.key;
      }
      for (const auto& object : page.objects) Delete(object.key, object.version_id);
      told += page.objects.size();
      is_truncated = page.is_truncated;
      request.after = page.next;
      request.after_version = page.next_version;
    }
    EXPECT_EQ(told, 16u) << most;
    EXPECT_EQ(Versions(bucket, ""), "") << most;
  }
}

TEST_F(ObjectIndexTest, BehindANullVersionThatIsGoneTheWholeKeyIsTold) {
  const int64_t bucket = MakeBucket();
  Put("k", "0");
  SetVersioning(Versioning::kEnabled);
  Put("k", "1");
  SetVersioning(Versioning::kSuspended);
  Put("k", "2");
  Put("l", "3");
  const auto page = *MUST(index->ListVersions(bucket, {.bucket = "b", .most = 1}));
  ASSERT_EQ(page.next_version, "null");
  Delete("k", "null");
  const auto rest = *MUST(index->ListVersions(
      bucket, {.bucket = "b", .after = page.next, .after_version = page.next_version}));
  ASSERT_EQ(rest.objects.size(), 2u);
  EXPECT_EQ(rest.objects[0].etag, "1");
  EXPECT_TRUE(rest.objects[0].is_latest);
  EXPECT_EQ(rest.objects[1].key, "l");
}

TEST_F(ObjectIndexTest, VersioningIsAsS3Says) {
  const int64_t bucket = MakeBucket();
  Put("k", "0", 100);
  Put("k", "1", 101);
  EXPECT_EQ(Versions(bucket, "k"), "[1*]");
  EXPECT_EQ(Garbage(), (std::set<int64_t>{100}));
  SetVersioning(Versioning::kEnabled);
  const auto second = Put("k", "2", 102);
  EXPECT_EQ(second.version_id.size(), 32u);
  EXPECT_EQ(Versions(bucket, "k"), "[2] 1*");
  const auto marker = Delete("k");
  EXPECT_TRUE(marker.is_delete_marker);
  EXPECT_EQ(Versions(bucket, "k"), "[-] 2 1*");
  EXPECT_TRUE((*MUST(index->Look(bucket, "k", ""))).is_delete_marker);
  EXPECT_TRUE(MUST(index->List(bucket, {.bucket = "b"}))->objects.empty());
  Delete("k");
  EXPECT_EQ(Versions(bucket, "k"), "[-] - 2 1*");
  SetVersioning(Versioning::kSuspended);
  Put("k", "3", 103);
  EXPECT_EQ(Versions(bucket, "k"), "[3*] - - 2");
  EXPECT_EQ(Garbage(), (std::set<int64_t>{100, 101}));
  Put("k", "4", 104);
  EXPECT_EQ(Versions(bucket, "k"), "[4*] - - 2");
  const auto null_marker = Delete("k");
  EXPECT_EQ(null_marker.version_id, "null");
  EXPECT_EQ(Versions(bucket, "k"), "[-*] - - 2");
  EXPECT_EQ(Garbage(), (std::set<int64_t>{100, 101, 103, 104}));
  // Removed for good, from the newest on: the next one becomes current.
  EXPECT_TRUE(Delete("k", "null").is_delete_marker);
  EXPECT_EQ(Versions(bucket, "k"), "[-] - 2");
  Delete("k", marker.version_id);
  EXPECT_EQ(Versions(bucket, "k"), "[-] 2");
  Delete("k", MUST(index->Look(bucket, "k", ""))->version_id);
  EXPECT_EQ(Versions(bucket, "k"), "[2]");
  EXPECT_EQ(MUST(index->Look(bucket, "k", second.version_id))->etag, "2");
  EXPECT_EQ(MUST(index->List(bucket, {.bucket = "b"}))->objects.size(), 1u);
  EXPECT_FALSE(Delete("k", "null").is_delete_marker) << "what is not there is deleted";
  Delete("k", second.version_id);
  EXPECT_EQ(Versions(bucket, "k"), "");
  EXPECT_EQ(MUST(index->Look(bucket, "k", "")).error().type, "NoSuchKey");
  EXPECT_EQ(MUST(index->Look(bucket, "k", second.version_id)).error().type, "NoSuchVersion");
  EXPECT_TRUE(Do<void>([&] { return index->DeleteBucket("b"); }).has_value());
}

TEST_F(ObjectIndexTest, RandomChangesKeepTheNewestVersionCurrent) {
  const int64_t bucket = MakeBucket(Versioning::kEnabled);
  std::mt19937 random(3);
  struct Version {
    std::string id;
    std::string etag;  // "-": a marker.
  };
  std::map<std::string, std::vector<Version>> model;  // Newest first.
  Versioning versioning = Versioning::kEnabled;
  for (int i = 0; i < 1000; ++i) {
    const std::string key(1, static_cast<char>('a' + random() % 3));
    auto& versions = model[key];
    const bool keeps = versioning == Versioning::kEnabled;
    const auto enter = [&](const std::string& id, const std::string& etag) {
      if (!keeps) std::erase_if(versions, [](const Version& v) { return v.id == "null"; });
      versions.insert(versions.begin(), {id, etag});
    };
    switch (random() % 8) {
      case 0:
        versioning = random() % 2 == 0 ? Versioning::kEnabled : Versioning::kSuspended;
        SetVersioning(versioning);
        break;
      case 1:
        enter(Delete(key).version_id, "-");
        break;
      case 2:
      case 3:
      case 4:
        enter(Put(key, std::to_string(i)).version_id, std::to_string(i));
        break;
      default:
        if (versions.empty()) break;
        const size_t at = random() % versions.size();
        Delete(key, versions[at].id);
        versions.erase(versions.begin() + static_cast<ptrdiff_t>(at));
    }
    std::string expected;
    for (const Version& version : versions) {
      std::string one = version.etag + (version.id == "null" ? "*" : "");
      if (expected.empty()) one = "[" + one + "]";
      expected += (expected.empty() ? "" : " ") + one;
    }
    ASSERT_EQ(Versions(bucket, key), expected) << i;
    const auto current = MUST(index->Look(bucket, key, ""));
    ASSERT_EQ(current.has_value(), !versions.empty());
    if (current) {
      ASSERT_EQ(current->version_id, versions[0].id);
      ASSERT_EQ(current->is_delete_marker, versions[0].etag == "-");
    }
  }
}

TEST(ObjectRows, WhatIsEncodedIsDecodedAndWhatIsTornIsNot) {
  const Words words = {{"a", ""}, {"b:", std::string("1:\0\xff", 4)}, {"", "x"}};
  const std::string text = EncodeWords(words);
  EXPECT_EQ(DecodeWords(text), words);
  for (size_t cut = 1; cut < text.size(); ++cut) {
    const auto torn = DecodeWords(text.substr(0, cut));
    EXPECT_TRUE(!torn || *torn != words);
  }
  const auto extents = DecodeExtents(EncodeExtents({{1, 2}, {INT64_MAX, UINT64_MAX}}));
  ASSERT_TRUE(extents && extents->size() == 2);
  EXPECT_EQ((*extents)[1].size, UINT64_MAX);
  EXPECT_FALSE(DecodeExtents("1:2").has_value());
  EXPECT_EQ(NumberOf(MakeId(255)), 255);
  EXPECT_LT(MakeId(255), MakeId(4096));
  EXPECT_FALSE(NumberOf("null").has_value());
  EXPECT_EQ(Above("a/"), "a0");
  EXPECT_GT(Above("\xff"), std::string(limits::kMaxObjectKey, '\xff'));
}

}  // namespace
}  // namespace hearth::s3
