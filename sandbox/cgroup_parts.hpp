#pragma once
/// The parts that a jail's group is made of: one per hierarchy (cgroups(7)). Private to cgroup*.cpp and their tests.
/// v2 has one hierarchy, v1 one per mount; a hybrid host's group has parts of both kinds.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/cgroup.hpp"

namespace lazaret::sandbox::cgroups {

/// A mounted hierarchy and this process's own directory in it.
struct hierarchy {
  int version = 1;
  std::string mount_point;
  std::string directory;                 ///< absolute path of the own group, as seen through the mount
  std::vector<std::string> controllers;  ///< v1: of the mount's options; v2: empty, cgroup.controllers says

  [[nodiscard]] bool carries(std::string_view controller) const;
};

/// From the texts of /proc/self/mountinfo (proc(5)) and /proc/self/cgroup. Hierarchies without a mount, or mounted more
/// than once, appear once or not at all; named v1 ones (`name=systemd`) carry no controller and are left out.
[[nodiscard]] std::vector<hierarchy> find_hierarchies(std::string_view mountinfo, std::string_view own_groups);

/// Where homes are made: the own group, or on v2 its parent when a jailer has moved us to its leaf (cgroup_v2.cpp).
[[nodiscard]] std::string base_of(const hierarchy& where);

/// One jail's directory in one hierarchy. kill() before it is destroyed, if anybody may be in it.
class part {
 public:
  virtual ~part() = default;
  virtual result<void> limit(const limits& what) = 0;
  virtual result<void> attach(int pid) = 0;
  [[nodiscard]] virtual int attach_self() const noexcept = 0;
  [[nodiscard]] virtual int clone_into_fd() const noexcept { return -1; }
  virtual void account(cgroup_usage& usage) const = 0;  ///< fills in what this hierarchy knows
  virtual void kill() noexcept = 0;
};

/// `lazaret.<pid>` in one hierarchy. Holds flock(2) on it as long as it lives: whoever gets the lock knows that the
/// owner is dead, whatever pid namespace it lived in. Shared by its parts, because they are removed from it.
class home {
 public:
  /// Removes the homes of the dead first. `for_one`: it is itself the one group that will be made in it, and this is
  /// told before it is there.
  [[nodiscard]] static result<std::shared_ptr<home>> open(const std::string& parent, guardian* for_one = nullptr);
  ~home();
  home(const home&) = delete;
  home& operator=(const home&) = delete;

  [[nodiscard]] int fd() const noexcept { return directory_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Also tries once more to remove what could not be removed before.
  [[nodiscard]] result<unique_fd> make(const std::string& name);
  /// Removes a directory without processes. What is busy for longer than `remove`'s patience is tried again later.
  void remove(const std::string& name) noexcept;

 private:
  home(unique_fd parent, unique_fd directory, std::string name, std::string path, bool is_group);
  unique_fd parent_, directory_;
  std::string name_, path_;
  std::vector<std::string> leftovers_;
  bool is_group_;
};

/// Makes the parts of one hierarchy.
class root {
 public:
  virtual ~root() = default;
  /// Null when this hierarchy has nothing to say for these limits: an attach saved.
  virtual result<std::unique_ptr<part>> make(const std::string& name, const limits& what) = 0;
  virtual result<std::unique_ptr<part>> make_unlimited(const std::string& name) = 0;  ///< see cgroup_tree
  [[nodiscard]] virtual bool may_limit_later(const limits& what) const noexcept = 0;  ///< see cgroup_tree
  virtual void prepare() = 0;                                                         ///< see cgroup_tree
};

[[nodiscard]] result<std::unique_ptr<root>> open_v1(const hierarchy& where, const std::vector<std::string>& wanted,
                                                    guardian* for_one = nullptr);
[[nodiscard]] result<std::unique_ptr<root>> open_v2(const hierarchy& where, const std::vector<std::string>& wanted,
                                                    guardian* for_one = nullptr);

/// v2's logic on an open directory, apart from the making of directories, so that any directory tree can test it.
[[nodiscard]] result<void> limit_v2(int directory, const limits& what, const std::vector<std::string>& controllers);
void account_v2(int directory, cgroup_usage& usage);
/// Enables controllers for the children of `directory`, one write each.
[[nodiscard]] result<void> delegate_v2(int directory, const std::vector<std::string>& controllers);

// Files of a group. Values are text; cgroup files take one write(2) per value.
[[nodiscard]] result<void> write_at(int directory, const char* file, std::string_view text) noexcept;
[[nodiscard]] std::optional<std::string> read_at(int directory, const char* file);
/// The words of a file; none where it can't be read.
[[nodiscard]] std::vector<std::string> names_at(int directory, const char* file);
[[nodiscard]] bool exists_at(int directory, const char* file) noexcept;
/// The number that a file holds, or the one after `key ` at the start of a line; nothing if there is none (`max`).
[[nodiscard]] std::optional<std::uint64_t> number_at(int directory, const char* file, std::string_view key = {});
/// `quota period` in microseconds for a number of cores; at least the kernel's least quota of 1 ms.
[[nodiscard]] std::uint64_t quota_us(double cpus, std::uint64_t period_us) noexcept;

/// v1's 2 to 262144 as v2's cpu.weight, 1 to 10000, in the proportion that all container runtimes use (runc,
/// ConvertCPUSharesToCgroupV2Value).
[[nodiscard]] std::uint64_t weight_of(std::uint32_t cpu_shares) noexcept;
inline constexpr std::uint64_t period_us = 100'000;

/// That this pid namespace can see.
[[nodiscard]] bool has_members(int directory) noexcept;

/// SIGKILLs every process listed in the directory's cgroup.procs until there is none, for at most 1 s. Signals go
/// through pidfds that were checked to be members, so that a reused pid is never hit.
void kill_members(int directory) noexcept;

}  // namespace lazaret::sandbox::cgroups
