#include "http/snekbox/jail.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "actors/cpu_shares.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::http::snekbox {
namespace {

namespace fs = std::filesystem;
using sandbox::bytes;

constexpr const char* interpreters = "/snekbin";
constexpr const char* user_base = "/snekbox/user_base";
constexpr const char* system_python = "/usr/bin/python3";
constexpr const char* code_file = "/run/lazaret/code";

/// execve(2): MAX_ARG_STRLEN is 32 pages, the ending NUL included.
constexpr std::size_t longest_argument = 32 * 4096 - 1;

bytes mebibytes(std::int64_t count) { return {static_cast<std::uint64_t>(count) << 20}; }

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

/// Where a path of the jail lies on the host; empty when no file of the host is seen there.
fs::path on_host(const fs::path& inside, const config& settings) {
  if (is_below(inside, interpreters) && !settings.snekbox_bin_dir.empty())
    return settings.snekbox_bin_dir / inside.lexically_relative(interpreters);
  if (is_below(inside, user_base) && !settings.snekbox_user_base.empty())
    return settings.snekbox_user_base / inside.lexically_relative(user_base);
  for (const char* folder : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives"})
    if (is_below(inside, folder)) return inside;
  return {};
}

/// A link on the host may lead where no jail can follow.
bool is_seen(const fs::path& canonical, const config& settings) {
  std::error_code missing;
  for (const fs::path& folder : {fs::path{"/usr"}, settings.snekbox_bin_dir, settings.snekbox_user_base})
    if (!folder.empty() && is_below(canonical, fs::canonical(folder, missing)) && !missing) return true;
  return false;
}

std::string default_executable(const config& settings) {
  return check_executable(settings.snekbox_executable, settings).empty() ? settings.snekbox_executable : system_python;
}

bool is_python(std::string_view executable) {
  return executable.substr(executable.rfind('/') + 1).starts_with("python");
}

/// Code that is too long for an argument is read from a file. It runs as the same `__main__`, with the same sys.argv
/// and the same file name in tracebacks, one frame deeper.
void move_long_code(std::vector<std::string>& argv, sandbox::policy& rules) {
  if (!is_python(argv.front())) return;
  const auto flag = std::ranges::find(argv, "-c");
  if (flag == argv.end() || std::next(flag) == argv.end() || std::next(flag)->size() <= longest_argument) return;
  auto& code = *std::next(flag);
  rules.files.push_back({code_file, std::move(code)});
  code = "exec(compile(open('" + std::string{code_file} + "','rb').read(),'<string>','exec'))";
}

}  // namespace

std::string check_executable(const std::string& path, const config& settings) {
  const auto inside = fs::path{path}.lexically_normal();
  constexpr std::array folders{"/", "/home", "/dev", "/dev/shm", "/etc", "/etc/ssl", "/snekbox", "/run"};
  if (path.find('\0') != path.npos || !inside.is_absolute()) return "executable_path does not exist";
  const auto without_slash = inside.has_filename() ? inside : inside.parent_path();
  if (std::ranges::find(folders, without_slash) != folders.end()) return "executable_path is not a file";
  for (const auto& file : sandbox::base_policy().files)
    if (file.target == inside) return "executable_path is not executable";
  const auto host = on_host(without_slash, settings);
  std::error_code missing;
  const auto canonical = host.empty() ? fs::path{} : fs::canonical(host, missing);
  if (canonical.empty() || missing || !is_seen(canonical, settings)) return "executable_path does not exist";
  if (!fs::is_regular_file(canonical, missing) || !inside.has_filename()) return "executable_path is not a file";
  return ::access(canonical.c_str(), X_OK) == 0 ? "" : "executable_path is not executable";
}

bool is_too_long(const actors::execution_request& what) {
  constexpr std::size_t most_arguments = 8000,
                        most_bytes = 7 << 19;  // of validate_policy's 8192 and the message's 4 MiB
  std::size_t size = 0;
  for (const auto& argument : what.rules.argv) size += argument.size();
  for (const auto& file : what.rules.files) size += file.content.size();
  return what.rules.argv.size() > most_arguments || size > most_bytes;
}

actors::execution_request make_execution(eval_request&& asked, const config& settings) {
  actors::execution_request made;
  sandbox::policy& rules = made.rules;
  rules = sandbox::make_policy(*sandbox::find_preset("snekbox"), true);
  const auto wanted = asked.executable.empty() ? settings.snekbox_executable : asked.executable;
  const bool is_default = wanted == settings.snekbox_executable;
  rules.argv = std::move(asked.arguments);
  rules.argv.insert(rules.argv.begin(),
                    is_default ? default_executable(settings) : fs::path{wanted}.lexically_normal().string());
  move_long_code(rules.argv, rules);
  if (!settings.snekbox_bin_dir.empty())
    rules.binds.push_back({.source = settings.snekbox_bin_dir, .target = interpreters});
  if (!settings.snekbox_user_base.empty())
    rules.binds.push_back({.source = settings.snekbox_user_base, .target = user_base});
  rules.merge_output = true;

  auto& limits = rules.limits;
  limits.cpu_shares = actors::interactive_cpu_shares;
  limits.wall = std::chrono::seconds{settings.snekbox_wall_sec};
  limits.cpu = limits.wall * settings.snekbox_pids;  // so that the wall time is what ends it
  limits.memory = mebibytes(settings.snekbox_memory_mb);
  limits.address_space = mebibytes(settings.snekbox_address_space_mb);
  limits.pids = static_cast<std::uint32_t>(settings.snekbox_pids) + 1;  // the jail's init
  limits.output = {static_cast<std::uint64_t>(settings.snekbox_output_bytes)};
  limits.file_size = {1ULL << 62};  // a sparse file may be larger than the file system
  for (auto& place : rules.tmpfs)
    if (place.target == "/dev/shm") place.size = mebibytes(settings.snekbox_shm_mb);

  made.place = "/home";
  made.space = mebibytes(settings.snekbox_home_mb);
  made.files = std::move(asked.files);
  made.wanted = sandbox::gather_options{.select = {settings.snekbox_files_pattern},
                                        .most_files = static_cast<std::size_t>(settings.snekbox_files_limit),
                                        .most_bytes = made.space,
                                        .ends_when_full = true,
                                        .within = std::chrono::seconds{settings.snekbox_files_timeout_sec}};
  return made;
}

}  // namespace lazaret::http::snekbox
