#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sandbox/probe/probe.hpp"

namespace lazaret::probe {

std::string_view expectations::text(std::string_view name) const {
  const auto found = given.find(name);
  return found == given.end() ? std::string_view{} : found->second;
}

unsigned long expectations::number(std::string_view name) const {
  return std::strtoul(std::string{text(name)}.c_str(), nullptr, 10);
}

std::string content(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text(16 << 10, '\0');
  const auto size = ::read(fd, text.data(), text.size());
  ::close(fd);
  text.resize(static_cast<std::size_t>(size > 0 ? size : 0));
  return text;
}

std::string status_of_self(std::string_view name) {
  const auto text = "\n" + content("/proc/self/status");
  const auto at = text.find("\n" + std::string{name} + ":\t");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 3;
  return text.substr(from, text.find('\n', from) - from);
}

std::string because(std::string_view what) { return std::string{what} + ": " + std::strerror(errno); }

int in_child(int (*body)()) {
  const pid_t pid = ::fork();
  if (pid < 0) return 255;
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

namespace {

// The quotas come last: what they provoke slows down or ends whatever would come after.
constexpr std::array trials{
    trial{"user", enter_user, "uid 1000 alone is mapped; setuid refused"},
    trial{"mount", enter_mount, "own table of mounts, nothing of it shared"},
    trial{"pid", enter_pid, "child of pid 1, no other process in sight"},
    trial{"net", enter_net, "nothing but a loopback that is down; connect: Network is unreachable"},
    trial{"ipc", enter_ipc, "no System V object of anybody else's"},
    trial{"uts", enter_uts, "host name is the policy's; sethostname refused"},
    trial{"descriptors", keep_descriptors, "nothing is open but 0, 1 and 2"},
    trial{"init", look_into_init, "pid 1 shows neither memory nor descriptors"},
    trial{"cgroup", enter_cgroup, "every path of /proc/self/cgroup is /"},
    trial{"inodes", share_inodes, "a lock that the jailer holds is not seen"},
    trial{"root", leave_root, "read-only, private; tmpfs ends at its bytes and inodes and runs nothing"},
    trial{"capabilities", use_capabilities, "five empty sets, locked securebits; capset refused"},
    trial{"no_new_privs", gain_privileges, "set, and can't be unset"},
    trial{"session", find_terminal, "own session, no terminal"},
    trial{"landlock", pass_landlock,
          "writes to /proc, ioctl on devices, signals to init refused, as far as its ABI goes"},
    trial{"rlimits", exceed_rlimits, "open files and file size end where the policy says; no core"},
    trial{"seccomp", make_forbidden_calls, "forbidden calls and arguments refused; one of the deadly ended the jail"},
    trial{"pids", exceed_pids, "fork refused at the limit"},
    trial{"memory", exceed_memory, "killed at the limit"},
    trial{"cpu", exceed_cpu, "throttled"},
};

void say(std::string_view layer, std::string_view state, std::string seen) {
  for (char& c : seen)
    if (c == '\n' || c == '\t') c = ' ';
  std::printf("%.*s\t%.*s\t%s\n", static_cast<int>(layer.size()), layer.data(), static_cast<int>(state.size()),
              state.data(), seen.c_str());
  std::fflush(stdout);
}

}  // namespace
}  // namespace lazaret::probe

int main(int argc, char** argv) {
  using namespace lazaret::probe;
  expectations jail;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto equals = word.find('=');
    if (equals == word.npos) return 2;
    jail.given.emplace(word.substr(0, equals), word.substr(equals + 1));
  }
  // `,a,b,`: layers that this host can't have; to try them would be to use what nobody limits.
  const auto without = jail.text("without");
  for (const auto& t : trials) {
    if (without.find("," + std::string{t.layer} + ",") != std::string_view::npos) continue;
    const auto through = t.attempt(jail);
    say(t.layer, through.empty() ? "active" : "broken", through.empty() ? std::string{t.stopped} : through);
  }
  make_deadly_call();
}
