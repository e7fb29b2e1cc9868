#include "http/quartermaster/jail.hpp"

#include <algorithm>

#include "sandbox/presets.hpp"

namespace lazaret::http::quartermaster {
namespace {

/// Programs of the image's own, as in the original, where this folder is; read-only like all of the root.
constexpr const char* own_programs = "/app/bin";
constexpr const char* long_entrypoint = "/app/entrypoint.sh";

/// execve(2): MAX_ARG_STRLEN is 32 pages, the ending NUL included.
constexpr std::size_t longest_argument = 32 * 4096 - 1;

void set_variable(std::vector<std::string>& all, std::string one) {
  const auto name = one.substr(0, one.find('=') + 1);
  std::erase_if(all, [&](const std::string& other) { return other.starts_with(name); });
  all.push_back(std::move(one));
}

/// What of /sys the contract's clients look at: which network interfaces there are.
void show_interfaces(sandbox::policy& rules) {
  const std::string device = "/sys/devices/virtual/net/lo";
  rules.files.push_back({device + "/address", "00:00:00:00:00:00\n"});
  rules.files.push_back({device + "/type", "772\n"});  // ARPHRD_LOOPBACK
  rules.links.push_back({"/sys/class/net/lo", "../../devices/virtual/net/lo"});
}

std::vector<std::string> command(const run_request& asked, sandbox::policy& rules) {
  if (asked.entrypoint.empty()) return {"python", "main.py"};
  if (asked.entrypoint.size() <= longest_argument) return {"/bin/sh", "-c", asked.entrypoint};
  rules.files.push_back({long_entrypoint, asked.entrypoint});
  return {"/bin/sh", long_entrypoint};
}

}  // namespace

actors::execution_request make_execution(run_request&& asked, const config& settings) {
  actors::execution_request made;
  sandbox::policy& rules = made.rules;
  rules = sandbox::make_policy(*sandbox::find_preset("quartermaster"), true);
  rules.links.push_back({std::string{own_programs} + "/python", "/usr/bin/python3"});
  rules.environment = {"PATH=" + std::string{own_programs} + ":/usr/local/bin:/usr/bin:/bin", "HOME=/tmp",
                       "LANG=C.UTF-8"};
  for (auto& one : asked.environment) set_variable(rules.environment, std::move(one));
  rules.argv = command(asked, rules);
  show_interfaces(rules);

  auto& limits = rules.limits;
  limits.wall = asked.timeout;
  limits.cpu = limits.wall * 64;  // so that the wall time is what ends it
  limits.memory = asked.memory;
  limits.cpus = asked.cpus;
  limits.output = {static_cast<std::uint64_t>(settings.max_output_mb) << 20};
  limits.file_size = {1ULL << 62};  // a sparse file may be larger than the file system
  for (auto& place : rules.tmpfs)
    if (place.target == "/tmp") place.size = asked.disk;

  made.place = workspace;
  made.space = asked.disk;
  made.left = actors::left_file{metadata_place, metadata_file};
  if (!asked.code.empty()) made.files.push_back({"main.py", std::move(asked.code)});
  std::ranges::move(asked.files, std::back_inserter(made.files));
  return made;
}

}  // namespace lazaret::http::quartermaster
