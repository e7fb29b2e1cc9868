#pragma once
/// lazaret-probe: tries, from where a jailed program is, what each layer must stop. Static, small, without a
/// dependency: it must run in a jail that holds nothing but it.
///
///   lazaret-probe NAME=VALUE...    prints a line per layer: `NAME<tab>active|broken<tab>what was seen`
///
/// A trial changes nothing that lasts, because the tests also run the probe outside of a jail, as root: there each
/// trial must come out broken, or it proves nothing. Who judges is self_test.cpp, which adds what only the outside
/// sees.

#include <map>
#include <string>
#include <string_view>

namespace lazaret::probe {

/// What the jail was made with, from the command line.
struct expectations {
  std::map<std::string, std::string, std::less<>> given;

  [[nodiscard]] std::string_view text(std::string_view name) const;
  [[nodiscard]] unsigned long number(std::string_view name) const;
};

/// Empty: the layer held, everywhere it was tried. Else the first thing that got through.
using breach = std::string;

struct trial {
  std::string_view layer;
  breach (*attempt)(const expectations& jail);
  std::string_view stopped;  ///< what can be said when nothing got through
};

// namespaces.cpp
breach enter_user(const expectations& jail);
breach enter_mount(const expectations& jail);
breach enter_pid(const expectations& jail);
breach enter_net(const expectations& jail);
breach enter_ipc(const expectations& jail);
breach enter_uts(const expectations& jail);
breach enter_cgroup(const expectations& jail);
// files.cpp
breach share_inodes(const expectations& jail);
breach leave_root(const expectations& jail);
breach pass_landlock(const expectations& jail);
// process.cpp
breach keep_descriptors(const expectations& jail);
breach look_into_init(const expectations& jail);
breach use_capabilities(const expectations& jail);
breach gain_privileges(const expectations& jail);
breach find_terminal(const expectations& jail);
breach exceed_rlimits(const expectations& jail);
// calls.cpp
breach make_forbidden_calls(const expectations& jail);
/// What nobody may ask for ends the whole jail: the probe's last act, which only the outside can report.
void make_deadly_call();
// quotas.cpp
breach exceed_pids(const expectations& jail);
breach exceed_memory(const expectations& jail);
breach exceed_cpu(const expectations& jail);

// main.cpp: what several of them need.
/// The first 16 KiB; empty when it can't be read.
[[nodiscard]] std::string content(const char* path);
/// Of a line `name:<tab>value` in /proc/self/status.
[[nodiscard]] std::string status_of_self(std::string_view name);
/// `what: strerror`
[[nodiscard]] std::string because(std::string_view what);
/// Runs `body` in a child: the signal that ended it, negated, or what it returned.
int in_child(int (*body)());

}  // namespace lazaret::probe
