#include "sandbox/own_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "sandbox/try.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

result<void> put(const std::string& path, const std::string& text) {
  const unique_fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd || ::write(fd.get(), text.data(), text.size()) < 0) return os_failure("privileges", "write " + path);
  return {};
}

/// Of passwd(5), `NAME:x:UID:...`. Not getpwuid(3), which a static program can't have; a user whom only the network
/// knows can be in subuid(5) by number.
std::string name_of(uid_t uid) {
  std::ifstream users{"/etc/passwd"};
  for (std::string line; std::getline(users, line);) {
    const auto name = line.find(':'), password = line.find(':', name + 1);
    const auto end = line.find(':', password + 1);
    if (end != std::string::npos && line.substr(password + 1, end - password - 1) == std::to_string(uid))
      return line.substr(0, name);
  }
  return {};
}

/// subuid(5): `NAME or UID:FIRST:COUNT`, the first line of this user.
struct subordinate {
  std::string first, count;
};

std::optional<subordinate> find_subordinate(const char* file) {
  const auto uid = ::getuid();
  const auto name = name_of(uid);
  std::ifstream lines{file};
  for (std::string line; std::getline(lines, line);) {
    const auto one = line.find(':'), two = line.find(':', one + 1);
    if (two == std::string::npos) continue;
    const auto who = line.substr(0, one);
    if ((!name.empty() && who == name) || who == std::to_string(uid))
      return subordinate{line.substr(one + 1, two - one - 1), line.substr(two + 1)};
  }
  return {};
}

bool run(const char* program, const std::string& process, unsigned own, const subordinate& more) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto id = std::to_string(own);
    ::execl(program, program, process.c_str(), "0", id.c_str(), "1", "1", more.first.c_str(), more.count.c_str(),
            nullptr);
    ::_exit(127);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// A process outside of the namespace that maps ids into it: the set-user-id programs have their rights only there.
class mapper {
 public:
  /// Call before the namespace is entered. Starts nothing where nothing is to be had.
  mapper() {
    auto uids = find_subordinate("/etc/subuid"), gids = find_subordinate("/etc/subgid");
    if (!uids || !gids || ::access(newuidmap, X_OK) != 0 || ::access(newgidmap, X_OK) != 0) return;
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    unique_fd wait{ends[0]};
    go_.reset(ends[1]);
    const auto target = std::to_string(::getpid());
    helper_ = ::fork();
    if (helper_ != 0) return;
    go_.reset();
    char byte = 0;
    if (::read(wait.get(), &byte, 1) != 1) ::_exit(1);
    const bool done = run(newuidmap, target, ::getuid(), *uids) && run(newgidmap, target, ::getgid(), *gids);
    ::_exit(done ? 0 : 1);
  }
  mapper(const mapper&) = delete;
  mapper& operator=(const mapper&) = delete;
  ~mapper() { (void)finish(); }

  /// In the namespace. False: nothing was mapped, or only the uids.
  bool map() { return helper_ > 0 && ::write(go_.get(), "g", 1) == 1 && finish(); }

 private:
  static constexpr const char* newuidmap = "/usr/bin/newuidmap";
  static constexpr const char* newgidmap = "/usr/bin/newgidmap";
  bool finish() {
    go_.reset();
    int status = 1;
    const auto helper = std::exchange(helper_, -1);
    return helper > 0 && ::waitpid(helper, &status, 0) == helper && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  unique_fd go_;
  pid_t helper_ = -1;
};

bool is_mapped(const char* map) {
  std::ifstream lines{map};
  return !std::string{std::istreambuf_iterator<char>{lines}, {}}.empty();
}

}  // namespace

result<void> ensure_root(char** argv, which_ids ids) {
  const auto uid = ::geteuid();
  const auto gid = ::getegid();
  if (uid == 0) return {};
  {
    std::optional<mapper> helper;
    if (ids == which_ids::subordinate_too) helper.emplace();
    if (::unshare(CLONE_NEWUSER) != 0)
      return os_failure("privileges", "unshare user namespace", "run as root, or allow user namespaces");
    if (helper) (void)helper->map();  // what it could not do is done below
  }
  if (!is_mapped("/proc/self/uid_map")) LAZARET_TRY(put("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1"));
  if (!is_mapped("/proc/self/gid_map")) {
    LAZARET_TRY(put("/proc/self/setgroups", "deny"));
    LAZARET_TRY(put("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"));
  }
  ::execv("/proc/self/exe", argv);
  return os_failure("privileges", "execute /proc/self/exe again");
}

}  // namespace lazaret::sandbox
