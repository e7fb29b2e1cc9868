#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "sandbox/cgroup_parts.hpp"

namespace lazaret::sandbox::cgroups {
namespace {

bool has(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// Kernel documentation: admin-guide/cgroup-v2.rst.
class part_v2 final : public part {
 public:
  part_v2(std::shared_ptr<home> where, std::string name, unique_fd directory, std::vector<std::string> controllers)
      : home_{std::move(where)},
        name_{std::move(name)},
        directory_{std::move(directory)},
        controllers_{std::move(controllers)} {}

  ~part_v2() override {
    directory_.reset();
    home_->remove(name_);
  }

  result<void> open_files() {
    procs_.reset(::openat(directory_.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
    if (!procs_) return os_failure("cgroup", "open cgroup.procs of " + name_);
    return {};
  }

  result<void> limit(const limits& what) override { return limit_v2(directory_.get(), what, controllers_); }

  result<void> attach(int pid) override { return write_at(directory_.get(), "cgroup.procs", std::to_string(pid)); }
  [[nodiscard]] int attach_self() const noexcept override { return ::write(procs_.get(), "0", 1) == 1 ? 0 : errno; }
  [[nodiscard]] int clone_into_fd() const noexcept override { return directory_.get(); }
  void account(cgroup_usage& usage) const override { account_v2(directory_.get(), usage); }

  void kill() noexcept override {
    (void)write_at(directory_.get(), "cgroup.kill", "1");  // Linux 5.14; atomic, forks included
    kill_members(directory_.get());                        // waits for the end, and is the way before 5.14
  }

 private:
  std::shared_ptr<home> home_;
  std::string name_;
  unique_fd directory_, procs_;
  std::vector<std::string> controllers_;
};

class root_v2 final : public root {
 public:
  root_v2(std::shared_ptr<home> where, std::vector<std::string> controllers)
      : home_{std::move(where)}, controllers_{std::move(controllers)} {}

  result<std::unique_ptr<part>> make(const std::string& name, const limits& what) override {
    auto made = make_unlimited(name);
    if (!made) return made;
    if (auto done = (*made)->limit(what); !done) return done.error();
    return made;
  }

  result<std::unique_ptr<part>> make_unlimited(const std::string& name) override {
    auto made = spare_ ? result<std::unique_ptr<part_v2>>{std::move(spare_)} : open_part(name);
    if (!made) return made.error();
    return std::unique_ptr<part>{std::move(*made)};
  }

  [[nodiscard]] bool may_limit_later(const limits& /*what*/) const noexcept override { return true; }

  void prepare() override {
    if (spare_) return;
    if (auto made = open_part("spare-" + std::to_string(++last_spare_))) spare_ = std::move(*made);
  }

 private:
  result<std::unique_ptr<part_v2>> open_part(const std::string& name) {
    auto directory = home_->make(name);
    if (!directory) return directory.error();
    auto made = std::make_unique<part_v2>(home_, name, std::move(*directory), controllers_);
    if (auto done = made->open_files(); !done) return done.error();
    return made;
  }

  std::shared_ptr<home> home_;
  std::vector<std::string> controllers_;
  std::unique_ptr<part_v2> spare_;
  std::uint64_t last_spare_ = 0;
};

/// The leaf that the service's own processes move to, because a group with processes can't give controllers to its
/// children ("no internal processes"). It has no number: the sweep leaves it alone, and a restarted jailer, which is
/// born in it, takes its parent as the base. Not a name that systemd could have given: a unit `lazaret.service` is the
/// base itself.
constexpr const char* own_leaf = "lazaret.self";

result<void> evacuate(int directory) {
  if (::mkdirat(directory, own_leaf, 0755) != 0 && errno != EEXIST)
    return os_failure("cgroup", "mkdir " + std::string{own_leaf});
  const unique_fd leaf{::openat(directory, own_leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!leaf) return os_failure("cgroup", std::string{"open "} + own_leaf);
  for (const auto& pid : names_at(directory, "cgroup.procs")) {
    const auto moved = write_at(leaf.get(), "cgroup.procs", pid);
    if (!moved && moved.error().error != ESRCH) return moved;
  }
  return {};
}

/// Without moving anybody: the kernel's root group. Others are not even asked while they hold processes (open_v2).
bool gives_to_children(const std::string& path, const std::vector<std::string>& wanted) {
  const unique_fd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || ::faccessat(directory.get(), ".", W_OK, AT_EACCESS) != 0) return false;
  if (exists_at(directory.get(), "cgroup.type")) return false;
  std::vector<std::string> controllers;
  for (const auto& name : names_at(directory.get(), "cgroup.controllers"))
    if (has(wanted, name)) controllers.push_back(name);
  return static_cast<bool>(delegate_v2(directory.get(), controllers));
}

}  // namespace

std::string base_of(const hierarchy& where) {
  const std::string leaf = std::string{"/"} + own_leaf;
  const bool moved = where.version == 2 && where.directory.ends_with(leaf);
  return moved ? where.directory.substr(0, where.directory.size() - leaf.size()) : where.directory;
}

result<void> limit_v2(int directory, const limits& what, const std::vector<std::string>& controllers) {
  const auto set = [&](const char* file, const std::string& text) { return write_at(directory, file, text); };
  if (has(controllers, "memory")) {
    if (auto done = set("memory.max", std::to_string(what.memory.count)); !done) return done;
    // Absent without swap accounting, and then there is nothing to set.
    if (exists_at(directory, "memory.swap.max"))
      if (auto done = set("memory.swap.max", "0"); !done) return done;
    // One process dies, not all: the program may live on and be asked for its outcome, as on v1.
    if (auto done = set("memory.oom.group", "0"); !done) return done;
  }
  if (has(controllers, "pids"))
    if (auto done = set("pids.max", std::to_string(what.pids)); !done) return done;
  if (has(controllers, "cpu") && what.cpu_shares > 0)
    if (auto done = set("cpu.weight", std::to_string(weight_of(what.cpu_shares))); !done) return done;
  if (has(controllers, "cpu") && what.cpus > 0)
    return set("cpu.max", std::to_string(quota_us(what.cpus, period_us)) + " " + std::to_string(period_us));
  return {};
}

void account_v2(int directory, cgroup_usage& usage) {
  // Left alone when the file is missing: on a hybrid host another hierarchy may have filled it in.
  if (const auto us = number_at(directory, "cpu.stat", "usage_usec")) usage.cpu = std::chrono::microseconds{*us};
  if (const auto periods = number_at(directory, "cpu.stat", "nr_throttled")) usage.throttled = *periods;
  if (const auto peak = number_at(directory, "memory.peak"))  // Linux 5.19
    usage.peak_memory = bytes{*peak};
  else if (const auto now = number_at(directory, "memory.current"))
    usage.peak_memory = bytes{*now};
  if (const auto kills = number_at(directory, "memory.events", "oom_kill")) usage.oom_kills = *kills;
  if (const auto peak = number_at(directory, "pids.peak"))  // Linux 6.1
    usage.peak_pids = static_cast<std::uint32_t>(*peak);
  else if (const auto now = number_at(directory, "pids.current"))
    usage.peak_pids = static_cast<std::uint32_t>(*now);
  if (const auto refused = number_at(directory, "pids.events", "max")) usage.pids_refused = *refused;
}

result<void> delegate_v2(int directory, const std::vector<std::string>& controllers) {
  for (const std::string& controller : controllers)
    if (auto done = write_at(directory, "cgroup.subtree_control", "+" + controller); !done) return done;
  return {};
}

result<std::unique_ptr<root>> open_v2(const hierarchy& where, const std::vector<std::string>& wanted,
                                      guardian* for_one) {
  const auto base =
      for_one != nullptr && gives_to_children(where.mount_point, wanted) ? where.mount_point : base_of(where);
  const unique_fd directory{::open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) return os_failure("cgroup", "open " + base);
  std::vector<std::string> controllers;
  for (const auto& name : names_at(directory.get(), "cgroup.controllers"))
    if (has(wanted, name)) controllers.push_back(name);

  // The kernel's root group, which alone has no type, may hold processes and give. Any other must be empty first, and
  // is not asked before that: it would refuse memory (EBUSY) but give pids and cpu, and be a `domain threaded` one from
  // then on, which never gives memory (EOPNOTSUPP). Processes that forked in the meantime are met in the next round.
  const bool may_hold_processes = !exists_at(directory.get(), "cgroup.type");
  result<void> delegated = failure{"cgroup", EBUSY, base, "processes are started in it all the time"};
  // So is one that is ending: it can't be moved any more (ESRCH), and is listed until it is gone.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  for (int round = 0; !delegated && delegated.error().error == EBUSY; ++round) {
    if (round > 0) {
      if (std::chrono::steady_clock::now() > deadline) break;
      std::this_thread::sleep_for(std::chrono::microseconds{round < 3 ? 50 : 2000});
    }
    if (!may_hold_processes)
      if (auto done = evacuate(directory.get()); !done) return done.error();
    if (may_hold_processes || read_at(directory.get(), "cgroup.procs").value_or("").empty())
      delegated = delegate_v2(directory.get(), controllers);
  }
  if (!delegated) return delegated.error();
  auto place = home::open(base, for_one);
  if (!place) return place.error();
  if (for_one == nullptr)
    if (auto done = delegate_v2((*place)->fd(), controllers); !done) return done.error();
  return std::unique_ptr<root>{std::make_unique<root_v2>(std::move(*place), std::move(controllers))};
}

}  // namespace lazaret::sandbox::cgroups
