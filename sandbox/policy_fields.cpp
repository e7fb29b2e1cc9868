#include "sandbox/policy_fields.hpp"

#include <cstdio>

namespace lazaret::sandbox {
namespace {

std::string text(bytes size) {
  constexpr const char* units[] = {"", " KiB", " MiB", " GiB", " TiB"};
  auto count = size.count;
  std::size_t unit = 0;
  while (count != 0 && count % 1024 == 0 && unit + 1 < std::size(units)) count /= 1024, ++unit;
  return std::to_string(count) + (unit == 0 ? " bytes" : units[unit]);
}
std::string text(std::chrono::milliseconds time) {
  char digits[40];
  std::snprintf(digits, sizeof digits, "%g s", static_cast<double>(time.count()) / 1000);
  return digits;
}
std::string text(bool value) { return value ? "yes" : "no"; }

/// `one, two`, or `nothing`.
template <class List, class Word>
std::string list(const List& all, Word word) {
  std::string line;
  for (const auto& one : all) line += (line.empty() ? "" : ", ") + word(one);
  return line.empty() ? "nothing" : line;
}

constexpr policy_field fields[] = {
    {"limits.wall", [](const policy& p) { return text(p.limits.wall); },
     "a program that sleeps holds its place, its memory and its uid for longer; whoever waits for it does too"},
    {"limits.cpu", [](const policy& p) { return text(p.limits.cpu); },
     "one jail can keep this many seconds of processor from all others: a miner's wages"},
    {"limits.cpus",
     [](const policy& p) {
       char cores[32];
       std::snprintf(cores, sizeof cores, "%g cores", p.limits.cpus);
       return p.limits.cpus == 0 ? std::string{"not limited"} : std::string{cores};
     },
     "within its cpu time a jail takes as many processors as there are, and the others' answers become later"},
    {"limits.cpu_shares",
     [](const policy& p) { return p.limits.cpu_shares == 0 ? "an even share" : std::to_string(p.limits.cpu_shares); },
     "while all processors are busy, this jail's programs get so many 1024ths of what an even share would be"},
    {"limits.memory", [](const policy& p) { return text(p.limits.memory); },
     "so much of the host's memory may be gone per jail, swap and tmpfs included; the host's own OOM killer chooses "
     "its "
     "victims when the sum is more than there is"},
    {"limits.address_space",
     [](const policy& p) {
       return p.limits.address_space.count == 0 ? std::string{"not limited"} : text(p.limits.address_space);
     },
     "nothing is lost but a polite failure: with it, malloc fails and the program may say so; without it, the memory "
     "limit kills"},
    {"limits.pids", [](const policy& p) { return std::to_string(p.limits.pids); },
     "a fork bomb becomes so wide before it stands still; each process costs kernel memory and scheduling time"},
    {"limits.open_files", [](const policy& p) { return std::to_string(p.limits.open_files); },
     "each descriptor pins kernel memory, and sockets and pipes pin buffers with it, times the number of processes"},
    {"limits.file_size", [](const policy& p) { return text(p.limits.file_size); },
     "one file may fill its whole tmpfs; below the size of the largest honest file, honest programs die of SIGXFSZ"},
    {"limits.output", [](const policy& p) { return text(p.limits.output) + " of stdout and of stderr"; },
     "whoever keeps the output keeps so much of it per run: a log, a database and a browser are filled by strangers"},
    {"limits.when_output_exceeds",
     [](const policy& p) {
       return std::string{p.limits.when_output_exceeds == on_output_limit::kill ? "end the jail" : "drop the rest"};
     },
     "dropping lets the program run on, and spend its time on writing what nobody reads"},
    {"network",
     [](const policy& p) {
       if (p.network == network_mode::none) return std::string{"none: an empty namespace, loopback down"};
       if (p.network == network_mode::outbound)
         return std::string{"outbound: TCP and names, carried outside by a relay to public addresses only"};
       return "gateway: 127.0.0.1:" + std::to_string(p.gateway_port) + ", served from outside, and no route";
     },
     "a gateway is one parser outside of the jail that hears the program's bytes, and one way for data to leave by; "
     "outbound lets it leave to anybody on the Internet, who sees it come from this host's address: scans, spam and "
     "attacks on others are this host's, then"},
    {"merge_output", [](const policy& p) { return text(p.merge_output); },
     "standard output and error share one pipe and one cap; their order is kept, what was which is not"},
    {"terminal",
     [](const policy& p) {
       return p.terminal.rows == 0 ? std::string{"none"}
                                   : std::to_string(p.terminal.rows) + " rows of " + std::to_string(p.terminal.columns);
     },
     "a pseudo-terminal of the jail's own, of which whoever shows its output to a person must take every escape "
     "sequence for an attack on that person's terminal"},
    {"mount_proc", [](const policy& p) { return text(p.mount_proc); },
     "the program sees its own processes, and reads what /proc/self says of the kernel; sysctl, kcore and the like "
     "stay "
     "away (subset=pid), other jails' processes too"},
    {"observe", [](const policy& p) { return text(p.observe); },
     "each exec, connect, bind and sendmsg waits for the observer: 10-100 us; not observing means that what the "
     "program "
     "did is known only from what it says of itself"},
    {"audit_channel", [](const policy& p) { return text(p.audit_channel); },
     "a socket into which the program can write what it likes: its reader must take every byte for a lie"},
    {"binds",
     [](const policy& p) {
       return list(p.binds, [](const bind_mount& b) {
         return (b.source == b.target ? b.target : b.source + " at " + b.target) + (b.writable     ? " (WRITABLE)"
                                                                                    : b.executable ? ""
                                                                                                   : " (noexec)");
       });
     },
     "what is bound can be read by strangers: never a home, a key, a socket; what is bound writable can be destroyed "
     "by "
     "them, and what they leave there is read by somebody who trusts it"},
    {"tmpfs",
     [](const policy& p) {
       return list(p.tmpfs, [](const tmpfs_mount& t) {
         return t.target + " " + text(t.size) + ", " + std::to_string(t.inodes) + " inodes" +
                (t.writable ? "" : ", read-only") + (t.executable ? ", exec" : "");
       });
     },
     "its pages are memory of the jail; exec lets what was downloaded or compiled there run without an interpreter"},
    {"overlays",
     [](const policy& p) {
       return list(p.overlays, [](const overlay_mount& o) {
         std::string line;
         for (const auto& lower : o.lower) line += (line.empty() ? "" : " over ") + lower;
         line += " at " + o.target + (o.executable ? "" : " (noexec)");
         return line + (!o.writable     ? ", read-only"
                        : o.volume >= 0 ? ", below a layer that outlives the jail"
                                        : ", below a layer of " + text(o.size));
       });
     },
     "as binds, the lower directories are read by strangers; the layer's pages are memory of the jail, and what is "
     "kept "
     "of it has hostile names, links and sizes"},
    {"volumes", [](const policy& p) { return list(p.volumes, [](const volume_mount& v) { return v.target; }); },
     "what a program left there is read outside: hostile names, links, sizes; a later phase finds what an earlier one "
     "planted"},
    {"files", [](const policy& p) { return list(p.files, [](const text_file& f) { return f.target; }); },
     "nothing of the host's is in them: keep it so, /etc/passwd and /etc/resolv.conf tell where one is"},
    {"links", [](const policy& p) { return list(p.links, [](const symbolic_link& l) { return l.target; }); },
     "they lead nowhere but inside"},
    {"environment", [](const policy& p) { return list(p.environment, [](const std::string& e) { return e; }); },
     "the program reads every variable: no tokens; LD_PRELOAD and PYTHONPATH would run what they name"},
    {"working_directory", [](const policy& p) { return p.working_directory; },
     "interpreters import from it: where the program writes, it can plant modules for the next phase"},
    {"hostname", [](const policy& p) { return p.hostname; }, "the host's own name would tell a program where it is"},
};

}  // namespace

std::span<const policy_field> policy_fields() { return fields; }

}  // namespace lazaret::sandbox
