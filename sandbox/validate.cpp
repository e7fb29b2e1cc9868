#include "sandbox/validate.hpp"

#include <cmath>
#include <cstdlib>
#include <memory>

namespace lazaret::sandbox {
namespace {

constexpr std::size_t max_path = 4096;
constexpr std::size_t max_mounts = 256;  // of one kind; each costs the kernel memory that no cgroup accounts
constexpr std::size_t max_strings = 8192;

result<void> refuse(std::string field, std::string hint) {
  return failure{"validate_policy", 0, std::move(field), std::move(hint)};
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool is_under(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/');
}

bool is_program(std::string_view name) {
  return name.find('/') == std::string_view::npos ? is_plain_path("/" + std::string{name}) : is_plain_path(name);
}

template <class List>
result<void> check_targets(const char* field, const List& list) {
  if (list.size() > max_mounts) return refuse(field, "too many");
  for (const auto& entry : list)
    if (!is_plain_path(entry.target))
      return refuse(std::string{field} + ".target " + entry.target, "not a plain absolute path");
  return {};
}

result<void> check_strings(const char* field, const std::vector<std::string>& list) {
  if (list.size() > max_strings) return refuse(field, "too many");
  for (const auto& s : list)
    if (has_nul(s)) return refuse(field, "contains NUL");
  return {};
}

result<void> check_overlay(const overlay_mount& o, std::size_t volumes) {
  const auto field = "overlays " + o.target;
  if (o.lower.empty() || o.lower.size() > 32) return refuse(field + ".lower", "1 to 32 directories");
  for (const auto& lower : o.lower)
    if (!is_plain_path(lower)) return refuse(field + ".lower " + lower, "not a plain absolute path");
  if (o.size.count == 0 || o.inodes == 0) return refuse(field, "0 would mean unlimited to the kernel");
  if (o.own_depth > 8) return refuse(field + ".own_depth", "0 to 8");
  if (o.volume < -1 || (o.volume >= 0 && static_cast<std::size_t>(o.volume) >= volumes))
    return refuse(field + ".volume", "no such volume was handed over");
  return {};
}

result<void> check_limits(const limits& l) {
  using namespace std::chrono_literals;
  if (l.wall < 1ms || l.wall > 24h) return refuse("limits.wall", "1 ms to 24 h");
  if (l.cpu < 1ms || l.cpu > 24h * 64) return refuse("limits.cpu", "1 ms to 64 days");
  if (l.memory < 1_MiB || l.memory > bytes{1ULL << 50}) return refuse("limits.memory", "1 MiB to 1 PiB");
  if (l.pids < 2 || l.pids > 1U << 20) return refuse("limits.pids", "2 (one is the jail's init) to 1048576");
  if (l.open_files < 16 || l.open_files > 1U << 20) return refuse("limits.open_files", "16 to 1048576");
  if (!std::isfinite(l.cpus) || l.cpus < 0 || l.cpus > 4096) return refuse("limits.cpus", "0 to 4096");
  if (l.cpu_shares == 1 || l.cpu_shares > 1U << 18) return refuse("limits.cpu_shares", "0, or 2 to 262144");
  return {};
}

}  // namespace

bind_rules::bind_rules(const std::vector<std::string>& prefixes) {
  std::vector<std::string> all{"/usr",
                               "/bin",
                               "/sbin",
                               "/lib",
                               "/lib32",
                               "/lib64",
                               "/etc/ssl",
                               "/etc/ld.so.cache",
                               "/etc/alternatives",
                               "/etc/localtime",
                               "/etc/python3",
                               "/etc/python3.11"};
  all.insert(all.end(), prefixes.begin(), prefixes.end());
  for (const auto& prefix : all) {
    const std::unique_ptr<char, decltype(&::free)> canonical{::realpath(prefix.c_str(), nullptr), &::free};
    if (canonical) prefixes_.emplace_back(canonical.get());
  }
}

bool bind_rules::allow(std::string_view canonical) const {
  for (const auto& prefix : prefixes_)
    if (is_under(canonical, prefix)) return true;
  return false;
}

void bind_rules::redirect(std::string prefix, std::string place) {
  prefixes_.push_back(place);
  redirections_.emplace_back(std::move(prefix), std::move(place));
}

std::string bind_rules::where(const std::string& source) const {
  for (const auto& [prefix, place] : redirections_)
    if (is_under(source, prefix)) return place + source.substr(prefix.size());
  return source;
}

bool is_plain_path(std::string_view path) {
  if (path.size() < 2 || path.size() >= max_path || path.front() != '/' || has_nul(path)) return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto component = path.substr(0, path.find('/'));
    if (component.empty() || component == "." || component == ".." || component.size() > 255) return false;
    path.remove_prefix(component.size());
  }
  return true;
}

result<void> validate(const policy& what, std::size_t volumes) {
  if (what.argv.empty() || !is_program(what.argv.front()))
    return refuse("argv", "argv[0] must be a plain absolute path, or a name to be looked for in PATH");
  if (auto ok = check_strings("argv", what.argv); !ok) return ok;
  if (auto ok = check_strings("environment", what.environment); !ok) return ok;
  for (const auto& entry : what.environment)
    if (entry.find('=') == std::string::npos || entry.front() == '=')
      return refuse("environment " + entry, "NAME=value");
  if (what.working_directory != "/" && !is_plain_path(what.working_directory))
    return refuse("working_directory", "not a plain absolute path");
  if (what.hostname.empty() || what.hostname.size() > 64 || has_nul(what.hostname))
    return refuse("hostname", "1 to 64 bytes");

  if (auto ok = check_targets("binds", what.binds); !ok) return ok;
  if (auto ok = check_targets("tmpfs", what.tmpfs); !ok) return ok;
  if (auto ok = check_targets("overlays", what.overlays); !ok) return ok;
  if (auto ok = check_targets("volumes", what.volumes); !ok) return ok;
  if (auto ok = check_targets("files", what.files); !ok) return ok;
  if (auto ok = check_targets("links", what.links); !ok) return ok;
  for (const auto& b : what.binds)
    if (!is_plain_path(b.source)) return refuse("binds.source " + b.source, "not a plain absolute path");
  for (const auto& t : what.tmpfs)
    if (t.size.count == 0 || t.inodes == 0) return refuse("tmpfs " + t.target, "0 would mean unlimited to the kernel");
  for (const auto& o : what.overlays)
    if (auto ok = check_overlay(o, volumes); !ok) return ok;
  for (const auto& v : what.volumes)
    if (v.index >= volumes) return refuse("volumes.index", "no such volume was handed over");
  for (const auto& l : what.links)
    if (l.points_to.empty() || l.points_to.size() >= max_path || has_nul(l.points_to))
      return refuse("links.points_to", "1 to 4095 bytes");
  if ((what.terminal.rows == 0) != (what.terminal.columns == 0)) return refuse("terminal", "both sizes or none");
  if (what.network == network_mode::gateway && what.gateway_port == 0) return refuse("gateway_port", "1 to 65535");
  return check_limits(what.limits);
}

}  // namespace lazaret::sandbox
