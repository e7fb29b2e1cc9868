#pragma once
/// The jailer: one connection, many jails, one thread. It never waits for a jail and never trusts a request.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/event_loop.hpp"
#include "sandbox/guardian.hpp"
#include "sandbox/host_facts.hpp"
#include "sandbox/layers/session.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/running_jail.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/shell.hpp"
#include "sandbox/stock.hpp"
#include "sandbox/uid_pool.hpp"
#include "sandbox/validate.hpp"
#include "sandbox/workspace.hpp"

namespace lazaret::sandbox {

inline constexpr const char* own_mounts = "/proc/self/ns/mnt";

struct jailer_process_options {
  /// SOCK_SEQPACKET; the process ends when its other end closes. -1: none, see jailer_process::begin.
  int connection = 3;
  std::vector<std::string> allow_binds;  ///< host paths, beside the system's, that jails may see read-only
  /// Host paths that a jail may write to. Empty in every jailer but the one of `lazaret jail --bind SRC:DST:rw`: there
  /// is no way to ask lazaret-jailer for it.
  std::vector<std::string> lend;
  /// It will make one jail, without a network, and then end: it tries nothing out beforehand, doesn't make what it
  /// would keep for the next jail, and gives it a guardian, who lets it live so long after its wall time at most.
  std::optional<std::chrono::milliseconds> for_one_jail;
  std::uint32_t uid_base = uid_pool::options{}.base;
  /// Jails of one kind that may wait for their programs. 0: none is made before it is asked for.
  std::size_t ahead = 2;
  /// Jails that wait without knowing what for (shell.hpp).
  std::size_t shells = 2;
  std::string workspace;             ///< a directory to mount on, in a private namespace; empty: chosen
  std::vector<std::string> require;  ///< layers without which no jail is made; empty: all that this kernel can have
};

class jailer_process {
 public:
  /// Takes what it needs of the host, leaves its mount namespace. A layer that is missing is no failure here: the
  /// process then serves, says so, and refuses every jail.
  [[nodiscard]] static result<std::unique_ptr<jailer_process>> make(const jailer_process_options& options);
  /// Serves until the connection closes.
  [[nodiscard]] result<void> serve();

  /// Without a connection, for a process that has a loop of its own: a jail as if it had been asked for, with no
  /// volumes. What is said of it comes on the other end of `channel` (protocol.hpp), a failure is returned. poll() when
  /// fd() is readable.
  [[nodiscard]] result<void> begin(policy what, unique_fd standard_input, unique_fd channel);
  [[nodiscard]] int fd() const noexcept { return loop_.fd(); }
  [[nodiscard]] result<void> poll() { return loop_.poll(); }
  /// It was believed, not tried (for_one_jail), that this host can have private inodes: it can't. Begin again, then.
  void do_without_private_inodes(const failure& why);

 private:
  struct parts;
  explicit jailer_process(parts p);
  result<void> place_binds(policy& what, std::uint32_t uid);
  void hear_service();
  void accept(wire::message request);
  result<std::uint64_t> make_volume(const volume_options& options);
  result<void> give_volume(wire::message& request, unique_fd& channel);
  result<void> hand_over(std::uint64_t volume, unique_fd& channel);
  void drop_volume(std::uint64_t id);
  result<void> send_steward(wire::message& request, unique_fd& channel);
  struct rented {
    bool fresh = true;  ///< no jail had any of them before
    std::vector<volume_options> options{};
  };
  result<rented> rent(const std::vector<std::uint64_t>& volumes, jail_request& by);
  result<void> start_jail(wire::message& request, unique_fd& channel);
  result<void> start_jail(protocol::start_request wanted, unique_fd given_input, unique_fd& channel);
  bool use_waiting(const std::string& key, const rented& volumes, const std::vector<std::uint64_t>& ids,
                   jail_request& accepted);
  result<void> make_jail(jail_request request);
  bool use_shell(jail_request& accepted);
  result<void> make_shell();
  [[nodiscard]] bool lacks_shells() const;
  void prepare_soon();
  void prepare();
  result<void> prepare(const stock::pattern& like, std::vector<std::uint64_t>& volumes);
  void keep_spare_group();
  void leave_workspace();
  void clear_expired();
  const event_loop::handler when_idle_ = [this] { guardian_ ? leave_workspace() : prepare_soon(); };
  result<void> tell_layers(const wire::message& request, const unique_fd& channel);
  [[nodiscard]] host_facts facts() const;
  void hold_shared_lock();

  std::unique_ptr<guardian> guardian_;  ///< of the one jail
  event_loop loop_;
  undertaker undertaker_;
  spare_networks spare_networks_;
  unique_fd connection_;
  workspace workspace_;
  uid_pool uids_;
  bind_rules rules_;
  shared_trees trees_;
  result<seccomp_filter> plain_filter_, observing_filter_;
  result<std::unique_ptr<cgroup_tree>> groups_;
  result<unique_fd> probe_;
  std::vector<std::string> require_;
  int landlock_abi_ = landlock_abi();
  optional_layers optional_;
  bool privileged_;
  std::vector<std::string> lend_;
  unique_fd host_mounts_;  ///< of a jailer of one jail: the namespace that this process came from
  const sigset_t ignored_ = ignored_signals();
  bool open_ = true;
  std::optional<failure> refusal_;  ///< what every start_jail is answered with
  unique_fd lock_;
  std::uint64_t last_jail_ = 0;
  unique_fd preparation_;  ///< a timer
  stock stock_;            ///< of jails_ that wait for a program
  std::size_t most_shells_;
  std::vector<std::uint64_t> shells_;  ///< of jails_ that wait for a policy, the oldest first
  const policy common_ = policy_of_shells();
  std::map<int, unique_fd> leases_;  // of the volumes that were handed out
  std::map<std::uint64_t, std::unique_ptr<running_jail>> jails_;
  std::map<int, unique_fd> stewards_;  // pidfds
};

}  // namespace lazaret::sandbox
