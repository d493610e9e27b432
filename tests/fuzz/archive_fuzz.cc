// Zips from anybody: whatever they hold, nothing appears outside the folder, and the limits hold.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/file.h"
#include "layers/archive.h"

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSize = 16384;
constexpr size_t kMaxEntries = 20;

// One folder of this process's own, in memory; it goes when the process does.
struct Ground {
  Ground() {
    path = fs::exists("/dev/shm") ? "/dev/shm/hearth-fuzz-XXXXXX" : "/tmp/hearth-fuzz-XXXXXX";
    CHECK(::mkdtemp(path.data()) != nullptr);
  }
  ~Ground() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string path;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Ground ground;
  const std::string inside = ground.path + "/a/b";
  MUST(hearth::base::MakeFolders(inside));
  const auto unpacked = hearth::layers::UnpackZip(
      std::string_view(reinterpret_cast<const char*>(data), size), inside,
      {.unpacked = hearth::base::Bytes(kMaxSize), .entries = kMaxEntries});
  if (!unpacked) CHECK(!unpacked.error().ToString().empty());
  for (const auto& entry : fs::directory_iterator(ground.path)) {
    CHECK(entry.path() == ground.path + "/a");
  }
  for (const auto& entry : fs::directory_iterator(ground.path + "/a")) {
    CHECK(entry.path() == inside);
  }
  uintmax_t total = 0;
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(inside)) {
    ++count;
    if (entry.is_symlink()) {
      if (!unpacked) continue;
      // A link of a good archive leads nowhere, or to something inside.
      std::error_code error;
      const std::string target = fs::canonical(entry.path(), error).string();
      if (!error) CHECK((target + "/").starts_with(fs::canonical(inside).string() + "/"));
    } else if (entry.is_regular_file()) {
      total += entry.file_size();
    } else {
      CHECK(entry.is_directory());
    }
  }
  CHECK(total <= kMaxSize);
  CHECK(count <= kMaxEntries + 1);
  MUST(hearth::base::RemoveTree(ground.path + "/a"));
  return 0;
}
