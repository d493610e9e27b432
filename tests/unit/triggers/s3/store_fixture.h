// A store on a folder of its own, under clocks that the test moves, with calls that wait.
#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <string>

#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"
#include "triggers/s3/disk_store.h"

namespace hearth::s3::test {

using namespace std::chrono_literals;
using Versioning = BucketRecord::Versioning;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { Open(); }
  ~StoreTest() override { store.reset(); }

  void Open() { store = MUST(DiskStore::Open(loop, folder / "objects", options)); }
  // As after a kill: what has not been waited for may or may not have happened.
  void Reopen() {
    store.reset();
    Open();
  }

  template <typename T>
  T Wait(std::optional<T>& result) {
    loop.RunUntil([&] { return result.has_value(); });
    return std::move(*result);
  }
  template <typename T, typename Call>
  Answer<T> Ask(Call call) {
    std::optional<Answer<T>> result;
    call([&](Answer<T> answer) { result = std::move(answer); });
    EXPECT_FALSE(result.has_value()) << "called back inside the call";
    return Wait(result);
  }
  // Until nothing is being written and garbage has been collected.
  void Settle() {
    for (int i = 0; i < 4; ++i) {
      machine.Advance(2s);
      loop.ClockMoved();
      loop.RunOnce();
      loop.RunUntil([&] { return store->IsQuiet(); });
    }
  }

  void MakeBucket(const std::string& name, Versioning versioning = Versioning::kNever) {
    BucketRecord bucket{.name = name, .versioning = versioning};
    const auto made = Ask<void>([&](auto done) { store->CreateBucket(bucket, std::move(done)); });
    ASSERT_TRUE(made.has_value()) << made.error().message;
  }
  void SetVersioning(const std::string& name, Versioning versioning) {
    ASSERT_TRUE(Ask<void>([&](auto done) {
                  store->ChangeBucket(
                      name, [&](BucketRecord& bucket) { bucket.versioning = versioning; },
                      std::move(done));
                }).has_value());
  }
  Answer<StagedBody> Stage(const std::string& bytes, std::vector<std::string> checksums = {}) {
    const auto writer = store->Write(std::move(checksums), [] {});
    writer->Write(bytes);
    return Ask<StagedBody>([&](auto done) { writer->Finish(std::move(done)); });
  }
  static ObjectRecord Object(const std::string& key, const StagedBody& body) {
    return {.key = key, .size = body.size, .etag = body.md5, .extents = body.extents};
  }
  Answer<ObjectRecord> Put(PutRequest request) {
    return Ask<ObjectRecord>([&](auto done) { store->Put(std::move(request), std::move(done)); });
  }
  ObjectRecord Put(const std::string& bucket, const std::string& key, const std::string& bytes,
                   Announce announce = {}) {
    return MustHave(Put({.bucket = bucket,
                         .object = Object(key, MustHave(Stage(bytes))),
                         .announce = std::move(announce)}));
  }
  Answer<ObjectRecord> Look(const std::string& bucket, const std::string& key,
                            const std::string& version = {}) {
    return Ask<ObjectRecord>(
        [&](auto done) { store->Look(bucket, key, version, std::move(done)); });
  }
  Answer<Deleted> Delete(DeleteRequest request) {
    return Ask<Deleted>([&](auto done) { store->Delete(std::move(request), std::move(done)); });
  }
  Answer<ListPage> List(ListRequest request) {
    return Ask<ListPage>([&](auto done) { store->List(std::move(request), std::move(done)); });
  }
  // "The object's bytes", or the code of the refusal.
  std::string Get(const std::string& bucket, const std::string& key,
                  const std::string& version = {}) {
    const auto object = Look(bucket, key, version);
    if (!object) return object.error().type;
    if (object->is_delete_marker) return "(marker)";
    return BytesOf(*object);
  }
  std::string BytesOf(const ObjectRecord& object) {
    std::string out;
    for (const Extent& extent : object.extents) {
      const auto bytes = base::ReadFile(PathOf(extent.file));
      out += bytes ? *bytes : "(" + bytes.error().ToString() + ")";
    }
    return out;
  }
  std::string PathOf(int64_t file) { return MUST(DataFiles::Open(folder / "objects")).Path(file); }
  // How many files of bytes there are.
  size_t CountFiles() {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder / "objects/data")) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }
  template <typename T>
  static T MustHave(Answer<T> answer) {
    EXPECT_TRUE(answer.has_value()) << answer.error().type << ": " << answer.error().message;
    return answer ? std::move(*answer) : T();
  }

  hearth::test::TemporaryFolder folder;
  base::VirtualClock machine{base::WallTime(std::chrono::seconds(1764000000))};
  base::VirtualClock service{base::WallTime(std::chrono::seconds(1764000000))};
  io::Loop loop{machine, service};
  DiskStoreOptions options;
  std::unique_ptr<DiskStore> store;
};

}  // namespace hearth::s3::test
