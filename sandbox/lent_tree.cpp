#include "sandbox/lent_tree.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

result<void> write_map(pid_t pid, const char* file, std::uint32_t inside, std::uint32_t outside) {
  const auto path = "/proc/" + std::to_string(pid) + "/" + file;
  const auto map = std::to_string(inside) + " " + std::to_string(outside) + " 1\n";
  const unique_fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd || ::write(fd.get(), map.data(), map.size()) < 0) return os_failure("lend", "write " + path);
  return {};
}

/// A user namespace exists as long as somebody is in it or holds it: a process makes it, we take it.
class short_lived {
 public:
  short_lived() : pid_{static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0))} {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;) ::pause();
  }
  short_lived(const short_lived&) = delete;
  ~short_lived() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_;
};

result<unique_fd> namespace_that_maps(std::uint32_t uid, std::uint32_t gid, std::uint32_t id) {
  const short_lived holder;
  if (holder.pid() < 0) return os_failure("lend", "clone into a user namespace");
  LAZARET_TRY(write_map(holder.pid(), "uid_map", uid, id));
  LAZARET_TRY(write_map(holder.pid(), "gid_map", gid, id));
  unique_fd space{::open(("/proc/" + std::to_string(holder.pid()) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC)};
  if (!space) return os_failure("lend", "open the user namespace");
  return space;
}

}  // namespace

result<unique_fd> lend_tree(const std::string& host_path, std::uint32_t id) {
  unique_fd tree{::open_tree(AT_FDCWD, host_path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!tree) return os_failure("lend", host_path);
  struct stat owner {};
  if (::fstat(tree.get(), &owner) != 0) return os_failure("lend", "fstat " + host_path);
  const auto space = namespace_that_maps(owner.st_uid, owner.st_gid, id);
  if (!space) return space.error();
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  change.userns_fd = static_cast<std::uint64_t>(space->get());
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0)
    return os_failure("lend", "idmap " + host_path, "does its file system know idmapped mounts?");
  return tree;
}

}  // namespace lazaret::sandbox
