#include "sandbox/reaper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "sandbox/protocol.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t read_wchar(int io) noexcept {
  std::array<char, 512> text{};
  const auto n = ::pread(io, text.data(), text.size(), 0);
  const std::string_view all{text.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
  constexpr std::string_view key = "wchar: ";
  const auto at = all.find(key);
  return at == std::string_view::npos ? 0 : number(all.substr(at + key.size()));
}

/// Interrupts ppoll(2) by being caught.
void woken(int) {}

void kill_all_others() { ::kill(-1, SIGKILL); }  // atomic: a fork that is under way fails (copy_process())

/// True when the jailer wants an end, or is gone. A signal is passed on to the program, which nobody has reaped yet.
bool told_to_stop(int status, pid_t program) {
  std::array<char, 1 + sizeof(std::int32_t)> said{};
  const auto n = ::recv(status, said.data(), said.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0) return errno != EAGAIN && errno != EINTR;
  if (n == static_cast<ssize_t>(said.size()) && said[0] == static_cast<char>(kind::signal)) {
    std::int32_t number = 0;
    std::memcpy(&number, said.data() + 1, sizeof number);
    ::kill(program, number);
  }
  return n == 0 || said[0] == static_cast<char>(kind::stop);
}

/// Not write(2), which would count.
void tell(int status, const std::string& message) {
  (void)::send(status, message.data(), message.size(), MSG_NOSIGNAL);
}

}  // namespace

tally tally::open() noexcept {
  tally made;
  made.io_.reset(::open("/proc/self/io", O_RDONLY | O_CLOEXEC));
  made.load_.reset(::open("/proc/loadavg", O_RDONLY | O_CLOEXEC));
  return made;
}

std::uint64_t tally::bytes_written() const noexcept { return read_wchar(io_.get()); }

std::uint32_t tally::last_pid() const noexcept {
  std::array<char, 128> text{};
  const auto n = ::pread(load_.get(), text.data(), text.size(), 0);
  const std::string_view all{text.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
  const auto space = all.rfind(' ');
  return space == std::string_view::npos ? 0 : static_cast<std::uint32_t>(number(all.substr(space + 1)));
}

std::uint64_t bytes_written_by(pid_t process) noexcept {
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/io", process);
  const unique_fd io{::open(path.data(), O_RDONLY | O_CLOEXEC)};
  return read_wchar(io.get());
}

void reap(pid_t program, int status, const tally& counts) noexcept {
  struct sigaction catching {};
  catching.sa_handler = woken;
  ::sigaction(SIGCHLD, &catching, nullptr);
  sigset_t all_but_children;
  ::sigprocmask(SIG_SETMASK, nullptr, &all_but_children);
  sigdelset(&all_but_children, SIGCHLD);

  bool ending = false;
  for (;;) {
    int how = 0;
    const pid_t ended = ::waitpid(-1, &how, ending ? 0 : WNOHANG);
    if (ended == program) {
      tell(status, protocol::encode(kind::reaped, static_cast<std::int32_t>(how), counts.last_pid()));
      ending = true;
      kill_all_others();
    }
    if (ended > 0) continue;
    if (ended < 0 && errno == ECHILD) {  // nobody is left
      tell(status, protocol::encode(kind::counted, counts.bytes_written()));
      ::_exit(0);
    }
    if (ending) continue;
    std::array heard{pollfd{status, POLLIN, 0}};
    if (::ppoll(heard.data(), heard.size(), nullptr, &all_but_children) > 0 && told_to_stop(status, program)) {
      ending = true;
      kill_all_others();
    }
  }
}

}  // namespace lazaret::sandbox
