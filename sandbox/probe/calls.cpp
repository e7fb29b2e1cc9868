#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/probe/probe.hpp"

namespace lazaret::probe {
namespace {

constexpr int got_through = 1, was_refused = 0;

int refused_with(int error, long returned) { return returned == -1 && errno == error ? was_refused : got_through; }

/// Each in a child of its own. The arguments are such that, without a filter, the kernel either refuses for another
/// reason or does what ends with the child.
struct forbidden {
  const char* name;
  int (*attempt)();
};

constexpr std::array calls{
    forbidden{"unshare of a user namespace", [] { return refused_with(EPERM, ::syscall(SYS_unshare, CLONE_NEWUSER)); }},
    forbidden{"clone of a user namespace",
              [] {
                const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
                if (child == 0) ::_exit(0);
                return refused_with(EPERM, child);
              }},
    forbidden{"clone3", [] { return refused_with(ENOSYS, ::syscall(SYS_clone3, nullptr, 0)); }},
    forbidden{"io_uring_setup", [] { return refused_with(ENOSYS, ::syscall(SYS_io_uring_setup, 0, nullptr)); }},
    forbidden{"bpf", [] { return refused_with(EPERM, ::syscall(SYS_bpf, 999, nullptr, 0)); }},
    forbidden{"keyctl", [] { return refused_with(EPERM, ::syscall(SYS_keyctl, 0, -3, 0)); }},
    forbidden{"userfaultfd", [] { return refused_with(EPERM, ::syscall(SYS_userfaultfd, 0x80000000)); }},
    forbidden{"fsopen", [] { return refused_with(EPERM, ::syscall(SYS_fsopen, nullptr, 0)); }},
    forbidden{"a call that no kernel has yet", [] { return refused_with(ENOSYS, ::syscall(100'000)); }},
    forbidden{"an AF_ALG socket", [] { return refused_with(EAFNOSUPPORT, ::socket(38, SOCK_SEQPACKET, 0)); }},
    forbidden{"an AF_PACKET socket", [] { return refused_with(EAFNOSUPPORT, ::socket(AF_PACKET, SOCK_DGRAM, 0)); }},
    forbidden{"ioctl TIOCSTI", [] { return refused_with(EPERM, ::ioctl(-1, TIOCSTI, "")); }},
    forbidden{"prctl PR_SET_MM", [] { return refused_with(EPERM, ::prctl(PR_SET_MM, 0, 0, 0, 0)); }},
    forbidden{"personality READ_IMPLIES_EXEC",
              [] { return refused_with(EPERM, ::syscall(SYS_personality, READ_IMPLIES_EXEC)); }},
};

}  // namespace

breach make_forbidden_calls(const expectations&) {
  if (status_of_self("Seccomp") != "2") return "no filter: Seccomp is " + status_of_self("Seccomp");
  for (const auto& call : calls)
    if (in_child(call.attempt) != was_refused) return std::string{call.name} + " was let through";
  return {};
}

void make_deadly_call() {
#ifdef __x86_64__
  long answer = 0;
  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20 /* getpid of i386 */) : "memory");
#else
  ::syscall(SYS_open_by_handle_at, -1, nullptr, 0);
#endif
}

}  // namespace lazaret::probe
