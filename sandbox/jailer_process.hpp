#pragma once
/// The jailer: one connection, many jails, one thread. It never waits for a jail and never trusts a request.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/event_loop.hpp"
#include "sandbox/layers/landlock.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/running_jail.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/uid_pool.hpp"
#include "sandbox/validate.hpp"
#include "sandbox/workspace.hpp"

namespace lazaret::sandbox {

struct jailer_process_options {
  int connection = 3;                    ///< SOCK_SEQPACKET; the process ends when its other end closes
  std::vector<std::string> allow_binds;  ///< host paths, beside the system's, that jails may see read-only
  std::uint32_t uid_base = uid_pool::options{}.base;
  std::string workspace;  ///< a directory to mount on, in a private namespace; empty: chosen
};

class jailer_process {
 public:
  /// Takes what it needs of the host, leaves its mount namespace. Fails when a layer is missing.
  [[nodiscard]] static result<std::unique_ptr<jailer_process>> make(const jailer_process_options& options);
  /// Serves until the connection closes.
  [[nodiscard]] result<void> serve();

 private:
  struct parts;
  explicit jailer_process(parts p);
  void hear_service();
  void accept(wire::message request);
  result<void> make_volume(wire::message& request, unique_fd& channel);
  result<void> start_jail(wire::message& request, unique_fd& channel);
  result<void> send_steward(wire::message& request, unique_fd& channel);

  struct held_volume {
    unique_fd lease;
    std::uint64_t id;
  };
  event_loop loop_;
  unique_fd connection_;
  workspace workspace_;
  uid_pool uids_;
  bind_rules rules_;
  shared_trees trees_;
  seccomp_filter plain_filter_, observing_filter_;
  std::unique_ptr<cgroup_tree> groups_;
  int landlock_abi_ = usable_landlock_abi();
  bool privileged_;
  bool open_ = true;
  std::uint64_t last_jail_ = 0;
  std::map<int, held_volume> volumes_;  // by lease
  std::map<std::uint64_t, std::unique_ptr<running_jail>> jails_;
  std::map<int, unique_fd> stewards_;  // pidfds
};

}  // namespace lazaret::sandbox
