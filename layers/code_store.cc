#include "layers/code_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "layers/merge.h"

namespace hearth::layers {
namespace {

using base::Result;

constexpr char kTemporary[] = ".tmp-";

bool IsDigest(const std::string& name) { return base::FromHex(name).has_value(); }

// Each fsync is a commit of the file system's journal: beyond so many files and folders, one for
// the whole file system is sooner done, whatever else waits on it.
constexpr size_t kSyncedOneByOne = 64;

Result<void> SyncFileSystem(const std::string& folder) {
  const base::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::syncfs(fd.get()) != 0) return base::SystemError("syncfs " + folder);
  return {};
}

// Every file and folder of a tree to the disk, so that the rename which publishes it is the last
// thing that can be lost.
Result<void> SyncTree(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  auto at = std::filesystem::recursive_directory_iterator(folder, error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    if (at->is_symlink(error)) continue;
    paths.push_back(at->path());
    if (paths.size() > kSyncedOneByOne) return SyncFileSystem(folder);
  }
  if (error) return base::SystemError("read folder " + folder, error.value());
  for (const std::string& path : paths) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid() || ::fsync(fd.get()) != 0) return base::SystemError("fsync " + path);
  }
  return base::SyncFolder(folder);
}

uint64_t TreeSize(const std::string& folder) {
  uint64_t size = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (!entry.is_symlink(error) && entry.is_regular_file(error)) size += entry.file_size(error);
  }
  return size;
}

class DiskCodeStore final : public CodeStore {
 public:
  explicit DiskCodeStore(const std::string& root)
      : zips_(root + "/zip"), trees_(root + "/tree"), merged_(root + "/merged") {}

  Result<void> Prepare() {
    TRY(base::MakeFolders(zips_, 0700));
    TRY(base::MakeFolders(trees_, 0755));
    TRY(base::MakeFolders(merged_, 0755));
    // What a crash left behind has a temporary name; a tree without its zip was never published.
    for (const std::string& folder : {zips_, trees_, merged_}) {
      for (const std::string& name : Names(folder)) {
        if (name.find(kTemporary) != std::string::npos) {
          TRY(base::RemoveTree(folder + "/" + name));
        }
      }
    }
    for (const std::string& name : Names(trees_)) {
      if (!base::FileExists(ZipPath(name))) TRY(base::RemoveTree(trees_ + "/" + name));
    }
    return {};
  }

  Result<StoredCode> Put(std::string_view zip) override {
    // Nothing that is larger still unpacks to less.
    if (zip.size() > limits::kMaxUnzipped.count()) {
      return base::MakeError(base::ErrorKind::kLimit, "store code",
                             "Unzipped size must be smaller than " +
                                 std::to_string(limits::kMaxUnzipped.count()) + " bytes");
    }
    StoredCode out;
    out.digest = base::ToHex(base::Sha256Of(zip));
    out.zipped = base::Bytes(zip.size());
    if (Has(out.digest)) {
      out.unzipped = base::Bytes(TreeSize(TreePath(out.digest)));
      return out;
    }
    const std::string temporary = trees_ + "/" + kTemporary + base::NewHexId(16);
    auto stored = Store(zip, temporary, out);
    if (!stored) {
      // The first error is the one to tell; a second one leaves a name that Open removes.
      [[maybe_unused]] const auto removed = base::RemoveTree(temporary);
      return std::unexpected(stored.error());
    }
    return out;
  }

  // The zip is written last: it says that the tree is whole.
  bool Has(const std::string& digest) const override {
    return IsDigest(digest) && base::FileExists(ZipPath(digest)) &&
           base::FileExists(TreePath(digest));
  }

  Result<std::string> TreeFolder(const std::string& digest) const override {
    if (!Has(digest)) return Absent(digest);
    return TreePath(digest);
  }

  Result<std::string> ReadZip(const std::string& digest) const override {
    if (!Has(digest)) return Absent(digest);
    std::string zip = TRY(base::ReadFile(ZipPath(digest), limits::kMaxUnzipped));
    if (base::ToHex(base::Sha256Of(zip)) != digest) {
      return base::MakeError(base::ErrorKind::kCorrupt, "read code " + digest,
                             "the stored zip has another digest: the disk has changed it");
    }
    return zip;
  }

  Result<size_t> Collect(const std::set<std::string>& keep) override {
    size_t removed = 0;
    for (const std::string& name : Names(zips_)) {
      const std::string digest = name.substr(0, name.rfind(".zip"));
      if (keep.contains(digest) || !IsDigest(digest)) continue;
      TRY(base::RemoveTree(zips_ + "/" + name));
      TRY(base::RemoveTree(TreePath(digest)));
      ++removed;
    }
    TRY(base::SyncFolder(zips_));
    return removed;
  }

  Result<base::Bytes> UnzippedSize(const std::string& digest) const override {
    return base::Bytes(TreeSize(TRY(TreeFolder(digest))));
  }

  Result<void> Merge(const std::vector<std::string>& digests) override {
    if (MergedFolder(digests)) return {};
    std::vector<std::string> sources;
    for (const std::string& digest : digests) sources.push_back(TRY(TreeFolder(digest)));
    const std::string temporary = merged_ + "/" + kTemporary + base::NewHexId(16);
    auto made = PublishMerged(sources, temporary, MergedPath(digests));
    // The first error is the one to tell; a second one leaves a name that Open removes.
    if (!made) {
      [[maybe_unused]] const auto removed = base::RemoveTree(temporary);
    }
    return made;
  }

  Result<std::string> MergedFolder(const std::vector<std::string>& digests) const override {
    if (digests.size() == 1) return TreeFolder(digests[0]);
    std::string path = MergedPath(digests);
    if (base::FileExists(path)) return path;
    return base::MakeError(base::ErrorKind::kNotFound, "find layers",
                           "they have not been merged: " + path + " is absent");
  }

  Result<size_t> CollectMerged(const std::set<std::vector<std::string>>& keep) override {
    std::set<std::string> kept;
    for (const auto& digests : keep) kept.insert(MergedPath(digests));
    size_t removed = 0;
    for (const std::string& name : Names(merged_)) {
      const std::string path = merged_ + "/" + name;
      if (kept.contains(path) || !IsDigest(name)) continue;
      TRY(base::RemoveTree(path));
      ++removed;
    }
    TRY(base::SyncFolder(merged_));
    return removed;
  }

 private:
  std::string MergedPath(const std::vector<std::string>& digests) const {
    std::string list;
    for (const std::string& digest : digests) list += digest + "\n";
    return merged_ + "/" + base::ToHex(base::Sha256Of(list));
  }

  Result<void> PublishMerged(const std::vector<std::string>& sources, const std::string& temporary,
                             const std::string& path) {
    TRY(base::MakeFolders(temporary, 0755));
    if (::chmod(temporary.c_str(), 0755) != 0) return base::SystemError("chmod " + temporary);
    TRY(MergeTrees(sources, temporary));
    TRY(SyncTree(temporary));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return base::SystemError("publish " + path);
    return base::SyncFolder(merged_);
  }

  std::string ZipPath(const std::string& digest) const { return zips_ + "/" + digest + ".zip"; }
  std::string TreePath(const std::string& digest) const { return trees_ + "/" + digest; }

  static std::unexpected<base::Error> Absent(const std::string& digest) {
    return base::MakeError(base::ErrorKind::kNotFound, "find code",
                           "no code has the digest '" + digest + "'");
  }

  static std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  Result<void> Store(std::string_view zip, const std::string& temporary, StoredCode& out) {
    TRY(base::MakeFolders(temporary, 0755));
    // The umask must not decide what a function may read.
    if (::chmod(temporary.c_str(), 0755) != 0) return base::SystemError("chmod " + temporary);
    out.unzipped = TRY(UnpackZip(zip, temporary)).size;
    TRY(SyncTree(temporary));
    TRY(base::RemoveTree(TreePath(out.digest)));
    if (::rename(temporary.c_str(), TreePath(out.digest).c_str()) != 0) {
      return base::SystemError("publish code " + out.digest);
    }
    TRY(base::SyncFolder(trees_));
    return base::WriteFileAtomically(ZipPath(out.digest), zip, 0600);
  }

  std::string zips_;
  std::string trees_;
  std::string merged_;
};

}  // namespace

Result<std::unique_ptr<CodeStore>> CodeStore::Open(const std::string& root) {
  auto store = std::make_unique<DiskCodeStore>(root);
  TRY(store->Prepare());
  return store;
}

}  // namespace hearth::layers
