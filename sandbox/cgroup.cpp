#include "sandbox/cgroup.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "sandbox/cgroup_parts.hpp"
#include "sandbox/proc_text.hpp"

namespace lazaret::sandbox {
namespace cgroups {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const auto piece = text.substr(0, text.find(at));
    pieces.emplace_back(piece);
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
  }
  return pieces;
}

/// proc(5): space, tab, newline and backslash in a path are written as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3') {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// The own group's path below what is mounted; the mount itself when the group lies outside of it, as it does in a
/// container that sees the host's paths.
std::string locate(const std::string& mount_point, const std::string& mount_root, const std::string& group) {
  std::string_view below = group;
  if (mount_root != "/") {
    if (!below.starts_with(mount_root)) return mount_point;
    below.remove_prefix(mount_root.size());
  }
  if (below.find("/..") != std::string_view::npos || below == "/" || below.empty()) return mount_point;
  return mount_point + std::string{below};
}

}  // namespace

bool hierarchy::carries(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::vector<hierarchy> find_hierarchies(std::string_view mountinfo, std::string_view own_groups) {
  // `4:memory:/a/b` for v1, `0::/a/b` for v2.
  struct membership {
    std::string controllers, group;
  };
  std::vector<membership> own;
  for (const std::string& line : split(own_groups, '\n')) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    own.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }

  std::vector<hierarchy> found;
  for (const std::string& line : split(mountinfo, '\n')) {
    // `31 23 0:28 ROOT MOUNT_POINT OPTIONS [tags] - TYPE SOURCE SUPER_OPTIONS`
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto left = split(std::string_view{line}.substr(0, dash), ' ');
    const auto right = split(std::string_view{line}.substr(dash + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    const bool unified = right[0] == "cgroup2";
    if (!unified && right[0] != "cgroup") continue;
    const auto options = split(right[2], ',');
    const auto mine = std::find_if(own.begin(), own.end(), [&](const membership& m) {
      if (unified || m.controllers.empty()) return unified && m.controllers.empty();
      const auto names = split(m.controllers, ',');
      return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        return !name.starts_with("name=") && std::find(options.begin(), options.end(), name) != options.end();
      });
    });
    if (mine == own.end()) continue;
    hierarchy one;
    one.version = unified ? 2 : 1;
    if (!unified) one.controllers = split(mine->controllers, ',');
    one.mount_point = unescape(left[4]);
    one.directory = locate(one.mount_point, unescape(left[3]), mine->group);
    const bool known = std::any_of(found.begin(), found.end(), [&](const hierarchy& other) {
      return other.version == one.version && other.controllers == one.controllers;
    });
    if (!known) found.push_back(std::move(one));
  }
  return found;
}

}  // namespace cgroups

namespace {

using cgroups::hierarchy;

class group final : public cgroup {
 public:
  explicit group(std::vector<std::unique_ptr<cgroups::part>> parts) : parts_{std::move(parts)} {}
  ~group() override { kill(); }

  result<void> attach(int pid) override {
    for (const auto& part : parts_)
      if (auto done = part->attach(pid); !done) return done;
    return {};
  }
  [[nodiscard]] int attach_self() const noexcept override {
    for (const auto& part : parts_)
      if (const int error = part->attach_self(); error != 0) return error;
    return 0;
  }
  [[nodiscard]] int clone_into_fd() const noexcept override {
    return parts_.size() == 1 ? parts_.front()->clone_into_fd() : -1;
  }
  [[nodiscard]] cgroup_usage usage() const override {
    cgroup_usage all;
    for (const auto& part : parts_) part->account(all);
    return all;
  }
  void kill() noexcept override {
    for (const auto& part : parts_) part->kill();
  }
  [[nodiscard]] result<void> limit(const limits& what) {
    for (const auto& part : parts_)
      if (auto done = part->limit(what); !done) return done;
    return {};
  }

 private:
  std::vector<std::unique_ptr<cgroups::part>> parts_;  ///< the one that can stop forks first
};

class tree final : public cgroup_tree {
 public:
  tree(std::vector<std::unique_ptr<cgroups::root>> roots, std::string description, std::vector<std::string> controllers,
       std::map<std::string, failure, std::less<>> absent)
      : roots_{std::move(roots)},
        description_{std::move(description)},
        controllers_{std::move(controllers)},
        absent_{std::move(absent)} {}

  result<std::unique_ptr<cgroup>> make(const std::string& name, const sandbox::limits& asked) override {
    const auto what = in_earnest(asked);
    if (what.cpus > 0 && !limits("cpu")) return why_not("cpu");  // nothing could stand in
    return make_of(name, [&](cgroups::root& root) { return root.make(name, what); });
  }
  result<std::unique_ptr<cgroup>> make_unlimited(const std::string& name) override {
    return make_of(name, [&](cgroups::root& root) { return root.make_unlimited(name); });
  }
  [[nodiscard]] bool may_limit_later(const sandbox::limits& asked) const noexcept override {
    const auto what = in_earnest(asked);
    return (what.cpus <= 0 || limits("cpu")) &&
           std::ranges::all_of(roots_, [&](const auto& root) { return root->may_limit_later(what); });
  }
  [[nodiscard]] result<void> limit(cgroup& made, const sandbox::limits& asked) const override {
    if (!may_limit_later(asked)) return failure{"cgroup", ENOTSUP, "cpu", "the group was made without that hierarchy"};
    return static_cast<group&>(made).limit(in_earnest(asked));
  }
  void prepare() override {
    for (const auto& root : roots_) root->prepare();
  }
  [[nodiscard]] bool limits(std::string_view controller) const noexcept override {
    return std::find(controllers_.begin(), controllers_.end(), controller) != controllers_.end();
  }
  [[nodiscard]] failure why_not(std::string_view controller) const override {
    const auto known = absent_.find(controller);
    if (known != absent_.end()) return known->second;
    return {"cgroup", ENOTSUP, std::string{controller} + " controller",
            "no mounted hierarchy carries it; is /sys/fs/cgroup mounted, and the controller delegated?"};
  }
  [[nodiscard]] std::string describe() const override { return description_; }

 private:
  /// A quota of all processors that there are is none.
  static sandbox::limits in_earnest(sandbox::limits what) {
    if (what.cpus > 0 && what.cpus >= static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN))) what.cpus = 0;
    return what;
  }
  template <class Make>
  result<std::unique_ptr<cgroup>> make_of(const std::string& name, Make make_part) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (name.empty() || name.size() > 100 || name.find_first_not_of(plain) != std::string::npos)
      return failure{"cgroup", EINVAL, "name `" + name + "`", {}};
    std::vector<std::unique_ptr<cgroups::part>> parts;
    for (const auto& root : roots_) {
      auto part = make_part(*root);
      if (!part) return part.error();
      if (*part) parts.push_back(std::move(*part));
    }
    return std::unique_ptr<cgroup>{std::make_unique<group>(std::move(parts))};
  }

  std::vector<std::unique_ptr<cgroups::root>> roots_;
  std::string description_;
  std::vector<std::string> controllers_;
  std::map<std::string, failure, std::less<>> absent_;
};

/// What v2 offers to its children is not in mountinfo but in a file. Its cpu accounting needs no controller.
void ask_offer(hierarchy& unified) {
  const unique_fd directory{::open(unified.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (auto& name : cgroups::names_at(directory.get(), "cgroup.controllers"))
    unified.controllers.push_back(std::move(name));
  unified.controllers.emplace_back("cpuacct");
}

/// What is mounted there may be covered by something else, as in containers that are given no group.
bool is_visible(const hierarchy& one) {
  struct statfs what {};
  if (::statfs(one.directory.c_str(), &what) != 0) return false;
  return what.f_type == (one.version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/// Was it never given to us, rather than broken? ENOENT: the mount is covered, or the group lies outside of it.
bool is_denial(const failure& why) {
  return why.error == EACCES || why.error == EPERM || why.error == EROFS || why.error == ENOENT;
}

}  // namespace

result<std::unique_ptr<cgroup_tree>> open_cgroup_tree(guardian* for_one) {
  auto found = cgroups::find_hierarchies(read_text("/proc/self/mountinfo"), read_text("/proc/self/cgroup"));
  bool any_v1 = false, any_v2 = false;  // mounted at all
  for (hierarchy& one : found) {
    if (one.version == 2) {
      ask_offer(one);
      any_v2 = true;
    } else {
      any_v1 = true;
    }
  }

  // Each controller is taken from the first hierarchy that carries it, v1 first: a controller that v1 has mounted is
  // not offered by v2. pids comes first, since it is what stops forks while a group is being killed.
  std::stable_sort(found.begin(), found.end(), [](const hierarchy& a, const hierarchy& b) {
    return std::pair{a.version, !a.carries("pids")} < std::pair{b.version, !b.carries("pids")};
  });
  std::vector<std::string> missing{"pids", "memory", "cpuacct", "cpu"}, carried;
  std::vector<std::unique_ptr<cgroups::root>> roots;
  std::map<std::string, failure, std::less<>> absent;
  std::string where;
  for (const hierarchy& one : found) {
    std::vector<std::string> taken;
    for (const std::string& controller : missing)
      if (one.carries(controller)) taken.push_back(controller);
    if (taken.empty()) continue;
    result<std::unique_ptr<cgroups::root>> root =
        failure{"cgroup", ENOENT, one.directory, "covered by another mount, or outside of what is mounted"};
    if (is_visible(one))
      root = one.version == 2 ? cgroups::open_v2(one, taken, for_one) : cgroups::open_v1(one, taken, for_one);
    if (!root && !is_denial(root.error())) return root.error();
    if (!root) {
      for (const std::string& controller : taken) absent.emplace(controller, root.error());
      continue;
    }
    roots.push_back(std::move(*root));
    for (const std::string& controller : taken) {
      std::erase(missing, controller);
      carried.push_back(controller);
      where += (where.empty() ? "" : ", ") + controller + " v" + std::to_string(one.version) + " " + one.directory;
    }
  }
  const std::string kind = roots.empty() ? "none" : any_v1 && any_v2 ? "hybrid" : any_v2 ? "v2" : "v1";
  return std::unique_ptr<cgroup_tree>{
      std::make_unique<tree>(std::move(roots), kind + ": " + where, std::move(carried), std::move(absent))};
}

}  // namespace lazaret::sandbox
