#include "sandbox/seccomp.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <memory>

#include "sandbox/bpf_shrink.hpp"
#include "sandbox/seccomp_calls.hpp"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace lazaret::sandbox {
namespace {

using argument = scmp_arg_cmp;

/// Gathers rules; remembers the first that libseccomp refused. Rules for one call must not overlap: libseccomp does not
/// say which of two matching ones wins.
class rule_book {
 public:
  explicit rule_book(scmp_filter_ctx context) : context_{context} {}

  void add(std::uint32_t action, int call, std::initializer_list<argument> when = {}) {
    if (call < 0 || error_ != 0) return;
    const int rc = seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(when.size()), std::data(when));
    if (rc == 0) return;
    error_ = -rc;
    call_ = call;
  }

  /// For every 32-bit value of an argument except `but`. libseccomp knows no "else", so the complement is spelled as
  /// prefixes: a value outside the set leaves the binary trie of the set at exactly one bit.
  void add_else(std::uint32_t action, int call, unsigned index, const std::vector<std::uint32_t>& but) {
    outside(action, call, index, but, 0, 0);
  }

  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] int call() const noexcept { return call_; }

 private:
  void outside(std::uint32_t action, int call, unsigned index, const std::vector<std::uint32_t>& inside, int depth,
               std::uint32_t prefix) {
    if (inside.empty()) {
      const std::uint64_t mask = depth == 0 ? 0 : 0xffffffffULL << (32 - depth) & 0xffffffffULL;
      add(action, call, {SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, prefix)});
      return;
    }
    if (depth == 32) return;
    const std::uint32_t bit = 1U << (31 - depth);
    std::vector<std::uint32_t> halves[2];
    for (const std::uint32_t value : inside) halves[(value & bit) != 0].push_back(value);
    outside(action, call, index, halves[0], depth + 1, prefix);
    outside(action, call, index, halves[1], depth + 1, prefix | bit);
  }

  scmp_filter_ctx context_;
  int error_ = 0;
  int call_ = 0;
};

/// The kernel looks at the low 32 bits of an int argument only, so the filter must too.
argument is(unsigned index, std::uint32_t value) { return SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, 0xffffffffULL, value); }
argument masked(unsigned index, std::uint32_t mask, std::uint32_t value) {
  return SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, value);
}

constexpr std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);

/// Marks the numbers of x32, which has no AUDIT_ARCH_ of its own (asm/unistd.h).
constexpr int x32_bit = 0x40000000;

/// Threads and children, but no namespace: inside a user namespace of its own a program would have every capability.
void add_clone(rule_book& rules) {
  constexpr std::uint32_t namespaces =
      CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(clone), {masked(0, namespaces, 0)});
  // One rule per lowest flag that is set, so that no two rules overlap.
  std::uint32_t lower = 0;
  for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
    if ((namespaces & bit) == 0) continue;
    rules.add(refuse, SCMP_SYS(clone), {masked(0, lower | bit, bit)});
    lower |= bit;
  }
}

/// Families that need no kernel module of their own. Exotic families and protocols are loaded on demand and are where
/// kernel exploits start; AF_VSOCK and AF_BLUETOOTH moreover know no network namespace.
void add_socket(rule_book& rules) {
  constexpr std::uint32_t type_mask = 0xf;  // the rest is SOCK_CLOEXEC and SOCK_NONBLOCK
  rules.add_else(SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 0, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK});
  for (const std::uint32_t type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET})
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(socket), {is(0, AF_UNIX), masked(1, type_mask, type)});
  for (const std::uint32_t family : {AF_INET, AF_INET6}) {
    const auto inet = [&](std::uint32_t action, std::uint32_t type, std::uint32_t protocol) {
      rules.add(action, SCMP_SYS(socket), {is(0, family), masked(1, type_mask, type), is(2, protocol)});
    };
    inet(SCMP_ACT_ALLOW, SOCK_STREAM, 0);
    inet(SCMP_ACT_ALLOW, SOCK_STREAM, 6 /* TCP */);
    inet(SCMP_ACT_ALLOW, SOCK_DGRAM, 0);
    inet(SCMP_ACT_ALLOW, SOCK_DGRAM, 17 /* UDP */);
    // MPTCP: Go asks for it at start and takes TCP when told this. SCTP, SMC likewise.
    for (const std::uint32_t protocol : {262, 132, 256}) inet(SCMP_ACT_ERRNO(EPROTONOSUPPORT), SOCK_STREAM, protocol);
    for (const std::uint32_t protocol : {1, 58, 136})  // ping sockets and UDP-Lite
      inet(SCMP_ACT_ERRNO(EPROTONOSUPPORT), SOCK_DGRAM, protocol);
    for (const std::uint32_t type : {SOCK_RAW, SOCK_PACKET})
      rules.add(refuse, SCMP_SYS(socket), {is(0, family), masked(1, type_mask, type)});
  }
  // getifaddrs() and if_nameindex() ask NETLINK_ROUTE, which is protocol 0.
  for (const std::uint32_t type : {SOCK_RAW, SOCK_DGRAM})
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(socket), {is(0, AF_NETLINK), masked(1, type_mask, type), is(2, 0)});
  for (std::uint32_t protocol = 1; protocol < 32 /* MAX_LINKS */; ++protocol)
    rules.add(SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), {is(0, AF_NETLINK), is(2, protocol)});

  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(socketpair), {is(0, AF_UNIX)});
  rules.add_else(SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 0, {AF_UNIX});
}

/// TIOCSTI types into the terminal that started the jail, TIOCLINUX pastes into it, TIOCSETD loads line disciplines.
void add_ioctl(rule_book& rules) {
  const std::vector<std::uint32_t> refused{TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS};
  for (const std::uint32_t request : refused) rules.add(refuse, SCMP_SYS(ioctl), {is(1, request)});
  rules.add_else(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, refused);
}

/// The ordinary ones; others as a kernel that never heard of them. PR_SET_MM would let a program rewrite what
/// /proc/PID/exe and cmdline say of it.
void add_prctl(rule_book& rules) {
  constexpr std::uint32_t set_vma = 0x53564d41, set_ptracer = 0x59616d61;
  const std::vector<std::uint32_t> ordinary{PR_SET_PDEATHSIG,
                                            PR_GET_PDEATHSIG,
                                            PR_GET_DUMPABLE,
                                            PR_SET_DUMPABLE,
                                            PR_GET_KEEPCAPS,
                                            PR_SET_NAME,
                                            PR_GET_NAME,
                                            PR_GET_SECCOMP,
                                            PR_GET_TIMING,
                                            PR_CAPBSET_READ,
                                            PR_CAPBSET_DROP,
                                            PR_GET_SECUREBITS,
                                            PR_GET_TIMERSLACK,
                                            PR_SET_TIMERSLACK,
                                            PR_SET_CHILD_SUBREAPER,
                                            PR_GET_CHILD_SUBREAPER,
                                            PR_SET_NO_NEW_PRIVS,
                                            PR_GET_NO_NEW_PRIVS,
                                            PR_GET_TID_ADDRESS,
                                            PR_SET_THP_DISABLE,
                                            PR_GET_THP_DISABLE,
                                            PR_CAP_AMBIENT,
                                            PR_GET_SPECULATION_CTRL,
                                            PR_SET_SPECULATION_CTRL,
                                            set_vma,
                                            set_ptracer};
  for (const std::uint32_t option : ordinary) rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), {is(0, option)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), {is(0, PR_SET_SECCOMP)});
  rules.add(refuse, SCMP_SYS(prctl), {is(0, PR_SET_MM)});
  std::vector<std::uint32_t> named = ordinary;
  named.insert(named.end(), {PR_SET_SECCOMP, PR_SET_MM});
  rules.add_else(SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 0, named);
}

/// Reading it, the default, and what setarch -R asks. READ_IMPLIES_EXEC and the emulations weaken address layout.
void add_personality(rule_book& rules) {
  const std::vector<std::uint32_t> harmless{PER_LINUX, ADDR_NO_RANDOMIZE, 0xffffffff};
  for (const std::uint32_t persona : harmless) rules.add(SCMP_ACT_ALLOW, SCMP_SYS(personality), {is(0, persona)});
  rules.add_else(refuse, SCMP_SYS(personality), 0, harmless);
}

/// The jail's init has the program's uid, and these calls ask for no more than that: a program could take init's
/// time away, or leave it without a processor. Inside, init is 1 for everybody (pid_namespaces(7)).
void add_scheduling(rule_book& rules) {
  constexpr std::uint32_t init = 1;
  for (const int call :
       {SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setattr)}) {
    rules.add(refuse, call, {is(0, init)});
    rules.add_else(SCMP_ACT_ALLOW, call, 0, {init});
  }
  // Of a process, not of its group or of all that a user has: init is one of those.
  for (const auto& [call, process] : {std::pair{SCMP_SYS(setpriority), 0U /* PRIO_PROCESS */},
                                      std::pair{SCMP_SYS(ioprio_set), 1U /* IOPRIO_WHO_PROCESS */}}) {
    rules.add_else(refuse, call, 0, {process});
    rules.add(refuse, call, {is(0, process), is(1, init)});
    for (std::uint32_t bit = 0; bit < 32; ++bit) {  // every other pid differs from 1 in a first bit
      const std::uint32_t mask = ~0U << bit;
      rules.add(SCMP_ACT_ALLOW, call, {is(0, process), masked(1, mask, (init ^ (1U << bit)) & mask)});
    }
  }
}

/// A program may confine itself further: of several filters the strictest answer counts, so ours can't be relaxed. A
/// listener of its own could answer "go on" in our observer's place, so that is refused.
void add_seccomp(rule_book& rules) {
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(seccomp), {is(0, SECCOMP_SET_MODE_STRICT)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(seccomp), {is(0, SECCOMP_GET_ACTION_AVAIL)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(seccomp),
            {is(0, SECCOMP_SET_MODE_FILTER), masked(1, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0)});
  rules.add(
      refuse, SCMP_SYS(seccomp),
      {is(0, SECCOMP_SET_MODE_FILTER), masked(1, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER)});
}

/// One's own limits can be lowered, but RLIMIT_CORE must stay (layers/resource_limits.cpp): nothing is dumped either
/// way, so success is the truth. Only one's own: init has the same uid, so a program could take its descriptors away.
void add_limits(rule_book& rules) {
  static_assert(RLIMIT_CORE == 4 && RLIM_NLIMITS == 16);
  const argument oneself = is(0, 0);
  rules.add_else(refuse, SCMP_SYS(prlimit64), 0, {0});
  struct prefix {
    std::uint32_t mask, value;
  };
  for (const auto& [mask, value] : {prefix{~3U, 0}, prefix{~0U, 5}, prefix{~1U, 6}, prefix{~7U, 8}}) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(setrlimit), {masked(0, mask, value)});
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), {oneself, masked(1, mask, value)});
  }
  rules.add(SCMP_ACT_ERRNO(0), SCMP_SYS(setrlimit), {is(0, RLIMIT_CORE)});
  rules.add(SCMP_ACT_ERRNO(0), SCMP_SYS(prlimit64), {oneself, is(1, RLIMIT_CORE), SCMP_CMP64(2, SCMP_CMP_NE, 0)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), {oneself, is(1, RLIMIT_CORE), SCMP_CMP64(2, SCMP_CMP_EQ, 0)});
}

/// Files, FIFOs and sockets; devices would fail for want of CAP_MKNOD, but a (0,0) whiteout would not.
void add_mknod(rule_book& rules) {
  for (const std::uint32_t type : {0U, unsigned{S_IFREG}, unsigned{S_IFIFO}, unsigned{S_IFSOCK}}) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(mknod), {masked(1, S_IFMT, type)});
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(mknodat), {masked(2, S_IFMT, type)});
  }
  for (const std::uint32_t type : {S_IFCHR, S_IFBLK}) {
    rules.add(refuse, SCMP_SYS(mknod), {masked(1, S_IFMT, type)});
    rules.add(refuse, SCMP_SYS(mknodat), {masked(2, S_IFMT, type)});
  }
}

/// What the observer wants to see. sendmsg and sendmmsg hide the address in memory, so all of them are noted: honest
/// software rarely calls them (descriptor passing, DNS, UDP of Node), and without them a program could send datagrams
/// anywhere unseen. send() is sendto with no address and never noted; reads and writes cost nothing.
void add_observed(rule_book& rules, bool observe) {
  const std::uint32_t look = observe ? SCMP_ACT_NOTIFY : SCMP_ACT_ALLOW;
  for (const int call : {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
                         SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(memfd_create)})
    rules.add(look, call);
  // Never allowed. The observer notes who tries, and refuses; without one (or when it is gone) the kernel refuses.
  for (const int call : {SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev)})
    rules.add(observe ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM), call);
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(sendto), {SCMP_CMP64(4, SCMP_CMP_EQ, 0)});
  rules.add(look, SCMP_SYS(sendto), {SCMP_CMP64(4, SCMP_CMP_NE, 0)});
}

/// mkdir is not among them: the kernel masks its mode (vfs_mkdir() in fs/namei.c).
void add_set_ids(rule_book& rules) {
  struct mode_argument {
    int call;
    unsigned mode;
    int flags;  ///< where the mode counts only when something is made; -1: always
  };
  constexpr std::uint32_t tmpfile = O_TMPFILE & ~O_DIRECTORY;
  for (const auto& [call, mode, flags] : {mode_argument{SCMP_SYS(chmod), 1, -1},
                                          {SCMP_SYS(fchmod), 1, -1},
                                          {SCMP_SYS(fchmodat), 2, -1},
                                          {SCMP_SYS(creat), 1, -1},
                                          {SCMP_SYS(mknod), 1, -1},
                                          {SCMP_SYS(mknodat), 2, -1},
                                          {SCMP_SYS(open), 2, 1},
                                          {SCMP_SYS(openat), 3, 2}}) {
    for (const auto& bits : {masked(mode, S_ISUID, S_ISUID), masked(mode, S_ISUID | S_ISGID, S_ISGID)}) {
      if (flags < 0) {
        rules.add(refuse, call, {bits});
        continue;
      }
      const auto index = static_cast<unsigned>(flags);
      rules.add(refuse, call, {masked(index, O_CREAT, O_CREAT), bits});
      rules.add(refuse, call, {masked(index, O_CREAT | tmpfile, tmpfile), bits});
    }
  }
}

failure refused(int negative_errno, std::string subject) {
  return {"seccomp_filter", -negative_errno, std::move(subject), {}};
}

/// libseccomp 2.5 writes its program to an fd only.
result<std::vector<std::uint64_t>> read_program(scmp_filter_ctx context) {
  const unique_fd file{::memfd_create("lazaret-bpf", MFD_CLOEXEC)};
  if (!file) return os_failure("seccomp_filter", "memfd_create");
  if (const int rc = seccomp_export_bpf(context, file.get()); rc != 0) return refused(rc, "seccomp_export_bpf");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return os_failure("seccomp_filter", "fstat of the exported program");
  std::vector<std::uint64_t> program(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
  static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
  if (program.empty() || program.size() > BPF_MAXINSNS)
    return failure{"seccomp_filter", E2BIG, std::to_string(program.size()) + " BPF instructions", {}};
  if (::pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0) != info.st_size)
    return os_failure("seccomp_filter", "read of the exported program");
  return program;
}

/// A kernel that knows the flags looks at the program next and finds it at address 0 (seccomp(2), EFAULT).
bool kernel_knows(unsigned flags) {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) == -1 && errno == EFAULT;
}

}  // namespace

result<std::vector<std::uint64_t>> compile_rules(const seccomp_options& options) {
  const std::unique_ptr<void, decltype(&seccomp_release)> context{seccomp_init(SCMP_ACT_ERRNO(ENOSYS)),
                                                                  &seccomp_release};
  if (!context) return failure{"seccomp_filter", ENOMEM, "seccomp_init", {}};
  // Calls of another architecture's table (int 0x80, x32) would mean something else under the same number.
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY); rc != 0)
    return refused(rc, "SCMP_FLTATR_ACT_BADARCH");
  // A search tree over the numbers instead of a list: 9 comparisons instead of 300.
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2); rc != 0)
    return refused(rc, "SCMP_FLTATR_CTL_OPTIMIZE");

  rule_book rules{context.get()};
  for (const call_group& group : call_groups) {
    if (group.action == SCMP_ACT_ERRNO(ENOSYS)) continue;  // the default already, which libseccomp refuses as a rule
    for (const int call : group.calls) rules.add(group.action, call);
  }
  add_clone(rules);
  add_socket(rules);
  add_ioctl(rules);
  add_prctl(rules);
  add_personality(rules);
  add_scheduling(rules);
  add_seccomp(rules);
  add_limits(rules);
  add_mknod(rules);
  add_observed(rules, options.observe);
  if (rules.error() != 0) return failure{"seccomp_filter", rules.error(), "rule for " + syscall_name(rules.call()), {}};

  return read_program(context.get());
}

result<seccomp_filter> seccomp_filter::compile(const seccomp_options& options) {
  seccomp_filter filter;
  auto flags = usable_flags();
  if (!flags) return flags.error();
  filter.flags_ = *flags;
  const auto program = compile_rules(options);
  if (!program) return program.error();
  filter.program_ = shrink_bpf(*program);
  return filter;
}

result<seccomp_filter> seccomp_filter::compile_no_set_ids() {
  const std::unique_ptr<void, decltype(&seccomp_release)> context{seccomp_init(SCMP_ACT_ALLOW), &seccomp_release};
  if (!context) return failure{"seccomp_filter", ENOMEM, "seccomp_init", {}};
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW); rc != 0)
    return refused(rc, "SCMP_FLTATR_ACT_BADARCH");  // the other filter answers those
  rule_book rules{context.get()};
  add_set_ids(rules);
  rules.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2));
  if (rules.error() != 0) return failure{"seccomp_filter", rules.error(), "rule for " + syscall_name(rules.call()), {}};
  seccomp_filter filter;
  auto program = read_program(context.get());
  if (!program) return program.error();
  filter.program_ = std::move(*program);
  return filter;
}

result<unsigned> seccomp_filter::usable_flags() {
  unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  if (!kernel_knows(flags))
    return failure{"seccomp_filter", ENOSYS, "SECCOMP_FILTER_FLAG_NEW_LISTENER", "needs kernel 5.5"};
  // Else a signal that arrives while a call is being noted restarts it, and it is noted twice (kernel 5.19).
  if (kernel_knows(flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return {boost::system::in_place_value, flags};
}

result<unique_fd> seccomp_filter::install() const noexcept {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(program_.size());
  program.filter = reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(program_.data()));
  const long rc = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags_, &program);
  // Strings this short live inside std::string: no allocation between fork and exec.
  if (rc < 0) return failure{"seccomp", errno, "install", {}};
  return unique_fd{flags_ != 0 ? static_cast<int>(rc) : -1};
}

result<unique_fd> take_listener(int pidfd, int number) {
  const long fd = ::syscall(SYS_pidfd_getfd, pidfd, number, 0);
  if (fd < 0) return os_failure("take_listener", "pidfd_getfd " + std::to_string(number), "is the process dumpable?");
  return unique_fd{static_cast<int>(fd)};
}

bool is_deadly(std::uint32_t architecture, int number) noexcept {
  if (architecture != AUDIT_ARCH_X86_64 || (number & x32_bit) != 0) return true;
  const auto lists = [&](const call_group& group) {
    return group.action == SCMP_ACT_NOTIFY &&
           std::find(group.calls.begin(), group.calls.end(), number) != group.calls.end();
  };
  return std::any_of(std::begin(call_groups), std::end(call_groups), lists);
}

std::string syscall_name(int number) { return syscall_name(AUDIT_ARCH_X86_64, number); }

std::string syscall_name(std::uint32_t architecture, int number) {
  const bool is_i386 = architecture == AUDIT_ARCH_I386;
  const bool is_x32 = !is_i386 && (number & x32_bit) != 0;
  const std::uint32_t table = is_i386 ? SCMP_ARCH_X86 : is_x32 ? SCMP_ARCH_X32 : SCMP_ARCH_X86_64;
  const std::unique_ptr<char, decltype(&::free)> text{seccomp_syscall_resolve_num_arch(table, number), &::free};
  const auto plain = std::to_string(is_x32 ? number & ~x32_bit : number);
  return (is_i386 ? "i386:" : is_x32 ? "x32:" : "") + (text ? std::string{text.get()} : "#" + plain);
}

}  // namespace lazaret::sandbox
