#include "sandbox/runtimes/installed.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {
namespace {

using namespace std::chrono_literals;

/// First in PATH, on the jail's own root.
constexpr const char* commands_directory = "/opt/lazaret/bin";

/// Go's cache, prepared by deploy/runtimes.sh, has a link to here in place of `trim.txt`: when it was last tidied up,
/// in seconds since the epoch. Without a time of the last day each jail's go would look at every file of it: 0.2 s.
constexpr const char* clock_file = "/etc/lazaret/now";

/// Rounded, so that policies stay the same for a while, and jails can be prepared ahead.
std::string half_day() {
  constexpr auto step = std::chrono::seconds{12h}.count();
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return std::to_string(now.count() - now.count() % step);
}

std::size_t row_of(const runtime& which) { return static_cast<std::size_t>(&which - runtimes().data()); }

void set_variable(std::vector<std::string>& environment, std::string variable) {
  const auto name = std::string_view{variable}.substr(0, variable.find('=') + 1);
  std::erase_if(environment, [name](const std::string& present) { return present.starts_with(name); });
  environment.push_back(std::move(variable));
}

/// What a program of the host's own prints, up to its end, to `patience`, or to 4 KiB.
std::string output_of(const std::string& program, const std::string& argument, std::chrono::milliseconds patience,
                      const std::stop_token& stop) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const unique_fd from{ends[0]};
  unique_fd to{ends[1]};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // Nothing of the service's environment: tokens are in it.
  const std::array<std::string, 5> variables{"PATH=/usr/bin:/bin", "HOME=/nonexistent", "GOCACHE=off", "NO_COLOR=1",
                                             "DENO_NO_UPDATE_CHECK=1"};
  std::vector<char*> environment,
      argv{const_cast<char*>(program.c_str()), const_cast<char*>(argument.c_str()), nullptr};
  for (const auto& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  pid_t child = -1;
  const int error = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  to.reset();
  if (error != 0) return {};

  std::string said;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (said.size() < 4096 && !stop.stop_requested() && std::chrono::steady_clock::now() < until) {
    pollfd readable{from.get(), POLLIN, 0};
    if (::poll(&readable, 1, 100) <= 0) continue;
    std::array<char, 1024> some{};
    const auto n = ::read(from.get(), some.data(), some.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    said.append(some.data(), static_cast<std::size_t>(n));
  }
  ::kill(child, SIGKILL);  // it has closed its output, or is late
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  return said;
}

}  // namespace

struct installed_runtimes::versions {
  mutable std::mutex mutex;
  std::vector<std::string> lines{std::vector<std::string>(runtimes().size())};
};

installed_runtimes::installed_runtimes(std::string directory, bool asks_versions)
    : directory_{std::move(directory)}, versions_{std::make_unique<versions>()} {
  for (const auto& row : runtimes()) {
    auto& missing = missing_.emplace_back();
    for (const auto path : row.needs)
      if (const auto full = expand(path); missing.empty() && ::access(full.c_str(), R_OK) != 0) missing = full;
  }
  if (asks_versions) asking_ = std::jthread{[this](const std::stop_token& stop) { ask_versions(stop); }};
}

installed_runtimes::~installed_runtimes() = default;

void installed_runtimes::ask_versions(const std::stop_token& stop) {
  for (const auto& row : runtimes()) {
    if (!has(row) || stop.stop_requested()) continue;
    auto line = output_of(expand(*row.needs.begin()), std::string{row.version_argument}, 10s, stop);
    line.resize(std::min(line.find('\n'), line.size()));
    const std::lock_guard lock{versions_->mutex};
    versions_->lines[row_of(row)] = std::move(line);
  }
}

bool installed_runtimes::has(const runtime& which) const { return missing_[row_of(which)].empty(); }

std::string installed_runtimes::version(const runtime& which) const {
  const std::lock_guard lock{versions_->mutex};
  return versions_->lines[row_of(which)];
}

std::string installed_runtimes::what_is_missing(const runtime& which) const {
  const auto& path = missing_[row_of(which)];
  if (path.empty()) return {};
  return std::string{which.name} + " is not installed here (" + path + " is missing): " + std::string{which.install};
}

std::string installed_runtimes::expand(std::string_view text, std::string_view place) const {
  std::string full{text};
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string_view>{"{dir}", directory_}, {"{place}", place}})
    for (auto at = full.find(name); at != full.npos; at = full.find(name, at + value.size()))
      full.replace(at, name.size(), value);
  return full;
}

void installed_runtimes::furnish(const runtime& which, const std::string& place, policy& what) const {
  what.working_directory = place;
  set_variable(what.environment, "HOME=" + place);
  set_variable(what.environment, std::string{"PATH="} + commands_directory + ":/usr/local/bin:/usr/bin:/bin");
  for (const auto variable : which.environment) set_variable(what.environment, expand(variable));
  what.links.push_back({.target = "/metadata", .points_to = place});
  for (const auto& command : which.commands)
    what.links.push_back({.target = std::string{commands_directory} + "/" + std::string{command.name},
                          .points_to = expand(command.path)});
  for (const auto path : which.binds) what.binds.push_back({.source = expand(path), .target = expand(path)});
  if (which.caches.size() > 0) what.files.push_back({clock_file, half_day()});
  for (const auto& cache : which.caches) {
    const auto directory = expand(cache.directory);
    std::error_code missing;
    if (std::filesystem::is_directory(directory, missing))
      what.overlays.push_back(
          {.lower = {directory}, .target = directory, .size = cache.size, .own_depth = cache.own_depth});
    else
      what.tmpfs.push_back({.target = directory, .size = cache.size, .executable = true});
  }
}

std::vector<volume_file> installed_runtimes::sdk(const runtime& which, const std::string& place) const {
  std::vector<volume_file> mine;
  for (const auto& file : sdk_files())
    if (file.group == which.sdk) mine.push_back({std::string{file.path}, expand(file.text, place)});
  return mine;
}

std::vector<std::string> installed_runtimes::compile_argv(const runtime& which, const std::string& place) const {
  return {"/bin/sh", "-c", expand(which.compile, place)};
}

std::vector<std::string> installed_runtimes::run_argv(const runtime& which, const std::string& place) const {
  std::vector<std::string> argv;
  for (const auto word : which.run) argv.push_back(expand(word, place));
  return argv;
}

}  // namespace lazaret::sandbox
