#include "tests/sandbox/host_state.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/sandbox/started_jailer.hpp"

namespace lazaret::sandbox::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t uids_of_a_jailer = 65536;

std::string link_of(const fs::path& link) {
  std::error_code gone;
  return fs::read_symlink(link, gone).string();
}

/// Lines of a table in which some word is one of the jails' uids.
std::size_t lines_of_jails(const char* table, std::uint32_t uid_base) {
  std::ifstream file{table};
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    bool ours = false;
    for (std::string word; words >> word;) {
      if (word.ends_with(':')) word.pop_back();
      if (word.empty() || word.size() > 10 || word.find_first_not_of("0123456789") != std::string::npos) continue;
      const auto number = std::stoull(word);
      ours = ours || (number >= uid_base && number < uid_base + uids_of_a_jailer);
    }
    count += ours;
  }
  return count;
}

/// Directories below the jailer's own, in every hierarchy.
std::size_t groups_of(pid_t jailer) {
  const auto home = "lazaret." + std::to_string(jailer);
  std::size_t count = 0;
  std::error_code gone;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at{"/sys/fs/cgroup", options, gone}, end; at != end; at.increment(gone)) {
    if (gone || !at->is_directory(gone)) continue;
    if (at->path().filename() != home) continue;
    count += static_cast<std::size_t>(
        std::distance(fs::directory_iterator{at->path()}, fs::directory_iterator{}));  // files too: always the same
  }
  return count;
}

/// Namespaces of the jailer and of whatever descends from it.
std::size_t namespaces_of(const started_jailer& jailer) {
  std::set<std::string> all;
  std::error_code gone;
  auto whose = jailer.children();
  whose.push_back(jailer.pid());
  for (const pid_t pid : whose)
    for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(pid) + "/ns", gone})
      all.insert(link_of(entry.path()));
  return all.size();
}

std::size_t own_descriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{"/proc/self/fd"}, fs::directory_iterator{}));
}

long meminfo(const std::string& key) {
  std::ifstream file{"/proc/meminfo"};
  for (std::string word; file >> word;)
    if (word == key + ":") {
      long kib = 0;
      file >> kib;
      return kib;
    }
  return 0;
}

/// Active objects of the slabs that namespaces are made of. Root only; elsewhere nothing is compared.
void count_slabs(std::map<std::string, long>& into) {
  std::ifstream file{"/proc/slabinfo"};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    std::string name;
    long active = 0;
    words >> name >> active;
    for (const char* kind : {"net_namespace", "user_namespace", "pid_namespace", "uts_namespace", "mqueue_inode_cache"})
      if (name == kind) into[name] = active;
  }
}

}  // namespace

host_state look_at_host(const started_jailer& jailer, std::uint32_t uid_base) {
  host_state now;
  now.own["descriptors of the jailer"] = jailer.open_files();  // waits until it is at rest
  now.own["processes by uid"] = std::to_string(jailed_processes().size());
  now.own["children of the jailer"] = std::to_string(jailer.children().size());
  now.own["mounts of the jailer"] = std::to_string(jailer.mounts());
  now.own["cgroups"] = std::to_string(groups_of(jailer.pid()));
  now.own["namespaces"] = std::to_string(namespaces_of(jailer));
  now.own["descriptors of its client"] = std::to_string(own_descriptors());
  for (const char* table :
       {"/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/sysvipc/sem", "/proc/key-users", "/proc/keys"})
    now.own[table] = std::to_string(lines_of_jails(table, uid_base));
  now.shared["shmem"] = meminfo("Shmem");
  now.shared["unreclaimable slab"] = meminfo("SUnreclaim");
  count_slabs(now.shared);
  return now;
}

}  // namespace lazaret::sandbox::testing
