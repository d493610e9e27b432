#include "host/privilege.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace hearth::host {

using base::Result;
using base::SystemError;

namespace {

// Everything below the folder but the zygote's own part, which stays root's.
Result<void> GiveFolder(const std::string& folder, uid_t uid, gid_t gid) {
  std::error_code error;
  if (::lchown(folder.c_str(), uid, gid) != 0) return SystemError("chown " + folder);
  auto entry = std::filesystem::recursive_directory_iterator(folder, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator();
       entry.increment(error)) {
    if (entry.depth() == 0 && entry->path().filename() == "sandbox") {
      entry.disable_recursion_pending();
      continue;
    }
    if (::lchown(entry->path().c_str(), uid, gid) != 0) {
      return SystemError("chown " + entry->path().string());
    }
  }
  if (error) return SystemError("walk " + folder, error.value());
  return {};
}

Result<const struct passwd*> FindUser(const std::string& user) {
  const struct passwd* entry = ::getpwnam(user.c_str());
  if (entry != nullptr) return entry;
  return base::Invalid("option user", "there is no user '" + user + "' on this machine");
}

}  // namespace

Result<uid_t> UserId(const std::string& user) { return TRY(FindUser(user))->pw_uid; }

Result<void> DropPrivilege(const std::string& user, const std::string& owned_folder) {
  const struct passwd* entry = TRY(FindUser(user));
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  TRY(GiveFolder(owned_folder, uid, gid));
  if (::initgroups(user.c_str(), gid) != 0) return SystemError("initgroups " + user);
  if (::setresgid(gid, gid, gid) != 0) return SystemError("setresgid");
  if (::setresuid(uid, uid, uid) != 0) return SystemError("setresuid");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return SystemError("no_new_privs");
  if (::access(owned_folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return SystemError("reach " + owned_folder + " as " + user +
                       ", who must be able to pass every folder above it");
  }
  return {};
}

}  // namespace hearth::host
