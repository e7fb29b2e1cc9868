#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "sandbox/cgroup_parts.hpp"

namespace lazaret::sandbox::cgroups {
namespace {

/// What one hierarchy carries of what we use; co-mounted controllers (cpu,cpuacct) share one directory and one attach.
struct carried {
  bool memory = false, pids = false, cpu = false, cpuacct = false;
  bool sockets = true;  ///< what waits in inet sockets is to be limited
  [[nodiscard]] bool only_quota() const noexcept { return cpu && !memory && !pids && !cpuacct; }
};

constexpr const char* socket_memory = "memory.kmem.tcp.limit_in_bytes";  // not only of TCP

/// Kernel documentation: admin-guide/cgroup-v1/.
class part_v1 final : public part {
 public:
  part_v1(std::shared_ptr<home> where, std::string name, unique_fd directory, carried what)
      : home_{std::move(where)}, name_{std::move(name)}, directory_{std::move(directory)}, carried_{what} {}

  ~part_v1() override {
    directory_.reset();
    tasks_.reset();
    home_->remove(name_);
  }

  result<void> open_files() {
    tasks_.reset(::openat(directory_.get(), "tasks", O_WRONLY | O_CLOEXEC));
    if (!tasks_) return os_failure("cgroup", "open tasks of " + name_);
    return {};
  }

  result<void> limit(const limits& what) override {
    if (carried_.memory)
      if (auto done = limit_memory(what); !done) return done;
    if (carried_.pids)
      if (auto done = write_at(directory_.get(), "pids.max", std::to_string(what.pids)); !done) return done;
    if (carried_.cpu && what.cpu_shares > 0)
      if (auto done = write_at(directory_.get(), "cpu.shares", std::to_string(what.cpu_shares)); !done) return done;
    if (carried_.cpu && what.cpus > 0) {
      if (auto done = write_at(directory_.get(), "cpu.cfs_period_us", std::to_string(period_us)); !done) return done;
      const std::string quota = std::to_string(quota_us(what.cpus, period_us));
      if (auto done = write_at(directory_.get(), "cpu.cfs_quota_us", quota); !done) return done;
    }
    return {};
  }

  result<void> attach(int pid) override { return write_at(directory_.get(), "cgroup.procs", std::to_string(pid)); }

  [[nodiscard]] int attach_self() const noexcept override { return ::write(tasks_.get(), "0", 1) == 1 ? 0 : errno; }

  void account(cgroup_usage& usage) const override {
    const auto read = [&](const char* file, std::string_view key = {}) {
      return number_at(directory_.get(), file, key).value_or(0);
    };
    if (carried_.cpuacct) usage.cpu = std::chrono::nanoseconds{read("cpuacct.usage")};
    if (carried_.cpu) usage.throttled = read("cpu.stat", "nr_throttled");
    if (carried_.memory) {
      usage.peak_memory = bytes{read("memory.max_usage_in_bytes")};
      usage.oom_kills = read("memory.oom_control", "oom_kill");
    }
    if (carried_.pids) {
      // pids.peak is there since Linux 6.1; before, what runs now is the best that is known.
      const auto peak = number_at(directory_.get(), "pids.peak");
      usage.peak_pids = static_cast<std::uint32_t>(peak ? *peak : read("pids.current"));
      usage.pids_refused = refused_before_kill_ ? *refused_before_kill_ : read("pids.events", "max");
    }
  }

  void kill() noexcept override {
    // With no fork possible, what is listed is all that there is: the effect of the freezer without a further hierarchy
    // to attach to.
    if (!has_members(directory_.get())) return;
    if (carried_.pids && !refused_before_kill_) {
      refused_before_kill_ = number_at(directory_.get(), "pids.events", "max").value_or(0);
      (void)write_at(directory_.get(), "pids.max", "0");
    }
    kill_members(directory_.get());
  }

 private:
  result<void> limit_memory(const limits& what) {
    const std::string most = std::to_string(what.memory.count);
    if (auto done = write_at(directory_.get(), "memory.limit_in_bytes", most); !done) return done;
    // Memory and swap together; there only with swap accounting. Without it, at least don't prefer to swap.
    if (exists_at(directory_.get(), "memory.memsw.limit_in_bytes")) {
      if (auto done = write_at(directory_.get(), "memory.memsw.limit_in_bytes", most); !done) return done;
    } else {
      (void)write_at(directory_.get(), "memory.swappiness", "0");
    }
    // What waits in inet sockets is counted apart, and only when limited; v2 counts it as memory. Beside, not within.
    if (carried_.sockets && exists_at(directory_.get(), socket_memory)) {
      const std::string sockets = std::to_string(what.memory.count / 4);
      if (auto done = write_at(directory_.get(), socket_memory, sockets); !done) return done;
    }
    return {};
  }

  std::shared_ptr<home> home_;
  std::string name_;
  unique_fd directory_, tasks_;
  carried carried_;
  std::optional<std::uint64_t> refused_before_kill_;
};

class root_v1 final : public root {
 public:
  /// `home` may be empty: then it is made when it is first needed, `for_one`.
  root_v1(std::string directory, std::shared_ptr<home> where, carried what, guardian* for_one = nullptr)
      : directory_{std::move(directory)}, home_{std::move(where)}, for_one_{for_one}, carried_{what} {}

  result<std::unique_ptr<part>> make(const std::string& name, const limits& what) override {
    if (may_limit_later(what) && carried_.only_quota()) return std::unique_ptr<part>{};
    auto made = open_any(name);
    if (!made) return made;
    if (auto done = (*made)->limit(what); !done) return done.error();
    return made;
  }

  result<std::unique_ptr<part>> make_unlimited(const std::string& name) override {
    return carried_.only_quota() ? std::unique_ptr<part>{} : open_any(name);
  }

  [[nodiscard]] bool may_limit_later(const limits& what) const noexcept override {
    return !carried_.only_quota() || (what.cpus <= 0 && what.cpu_shares == 0);
  }

  void prepare() override {
    if (spare_ || !home_ || carried_.only_quota()) return;
    if (auto made = open_part("spare-" + std::to_string(++last_spare_))) spare_ = std::move(*made);
  }

 private:
  result<std::unique_ptr<part>> open_any(const std::string& name) {
    if (!home_) {
      auto made = home::open(directory_, for_one_);
      if (!made) return made.error();
      home_ = std::move(*made);
    }
    auto made = spare_ ? result<std::unique_ptr<part_v1>>{std::move(spare_)} : open_part(name);
    if (!made) return made.error();
    return std::unique_ptr<part>{std::move(*made)};
  }

  result<std::unique_ptr<part_v1>> open_part(const std::string& name) {
    auto directory = home_->make(name);
    if (!directory) return directory.error();
    auto made = std::make_unique<part_v1>(home_, name, std::move(*directory), carried_);
    if (auto done = made->open_files(); !done) return done.error();
    return made;
  }

  std::string directory_;
  std::shared_ptr<home> home_;
  guardian* for_one_;
  carried carried_;
  std::unique_ptr<part_v1> spare_;
  std::uint64_t last_spare_ = 0;
};

}  // namespace

result<std::unique_ptr<root>> open_v1(const hierarchy& where, const std::vector<std::string>& wanted,
                                      guardian* for_one) {
  const auto uses = [&](std::string_view name) {
    return where.carries(name) && std::find(wanted.begin(), wanted.end(), name) != wanted.end();
  };
  const carried what{uses("memory"), uses("pids"), uses("cpu"), uses("cpuacct"), for_one == nullptr};
  if (for_one != nullptr && what.only_quota()) {  // which that one rarely has
    if (::faccessat(AT_FDCWD, where.directory.c_str(), W_OK, AT_EACCESS) != 0)
      return os_failure("cgroup", where.directory, "is the hierarchy writable, or delegated to this user?");
    return std::unique_ptr<root>{std::make_unique<root_v1>(where.directory, nullptr, what, for_one)};
  }
  auto place = home::open(where.directory, for_one);
  if (!place) return place.error();
  // The first such limit of the host patches the kernel's text, which takes milliseconds: kept for as long as we live.
  if (what.memory && what.sockets) (void)write_at((*place)->fd(), socket_memory, "-1");
  return std::unique_ptr<root>{std::make_unique<root_v1>(where.directory, std::move(*place), what)};
}

}  // namespace lazaret::sandbox::cgroups
