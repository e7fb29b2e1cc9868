#include "actors/execution/coverage.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "actors/execution/summary.hpp"

namespace lazaret::actors {

namespace {

constexpr std::size_t most_programs = 1000;
constexpr std::size_t most_lines = 50;

/// What an honest build starts. They are programs of the host's /usr, and what they start in turn is seen as well.
constexpr std::array build_tools{
    "ar",       "as",   "bash",  "c++", "cat",     "cc",         "cc1",           "cc1plus", "chmod",       "cmake",
    "collect2", "cp",   "cpp",   "cut", "getopt",  "dash",       "dirname",       "env",     "expr",        "g++",
    "gcc",      "git",  "grep",  "ld",  "ld.bfd",  "ldconfig",   "ldconfig.real", "ln",      "lsb_release", "make",
    "mkdir",    "mv",   "ninja", "nm",  "objdump", "pkg-config", "ranlib",        "readelf", "rm",          "sed",
    "sh",       "sort", "strip", "tr",  "uname",   "which"};

std::string_view base_name(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

bool is_build_tool(std::string_view path) {
  if (!path.starts_with("/usr/") && !path.starts_with("/bin/") && !path.starts_with("/sbin/")) return false;
  std::string_view name = base_name(path);
  for (std::string_view prefix : {"x86_64-linux-gnu-", "aarch64-linux-gnu-"}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  name = name.substr(0, name.find_last_not_of("0123456789-.") + 1);  // gcc-12
  return std::ranges::any_of(build_tools,
                             [&](std::string_view tool) { return tool == name || tool == base_name(path); });
}

}  // namespace

void coverage::started(std::int64_t pid, std::string_view path, std::string_view command, bool python) {
  // execvp(3) tries each directory of PATH: of attempts of one process at one name, the last is the one that came off.
  const auto last = std::find_if(programs_.rbegin(), programs_.rend(), [&](const program& p) { return p.pid == pid; });
  if (last != programs_.rend() && last->command == command && last->path != path &&
      base_name(last->path) == base_name(path)) {
    last->path = path;
    return;
  }
  if (programs_.size() == most_programs) {
    ++unlisted_;
    return;
  }
  programs_.push_back({pid, std::string{path}, std::string{command}, python});
}

void coverage::reported(std::int64_t pid) {
  if (reports_by_pid_.size() < most_programs || reports_by_pid_.contains(pid)) ++reports_by_pid_[pid];
}

std::vector<std::string> coverage::uncovered() const {
  auto left = reports_by_pid_;
  std::vector<std::string> lines;
  std::set<std::string> seen;
  std::uint64_t more = unlisted_;
  for (const program& p : programs_) {
    std::string line;
    if (p.python) {
      if (auto reports = left.find(p.pid); reports != left.end() && reports->second > 0) {
        --reports->second;
        continue;
      }
      line = "python without audit events: " + cut_middle(p.command, 120);
    } else if (!is_build_tool(p.path)) {
      line = "native program: " + cut_middle(p.command, 120);
    } else {
      continue;
    }
    if (!seen.insert(line).second) continue;
    if (lines.size() < most_lines) {
      lines.push_back(line);
    } else {
      ++more;
    }
  }
  if (more > 0) lines.push_back("and " + std::to_string(more) + " more");
  return lines;
}

}  // namespace lazaret::actors
