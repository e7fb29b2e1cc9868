#pragma once
/// One jail seen from the jailer: cloned, watched, ended, accounted for. Belongs to the event loop; single-threaded.
/// Nothing here waits for the jail: every step is an event.

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/event_loop.hpp"
#include "sandbox/guardian.hpp"
#include "sandbox/jail.hpp"
#include "sandbox/observer.hpp"
#include "sandbox/outcome.hpp"
#include "sandbox/sampler.hpp"
#include "sandbox/spare_networks.hpp"
#include "sandbox/terminal.hpp"
#include "sandbox/uid_pool.hpp"
#include "sandbox/undertaker.hpp"
#include "sandbox/wire.hpp"

namespace lazaret::sandbox {

/// What the jailer has and each jail is made from.
struct jail_resources {
  event_loop& loop;
  cgroup_tree& groups;
  const bind_rules& rules;
  const shared_trees& trees;
  const seccomp_filter& plain_filter;
  const seccomp_filter& observing_filter;
  const std::string& mount_point;
  optional_layers optional;
  undertaker& buries;
  spare_networks& networks;
  const event_loop::handler& when_idle;  ///< a program runs, the only one nearly, and the jailer has time
  const sigset_t& ignored_signals;
  guardian* guarded_by;  ///< null: the jailer makes many jails, and another process looks after it
  bool maps_many_ids;    ///< false: an unprivileged jailer, whose jails can't clear their supplementary groups
};

/// One accepted request. The volumes' leases keep their uid from being given away while the jail runs.
struct jail_request {
  policy what;
  std::vector<std::string> volume_paths;
  uid_pool::lease uid;
  unique_fd channel;         ///< to whoever asked; closing the other end cancels. Empty: the jail is prepared ahead
  unique_fd standard_input;  ///< never empty
  told knows = told::everything;
};

class running_jail {
 public:
  /// Called once, when the last process is gone and the holder has been told: destroy the jail, of which only an empty
  /// cgroup is left, but not before this returns.
  using farewell = std::function<void()>;
  running_jail(const jail_resources& with, std::string name, jail_request request, farewell gone);
  ~running_jail();
  running_jail(const running_jail&) = delete;

  /// Clones the jail. After a failure nothing is left of it, and the caller tells.
  [[nodiscard]] result<void> start();
  /// Gives a jail that was prepared ahead its program, or a shell its policy, once. `request` must differ from what the
  /// jail was made with in nothing but protocol::program, the channel and the standard input, or fit the shell; its uid
  /// is ignored. After a failure `request` is as it was, and the jail of no use.
  [[nodiscard]] result<void> take_on(jail_request& request);
  [[nodiscard]] int channel() const noexcept { return request_.channel.get(); }

 private:
  result<void> set_up();
  result<void> tell(const jail_request& request);
  result<void> make_pipes();
  result<void> make_controls();
  result<void> clone_init();
  result<void> map_ids() const;
  result<void> watch_all();
  void hear_init();                      // the status socket
  void note(const wire::message& said);  // what init said, also if that is heard late
  result<void> listen(unique_fd listener, unique_fd sink);
  void hear_calls();   // the seccomp listener
  void hear_holder();  // the channel
  void pass_on(const wire::message& signal);
  void announce();  // the program runs: tell the holder, start the clocks
  void check_cpu();
  void look_again(std::chrono::nanoseconds left);
  void end(ending reason);  // the first reason wins
  void fail(const failure& why);
  void stop();
  void kill() noexcept;
  void hear_last_words();
  void tell_early();                         // init is all that is left, and dying
  void tell_end();                           // to the holder, once
  void finish();                             // the last process is gone
  [[nodiscard]] cgroup_usage usage() const;  // as far as it is known
  [[nodiscard]] outcome conclude(const cgroup_usage& used) const;

  using clock = std::chrono::steady_clock;
  const jail_resources with_;
  std::string name_;
  jail_request request_;
  farewell gone_;
  std::unique_ptr<cgroup> group_;
  unique_fd output_read_, output_write_, error_read_, error_write_, observations_;
  std::optional<terminal> terminal_;
  unique_fd mounts_;                   // the mount namespace, so that its end is not waited for
  unique_fd audit_, gateway_, names_;  // from inside, on their way to the holder
  unique_fd status_, init_status_, init_, wall_timer_, cpu_timer_;
  std::unique_ptr<observer> observer_;
  std::optional<sampler> sampler_;  // where a controller is missing
  int pid_ = -1;
  clock::time_point executed_at_{};
  bool was_ready_ = false;     // init was done but for starting the program
  bool was_prepared_ = false;  // and then given its program
  bool executed_ = false;
  bool stopping_ = false;
  bool told_end_ = false;
  std::uint64_t written_by_init_ = 0;  // bytes, and those of its child until that is the program
  std::uint64_t written_ = 0;          // by everybody, init included
  std::uint32_t last_pid_ = 0;
  std::optional<failure> failure_;
  std::optional<ending> reason_;
  std::optional<int> wait_status_;
};

}  // namespace lazaret::sandbox
