#include "layers/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <locale.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/unique_fd.h"

namespace hearth::layers {
namespace {

using base::Invalid;
using base::Result;
using base::UniqueFd;

constexpr char kStep[] = "unpack zip";
constexpr size_t kBlock = 65536;

struct FreeReader {
  void operator()(struct archive* a) const { archive_read_free(a); }
};
struct FreeWriter {
  void operator()(struct archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(struct archive_entry* e) const { archive_entry_free(e); }
};
using Reader = std::unique_ptr<struct archive, FreeReader>;
using Writer = std::unique_ptr<struct archive, FreeWriter>;
using Entry = std::unique_ptr<struct archive_entry, FreeEntry>;

// libarchive turns names between UTF-8 and the thread's locale; in "C" it would lose them.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

// What libarchive says went wrong: it may say nothing, or end in a newline.
std::string Reason(struct archive* a) {
  const char* text = archive_error_string(a);
  std::string out = text == nullptr ? "it is unreadable" : text;
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

std::string Shown(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 100)) {
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  }
  return "'" + out + (name.size() > 100 ? "…'" : "'");
}

// The parts of a name inside the archive, or why it is refused.
Result<std::vector<std::string>> SplitName(std::string_view name) {
  if (name.size() > limits::kMaxArchivePath) {
    return Invalid(kStep, "the name " + Shown(name) + " is longer than " +
                              std::to_string(limits::kMaxArchivePath) + " bytes");
  }
  if (name.starts_with('/')) return Invalid(kStep, "the name " + Shown(name) + " is absolute");
  if (name.find('\\') != std::string_view::npos) {
    return Invalid(kStep, "the name " + Shown(name) + " has a backslash: zip names use '/'");
  }
  if (name.find('\0') != std::string_view::npos) {
    return Invalid(kStep, "the name " + Shown(name) + " has a NUL byte");
  }
  std::vector<std::string> parts;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name = slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return Invalid(kStep, "a name leads outside the archive ('..')");
    if (part.size() > NAME_MAX) {
      return Invalid(kStep, "the name " + Shown(part) + " is longer than 255 bytes");
    }
    parts.emplace_back(part);
  }
  return parts;
}

// True where a link at this depth below the root climbs above it, by its text alone.
bool LeadsOutside(size_t depth, std::string_view target) {
  if (target.empty() || target.starts_with('/')) return true;
  auto level = static_cast<long>(depth);
  while (!target.empty()) {
    const auto slash = target.find('/');
    const std::string_view part = target.substr(0, slash);
    target = slash == std::string_view::npos ? std::string_view() : target.substr(slash + 1);
    if (part == "..") {
      if (--level < 0) return true;
    } else if (!part.empty() && part != ".") {
      ++level;
    }
  }
  return false;
}

// Opens below `folder`, through no symbolic link: what an earlier entry planted leads nowhere.
Result<UniqueFd> OpenBeneath(int folder, const std::string& path, uint64_t flags, uint64_t mode) {
  struct open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  if (errno == ELOOP || errno == EXDEV) {
    return Invalid(kStep, Shown(path) + " is written through a symbolic link");
  }
  if (errno == ENOTDIR || errno == EISDIR) {
    return Invalid(kStep, Shown(path) + " is both a file and a folder");
  }
  return base::SystemError("unpack " + path);
}

class Unpacker {
 public:
  Unpacker(UniqueFd root, const UnpackLimits& limits) : root_(std::move(root)), limits_(limits) {}

  Result<void> Add(struct archive* zip, struct archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr) return Invalid(kStep, "an entry's name is not readable");
    const std::vector<std::string> parts = TRY(SplitName(raw));
    if (archive_entry_is_encrypted(entry) != 0) {
      return Invalid(kStep, Shown(raw) + " is encrypted");
    }
    if (archive_entry_hardlink(entry) != nullptr) {
      return Invalid(kStep, Shown(raw) + " is a hard link, which a zip cannot hold");
    }
    std::string path;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      path += (path.empty() ? "" : "/") + parts[i];
      TRY(MakeFolder(path));
    }
    if (!parts.empty()) path += (path.empty() ? "" : "/") + parts.back();
    const auto type = archive_entry_filetype(entry);
    // A folder counts where it is made; one that is named again counts as an entry all the same.
    if (type == AE_IFDIR && !path.empty() && !folders_.contains(path)) return MakeFolder(path);
    TRY(CountEntry());
    if (type == AE_IFDIR) return {};
    if (path.empty()) return Invalid(kStep, "an entry has no name");
    if (type == AE_IFLNK) return AddLink(parts, path, archive_entry_symlink(entry));
    if (type != AE_IFREG && type != 0) {
      return Invalid(kStep, Shown(raw) + " is neither a file, a folder nor a symbolic link");
    }
    return AddFile(zip, path, (archive_entry_perm(entry) & 0111) != 0);
  }

  // Once all is there: a link may lead outside by way of another one, which its text does not show.
  Result<Unpacked> Finish() const {
    if (files_ == 0) return Invalid(kStep, "the archive has no file");
    for (const std::string& path : links_) {
      struct open_how how{};
      how.flags = O_PATH | O_CLOEXEC;
      how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
      const UniqueFd fd(
          static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
      if (!fd.valid() && errno == EXDEV) return LinkLeadsOutside(path);
    }
    return Unpacked{base::Bytes(size_), files_};
  }

 private:
  static std::unexpected<base::Error> LinkLeadsOutside(const std::string& path) {
    return Invalid(kStep, "the symbolic link " + Shown(path) + " leads outside the archive");
  }

  // The folders that a name implies count too: it is the host's inodes that are taken.
  Result<void> CountEntry() {
    if (++entries_ <= limits_.entries) return {};
    return base::MakeError(base::ErrorKind::kLimit, kStep,
                           "the archive has more than " + std::to_string(limits_.entries) +
                               " entries, with the folders that they lie in");
  }

  Result<void> MakeFolder(const std::string& path) {
    if (folders_.contains(path)) return {};
    const auto slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    const UniqueFd in = TRY(OpenBeneath(root_.get(), parent, O_PATH | O_DIRECTORY, 0));
    TRY(CountEntry());
    if (::mkdirat(in.get(), name.c_str(), 0755) == 0) {
      // The umask must not decide what a function may read.
      if (::fchmodat(in.get(), name.c_str(), 0755, 0) != 0) {
        return base::SystemError("unpack " + path);
      }
    } else if (errno != EEXIST) {
      return base::SystemError("unpack " + path);
    }
    // It may exist as something else: opening it says so.
    TRY(OpenBeneath(root_.get(), path, O_PATH | O_DIRECTORY, 0));
    folders_.insert(path);
    return {};
  }

  Result<void> AddLink(const std::vector<std::string>& parts, const std::string& path,
                       const char* target) {
    const std::string_view to = target == nullptr ? "" : target;
    if (to.size() > limits::kMaxArchivePath) {
      return Invalid(kStep, "the target of " + Shown(path) + " is longer than " +
                                std::to_string(limits::kMaxArchivePath) + " bytes");
    }
    // How deep the link's own folder lies is how many ".." it may climb.
    if (LeadsOutside(parts.size() - 1, to)) return LinkLeadsOutside(path);
    const auto slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
    const UniqueFd in = TRY(OpenBeneath(root_.get(), parent, O_PATH | O_DIRECTORY, 0));
    if (::symlinkat(std::string(to).c_str(), in.get(), parts.back().c_str()) != 0) {
      if (errno == EEXIST) return Invalid(kStep, Shown(path) + " is there twice");
      return base::SystemError("unpack " + path);
    }
    links_.push_back(path);
    ++files_;
    return {};
  }

  Result<void> AddFile(struct archive* zip, const std::string& path, bool executable) {
    const uint64_t mode = executable ? 0755 : 0644;
    auto opened = OpenBeneath(root_.get(), path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (!opened && opened.error().error_number == EEXIST) {
      return Invalid(kStep, Shown(path) + " is there twice");
    }
    const UniqueFd file = TRY(std::move(opened));
    std::vector<char> block(kBlock);
    while (true) {
      const la_ssize_t got = archive_read_data(zip, block.data(), block.size());
      if (got == 0) break;
      if (got < 0) return Invalid(kStep, Shown(path) + ": " + Reason(zip));
      size_ += static_cast<uint64_t>(got);
      if (size_ > limits_.unpacked.count()) {
        return base::MakeError(base::ErrorKind::kLimit, kStep,
                               "Unzipped size must be smaller than " +
                                   std::to_string(limits_.unpacked.count()) + " bytes");
      }
      TRY(base::WriteAll(file.get(), {block.data(), static_cast<size_t>(got)}));
    }
    // The umask must not decide what a function may read.
    if (::fchmod(file.get(), static_cast<mode_t>(mode)) != 0) {
      return base::SystemError("unpack " + path);
    }
    ++files_;
    return {};
  }

  UniqueFd root_;
  const UnpackLimits& limits_;
  std::set<std::string> folders_;
  std::vector<std::string> links_;
  uint64_t size_ = 0;
  size_t entries_ = 0;
  size_t files_ = 0;
};

la_ssize_t AppendToString(struct archive*, void* user, const void* data, size_t size) noexcept {
  static_cast<std::string*>(user)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

Result<Writer> OpenWriter(std::string* out) {
  Writer zip(archive_write_new());
  if (archive_write_set_format_zip(zip.get()) != ARCHIVE_OK ||
      archive_write_set_bytes_per_block(zip.get(), 0) != ARCHIVE_OK ||
      archive_write_open(zip.get(), out, nullptr, AppendToString, nullptr) != ARCHIVE_OK) {
    return Invalid("pack zip", Reason(zip.get()));
  }
  return zip;
}

Result<void> WriteEntry(struct archive* zip, const std::string& name, mode_t type, mode_t mode,
                        std::string_view content) {
  const Entry entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), type);
  archive_entry_set_perm(entry.get(), mode);
  // No time at all: the writer then says 1980-01-01, and the zone of this machine plays no part.
  if (type == AE_IFLNK) {
    archive_entry_set_symlink(entry.get(), std::string(content).c_str());
  } else {
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  }
  if (archive_write_header(zip, entry.get()) != ARCHIVE_OK ||
      (type == AE_IFREG && !content.empty() &&
       archive_write_data(zip, content.data(), content.size()) !=
           static_cast<la_ssize_t>(content.size()))) {
    return Invalid("pack " + name, Reason(zip));
  }
  return {};
}

// Every file and link below `folder`, as names relative to it, sorted.
Result<std::vector<std::string>> ListFiles(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  auto at = std::filesystem::recursive_directory_iterator(folder, error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    const auto status = at->symlink_status(error);
    if (error) break;
    if (std::filesystem::is_directory(status)) continue;
    if (!std::filesystem::is_regular_file(status) && !std::filesystem::is_symlink(status)) {
      return Invalid("pack " + at->path().string(),
                     "it is neither a file, a folder nor a symbolic link");
    }
    names.push_back(at->path().lexically_relative(folder).string());
  }
  if (error) return base::SystemError("read folder " + folder, error.value());
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<Unpacked> UnpackZip(std::string_view zip, const std::string& folder,
                           const UnpackLimits& limits) {
  const auto not_a_zip = [](std::string_view why) {
    return Invalid(kStep, "the upload is not a zip archive: " + std::string(why));
  };
  if (zip.empty()) return not_a_zip("it is empty");
  UniqueFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return base::SystemError("open " + folder);
  const Utf8Locale utf8;
  const Reader reader(archive_read_new());
  // The seekable reader alone: it believes the central directory, as unzip and AWS do.
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), zip.data(), zip.size()) != ARCHIVE_OK) {
    return not_a_zip(Reason(reader.get()));
  }
  Unpacker unpacker(std::move(root), limits);
  struct archive_entry* entry = nullptr;
  while (true) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return not_a_zip(Reason(reader.get()));
    TRY(unpacker.Add(reader.get(), entry));
  }
  return unpacker.Finish();
}

Result<std::string> PackZip(const std::string& folder) {
  const std::vector<std::string> names = TRY(ListFiles(folder));
  if (names.empty()) return Invalid("pack " + folder, "the folder has no files");
  const Utf8Locale utf8;
  std::string out;
  const Writer zip = TRY(OpenWriter(&out));
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return base::SystemError("pack " + path);
    if (S_ISLNK(status.st_mode)) {
      std::error_code error;
      const std::string target = std::filesystem::read_symlink(path, error).string();
      if (error) return base::SystemError("pack " + path, error.value());
      const auto depth = static_cast<size_t>(std::ranges::count(name, '/'));
      if (LeadsOutside(depth, target)) {
        return Invalid("pack " + path,
                       "the symbolic link leads outside the folder, to '" + target + "'");
      }
      TRY(WriteEntry(zip.get(), name, AE_IFLNK, 0777, target));
      continue;
    }
    const std::string content = TRY(base::ReadFile(path, limits::kMaxUnzipped));
    const mode_t mode = (status.st_mode & 0111) != 0 ? 0755 : 0644;
    TRY(WriteEntry(zip.get(), name, AE_IFREG, mode, content));
  }
  if (archive_write_close(zip.get()) != ARCHIVE_OK) {
    return Invalid("pack " + folder, Reason(zip.get()));
  }
  return out;
}

Result<std::string> PackZipOfText(const std::string& name, std::string_view content) {
  const Utf8Locale utf8;
  std::string out;
  const Writer zip = TRY(OpenWriter(&out));
  TRY(WriteEntry(zip.get(), name, AE_IFREG, 0644, content));
  if (archive_write_close(zip.get()) != ARCHIVE_OK) {
    return Invalid("pack " + name, Reason(zip.get()));
  }
  return out;
}

}  // namespace hearth::layers
