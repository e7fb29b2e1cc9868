// The checks of calls that make or change files, sockets and terminals, and of those that the observer wants to see.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox/seccomp_rules.hpp"

namespace lazaret::sandbox {
namespace {

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

}  // namespace

void add_checks_of_files(rule_book& rules) {
  add_socket(rules);
  add_ioctl(rules);
  add_mknod(rules);
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

}  // namespace lazaret::sandbox
