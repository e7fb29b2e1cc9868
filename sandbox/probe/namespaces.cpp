#include <dirent.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "sandbox/probe/probe.hpp"

namespace lazaret::probe {
namespace {

/// The kernel's own word: `net:[4026531840]` names one namespace of the whole host (namespaces(7)).
breach still_in(const expectations& jail, const std::string& kind) {
  char text[64];
  const auto size = ::readlink(("/proc/self/ns/" + kind).c_str(), text, sizeof text);
  if (size <= 0) return because("readlink /proc/self/ns/" + kind);
  const std::string own{text, static_cast<std::size_t>(size)};
  const auto outside = jail.text(kind);
  if (outside.empty()) return "the jailer's " + kind + " namespace was not told";
  return own == outside ? "in the jailer's own namespace, " + own : breach{};
}

}  // namespace

breach enter_user(const expectations& jail) {
  if (auto b = still_in(jail, "user"); !b.empty()) return b;
  const auto map = content("/proc/self/uid_map");
  unsigned long inside = 0, outside = 0, count = 0;
  if (std::sscanf(map.c_str(), "%lu %lu %lu", &inside, &outside, &count) != 3 || map.find('\n') + 1 != map.size())
    return "uid_map is " + map;
  if (inside != 1000 || count != 1) return "uid_map is " + map;
  if (::getuid() != 1000 || ::geteuid() != 1000 || ::getgid() != 1000) return "uid is not 1000";
  if (::setuid(0) == 0) return "became uid 0";
  return {};
}

breach enter_mount(const expectations& jail) {
  if (auto b = still_in(jail, "mnt"); !b.empty()) return b;
  const auto table = content("/proc/self/mountinfo");
  if (table.empty()) return because("read /proc/self/mountinfo");
  for (const char* tag : {" shared:", " master:"})
    if (const auto at = table.find(tag); at != std::string::npos) return "a mount is" + table.substr(at, 16);
  return {};
}

breach enter_pid(const expectations& jail) {
  if (auto b = still_in(jail, "pid"); !b.empty()) return b;
  if (::getppid() != 1) return "the parent is " + std::to_string(::getppid());
  DIR* const all = ::opendir("/proc");
  if (all == nullptr) return because("opendir /proc");
  breach seen;
  while (const dirent* entry = ::readdir(all)) {
    const int pid = std::atoi(entry->d_name);
    if (pid > 0 && pid != ::getpid()) seen = "sees process " + std::to_string(pid);
  }
  ::closedir(all);
  return seen;
}

breach enter_net(const expectations& jail) {
  if (auto b = still_in(jail, "net"); !b.empty()) return b;
  if (struct if_nameindex* const all = ::if_nameindex(); all != nullptr) {
    breach other;
    for (const struct if_nameindex* one = all; one->if_index != 0; ++one)
      if (std::string_view{one->if_name} != "lo") other = std::string{"sees interface "} + one->if_name;
    ::if_freenameindex(all);
    if (!other.empty()) return other;
  }
  for (const std::uint32_t address : {0x7f000001U, 0xa9fea9feU, 0x01010101U}) {  // loopback, metadata, the internet
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(address);
    const bool refused = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno == ENETUNREACH;
    const auto why = because("connect");
    ::close(fd);
    if (!refused) return why;
  }
  return {};
}

breach enter_ipc(const expectations& jail) {
  if (auto b = still_in(jail, "ipc"); !b.empty()) return b;
  shm_info used{};
  if (::shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&used)) < 0) return because("shmctl");
  if (used.used_ids != 0) return std::to_string(used.used_ids) + " shared memory segments are there";
  return {};
}

breach enter_uts(const expectations& jail) {
  if (auto b = still_in(jail, "uts"); !b.empty()) return b;
  utsname host{};
  ::uname(&host);
  if (host.nodename != jail.text("hostname")) return std::string{"the host's name is "} + host.nodename;
  if (::sethostname(host.nodename, std::string_view{host.nodename}.size()) == 0) return "sethostname succeeded";
  return {};
}

breach enter_cgroup(const expectations& jail) {
  if (auto b = still_in(jail, "cgroup"); !b.empty()) return b;
  const auto groups = content("/proc/self/cgroup");
  if (groups.empty()) return because("read /proc/self/cgroup");
  for (std::size_t at = 0; at < groups.size(); at = groups.find('\n', at) + 1) {
    const auto line = groups.substr(at, groups.find('\n', at) - at);
    if (!line.ends_with(":/")) return "sees " + line;
  }
  return {};
}

}  // namespace lazaret::probe
