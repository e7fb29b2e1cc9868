#include "sandbox/layers.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sandbox/host_facts.hpp"
#include "sandbox/proc_text.hpp"

namespace lazaret::sandbox {
namespace {

using answer = result<std::string>;

answer yes(std::string detail) { return {boost::system::in_place_value, std::move(detail)}; }

/// proc(5): /proc/self/ns names the kinds that the kernel was built with, user.max_*_namespaces how many it grants.
answer ask_namespace(const char* layer_name, const std::string& kind) {
  const auto link = "/proc/self/ns/" + kind;
  if (::access(link.c_str(), F_OK) != 0) return os_failure(layer_name, link, "the kernel is built without it");
  const auto limit = "/proc/sys/user/max_" + kind + "_namespaces";
  // Hidden in some containers: then clone(2) alone can tell.
  if (read_text(limit.c_str()) == "0\n")
    return failure{layer_name, ENOSPC, limit + " is 0", "the administrator switched it off"};
  return yes("a namespace of its own");
}

/// A call that the kernel has answers EBADF, EINVAL or EFAULT to nonsense, and ENOSYS when it lacks it.
answer ask_call(const char* layer_name, const char* call, long number, const char* since) {
  if (::syscall(number, -1, nullptr, -1, nullptr, 0) == -1 && errno == ENOSYS)
    return os_failure(layer_name, call, since);
  return yes(std::string{call} + "(2)");
}

answer ask_controller(const host_facts& host, const char* controller) {
  if (host.no_cgroups) return *host.no_cgroups;
  if (!host.cgroups->limits(controller)) return host.cgroups->why_not(controller);
  // `hybrid: pids v1 /sys/fs/cgroup/pids/..., memory v1 ...`: the version, and not where, for anybody may ask /health.
  const auto all = host.cgroups->describe();
  const auto at = all.find(std::string{controller} + " v");
  if (at == all.npos) return yes("cgroup");
  const auto version = at + std::string_view{controller}.size() + 1;
  return yes("cgroup " + all.substr(version, all.find(' ', version) - version));
}

answer ask_landlock(const host_facts& host) {
  const auto abi = "ABI " + std::to_string(host.landlock_abi);
  if (host.landlock_abi == 0)
    return failure{"landlock", EOPNOTSUPP, "landlock_create_ruleset",
                   "the kernel is built without it, or its lsm= does not name it"};
  if (host.landlock_abi < least_landlock_abi)
    return failure{"landlock", EOPNOTSUPP, abi, "forbids renaming across directories; Linux 5.19 has ABI 2"};
  return yes(abi);
}

// In the order of jail.cpp's confine() and become_program().
constexpr std::array table{
    layer{"user", "inside, one ordinary user; outside, one that no other jail and nobody of the host is", false,
          [](const host_facts&) { return ask_namespace("user", "user"); }},
    layer{"mount", "a table of mounts of its own, from which nothing spreads to the host's", false,
          [](const host_facts&) { return ask_namespace("mount", "mnt"); }},
    layer{"pid", "the host's processes have no number here, and all of the jail's end with its first", false,
          [](const host_facts&) { return ask_namespace("pid", "pid"); }},
    layer{"net", "no interface but a loopback, no route, no abstract socket of anybody else's", false,
          [](const host_facts&) { return ask_namespace("net", "net"); }},
    layer{"ipc", "System V objects and message queues of its own", false,
          [](const host_facts&) { return ask_namespace("ipc", "ipc"); }},
    layer{"uts", "a host name of its own, which says nothing of the machine", false,
          [](const host_facts&) { return ask_namespace("uts", "uts"); }},
    layer{"memory", "the memory of all processes together, swap and tmpfs included, ends where the policy says", true,
          [](const host_facts& host) { return ask_controller(host, "memory"); }},
    layer{"pids", "so does the number of processes and threads", true,
          [](const host_facts& host) { return ask_controller(host, "pids"); }},
    layer{"cpu", "and, where the policy asks for it, the share of the processors", true,
          [](const host_facts& host) { return ask_controller(host, "cpu"); }},
    layer{"descriptors", "no open file, socket or directory of the jailer's but the program's three", false,
          [](const host_facts&) { return ask_call("descriptors", "close_range", SYS_close_range, "Linux 5.9"); }},
    layer{"init", "the jail's first process can't be looked into, and does not outlive its jailer", false,
          [](const host_facts&) { return yes("prctl(2)"); }},
    layer{"cgroup", "the path of the jail's own control group is hidden from it", true,
          [](const host_facts&) { return ask_namespace("cgroup", "cgroup"); }},
    layer{"inodes", "own inodes over the host's files: no lock, lease or watch on them is shared with anybody", true,
          [](const host_facts& host) -> answer {
            if (!host.no_private_inodes.empty())
              return failure{"inodes", EOPNOTSUPP, host.no_private_inodes, "overlayfs in user namespaces, Linux 5.11"};
            return yes("an overlay");
          }},
    layer{"root", "a private, read-only root of nosuid, nodev binds, bounded tmpfs and five devices", false,
          [](const host_facts&) { return ask_call("root", "mount_setattr", SYS_mount_setattr, "Linux 5.12"); }},
    layer{"capabilities", "no capability in any of the five sets, and no way back to one", false,
          [](const host_facts&) -> answer {
            if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0) < 0)
              return os_failure("capabilities", "PR_CAP_AMBIENT", "Linux 4.3");
            return yes("capabilities(7)");
          }},
    layer{"no_new_privs", "no exec gains anything, whatever a file's mode says", false,
          [](const host_facts&) -> answer {
            if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0) return os_failure("no_new_privs", "prctl", "Linux 3.5");
            return yes("prctl(2)");
          }},
    layer{"session", "a session without a terminal: nothing to type into, no signals from one", false,
          [](const host_facts&) { return yes("setsid(2)"); }},
    layer{"landlock", "a second wall behind the mounts: write, run, signal and connect only where the policy says",
          true, ask_landlock},
    layer{"rlimits", "what one process may use, whoever counts them together", false,
          [](const host_facts&) { return yes("setrlimit(2)"); }},
    layer{"seccomp", "an allow-list of system calls and of their arguments; no i386, no x32", false,
          [](const host_facts& host) -> answer {
            if (host.no_seccomp) return *host.no_seccomp;
            return yes("seccomp(2)");
          }},
};

}  // namespace

std::span<const layer> layers() noexcept { return table; }

std::string_view name(layer_state s) noexcept {
  switch (s) {
    case layer_state::active:
      return "active";
    case layer_state::unavailable:
      return "unavailable";
    case layer_state::broken:
      return "broken";
  }
  return "broken";
}

bool is_degraded(std::span<const layer_report> reports) noexcept {
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto& r) { return r.required && r.state != layer_state::active; });
}

result<std::vector<std::string>> parse_layer_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    auto word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(word.size() + 1, list.size()));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (word.empty()) continue;
    if (std::any_of(table.begin(), table.end(), [&](const layer& l) { return l.name == word; })) {
      names.emplace_back(word);
      continue;
    }
    std::string all;
    for (const auto& l : table) all += (all.empty() ? "" : " ") + std::string{l.name};
    return failure{"JAIL_REQUIRE", 0, "no layer is called `" + std::string{word} + "`", "there are " + all};
  }
  return names;
}

}  // namespace lazaret::sandbox
