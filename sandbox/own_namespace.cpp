#include "sandbox/own_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>

#include "sandbox/try.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

result<void> put(const std::string& path, const std::string& text) {
  const unique_fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd || ::write(fd.get(), text.data(), text.size()) < 0) return os_failure("privileges", "write " + path);
  return {};
}

}  // namespace

result<void> ensure_root(char** argv) {
  const auto uid = ::geteuid();
  const auto gid = ::getegid();
  if (uid == 0) return {};
  if (::unshare(CLONE_NEWUSER) != 0)
    return os_failure("privileges", "unshare user namespace", "run as root, or allow user namespaces");
  LAZARET_TRY(put("/proc/self/setgroups", "deny"));
  LAZARET_TRY(put("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1"));
  LAZARET_TRY(put("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"));
  ::execv("/proc/self/exe", argv);
  return os_failure("privileges", "execute /proc/self/exe again");
}

result<std::uint64_t> mappable_uids() {
  std::ifstream map{"/proc/self/uid_map"};
  std::uint64_t inside = 0, outside = 0, count = 0, total = 0;
  while (map >> inside >> outside >> count) total += count;
  if (total == 0) return failure{"privileges", 0, "read /proc/self/uid_map", "is /proc mounted?"};
  return {boost::system::in_place_value, total};
}

}  // namespace lazaret::sandbox
