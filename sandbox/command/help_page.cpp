#include <string>
#include <string_view>

#include "sandbox/command/pages.hpp"
#include "sandbox/layers.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::sandbox::command {
namespace {

constexpr std::size_t width = 100;

/// `text` in lines of at most `width`, each behind `indent` blanks; the first behind `head` instead.
std::string paragraph(std::string_view text, std::size_t indent, std::string head = {}) {
  std::string page, line = std::move(head);
  line.resize(std::max(line.size(), indent), ' ');
  bool empty = true;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (!empty && line.size() + 1 + word.size() > width) {
      page += line + '\n';
      line.assign(indent, ' ');
      empty = true;
    }
    (empty ? line : line += ' ') += word;
    empty = false;
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return page + line + '\n';
}

constexpr std::string_view beginning = R"(NAME
  lazaret jail - run one program that nobody vouches for, and let nothing of it out but its output

SYNOPSIS
  lazaret jail [OPTION...] -- CMD [ARG...]
  lazaret jail [--preset NAME] [OPTION...] --explain
  lazaret jail --self-test | --help

DESCRIPTION
  Runs CMD in a jail of its own, and exits as CMD did. stdin, stdout and stderr are passed through, byte for byte.
  No service is needed, and no root: an ordinary user's jail is made in a user namespace.

  CMD is looked for in PATH inside: /usr/local/bin:/usr/bin:/bin. The host's /usr is there, read-only; of the rest of
  the host, nothing but what --bind names. Nothing of the caller's environment is inherited, no descriptor but the three.
  When CMD ends, so does everything that it started; when the command is killed, too, and nothing is left.

  The layers, in the order in which the jail takes them on. Each one holds by itself, and one that can't be set up is a
  failure: then no program runs.

)";

constexpr std::string_view ending_part = R"(
EXIT STATUS
  CMD's own, and otherwise:
  124  it ran past its wall time or used up its CPU time (as timeout(1))
  125  the jail could not be made, or an option is wrong: no program ran; or stdout refused its output (as env(1))
  126  CMD was found, and can't be executed (as sh(1))
  127  CMD was not found inside (as sh(1))
  137  it ran out of memory: 128 + SIGKILL, which is what the kernel did
  153  it wrote more than --output: 128 + SIGXFSZ
  159  it made a system call that only an attack makes: 128 + SIGSYS
  128+N  it was killed by signal N
  A program may exit with any of these by itself: --json tells them apart, by `ended`: `exited`, `signalled`,
  `wall_timeout`, `cpu_timeout`, `out_of_memory`, `output_limit`, `syscall_denied`, `canceled`, or null when no program ran.
  SIGINT, SIGTERM, SIGHUP and SIGQUIT end the jail; then the command dies of that signal itself.

EXAMPLES
  lazaret jail -- python3 -c 'print(6 * 7)'
  lazaret jail --wall 2.5 --mem 64M --pids 20 -- sh -c 'sleep 9'; echo $?         # 124
  tar c src | lazaret jail --preset compile -- sh -c 'tar x && make -s && ./a.out'
  lazaret jail --bind /srv/data:/data --bind /srv/out:/out:rw -- sh -c 'sort /data/list > /out/sorted'
  lazaret jail --json -- sh -c 'kill -9 $$' 2> outcome                            # {"ended":"signalled",...,"signal":9,...}
  lazaret jail --preset snekbox --explain | less

NOTES
  What a jail protects: the host's files, processes, network, kernel settings and secrets, other jails, and the time and
  memory of everybody else, from a program that wants them, knows this page, and may be the whole of what runs inside.
  What it does not protect from:
  - a hole in the kernel that the allowed system calls can reach. The kernel is shared; a virtual machine's is not.
  - what the processor leaks (Spectre and its kin), and what shared caches and timing tell.
  - what its reader does with the output. A terminal obeys escape sequences: pipe the output of strangers through
    something that shows them, such as `cat -v`.
  - --bind SRC:DST shows SRC, and all below it, to the program. --bind SRC:DST:rw lets it change and delete all that
    SRC's owner may, as that owner, and leave what you will trip over: links, FIFOs, names with newlines. It can't leave
    programs that run with the owner's rights (set-user-ID), nor follow links out of SRC.
  - the program may refuse to behave as it does elsewhere: it can see that it is in a jail.
  A stopped command (Ctrl-Z) does not stop the jail's clock. What stdin holds is read ahead, as by any pipe.
  Each jail of root runs as a host uid that no other live jail has, from 1900000000 on; a user's runs as one of the
  user's subordinate ids (subuid(5)), or, where there are none and with a writable bind, as that user.
  Where no cgroup may be written and none is required, --mem, --pids and --cpu hold as far as rlimits reach; --self-test
  says so.

ENVIRONMENT
  JAIL_REQUIRE  names of layers (above) without which no program runs, with commas; unset: all that this kernel can have.
                `JAIL_REQUIRE=seccomp` makes do without the others that are optional.

SEE ALSO
  lazaretd --help, namespaces(7), cgroups(7), seccomp(2), landlock(7), mount_setattr(2), bwrap(1), timeout(1)
)";

}  // namespace

std::string help_page() {
  std::string page{beginning};
  for (const layer& one : layers()) page += paragraph(one.purpose, 20, "  " + std::string{one.name});
  page += "\nOPTIONS\n";
  for (const option& one : options())
    page +=
        paragraph(one.meaning, 24,
                  "  " + std::string{one.name} + (one.argument ? " " : "") + (one.argument ? one.argument : "") + "  ");
  page += paragraph(
      "BYTES are a number and K, M, G or T (1.5G); SEC are seconds (2.5), or a number and ms, s, m or h. Paths are "
      "absolute. Options may be written --wall=2.5. What an option says wins over the preset.",
      2);
  page += "\nPRESETS\n";
  for (const preset& one : presets()) page += paragraph(one.purpose, 24, "  " + std::string{one.name});
  page += paragraph("Their fields, and what loosening each would mean: lazaret jail --preset NAME --explain.", 2);
  return page += ending_part;
}

}  // namespace lazaret::sandbox::command
