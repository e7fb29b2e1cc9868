#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/probe/probe.hpp"

namespace lazaret::probe {

breach keep_descriptors(const expectations&) {
  for (int fd = 3; fd < 4096; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) return "fd " + std::to_string(fd) + " is open";
  for (int fd = 0; fd < 3; ++fd) {
    struct stat what {};
    if (::fstat(fd, &what) == 0 && S_ISDIR(what.st_mode)) return "fd " + std::to_string(fd) + " is a directory";
  }
  return {};
}

/// It has this process's uid, so nothing but its being opaque keeps the two apart.
breach look_into_init(const expectations&) {
  const auto init = ::getppid();
  if (init != 1) return "the parent is " + std::to_string(init) + ", no init";
  for (const char* path : {"/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/1/fd/3", "/proc/1/root/etc"})
    if (::access(path, F_OK) == 0 || (errno != ENOENT && errno != EACCES)) return std::string{"sees "} + path;
  return {};
}

breach use_capabilities(const expectations&) {
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    if (const auto held = status_of_self(set); held.find_first_not_of('0') != std::string::npos || held.empty())
      return std::string{set} + " is " + held;
  constexpr int locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                         SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (const int bits = ::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0); bits < 0 || (bits & locked) != locked)
    return "securebits are " + std::to_string(bits);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> all{};
  for (auto& half : all) half.effective = half.permitted = 1U << CAP_DAC_OVERRIDE;
  all[1] = {};
  if (::syscall(SYS_capset, &header, all.data()) == 0) return "capset gave CAP_DAC_OVERRIDE";
  return {};
}

breach gain_privileges(const expectations&) {
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return "not set";
  if (::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0) return "could be unset";
  return {};
}

breach find_terminal(const expectations&) {
  if (::getsid(0) != ::getpid()) return "in the session of " + std::to_string(::getsid(0));
  if (::open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0) return "opened the controlling terminal";
  return {};
}

namespace {

breach differs(int which, const char* name, unsigned long wanted) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource>(which), &now);
  if (now.rlim_max == wanted && now.rlim_cur <= wanted) return {};
  return std::string{name} + " is " + std::to_string(now.rlim_max);
}

}  // namespace

breach exceed_rlimits(const expectations& jail) {
  const auto files = jail.number("open_files"), size = jail.number("file_size");
  if (auto b = differs(RLIMIT_NOFILE, "RLIMIT_NOFILE", files); !b.empty()) return b;
  if (auto b = differs(RLIMIT_FSIZE, "RLIMIT_FSIZE", size); !b.empty()) return b;
  // 1 keeps even a core_pattern that is a pipe from being started (sandbox/layers/resource_limits.cpp).
  if (auto b = differs(RLIMIT_CORE, "RLIMIT_CORE", 1); !b.empty()) return b;
  if (auto b = differs(RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING", 1024); !b.empty()) return b;
  if (auto b = differs(RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", 0); !b.empty()) return b;
  if (auto b = differs(RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING", 1024); !b.empty()) return b;
  if (auto b = differs(RLIMIT_CPU, "RLIMIT_CPU", jail.number("cpu_seconds")); !b.empty()) return b;

  int last = 2;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) last = fd;
  const bool refused = errno == EMFILE && static_cast<unsigned long>(last) + 1 == files;
  for (int fd = 3; fd <= last; ++fd) ::close(fd);
  if (!refused) return "opened fd " + std::to_string(last);

  ::signal(SIGXFSZ, SIG_IGN);
  const int fd = ::memfd_create("probe", MFD_CLOEXEC);
  const bool cut = ::pwrite(fd, "x", 1, static_cast<off_t>(size)) < 0 && errno == EFBIG;
  ::close(fd);
  return cut ? breach{} : "wrote beyond RLIMIT_FSIZE";
}

}  // namespace lazaret::probe
