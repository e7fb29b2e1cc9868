#pragma once
/// A real lazaret-jailer process at the other end of a socket pair, for as long as this object lives.

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sandbox/jailer.hpp"

namespace lazaret::sandbox::testing {

class started_jailer {
 public:
  /// `prepare` runs in the forked child before lazaret-jailer: to give it another host than ours.
  explicit started_jailer(std::vector<std::string> options = {}, const std::function<void()>& prepare = {});
  ~started_jailer();
  started_jailer(const started_jailer&) = delete;

  jailer& client() { return client_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int raw_connection() const { return connection_; }  ///< for messages that no client would send
  void kill();                                                      ///< SIGKILL, and reaps
  [[nodiscard]] int wait_for_exit();                                ///< after hang_up: its exit code
  void hang_up();                                                   ///< closes the service's end
  [[nodiscard]] std::string open_files() const;                     ///< how many of each kind
  [[nodiscard]] std::size_t mounts() const;
  [[nodiscard]] std::size_t own_memory() const;  ///< KiB that it shares with no file: what a fork has to copy
  [[nodiscard]] std::vector<pid_t> children() const;

 private:
  pid_t pid_ = -1;
  int connection_ = -1;
  jailer client_;
};

/// What a jail printed and how it ended.
struct finished {
  outcome how;
  stream_totals totals;
  std::string out, err;
  std::vector<std::string> audit, observations;
};

/// base_policy with inmates at /inmates and these arguments; argv[0] without a slash is an inmate.
[[nodiscard]] policy inmate(std::vector<std::string> argv);
[[nodiscard]] policy python(std::string code);
/// Starts, waits, collects. Fails the test when the jail could not be made.
[[nodiscard]] finished run(jailer& with, const policy& what, std::vector<const volume*> volumes = {},
                           unique_fd standard_input = unique_fd{});
[[nodiscard]] finished collect(jail& started, std::stop_token stop = {});

/// Where the jails' range of uids starts.
[[nodiscard]] std::uint32_t first_uid();

/// For started_jailer's `prepare`: what is started finds an empty /sys/fs/cgroup, as in many containers.
void cover_cgroups();

/// Do cgroups limit and count these jails? If not, warns that the test does not run.
[[nodiscard]] bool is_counted(started_jailer& jails);

/// Root's do, and those of a user with subordinate uids (/etc/subuid, newuidmap).
[[nodiscard]] bool jails_have_own_uids();

/// Dead, or nothing keeps it from dying: it ends already, or has a SIGKILL to meet. `process`: its directory in /proc.
[[nodiscard]] bool is_doomed(const std::filesystem::path& process);
/// Live processes of this process' jails: in a pid namespace of their own, and with a uid that only these have.
[[nodiscard]] std::vector<pid_t> jailed_processes();
/// Polls, up to 30 s, for what becomes true without an event that a test could wait on.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

}  // namespace lazaret::sandbox::testing
