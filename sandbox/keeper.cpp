#include "sandbox/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace lazaret::sandbox {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr int service_fd = 3;  ///< in the keeper
constexpr int jailer_fd = 3;   ///< in the jailer
constexpr auto least_backoff = 50ms, most_backoff = 5000ms;
constexpr auto long_enough = 10s;  ///< a jailer that lived this long did not die of how it was started
constexpr auto farewell = 1000ms;

struct jailer_process {
  pid_t pid = -1;
  unique_fd pidfd;
};

/// poll(2) that signals don't shorten by much: the keeper ignores all it can.
int wait_for(pollfd* fds, nfds_t count, int milliseconds) {
  int ready = 0;
  do ready = ::poll(fds, count, milliseconds);
  while (ready < 0 && errno == EINTR);
  return ready;
}

/// Sends `fd` with one byte (a message without any is not told from the end). Never waits: a service that does not read
/// must not keep the keeper from seeing its end.
bool send_fd(int fd) {
  char byte = 'j';
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(service_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

[[noreturn]] void become_jailer(int connection, pid_t keeper, char* const* argv, char* const* environment) {
  // First, so that no moment is left in which the keeper's death goes unnoticed.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(1);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (connection == jailer_fd)
    ::fcntl(jailer_fd, F_SETFD, 0);
  else
    ::dup2(connection, jailer_fd);
  ::close_range(jailer_fd + 1, ~0U, 0);
  ::execve(argv[0], argv, environment);
  ::dprintf(STDERR_FILENO, "lazaret-keeper: execve %s: %s\n", argv[0], ::strerror(errno));
  ::_exit(127);
}

/// A jailer whose connection the service has been sent; an invalid one when something lacked for the moment.
jailer_process start_jailer(char* const* argv, char* const* environment) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
  const unique_fd theirs{ends[0]}, ours{ends[1]};
  const pid_t self = ::getpid();
  jailer_process started;
  started.pid = ::fork();
  if (started.pid == 0) become_jailer(theirs.get(), self, argv, environment);
  if (started.pid < 0) return {};
  started.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, started.pid, 0)));
  if (!started.pidfd) {  // nobody would notice its end
    ::kill(started.pid, SIGKILL);
    ::waitpid(started.pid, nullptr, 0);
    return {};
  }
  // When the message does not fit, `ours` closes and the jailer ends as if the service had gone: the next one is tried.
  (void)send_fd(ours.get());
  return started;
}

enum class event { jailer_ended, service_ended };

event watch(const jailer_process& jailer) {
  for (;;) {
    pollfd fds[] = {{service_fd, POLLIN, 0}, {jailer.pidfd.get(), POLLIN, 0}};
    if (wait_for(fds, 2, -1) < 0) return event::service_ended;
    if ((fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return event::service_ended;
    if (fds[0].revents != 0) {
      char ignored[16];
      if (::recv(service_fd, ignored, sizeof ignored, MSG_DONTWAIT) == 0) return event::service_ended;
    }
    if (fds[1].revents != 0) return event::jailer_ended;
  }
}

bool service_lives_for(std::chrono::milliseconds time) {
  pollfd fd{service_fd, 0, 0};  // POLLHUP is always told
  return wait_for(&fd, 1, static_cast<int>(time.count())) == 0;
}

void reap(const jailer_process& jailer) {
  int status = 0;
  ::waitpid(jailer.pid, &status, 0);
  if (WIFSIGNALED(status))
    ::dprintf(STDERR_FILENO, "lazaret-keeper: the jailer was killed by signal %d\n", WTERMSIG(status));
  else
    ::dprintf(STDERR_FILENO, "lazaret-keeper: the jailer exited with code %d\n", WEXITSTATUS(status));
}

[[noreturn]] void end_with_service(const jailer_process& jailer) {
  pollfd fd{jailer.pidfd.get(), POLLIN, 0};
  if (wait_for(&fd, 1, static_cast<int>(farewell.count())) <= 0) ::kill(jailer.pid, SIGKILL);
  ::waitpid(jailer.pid, nullptr, 0);
  ::_exit(0);
}

/// In the forked child: lets go of all that was the service's.
void detach(int service) {
  ::setsid();
  ::prctl(PR_SET_NAME, "lazaret-keeper");
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  // It lives exactly as long as the service does, whoever else is told to end: the service may be draining.
  for (const int number : {SIGINT, SIGHUP, SIGTERM, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  if (service != service_fd) ::dup2(service, service_fd);
  ::fcntl(service_fd, F_SETFD, FD_CLOEXEC);
  ::close_range(service_fd + 1, ~0U, 0);
}

[[noreturn]] void keep(char* const* argv, char* const* environment) {
  for (auto backoff = least_backoff;;) {
    const auto started = clock::now();
    const jailer_process jailer = start_jailer(argv, environment);
    if (jailer.pid > 0) {
      if (watch(jailer) == event::service_ended) end_with_service(jailer);
      reap(jailer);
    }
    if (clock::now() - started >= long_enough) backoff = least_backoff;
    if (!service_lives_for(backoff)) ::_exit(0);
    backoff = std::min(backoff * 2, most_backoff);
  }
}

bool is_for_jailer(std::string_view variable) {
  constexpr std::string_view kept[] = {
      "PATH=", "LD_LIBRARY_PATH=", "JAIL_", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
  return std::any_of(std::begin(kept), std::end(kept), [&](auto prefix) { return variable.starts_with(prefix); });
}

}  // namespace

result<unique_fd> start_keeper(const keeper_options& options) {
  if (!options.jailer_path.starts_with('/'))
    return failure{"start_keeper", EINVAL, options.jailer_path, "the jailer's path must be absolute"};
  if (::access(options.jailer_path.c_str(), X_OK) != 0)
    return os_failure("start_keeper", options.jailer_path, "is lazaret-jailer installed beside lazaretd?");

  // Everything is laid out before the fork, and outlives it in the child's copy.
  std::vector<char*> argv{const_cast<char*>(options.jailer_path.c_str())};
  for (const std::string& option : options.jailer_options) argv.push_back(const_cast<char*>(option.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (is_for_jailer(*variable)) environment.push_back(*variable);
  environment.push_back(nullptr);

  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return os_failure("start_keeper", "socketpair");
  unique_fd service{ends[0]};
  const unique_fd keeper{ends[1]};
  const pid_t pid = ::fork();
  if (pid < 0) return os_failure("start_keeper", "fork");
  if (pid == 0) {
    detach(keeper.get());
    keep(argv.data(), environment.data());
  }
  return service;
}

result<unique_fd> next_connection(int keeper) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do size = ::recvmsg(keeper, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size == 0 || (size < 0 && errno == ECONNRESET)) return unique_fd{};
  if (size < 0) return os_failure("next_connection", "recvmsg");
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
    return failure{"next_connection", EMFILE, "the message carried no fd", "is RLIMIT_NOFILE of the service too low?"};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return unique_fd{fd};
}

}  // namespace lazaret::sandbox
