#include "actors/execution/phases.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "actors/cpu_shares.hpp"
#include "actors/work.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::actors {

namespace {

namespace json = boost::json;

constexpr std::string_view alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// PEP 508 names and PEP 440 versions are made of these; none of `@`, `/`, `;`, `,`, `*` or a blank, which would make
/// another kind of requirement of the text.
bool is_plain(std::string_view text, std::string_view also) {
  if (text.empty() || alphanumeric.find(text.front()) == std::string_view::npos) return false;
  return std::ranges::all_of(text, [&](char c) {
    return alphanumeric.find(c) != std::string_view::npos || also.find(c) != std::string_view::npos;
  });
}

sandbox::policy python_policy(const json::object& job, const execution_options& options) {
  const sandbox::preset& preset = *sandbox::find_preset("triage");
  sandbox::policy what = sandbox::make_policy(preset, true);
  add_python_site(what, options.site);
  for (const sandbox::place& one : preset.places)
    what.volumes.push_back({.index = 0, .target = one.target, .writable = one.writable, .executable = one.executable});
  // -s, -P: neither the home nor the working directory brings code of the package into the driver itself.
  what.argv = {"/usr/bin/python3", "-s", "-P", "-B", python_site::driver, json::serialize(job)};
  what.limits.wall = options.wall;
  what.limits.cpu = options.cpu;
  what.limits.memory = options.address_space + options.disk;  // a volume's pages count as memory
  what.limits.address_space = options.address_space;
  what.limits.open_files = options.open_files;
  what.limits.pids = options.pids;
  what.limits.cpu_shares = batch_cpu_shares;  // people wait for what runs beside it
  what.limits.file_size = options.disk;
  return what;
}

void put(json::object& job, const char* key, const std::optional<std::string>& value) {
  if (value) job[key] = *value;
}

}  // namespace

std::vector<std::string> phases_of(mode m) {
  switch (m) {
    case mode::install:
      return {"install"};
    case mode::execute:
      return {"install", "execute"};
    case mode::execute_module:
      return {"install", "execute_module"};
    case mode::full:
      return {"install", "import", "entry_points"};
  }
  return {"install"};
}

sandbox::result<sandbox::policy> install_policy(const submission& asked, const execution_options& options) {
  if (!is_plain(asked.package_name, "._-")) {
    return sandbox::failure{"install_policy", EINVAL, "package_name holds what no name may hold", {}};
  }
  if (!is_plain(asked.version, "._-+!")) {
    return sandbox::failure{"install_policy", EINVAL, "version holds what no version may hold", {}};
  }
  sandbox::policy what;
  const std::string index = "http://127.0.0.1:" + std::to_string(what.gateway_port) + "/simple";
  what = python_policy({{"phase", "install"},
                        {"target", target_directory},
                        {"package", asked.package_name},
                        {"requirement", asked.package_name + "==" + asked.version},
                        {"index", index}},
                       options);
  what.network = sandbox::network_mode::gateway;
  // pip's HTTP library looks for ~/.netrc by itself; whoever opens it nevertheless was looking for it.
  what.environment.emplace_back("NETRC=/dev/null");
  return what;
}

sandbox::policy run_policy(const std::string& phase, const submission& asked, const execution_options& options) {
  // One module or script may not use up the time of all: 10 s, less when the phase itself has little.
  const auto job_limit = std::clamp<std::int64_t>(options.wall.count() / 4, 1, 10);
  json::object job{
      {"phase", phase}, {"target", target_directory}, {"package", asked.package_name}, {"job_limit", job_limit}};
  put(job, "file_path", asked.file_path);
  put(job, "entrypoint", asked.entrypoint);
  put(job, "module_name", asked.module_name);
  sandbox::policy what = python_policy(job, options);
  what.network = sandbox::network_mode::none;
  return what;
}

}  // namespace lazaret::actors
