#include "sandbox/self_test.hpp"

#include <algorithm>

namespace lazaret::sandbox {
namespace {

constexpr const char* program = "/lazaret-probe";
constexpr bytes tmp_size = 256_KiB;
constexpr std::uint64_t tmp_inodes = 32;
constexpr double quota = 0.1;                      // of one processor: 10 ms in each 100 ms
constexpr std::chrono::milliseconds busy_for{25};  // so that the quota of some period is used up

bool can_have(const protocol::survey_answer& host, std::string_view name) {
  return std::any_of(host.layers.begin(), host.layers.end(),
                     [&](const auto& l) { return l.name == name && l.state == layer_state::active; });
}

/// `active<tab>what was seen` of a layer, or nothing.
std::string_view line_of(std::string_view said, std::string_view name) {
  while (!said.empty()) {
    const auto line = said.substr(0, said.find('\n'));
    said.remove_prefix(std::min(line.size() + 1, said.size()));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '\t')
      return line.substr(name.size() + 1);
  }
  return {};
}

/// What the kernel counted for the whole jail, where the probe can't look.
const char* unseen_outside(std::string_view name, const outcome& how) {
  if (name == "pids" && !how.pids_exhausted) return "no fork was refused for the limit";
  if (name == "memory" && !how.memory_killed) return "nothing was killed for the limit";
  // On a host so busy that the jail never got its quota, there was nothing to take away from it.
  const bool within_quota = std::chrono::duration<double>{how.cpu} < quota * std::chrono::duration<double>{how.wall};
  if (name == "cpu" && !how.cpu_throttled && !within_quota) return "more than the quota was given, in every period";
  if (name == "seccomp" && how.reason != ending::syscall_denied) return "a deadly call was let through";
  return nullptr;
}

}  // namespace

policy probe_policy(const protocol::survey_answer& host, std::string probe) {
  policy p;
  p.files.push_back({.target = program, .content = std::move(probe), .executable = true});
  p.binds.push_back({.source = shared_directory, .target = shared_directory});
  p.tmpfs.push_back({.target = "/tmp", .size = tmp_size, .inodes = tmp_inodes});
  p.mount_proc = true;
  p.hostname = "lazaret-probe";
  p.limits.wall = std::chrono::seconds{15};
  p.limits.cpu = std::chrono::seconds{5};
  p.limits.memory = 24_MiB;
  p.limits.pids = 16;
  p.limits.open_files = 40;
  p.limits.file_size = 1_MiB;
  p.limits.cpus = can_have(host, "cpu") ? quota : 0;

  std::string without = ",";
  for (const auto& l : host.layers)
    if (l.state != layer_state::active) without += l.name + ",";
  const auto& l = p.limits;
  p.argv = {program,
            "without=" + without,
            "hostname=" + p.hostname,
            std::string{"shared="} + shared_directory,
            "landlock_abi=" + std::to_string(host.landlock_abi),
            "tmp_bytes=" + std::to_string(tmp_size.count),
            "tmp_inodes=" + std::to_string(tmp_inodes),
            "open_files=" + std::to_string(l.open_files),
            "file_size=" + std::to_string(l.file_size.count),
            "cpu_seconds=" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(l.cpu).count() + 2),
            "memory=" + std::to_string(l.memory.count),
            "pids=" + std::to_string(l.pids),
            "spin_ms=" + std::to_string(busy_for.count())};
  for (const auto& own : host.namespaces) p.argv.push_back(own.substr(0, own.find(':')) + "=" + own);
  return p;
}

std::vector<layer_report> judge(const protocol::survey_answer& host, std::string_view said, const outcome& how) {
  auto reports = host.layers;
  for (auto& report : reports) {
    if (report.state != layer_state::active) continue;
    report.state = layer_state::broken;
    const auto line = line_of(said, report.name);
    const auto seen = line.substr(std::min(line.find('\t'), line.size() - 1) + 1);
    if (line.empty()) {
      report.detail = "the probe did not come to try it: it " + describe(how);
    } else if (!line.starts_with("active\t")) {
      report.detail = seen;
    } else if (const auto* unseen = unseen_outside(report.name, how); unseen != nullptr) {
      report.detail = unseen;
    } else {
      report.state = layer_state::active;
      report.detail += ": " + std::string{seen};
    }
  }
  return reports;
}

std::vector<layer_report> not_tried(const protocol::survey_answer& host, const failure& why) {
  auto reports = host.layers;
  for (auto& report : reports) {
    if (report.state != layer_state::active) continue;
    report.state = layer_state::broken;
    report.detail = "not tried, for no jail can be made: " + why.describe();
  }
  return reports;
}

}  // namespace lazaret::sandbox
