#include "http/privileges.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lazaret::http {
namespace {

using sandbox::failure;
using sandbox::os_failure;
using sandbox::result;

result<passwd> find_user(const std::string& user) {
  errno = 0;
  const passwd* const found = ::getpwnam(user.c_str());
  if (found == nullptr) return os_failure("become_user", "RUN_AS_USER=" + user, "is there such a user?");
  return *found;
}

}  // namespace

result<void> make_data_folder(const std::filesystem::path& folder, const std::string& user) {
  std::error_code bad;
  std::filesystem::create_directories(folder, bad);
  if (bad) return failure{"make_data_folder", bad.value(), folder.string(), "DATA_DIR"};
  // One that holds something already belongs to whoever put it there: become() says so when that is not the user.
  const bool is_empty = std::filesystem::is_empty(folder, bad);
  if (!is_empty || bad || ::geteuid() != 0 || user.empty()) return {};
  const auto who = find_user(user);
  if (!who) return who.error();
  if (::chown(folder.c_str(), who->pw_uid, who->pw_gid) != 0) return os_failure("make_data_folder", folder.string());
  if (::chmod(folder.c_str(), 0750) != 0) return os_failure("make_data_folder", folder.string());
  return {};
}

result<void> become(const std::string& user, const std::filesystem::path& must_write) {
  if (::geteuid() == 0 && !user.empty()) {
    const auto who = find_user(user);
    if (!who) return who.error();
    // Groups first: that needs the privilege that the next steps give away.
    if (::initgroups(user.c_str(), who->pw_gid) != 0) return os_failure("become_user", "initgroups " + user);
    if (::setresgid(who->pw_gid, who->pw_gid, who->pw_gid) != 0) return os_failure("become_user", "setresgid " + user);
    if (::setresuid(who->pw_uid, who->pw_uid, who->pw_uid) != 0) return os_failure("become_user", "setresuid " + user);
    if (who->pw_uid != 0 && ::setuid(0) == 0) return failure{"become_user", 0, "root could be taken back", {}};
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os_failure("become_user", "PR_SET_NO_NEW_PRIVS");
  if (::access(must_write.c_str(), R_OK | W_OK | X_OK) != 0) {
    return os_failure("become_user", must_write.string(),
                      "DATA_DIR must be reachable and writable by RUN_AS_USER; chown it, or choose another");
  }
  return {};
}

}  // namespace lazaret::http
