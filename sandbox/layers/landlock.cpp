#include "sandbox/layers/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/open_resolved.hpp"
#include "sandbox/try.hpp"
#include "sandbox/unique_fd.hpp"

// Debian 12's headers end at ABI 2 (Linux 6.1).
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)  // ABI 3, Linux 6.2
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)  // ABI 5, Linux 6.10
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)  // ABI 6, Linux 6.12
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
#define LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF (1U << 0)  // ABI 7, Linux 6.15
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF (1U << 2)
#endif

namespace lazaret::sandbox {
namespace {

/// struct landlock_ruleset_attr as of ABI 6. Older kernels take it while what they don't know is zero.
struct ruleset_attributes {
  std::uint64_t handled_access_fs, handled_access_net, scoped;
};

constexpr std::uint64_t execute = LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t read_file = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t write_file = LANDLOCK_ACCESS_FS_WRITE_FILE;
constexpr std::uint64_t read = read_file | LANDLOCK_ACCESS_FS_READ_DIR;
/// Whatever changes a directory tree, but for device nodes: those are in no rule.
constexpr std::uint64_t write = write_file | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
/// The rights that mean something for what is not a directory; the kernel refuses a rule with others.
constexpr std::uint64_t of_files =
    execute | read_file | write_file | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV;

constexpr std::uint64_t handled(int abi) {
  std::uint64_t all = execute | read | write | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
  if (abi < 3) all &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
  if (abi >= 5) all |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
  return all;
}

failure refused(const std::string& what) { return os_failure("landlock", what); }

class ruleset {
 public:
  explicit ruleset(int abi) : handled_{handled(abi)} {
    ruleset_attributes attributes{handled_, 0, 0};
    if (abi >= 6) attributes.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
    fd_.reset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  result<void> allow_at(std::uint64_t rights, int beneath, const std::string& name) {
    struct stat status {};
    if (::fstat(beneath, &status) != 0) return refused("fstat " + name);
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights & handled_ & (S_ISDIR(status.st_mode) ? ~0ULL : of_files);
    rule.parent_fd = beneath;
    if (rule.allowed_access == 0) return {};
    if (::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return refused("add_rule " + name);
    return {};
  }
  /// Through no link: what a mount's target is, is what it was mounted on (mounts.cpp).
  result<void> allow(std::uint64_t rights, const std::string& path, bool may_be_absent = false) {
    const auto place = open_resolved(AT_FDCWD, path.c_str(), O_PATH, through_no_link);
    if (!place && errno == ENOENT && may_be_absent) return {};
    if (!place) return refused("open " + path);
    return allow_at(rights, place.get(), path);
  }

 private:
  std::uint64_t handled_;
  unique_fd fd_;
};

/// Opened outside of the jail, so no rule knows its path: without this, /dev/stdin could not be opened. Pipes and
/// sockets belong to no directory, and Landlock leaves them alone.
result<void> allow_standard_input(ruleset& rules) {
  struct stat status {};
  if (::fstat(STDIN_FILENO, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISCHR(status.st_mode))) return {};
  return rules.allow_at(read_file, STDIN_FILENO, "standard input");
}

}  // namespace

int landlock_abi() noexcept {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

result<void> restrict_by_landlock(const policy& what, int abi) {
  ruleset rules{abi};
  if (rules.fd() < 0) return refused("create_ruleset");
  LAZARET_TRY(rules.allow(read, "/"));
  LAZARET_TRY(rules.allow(write_file, "/dev"));
  LAZARET_TRY(allow_standard_input(rules));
  if (what.terminal.rows != 0)  // as the descriptors that it is born with: they can be opened again
    for (const auto* device : {"/dev/tty", "/dev/pts"}) LAZARET_TRY(rules.allow(LANDLOCK_ACCESS_FS_IOCTL_DEV, device));
  for (const auto& b : what.binds)
    if (b.executable || b.writable)
      LAZARET_TRY(rules.allow((b.executable ? execute : 0) | (b.writable ? write : 0), b.target, b.optional));
  for (const auto& o : what.overlays)
    LAZARET_TRY(rules.allow((o.executable ? execute : 0) | (o.writable ? write : 0), o.target));
  for (const auto& v : what.volumes)
    LAZARET_TRY(rules.allow((v.executable ? execute : 0) | (v.writable ? write : 0), v.target));
  for (const auto& t : what.tmpfs)
    LAZARET_TRY(rules.allow((t.executable ? execute : 0) | (t.writable ? write : 0), t.target));

  for (const auto& f : what.files)
    if (f.executable) LAZARET_TRY(rules.allow(execute, f.target));

  const unsigned quiet =
      abi >= 7 ? LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF | LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF : 0;
  if (::syscall(SYS_landlock_restrict_self, rules.fd(), quiet) != 0) return refused("restrict_self");
  return {};
}

}  // namespace lazaret::sandbox
