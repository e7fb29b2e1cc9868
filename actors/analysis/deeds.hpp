#pragma once
/// What a package did, in one vocabulary for both witnesses: the audit hook inside the jail (hints, may be forged) and
/// the observer outside (evidence). Rules and highlights look at deeds only. Pure functions and values; any thread.

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/analysis/event_lines.hpp"

namespace lazaret::analysis {

/// A bit each, so that a rule can name several.
enum class act : std::uint32_t {
  read = 1U << 0,      ///< object: path
  list = 1U << 1,      ///< object: directory
  write = 1U << 2,     ///< object: path; creation, renaming onto, linking and permission changes too
  remove = 1U << 3,    ///< object: path
  dns = 1U << 4,       ///< object: host
  connect = 1U << 5,   ///< object: HOST:PORT, [V6]:PORT or unix:PATH
  sendto = 1U << 6,    ///< likewise
  bind = 1U << 7,      ///< likewise
  listen = 1U << 8,    ///< likewise, or empty
  tls = 1U << 9,       ///< object: host
  request = 1U << 10,  ///< object: URL
  spawn = 1U << 11,    ///< object: program (bare name when it lies in a system directory); detail: command line
  fork = 1U << 12,
  kill = 1U << 13,   ///< object: target pid
  trace = 1U << 14,  ///< ptrace or process_vm_*
  memfd = 1U << 15,
  load_library = 1U << 16,  ///< object: path or soname
  find_symbol = 1U << 17,   ///< object: symbol
  compile = 1U << 18,       ///< object: file name given; detail: beginning of the source
  unmarshal = 1U << 19,     ///< object: caller's file
  terminal = 1U << 20,      ///< pty.spawn, os.forkpty
  import = 1U << 21,        ///< object: module
  // Conclusions that `trail` draws from several deeds of one process:
  decoded = 1U << 22,   ///< generated code whose text or context says that it was hidden
  fetched = 1U << 23,   ///< code compiled from text after the process had used the network
  misnamed = 1U << 24,  ///< code compiled from text under the name of a standard library file
  daemonise = 1U << 25,
  kill_other = 1U << 26,  ///< a signal to the init, to all, or to an older process
  // Facts of the service itself:
  ended = 1U << 27,    ///< object: `timed_out`, `pids_exhausted`, ...
  noted = 1U << 28,    ///< object: rule id of a stage's note
  carries = 1U << 29,  ///< object: a file in the archive, e.g. `x.pth`
  channel = 1U << 30,  ///< object: `malformed`, `truncated`, `overrun`: what befell the witnesses
  // Again of a process:
  blindfold =
      1U << 31,  ///< started Python with -I or -S, which keep the audit hook away; object: program; detail: command
};
using acts = std::uint32_t;
constexpr acts operator|(act a, act b) { return static_cast<acts>(a) | static_cast<acts>(b); }
constexpr acts operator|(acts a, act b) { return a | static_cast<acts>(b); }

enum class witness : std::uint8_t { hook, observer, service };

struct deed {
  act what = act::read;
  std::string object;
  std::string detail;
  witness seen_by = witness::hook;
  std::string_view event;  ///< the event's own name; lives as long as the line
  caller who;              ///< where in the source; empty for the observer
  std::int64_t pid = 0;
};
using deeds = boost::container::small_vector<deed, 2>;

/// One audit event is one deed, none (most of them), or two (a rename).
[[nodiscard]] deeds deeds_of(const audit_line& line);
[[nodiscard]] deeds deeds_of(const observed_line& line);

/// `/usr/bin/gcc` and `gcc` are `gcc`; what lies outside the system's directories keeps its path.
[[nodiscard]] std::string program_name(std::string_view path);

/// Words joined by spaces; a word with a blank or a quote in single quotes.
[[nodiscard]] std::string command_line(const std::vector<std::string>& argv);

/// The file belongs to the interpreter's standard library or is frozen into it (not dist- or site-packages).
[[nodiscard]] bool is_standard_library(std::string_view file);

/// Names such as `<string>`: the code has no file.
[[nodiscard]] bool is_generated(std::string_view file);

}  // namespace lazaret::analysis
