#include <dirent.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/probe/probe.hpp"

namespace lazaret::probe {
namespace {

breach write_to_root() {
  struct statvfs root {};
  if (::statvfs("/", &root) != 0) return because("statvfs /");
  constexpr unsigned long wanted = ST_RDONLY | ST_NOSUID | ST_NODEV;
  if ((root.f_flag & wanted) != wanted) return "/ is not read-only, nosuid, nodev";
  if (::mkdir("/lazaret-probe.d", 0700) == 0) {
    ::rmdir("/lazaret-probe.d");
    return "made a directory in /";
  }
  return errno == EROFS ? breach{} : because("mkdir in /");
}

breach see_host() {
  for (const char* path : {"/etc/shadow", "/root", "/home", "/var", "/boot", "/sys", "/run", "/proc/sys", "/proc/kcore",
                           "/proc/sysrq-trigger", "/proc/keys", "/dev/mem", "/dev/kmsg", "/dev/ptmx", "/dev/shm"})
    if (::access(path, F_OK) == 0) return std::string{"sees "} + path;
  struct stat here {
  }, above{};
  if (::stat("/", &here) != 0 || ::stat("/..", &above) != 0) return because("stat /..");
  return here.st_ino == above.st_ino && here.st_dev == above.st_dev ? breach{} : "/.. is another directory";
}

/// In the one writable place of the probe's jail, a noexec tmpfs: `tmp_bytes` large, of `tmp_inodes` files.
breach overfill(const expectations& jail, const std::string& place) {
  const auto most = jail.number("tmp_bytes");
  const auto file = place + "/full";
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  if (fd < 0) return because("create in /tmp");
  constexpr ssize_t page = 4096;
  std::array<char, page> block{};
  unsigned long written = 0;
  while (written < 2 * most && ::write(fd, block.data(), page) == page) written += page;
  const bool full = errno == ENOSPC && written < 2 * most;
  if (::ftruncate(fd, 0) != 0) return because("truncate in /tmp");
  (void)!::write(fd, "#!/lazaret-probe\n", 17);
  ::close(fd);
  char* const argv[] = {nullptr};
  const bool ran = ::access(file.c_str(), X_OK) == 0 || (::execve(file.c_str(), argv, argv), errno != EACCES);
  ::unlink(file.c_str());
  if (!full) return "wrote " + std::to_string(written) + " bytes to /tmp";
  if (ran) return "/tmp would run a file";

  const auto name = [&](unsigned long n) { return place + "/" + std::to_string(n); };
  unsigned long made = 0;
  while (made < 2 * jail.number("tmp_inodes") && ::mknod(name(made).c_str(), S_IFREG | 0600, 0) == 0) ++made;
  const bool refused = made < jail.number("tmp_inodes") && errno == ENOSPC;
  for (unsigned long n = 0; n < made; ++n) ::unlink(name(n).c_str());
  return refused ? breach{} : "made " + std::to_string(made) + " files in /tmp";
}

}  // namespace

breach share_inodes(const expectations& jail) {
  const std::string directory{jail.text("shared")};
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return because("open " + directory);
  const bool free = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  const auto why = because("flock " + directory);
  ::close(fd);
  return free ? breach{} : why;
}

breach leave_root(const expectations& jail) {
  if (auto b = write_to_root(); !b.empty()) return b;
  if (auto b = see_host(); !b.empty()) return b;
  char place[] = "/tmp/lazaret-probe-XXXXXX";
  if (::mkdtemp(place) == nullptr) return because("mkdtemp in /tmp");
  auto b = overfill(jail, place);
  ::rmdir(place);
  return b;
}

/// What neither a mount nor seccomp stops, so that it is Landlock that is seen.
breach pass_landlock(const expectations& jail) {
  const auto abi = jail.number("landlock_abi");
  if (const int fd = ::open("/proc/self/comm", O_RDONLY | O_CLOEXEC); fd < 0)
    return because("read /proc/self/comm");
  else
    ::close(fd);
  for (const char* path : {"/proc/self/comm", "/proc/self/mem", "/proc/self/oom_score_adj"}) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) return ::close(fd), std::string{"opened "} + path + " for writing";
    if (errno != EACCES) return because(path);
  }
  if (const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC); fd < 0)
    return because("write to /dev/null");
  else
    ::close(fd);
  if (abi >= 5) {
    const int fd = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    int bits = 0;
    const bool refused = ::ioctl(fd, RNDGETENTCNT, &bits) != 0 && errno == EACCES;
    ::close(fd);
    if (!refused) return "ioctl on /dev/urandom was let through";
  }
  if (abi >= 6 && (::kill(::getppid(), 0) == 0 || errno != EPERM)) return "may signal its parent, the jail's init";
  return {};
}

}  // namespace lazaret::probe
