// What has to be done before root is given up; see compose.hpp.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "http/compose.hpp"
#include "sandbox/keeper.hpp"

namespace lazaret::http {
namespace {

std::filesystem::path program_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

/// Of the prebuilds: there when the jailer starts, which shows jails what is below it. Whoever has DATA_DIR has it.
sandbox::result<std::filesystem::path> make_layers_folder(const std::filesystem::path& data_dir) {
  std::error_code bad;
  const auto data = std::filesystem::absolute(data_dir, bad);
  struct stat owner {};
  if (bad || ::stat(data.c_str(), &owner) != 0) return sandbox::os_failure("make_layers_folder", data.string());
  for (const auto& folder : {data / "prebuilds", data / "prebuilds" / "layers"}) {
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return sandbox::os_failure("make_layers_folder", "mkdir " + folder.string());
    if (::geteuid() == 0 && ::lchown(folder.c_str(), owner.st_uid, owner.st_gid) != 0)
      return sandbox::os_failure("make_layers_folder", "chown " + folder.string());
  }
  return {boost::system::in_place_value, data / "prebuilds" / "layers"};
}

}  // namespace

sandbox::result<groundwork> lay_groundwork(const config& settings) {
  const auto layers = make_layers_folder(settings.data_dir);
  if (!layers) return layers.error();
  if (!settings.needs_jails()) return groundwork{};
  auto site = actors::find_python_site();
  if (!site) return site.error();
  sandbox::keeper_options options;
  options.jailer_path = program_folder() / "lazaret-jailer";
  options.jailer_options = {"--allow-bind", site->root.string()};
  for (const auto& folder : {*layers, settings.runtimes_dir, settings.snekbox_bin_dir, settings.snekbox_user_base})
    if (!folder.empty()) options.jailer_options.insert(options.jailer_options.end(), {"--allow-bind", folder.string()});
  if (!settings.jail_require.empty()) {
    options.jailer_options.emplace_back("--require");
    auto& names = options.jailer_options.emplace_back();
    for (const auto& layer : settings.jail_require) names += (names.empty() ? "" : ",") + layer;
  }
  auto keeper = sandbox::start_keeper(options);
  if (!keeper) return keeper.error();
  return groundwork{std::move(*keeper), std::move(*site)};
}

}  // namespace lazaret::http
