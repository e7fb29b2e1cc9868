#include "sandbox/command/jail_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "sandbox/command/own_jailer.hpp"
#include "sandbox/command/pass_through.hpp"
#include "sandbox/command/render.hpp"
#include "sandbox/jailer_process.hpp"
#include "sandbox/outcome.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox::command {
namespace {

using clock = std::chrono::steady_clock;
using protocol::kind;

/// What a jail that was ended for a limit printed last is waited for so long, should nobody be reading.
constexpr std::chrono::seconds last_words{1};

volatile sig_atomic_t caught = 0;

/// The signals that end a command. They are blocked but while it waits, so that none is missed and none interrupts what
/// must be finished. What the caller ignores (nohup(1)) stays ignored.
class ending_signals {
 public:
  ending_signals() {
    sigset_t blocked;
    sigemptyset(&blocked);
    struct sigaction notice {};
    notice.sa_handler = [](int signal) { caught = signal; };
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      struct sigaction old {};
      ::sigaction(signal, nullptr, &old);
      if (old.sa_handler == SIG_IGN) continue;
      sigaddset(&blocked, signal);
      ::sigaction(signal, &notice, nullptr);
    }
    ::sigprocmask(SIG_BLOCK, &blocked, &while_waiting_);
    ::signal(SIGPIPE, SIG_IGN);
  }
  [[nodiscard]] const sigset_t* while_waiting() const noexcept { return &while_waiting_; }

  /// As if it had not been caught: the shell sees which it was.
  [[noreturn]] static void die_of(int signal) {
    ::signal(signal, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    ::raise(signal);
    ::sigprocmask(SIG_UNBLOCK, &one, nullptr);
    ::_exit(128 + signal);
  }

 private:
  sigset_t while_waiting_{};
};

unique_fd copy(int fd) { return unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, 3)}; }

/// Nothing when it can't be written to: the caller had closed it.
unique_fd copy_to_write(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags < 0 || (flags & O_ACCMODE) == O_RDONLY ? unique_fd{} : copy(fd);
}

/// A preset may ask for more than `ulimit` leaves this caller; more than that no jailer of the caller's can give.
void stay_within_own_limits(limits& what) {
  rlimit own{};
  if (::getrlimit(RLIMIT_NOFILE, &own) == 0 && own.rlim_max < what.open_files)
    what.open_files = static_cast<std::uint32_t>(own.rlim_max);
  if (::getrlimit(RLIMIT_FSIZE, &own) == 0)
    what.file_size.count = std::min<std::uint64_t>(what.file_size.count, own.rlim_max);
}

struct running {
  jailer_process& jailer;
  unique_fd channel;
  pass_through in, out, err;
  const limits& what;
};

/// Carries the streams until the jail has ended and all that it printed is through.
result<outcome> attend(running& jail, const sigset_t* while_waiting) {
  std::optional<outcome> ended;
  std::optional<clock::time_point> deadline;
  bool canceled = false, told = false;
  while (!ended || ((jail.out.open() || jail.err.open()) && !(deadline && clock::now() > *deadline))) {
    std::array<pollfd, 8> all{pollfd{ended ? -1 : jail.channel.get(), POLLIN, 0}};
    all[7] = {jail.jailer.fd(), POLLIN, 0};
    jail.in.wanted(&all[1]), jail.out.wanted(&all[3]), jail.err.wanted(&all[5]);
    const timespec at_most{0, 100'000'000};
    if (::ppoll(all.data(), all.size(), deadline ? &at_most : nullptr, while_waiting) < 0) {
      if (errno != EINTR) return os_failure("jail", "ppoll");
      if (ended) break;  // whoever reads our output does not, and we are asked to end
      if (caught != 0 && !canceled) {
        canceled = true;
        ::shutdown(jail.channel.get(), SHUT_WR);  // the jailer ends the jail, and then says so
      }
      continue;
    }
    if (all[7].revents != 0) LAZARET_TRY(jail.jailer.poll());
    jail.in.turn(&all[1]), jail.out.turn(&all[3]), jail.err.turn(&all[5]);
    if ((jail.out.exceeded() || jail.err.exceeded()) && !told &&
        jail.what.when_output_exceeds == on_output_limit::kill) {
      told = true;
      (void)wire::send(jail.channel.get(), protocol::encode(kind::exceeded));
    }
    if (all[0].revents == 0) continue;
    auto said = wire::receive(jail.channel.get());
    if (!said && said.error().error == EAGAIN) continue;
    if (!said) return said.error();
    if (said->closed()) return failure{"jailer", 0, "the jailer ended while the jail ran", "was it killed?"};
    const auto body = std::string_view{said->bytes}.substr(1);
    if (static_cast<kind>(said->bytes.front()) != kind::ended) return protocol::decode_failure(body);
    auto how = protocol::decode<outcome>(body);
    if (!how) return how.error();
    ended = *how;
    if (how->reason != ending::exited && how->reason != ending::signalled) deadline = clock::now() + last_words;
  }
  return *ended;
}

/// Asks the jailer, which is this process, and turns its loop until it has answered: in ten seconds, if not before.
result<jail> start(jailer_process& mine, const policy& what, unique_fd input) {
  auto ends = wire::make_channel();
  if (!ends) return ends.error();
  LAZARET_TRY(mine.begin(what, std::move(input), std::move(ends->second)));
  for (;;) {
    auto answer = wire::receive(ends->first.get());
    if (answer) return jail::from_answer(what, std::move(ends->first), std::move(*answer));
    if (answer.error().error != EAGAIN) return answer.error();
    pollfd event{mine.fd(), POLLIN, 0};
    ::poll(&event, 1, -1);
    LAZARET_TRY(mine.poll());
  }
}

result<outcome> run_jail(jailer_process& mine, const command_line& line, const sigset_t* while_waiting,
                         passed& through) {
  std::array<int, 2> input{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0) return os_failure("jail", "pipe2");
  unique_fd read_end{input[0]}, write_end{input[1]};
  ::fcntl(write_end.get(), F_SETFL, O_NONBLOCK);
  auto started = start(mine, line.policy, std::move(read_end));
  if (!started) return started.error();
  auto ends = std::move(*started).release();
  // Nobody here reads them: the observer then counts what it can't tell, and a sender in the jail is refused at once.
  ends.observations.reset(), ends.audit.reset();
  const auto cap = line.policy.limits.output.count;
  running jail{mine,
               std::move(ends.channel),
               {copy(0), std::move(write_end)},
               {std::move(ends.standard_output), copy_to_write(1), cap},
               {std::move(ends.standard_error), copy_to_write(2), cap},
               line.policy.limits};
  auto how = attend(jail, while_waiting);
  through = {jail.out.total(), jail.err.total(), jail.out.exceeded() || jail.err.exceeded(),
             jail.out.error() != 0 ? jail.out.error() : jail.err.error()};
  return how;
}

/// This process is the jailer: one more would cost a fifth of the time that `true` takes.
result<outcome> run_jail(const command_line& line, const sigset_t* while_waiting, passed& through) {
  auto options = own_jailer::options_for(line);
  if (!options) return options.error();
  options->connection = -1;
  auto mine = jailer_process::make(*options);
  if (!mine) return mine.error();
  auto how = run_jail(**mine, line, while_waiting, through);
  if (how || how.error().step != "private_inodes") return how;
  // It was believed that this host can have overlays. Nothing of stdin has been read yet.
  (*mine)->do_without_private_inodes(how.error());
  return run_jail(**mine, line, while_waiting, through);
}

/// Why there was no program: its own fault, as a shell would put it, or ours.
int exit_code_of(const failure& why) {
  if (why.step != "program" || !why.subject.starts_with("execve ")) return no_jail;
  return why.error == ENOENT || why.error == ENOTDIR ? not_found : not_executable;
}

int exit_code_of(const outcome& how) {
  switch (how.reason) {
    case ending::exited:
      return how.code;
    case ending::signalled:
      return 128 + how.signal;
    case ending::wall_timeout:
    case ending::cpu_timeout:
      return timed_out;
    case ending::out_of_memory:
    case ending::canceled:
      return 128 + SIGKILL;
    case ending::output_limit:
      return 128 + SIGXFSZ;
    case ending::syscall_denied:
      return 128 + SIGSYS;
  }
  return no_jail;
}

}  // namespace

int run(command_line line) {
  stay_within_own_limits(line.policy.limits);
  const ending_signals signals;
  passed through;
  auto how = run_jail(line, signals.while_waiting(), through);
  if (!how) {
    const int code = exit_code_of(how.error());
    say(line.json ? to_json(how.error(), code) : "lazaret jail: " + how.error().describe());
    return code;
  }
  int code = exit_code_of(*how);
  if (through.error != 0) {
    say(std::string{"lazaret jail: the program's output can't be passed on: "} + ::strerrordesc_np(through.error));
    if (code == 0) code = no_jail;
  }
  if (line.json)
    say(to_json(*how, through, code));
  else if (how->reason != ending::exited && how->reason != ending::signalled && how->reason != ending::canceled)
    say("lazaret jail: " + describe(*how));
  if (caught != 0) ending_signals::die_of(caught);
  return code;
}

}  // namespace lazaret::sandbox::command
