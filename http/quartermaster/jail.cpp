#include "http/quartermaster/jail.hpp"

#include <algorithm>

#include "sandbox/outbound.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::http::quartermaster {
namespace {

/// The original's images have their own files here: a place that is there and can't be written to.
constexpr const char* app = "/app";
constexpr const char* long_entrypoint = "/run/lazaret/entrypoint.sh";

constexpr sandbox::bytes largest_metadata{1 << 20};

/// execve(2): MAX_ARG_STRLEN is 32 pages, the ending NUL included.
constexpr std::size_t longest_argument = 32 * 4096 - 1;

void set_variable(std::vector<std::string>& all, std::string one) {
  const auto name = one.substr(0, one.find('=') + 1);
  std::erase_if(all, [&](const std::string& other) { return other.starts_with(name); });
  all.push_back(std::move(one));
}

std::vector<std::string> command(const run_request& asked, const sandbox::runtime& which,
                                 const sandbox::installed_runtimes& runtimes, sandbox::policy& rules) {
  // What needs no compiler needs no shell either.
  if (asked.entrypoint.empty() && which.compile.empty()) return runtimes.run_argv(which, workspace);
  const std::string text = asked.entrypoint.empty() ? std::string{which.entry_point} : asked.entrypoint;
  if (text.size() <= longest_argument) return {"/bin/sh", "-c", text};
  rules.files.push_back({long_entrypoint, text});
  return {"/bin/sh", long_entrypoint};
}

}  // namespace

actors::execution_request make_execution(run_request&& asked, const image& from,
                                         const sandbox::installed_runtimes& runtimes, const config& settings) {
  const auto& which = *from.runtime;
  actors::execution_request made;
  made.runtime = which.name;
  sandbox::policy& rules = made.rules;
  rules = sandbox::make_policy(*sandbox::find_preset("quartermaster"), true);
  runtimes.furnish(which, workspace, rules);
  set_variable(rules.environment, "HOME=/tmp");
  if (from.tree) {
    prebuild::add_layer(rules, *from.tree);
    set_variable(rules.environment, "NODE_PATH=/usr/local/lib/node_modules");  // of `npm install -g`
    made.holds = from.tree;
  }
  for (auto& one : asked.environment) set_variable(rules.environment, std::move(one));
  rules.argv = command(asked, which, runtimes, rules);
  rules.tmpfs.push_back({.target = app, .size = {4096}, .inodes = 1, .writable = false});
  if (asked.allow_network) sandbox::allow_outbound(rules);
  sandbox::show_interfaces(rules);

  auto& limits = rules.limits;
  limits.wall = asked.timeout;
  limits.cpu = limits.wall * 64;  // so that the wall time is what ends it
  limits.memory = asked.memory;
  // As docker run --cpu-shares: a weight among those who want the processor, not a ceiling for one who is alone.
  limits.cpu_shares = asked.cpu_shares;
  limits.cpus = std::stod(settings.max_cpu_cores);
  limits.output = {static_cast<std::uint64_t>(settings.max_output_mb) << 20};
  limits.file_size = {1ULL << 62};  // a sparse file may be larger than the file system
  for (auto& place : rules.tmpfs)
    if (place.target == "/tmp") place.size = asked.disk;

  made.place = workspace;
  made.space = asked.disk;
  made.files = runtimes.sdk(which, workspace);
  if (!asked.code.empty()) made.files.push_back({std::string{which.main_file}, std::move(asked.code)});
  std::ranges::move(asked.files, std::back_inserter(made.files));
  made.wanted = sandbox::gather_options{.select = {std::string{sandbox::metadata_file}},
                                        .hidden = true,
                                        .follow_links = false,
                                        .most_files = 1,
                                        .depth = 1,
                                        .file_size = largest_metadata,
                                        .most_bytes = largest_metadata};
  return made;
}

}  // namespace lazaret::http::quartermaster
