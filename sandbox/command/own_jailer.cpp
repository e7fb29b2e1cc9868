#include "sandbox/command/own_jailer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

#include "sandbox/layers.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/wire.hpp"

namespace lazaret::sandbox::command {
namespace {

constexpr std::chrono::milliseconds farewell{5000};

/// Tells whoever asks first.
void answer(int connection, const failure& why) {
  auto asked = wire::receive_within(connection, farewell);
  if (asked && !asked->fds.empty())
    (void)wire::send(asked->fds.front().get(), protocol::encode(protocol::kind::failed, why));
}

/// Not through the terminal: Ctrl-C is for the command, which then ends the jail in good order. And it keeps none of
/// the caller's streams: a reader at the end of a pipe waits until the last copy is closed.
void detach() {
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {0, 1, 2})
    if (nothing >= 0) ::dup2(nothing, stream);
}

[[noreturn]] void serve(jailer_process_options options) {
  detach();
  {
    auto made = jailer_process::make(options);
    if (!made)
      answer(options.connection, made.error());
    else
      (void)(*made)->serve();
  }
  ::_exit(0);
}

}  // namespace

result<jailer_process_options> own_jailer::options_for(const command_line& line) {
  jailer_process_options options;
  options.allow_binds = line.shown;
  options.lend = line.lent;
  options.for_one_jail = line.policy.limits.wall;
  options.ahead = options.shells = 0;
  const char* require = std::getenv("JAIL_REQUIRE");
  if (require == nullptr || *require == '\0') return options;
  auto names = parse_layer_names(require);
  if (!names) return names.error();
  options.require = std::move(*names);
  return options;
}

result<own_jailer> own_jailer::start(jailer_process_options options) {
  auto ends = wire::make_channel();
  if (!ends) return ends.error();
  const pid_t pid = ::fork();
  if (pid < 0) return os_failure("jailer", "fork");
  if (pid == 0) {
    ends->first.reset();
    options.connection = ends->second.release();
    serve(std::move(options));
  }
  return own_jailer{pid, unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}, std::move(ends->first)};
}

own_jailer::~own_jailer() {
  if (pid_ <= 0) return;
  connection_.reset();
  pollfd end{pidfd_.get(), POLLIN, 0};
  while (pidfd_) {
    const int n = ::poll(&end, 1, static_cast<int>(farewell.count()));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) ::kill(pid_, SIGKILL);
    break;
  }
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace lazaret::sandbox::command
