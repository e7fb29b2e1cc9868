#include "http/execute/stages.hpp"

#include <algorithm>
#include <iterator>

#include "actors/cpu_shares.hpp"
#include "sandbox/outbound.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::http {
namespace {

constexpr const char* place = "/work";

void apply(const asked_limits& asked, sandbox::limits& limits) {
  limits.cpu_shares = actors::interactive_cpu_shares;
  limits.wall = std::chrono::milliseconds{asked.wall_ms};
  limits.cpu = asked.cpu_ms > 0 ? std::chrono::milliseconds{asked.cpu_ms} : limits.wall * 64;
  limits.memory = {static_cast<std::uint64_t>(asked.memory_mb) << 20};
  limits.pids = static_cast<std::uint32_t>(asked.pids) + 1;  // the jail's init
  limits.output = {static_cast<std::uint64_t>(asked.output_bytes)};
  limits.file_size = {static_cast<std::uint64_t>(asked.disk_mb) << 20};
}

/// All that is the same for a command and for a language. The client's own variables are added last.
actors::execution_request begin(asked& what) {
  actors::execution_request made;
  auto& rules = made.rules;
  rules = sandbox::base_policy();
  rules.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8"};
  rules.working_directory = place;
  rules.mount_proc = true;
  rules.merge_output = what.output == "merged";
  rules.tmpfs.push_back({.target = "/tmp", .size = {16 << 20}, .executable = true});
  apply(what.limits, rules.limits);
  if (what.network == "outbound") {
    sandbox::allow_outbound(rules);
    sandbox::show_interfaces(rules);
    made.only_hosts = std::move(what.hosts);
  }
  made.standard_input = std::move(what.standard_input);
  made.place = place;
  made.space = {static_cast<std::uint64_t>(what.limits.disk_mb) << 20};
  made.wanted = std::move(what.wanted);
  return made;
}

void add_variables(std::vector<std::string>&& own, std::vector<std::string>& environment) {
  for (auto& variable : own) {
    const auto name = variable.substr(0, variable.find('=') + 1);
    std::erase_if(environment, [&](const std::string& standard) { return standard.starts_with(name); });
    environment.push_back(std::move(variable));
  }
}

/// The client's variables stay with the run: what a program is made of are its sources alone.
actors::compile_stage make_compile_stage(const asked& what, const sandbox::runtime& which,
                                         const sandbox::installed_runtimes& runtimes) {
  actors::compile_stage stage;
  stage.rules = sandbox::make_policy(*sandbox::find_preset("compile"), true);
  runtimes.furnish(which, place, stage.rules);
  stage.rules.argv = runtimes.compile_argv(which, place);
  apply(what.compile_limits, stage.rules.limits);
  stage.space = {static_cast<std::uint64_t>(what.compile_limits.disk_mb) << 20};
  stage.version = runtimes.version(which);
  stage.keep = what.keep;
  return stage;
}

}  // namespace

actors::execution_request stage_command(asked&& what) {
  auto made = begin(what);
  made.runtime = "command";
  made.rules.argv = std::move(what.argv);
  made.rules.environment.emplace_back("PYTHONPATH=/work");
  made.rules.environment.emplace_back("PYTHONDONTWRITEBYTECODE=1");
  add_variables(std::move(what.environment), made.rules.environment);
  made.files = std::move(what.files);
  return made;
}

actors::execution_request stage_runtime(asked&& what, const sandbox::runtime& which,
                                        const sandbox::installed_runtimes& runtimes) {
  auto made = begin(what);
  made.runtime = which.name;
  runtimes.furnish(which, place, made.rules);
  made.rules.argv = runtimes.run_argv(which, place);
  std::ranges::move(what.args, std::back_inserter(made.rules.argv));
  add_variables(std::move(what.environment), made.rules.environment);
  made.program = which.compile.empty() ? "" : sandbox::compiled_program;
  made.artifact = std::move(what.artifact);

  auto sources = runtimes.sdk(which, place);
  sources.push_back({std::string{which.main_file}, std::move(what.source)});
  made.own_files = sources.size();
  if (which.compile.empty()) {
    made.files = std::move(sources);
    std::ranges::move(what.files, std::back_inserter(made.files));
  } else if (!made.artifact.empty()) {
    made.own_files = 0;
    made.files = std::move(what.files);
  } else {
    made.compile = make_compile_stage(what, which, runtimes);
    made.compile->files = std::move(sources);
    std::ranges::copy(what.files, std::back_inserter(made.compile->files));
    made.files = std::move(what.files);
    made.own_files = 0;
  }
  return made;
}

}  // namespace lazaret::http
