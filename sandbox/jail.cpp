#include "sandbox/jail.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>

#include "sandbox/layers/capabilities.hpp"
#include "sandbox/layers/cgroup_entry.hpp"
#include "sandbox/layers/hostname.hpp"
#include "sandbox/layers/init.hpp"
#include "sandbox/layers/landlock.hpp"
#include "sandbox/layers/no_new_privs.hpp"
#include "sandbox/layers/resource_limits.hpp"
#include "sandbox/layers/session.hpp"
#include "sandbox/layers/user.hpp"
#include "sandbox/mounts.hpp"
#include "sandbox/network.hpp"
#include "sandbox/oom_order.hpp"
#include "sandbox/outbound_network.hpp"
#include "sandbox/overlays.hpp"
#include "sandbox/program.hpp"
#include "sandbox/protocol.hpp"
#include "sandbox/reaper.hpp"
#include "sandbox/shell.hpp"
#include "sandbox/terminal.hpp"
#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

constexpr int listener_fd = 9;  // of init, while the program starts; above what init itself still has open then
constexpr std::chrono::seconds jailer_patience{10};
constexpr std::chrono::hours for_ever{24 *
                                      20};  // poll(2) counts milliseconds in an int; a jailer's end is seen at once

/// The jailer needs a few dozen microseconds, and a sleeper as many to wake up.
result<void> wait_for_ids() {
  for (int turn = 0; turn < 64; ++turn) {
    char said = 0;
    if (::recv(status_fd, &said, 1, MSG_DONTWAIT | MSG_PEEK) >= 0) break;
    ::sched_yield();
  }
  auto go = wire::receive_within(status_fd, jailer_patience);
  if (!go) return go.error();
  if (go->closed()) return failure{"jailer", 0, "ended during set-up", {}};
  return {};
}

/// What the outside holds of a jail's inside; both ends of init's copies close when they have been sent.
struct openings {
  unique_fd audit, gateway, names;
};

result<void> make_openings(const policy& what, openings& made) {
  if (what.audit_channel) {
    const std::string path = audit_socket_path;
    LAZARET_TRY(make_directory(path.substr(0, path.rfind('/'))));
    auto audit = open_audit_channel(audit_socket_path);
    if (!audit) return audit.error();
    made.audit = std::move(*audit);
  }
  if (what.network == network_mode::gateway) {
    auto gateway = open_gateway(what.gateway_port);
    if (!gateway) return gateway.error();
    made.gateway = std::move(*gateway);
  }
  if (what.network == network_mode::outbound) {
    auto ends = open_outbound();
    if (!ends) return ends.error();
    made.gateway = std::move(ends->connections);
    made.names = std::move(ends->names);
  }
  return {};
}

result<void> hand_out(openings made) {
  std::uint8_t present = 0;
  std::vector<int> fds;
  if (made.audit) present |= protocol::has_audit, fds.push_back(made.audit.get());
  if (made.gateway) present |= protocol::has_gateway, fds.push_back(made.gateway.get());
  if (made.names) present |= protocol::has_names, fds.push_back(made.names.get());
  return wire::send_within(status_fd, protocol::encode(kind::ready, present), fds, jailer_patience);
}

result<void> take_streams(const std::vector<unique_fd>& fds) {
  for (int fd = 0; fd < 3; ++fd)
    if (::dup2(fds[static_cast<std::size_t>(fd)].get(), fd) < 0) return os_failure("descriptors", "dup2");
  return {};
}

/// The jailer has set the group's limits before it tells.
result<void> learn_policy(policy& what) {
  LAZARET_TRY(wire::send(status_fd, protocol::encode(kind::waiting)));
  auto said = wire::receive_within(status_fd, for_ever);
  if (!said) return said.error();
  if (said->closed()) ::_exit(0);  // not needed any more
  const bool is_sealed = said->fds.size() == 4;
  if (static_cast<kind>(said->bytes.front()) != kind::policy || (said->fds.size() != 3 && !is_sealed))
    return failure{"jailer", EPROTO, "expected a policy", {}};
  auto body = is_sealed ? wire::unseal(said->fds.back().get(), protocol::max_body)
                        : result<std::string>{boost::system::in_place_value, said->bytes.substr(1)};
  if (!body) return body.error();
  auto asked = protocol::decode<policy>(*body);
  if (!asked) return asked.error();
  what = std::move(*asked);
  return take_streams(said->fds);
}

/// Where a shell waits until it is told what it is for. It holds nothing of anybody's until then.
result<void> await_policy(const jail_plan& plan, shell& unfinished) {
  LAZARET_TRY(unfinished.keep_in_sight());
  const auto common = std::move(plan.what);
  LAZARET_TRY(learn_policy(plan.what));
  return unfinished.furnish(common, plan.what, plan.rules);
}

/// The order of confinement. Each step relies on those above it.
result<void> confine(const jail_plan& plan, tally& counts, oom_order& victims) {
  const bool is_shell = plan.knows == told::nothing;
  private_view view{plan.trees};
  shell unfinished{view};
  openings made;
  LAZARET_TRY(enter_cgroup(plan.group));  // from now on all is charged
  LAZARET_TRY(keep_own_descriptors(plan.descriptors));
  counts = tally::open();  // the host's /proc in sight
  victims = oom_order::open();
  auto sources =
      take_sources(plan.what, plan.rules, plan.trees, plan.volume_paths);  // as the host's uid, the host in sight
  if (!sources) return sources.error();
  LAZARET_TRY(wait_for_ids());  // uid_map, gid_map
  LAZARET_TRY(become_inside_user(plan.clear_groups));
  LAZARET_TRY(bound_namespace());
  LAZARET_TRY(die_with_jailer(status_fd));
  LAZARET_TRY(become_opaque());
  if (plan.optional.cgroup_namespace) LAZARET_TRY(hide_cgroup_path());
  LAZARET_TRY(make_private(view, *sources));
  LAZARET_TRY(make_overlays(plan.mount_point, *sources));
  if (is_shell) LAZARET_TRY(unfinished.provide());
  LAZARET_TRY(enter_new_root(plan.what, plan.mount_point));  // the host is out of sight
  LAZARET_TRY(furnish_root(plan.what, std::move(*sources)));
  LAZARET_TRY(bound_capabilities());
  if (is_shell) LAZARET_TRY(await_policy(plan, unfinished));  // what follows is as the policy says
  LAZARET_TRY(name_host(plan.what));
  LAZARET_TRY(make_openings(plan.what, made));  // the audit socket needs a writable root
  LAZARET_TRY(seal_root(plan.what));
  LAZARET_TRY(renounce_capabilities());  // none of the above can be undone now
  LAZARET_TRY(forbid_new_privileges());
  return hand_out(std::move(made));
}

/// A jail that was prepared ahead has nothing to do until it is told what for. It holds nothing of anybody's until
/// then.
result<void> learn_program(policy& what) {
  auto said = wire::receive_within(status_fd, for_ever);
  if (!said) return said.error();
  if (said->closed()) ::_exit(0);  // not needed any more
  wire::reader from{std::string_view{said->bytes}.substr(1)};
  protocol::program program;
  protocol::read(from, program);
  if (static_cast<kind>(said->bytes.front()) != kind::program || !from.complete() || said->fds.size() != 3)
    return failure{"jailer", EPROTO, "expected a program", {}};
  what.argv = std::move(program.argv);
  what.environment = std::move(program.environment);
  what.working_directory = std::move(program.working_directory);
  return take_streams(said->fds);
}

/// write(2), not sendmsg(2): the latter is observed, and blocks before there is an observer.
void say(const std::string& message) { (void)!::write(status_fd, message.data(), message.size()); }

result<void> filter_calls(const seccomp_filter& filter, bool observe) {
  auto listener = filter.install();
  if (!listener) return listener.error();
  if (::dup3(listener->get(), listener_fd, O_CLOEXEC) < 0) return os_failure("seccomp", "dup3");
  if (observe) say(protocol::encode(kind::watched, static_cast<std::int32_t>(listener_fd)));
  return {};
}

/// The last steps, in the process that becomes the program. Returns only if they fail.
result<void> become_program(const jail_plan& plan) {
  LAZARET_TRY(start_own_session(plan.ignored));
  if (plan.what.terminal.rows != 0) LAZARET_TRY(take_control_of_terminal());
  if (const int abi = plan.optional.landlock_abi; abi != 0) LAZARET_TRY(restrict_by_landlock(plan.what, abi));
  if (std::ranges::any_of(plan.what.binds, &bind_mount::writable))
    if (auto done = seccomp_filter::no_set_ids().install(); !done) return done.error();
  // Before the filter, which lets nobody change all of them.
  LAZARET_TRY(set_resource_limits(plan.what.limits, plan.cgroup_lacks));
  const bool observe = plan.what.observe;
  LAZARET_TRY(filter_calls(observe ? plan.observing_filter : plan.plain_filter, observe));
  if (plan.knows == told::all_but_the_program) LAZARET_TRY(learn_program(plan.what));
  const char* directory = plan.what.working_directory.c_str();
  if (::chdir(directory) != 0) return os_failure("program", std::string{"chdir "} + directory);
  LAZARET_TRY(execute(plan.what));
  return {};
}

/// In the process that becomes the program.
int program_main(void* plan) {
  if (auto done = become_program(*static_cast<const jail_plan*>(plan)); !done)
    say(protocol::encode(kind::failed, done.error()));
  return 127;
}

/// Returns when the program has been executed or its process is gone (CLONE_VFORK); until then both share our memory,
/// of which nothing needs to be copied, but for the stack. Up to the exec it shares our table of descriptors, too, and
/// leaves the seccomp listener there: an observing jailer takes it through the only process of the jail that it holds,
/// others are handed it by init (tell_executed).
pid_t fork_program(const jail_plan& plan) {
  alignas(16) std::array<char, 64 << 10> stack;
  return ::clone(program_main, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
                 const_cast<jail_plan*>(&plan));
}

/// Init is not filtered, so it can send the listener. From here on the program's deadly calls are heard.
void tell_executed(std::uint64_t written_by_init) {
  const int fd = listener_fd;
  const bool filtered = ::fcntl(fd, F_GETFD) >= 0;  // else the program failed before that, and has said so
  (void)wire::send_within(status_fd, protocol::encode(kind::executed, written_by_init),
                          {&fd, filtered ? std::size_t{1} : 0}, jailer_patience);
}

/// The tally's follow the status socket: they were opened when nothing above that was open.
void close_all_but_status_and(const tally& counts) {
  ::syscall(SYS_close_range, 0, status_fd - 1, 0);
  ::syscall(SYS_close_range, std::max(status_fd, counts.highest_fd()) + 1, ~0U, 0);
}

}  // namespace

void live_as_init(const jail_plan& plan) noexcept try {
  ::prctl(PR_SET_NAME, "jail-init", 0, 0, 0);
  tally counts;
  oom_order victims;
  if (auto done = confine(plan, counts, victims); !done) {
    say(protocol::encode(kind::failed, done.error()));
    ::_exit(1);
  }
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);  // for reap(); the program's mask is its own
  victims.offer();
  const pid_t program = fork_program(plan);
  victims.spare();
  if (program < 0) {
    say(protocol::encode(kind::failed, os_failure("program", "fork", "limits.pids too low?")));
    ::_exit(1);
  }
  tell_executed(counts.bytes_written());  // its own: nobody has been reaped yet
  close_all_but_status_and(counts);
  reap(program, status_fd, counts);
} catch (const std::exception& e) {
  ::_exit(1);
}

}  // namespace lazaret::sandbox
