#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "sandbox/cgroup_parts.hpp"

using namespace lazaret::sandbox;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<cgroups::hierarchy> own_hierarchies() {
  return cgroups::find_hierarchies(slurp("/proc/self/mountinfo"), slurp("/proc/self/cgroup"));
}

/// Every `lazaret.<pid>` directory in the hierarchies that carry what we use.
std::vector<fs::path> homes(int pid) {
  std::vector<fs::path> found;
  for (const auto& one : own_hierarchies()) {
    const fs::path path = cgroups::base_of(one) + "/lazaret." + std::to_string(pid);
    if (fs::exists(path)) found.push_back(path);
  }
  return found;
}

/// Runs `body` in a child that moves itself into the group first; its exit code, or 128 + the signal.
int run_inside(const cgroup& where, const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (where.attach_self() != 0) ::_exit(99);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int hog(std::size_t size) {
  auto* memory = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) return 98;
  for (std::size_t i = 0; i < size; i += 4096) memory[i] = 1;
  return 0;
}

limits small() {
  limits what;
  what.memory = 64_MiB;
  what.pids = 8;
  return what;
}

/// Says why a test did not run. The user of `sandbox_tests_user` may make groups, too.
bool may_make_groups() {
  const auto tree = open_cgroup_tree();
  if (!tree) FAIL(tree.error().describe());
  for (const auto* controller : {"memory", "pids", "cpu"})
    if (!(*tree)->limits(controller)) {
      WARN("not run: " + (*tree)->why_not(controller).describe());
      return false;
    }
  return true;
}

std::unique_ptr<cgroup_tree> tree_or_fail() {
  auto tree = open_cgroup_tree();
  if (!tree) FAIL(tree.error().describe());
  return std::move(*tree);
}

std::unique_ptr<cgroup> group_or_fail(cgroup_tree& tree, const limits& what) {
  auto group = tree.make("jail-1", what);
  if (!group) FAIL(group.error().describe());
  return std::move(*group);
}

}  // namespace

TEST_CASE("a process that takes more memory than its group may have is killed, and the group says so") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  INFO(tree->describe());
  const auto group = group_or_fail(*tree, small());
  CHECK(run_inside(*group, [] { return hog(32 << 20); }) == 0);
  CHECK(group->usage().oom_kills == 0);
  CHECK(run_inside(*group, [] { return hog(256 << 20); }) == 128 + SIGKILL);
  CHECK(group->usage().oom_kills == 1);
  CHECK(group->usage().peak_memory >= 60_MiB);
  CHECK(group->usage().peak_memory <= 64_MiB);
}

TEST_CASE("forks beyond the limit are refused and counted") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  const auto group = group_or_fail(*tree, small());
  const int children = run_inside(*group, [] {
    int made = 0;
    for (int i = 0; i < 20; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) ::pause();
      if (pid > 0) ++made;
    }
    return made;
  });
  CHECK(children == 7);  // and the parent: 8
  CHECK(group->usage().pids_refused >= 1);
  CHECK(group->usage().peak_pids == 8);
  const auto refused = group->usage().pids_refused;
  group->kill();
  CHECK(group->usage().pids_refused == refused);
}

TEST_CASE("processor time of all processes is counted, also of those nobody waited for") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  const auto group = group_or_fail(*tree, small());
  const auto burn = [] {
    timespec used{};
    do ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec == 0 && used.tv_nsec < 60'000'000);
    return 0;
  };
  CHECK(run_inside(*group, [&] {
          if (::fork() == 0) ::_exit(burn());
          return burn();
        }) == 0);
  group->kill();
  CHECK(group->usage().cpu >= std::chrono::milliseconds{60});
  CHECK(group->usage().cpu < std::chrono::seconds{5});
}

TEST_CASE("a quota of half a core makes 100 ms of work take twice as long") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  limits what = small();
  what.cpus = 0.5;
  const auto group = group_or_fail(*tree, what);
  const auto start = std::chrono::steady_clock::now();
  CHECK(run_inside(*group, [] {
          timespec used{};
          do ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
          while (used.tv_sec == 0 && used.tv_nsec < 300'000'000);
          return 0;
        }) == 0);
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds{450});
}

TEST_CASE("killing a group ends every process in it, and destroying it leaves no directory") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  auto group = group_or_fail(*tree, small());
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  CHECK(run_inside(*group, [&] {
          for (int i = 0; i < 6; ++i) {
            if (::fork() != 0) continue;
            ::setsid();
            ::signal(SIGTERM, SIG_IGN);
            ::pause();
          }
          return 0;
        }) == 0);
  ::close(ready[1]);  // the orphans hold the other copies
  group->kill();
  char byte = 0;
  CHECK(::read(ready[0], &byte, 1) == 0);  // end of file: nobody is left
  ::close(ready[0]);
  REQUIRE(!homes(::getpid()).empty());
  for (const auto& home : homes(::getpid())) CHECK(slurp(home / "jail-1" / "cgroup.procs").empty());
  group.reset();
  for (const auto& home : homes(::getpid())) CHECK(!fs::exists(home / "jail-1"));
}

TEST_CASE("a fork bomb is over when its group is killed") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  limits what = small();
  what.pids = 60;
  auto group = group_or_fail(*tree, what);
  CHECK(run_inside(*group, [] {
          if (::fork() != 0) return 0;
          for (;;)
            if (::fork() == 0) ::setsid();
        }) == 0);
  group->kill();
  for (const auto& home : homes(::getpid())) CHECK(slurp(home / "jail-1" / "cgroup.procs").empty());
}

TEST_CASE("closing the tree removes its own directories") {
  if (!may_make_groups()) return;
  { const auto tree = tree_or_fail(); }
  CHECK(homes(::getpid()).empty());
}

TEST_CASE("what a dead jailer left behind is killed and removed by the next one, a living one's is left alone") {
  if (!may_make_groups()) return;
  int pids[2];
  REQUIRE(::pipe(pids) == 0);
  const pid_t jailer = ::fork();
  if (jailer == 0) {
    auto tree = open_cgroup_tree();
    auto group = tree ? (*tree)->make("jail-1", small()) : tree.error();
    if (!group) ::_exit(1);
    const pid_t orphan = ::fork();
    if (orphan == 0) {
      const pid_t self = ::getpid();
      (void)(*group)->attach_self();
      ::dup2(pids[1], STDIN_FILENO);
      ::close_range(3, ~0U, 0);  // the jailer's lock on its directories is a descriptor of this process's, too
      if (::write(STDIN_FILENO, &self, sizeof self) != sizeof self) ::_exit(3);
      ::pause();
    }
    if (!(*group)->attach(orphan)) ::_exit(2);
    ::pause();  // holds its directories until it is killed
  }
  pid_t orphan = 0;
  REQUIRE(::read(pids[0], &orphan, sizeof orphan) == sizeof orphan);
  ::close(pids[0]);
  ::close(pids[1]);
  const unique_fd watch{static_cast<int>(::syscall(SYS_pidfd_open, orphan, 0))};
  pollfd ended{watch.get(), POLLIN, 0};
  REQUIRE(!homes(jailer).empty());

  { const auto second = tree_or_fail(); }
  CHECK(!homes(jailer).empty());
  CHECK(::poll(&ended, 1, 0) == 0);

  ::kill(jailer, SIGKILL);
  ::waitpid(jailer, nullptr, 0);
  const auto third = tree_or_fail();
  CHECK(homes(jailer).empty());
  CHECK(::poll(&ended, 1, 0) == 1);
}

TEST_CASE("a group's name can't lead out of the tree") {
  if (!may_make_groups()) return;
  const auto tree = tree_or_fail();
  for (const char* name : {"", "..", "../x", "a/b", "a.b"}) CHECK(!tree->make(name, small()));
}

TEST_CASE("the hierarchies are found on v1, v2 and hybrid hosts, and in containers") {
  using cgroups::find_hierarchies;
  SECTION("v2") {
    const auto found = find_hierarchies("30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
                                        "0::/system.slice/lazaret.service\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].version == 2);
    CHECK(found[0].directory == "/sys/fs/cgroup/system.slice/lazaret.service");
    CHECK(cgroups::base_of(found[0]) == found[0].directory);  // a unit of that name is no leaf of ours
  }
  SECTION("v2, in the leaf that a jailer made for the service") {
    const auto found = find_hierarchies("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                                        "0::/system.slice/lazaret.service/lazaret.self\n");
    REQUIRE(found.size() == 1);
    CHECK(cgroups::base_of(found[0]) == "/sys/fs/cgroup/system.slice/lazaret.service");
  }
  SECTION("hybrid, co-mounted controllers, a named hierarchy, an escaped path") {
    const auto found = find_hierarchies(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/fs/my\\040groups/memory rw - cgroup cgroup rw,memory\n"
        "34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        "4:memory:/a\n3:cpu,cpuacct:/\n2:name=systemd:/init\n0::/init.scope\n");
    REQUIRE(found.size() == 3);
    CHECK(found[0].controllers == std::vector<std::string>{"cpu", "cpuacct"});
    CHECK(found[0].directory == "/sys/fs/cgroup/cpu,cpuacct");
    CHECK(found[1].directory == "/sys/fs/my groups/memory/a");
    CHECK(found[2].version == 2);
  }
  SECTION("a container whose mount shows only its own group") {
    const auto found = find_hierarchies("40 31 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
                                        "4:memory:/docker/abc/inner\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].directory == "/sys/fs/cgroup/memory/inner");
  }
  SECTION("a group outside of what is mounted") {
    const auto found = find_hierarchies("40 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/../../outside\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].directory == "/sys/fs/cgroup");
  }
}

TEST_CASE("on v2 the limits are written to the right files and the accounting is read from them") {
  // No v2 hierarchy with controllers on every test machine: the logic runs on a plain directory with the same files.
  char path[] = "/tmp/lazaret-cgroup-XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  const fs::path place{path};
  const auto put = [&](const char* name, const char* text) { std::ofstream{place / name} << text; };
  for (const char* name : {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max", "cpu.weight",
                           "cgroup.subtree_control"})
    put(name, "");
  const unique_fd directory{::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  limits what = small();
  what.cpus = 1.5;
  what.cpu_shares = 1024;
  REQUIRE(cgroups::limit_v2(directory.get(), what, {"memory", "pids", "cpu"}));
  CHECK(slurp(place / "memory.max") == "67108864");
  CHECK(slurp(place / "memory.swap.max") == "0");
  CHECK(slurp(place / "memory.oom.group") == "0");
  CHECK(slurp(place / "pids.max") == "8");
  CHECK(slurp(place / "cpu.max") == "150000 100000");
  CHECK(slurp(place / "cpu.weight") == "39");
  CHECK(cgroups::weight_of(2) == 1);
  CHECK(cgroups::weight_of(262144) == 10000);
  REQUIRE(cgroups::delegate_v2(directory.get(), {"pids"}));
  CHECK(slurp(place / "cgroup.subtree_control") == "+pids");

  put("cpu.stat", "usage_usec 1234567\nuser_usec 1000000\n");
  put("memory.peak", "4194304\n");
  put("memory.events", "low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 0\n");
  put("pids.peak", "7\n");
  put("pids.events", "max 3\n");
  cgroup_usage usage;
  cgroups::account_v2(directory.get(), usage);
  CHECK(usage.cpu == std::chrono::microseconds{1234567});
  CHECK(usage.peak_memory == 4_MiB);
  CHECK(usage.oom_kills == 2);
  CHECK(usage.peak_pids == 7);
  CHECK(usage.pids_refused == 3);

  fs::remove(place / "pids.max");
  const auto failed = cgroups::limit_v2(directory.get(), what, {"memory", "pids"});
  REQUIRE(!failed);
  CHECK(failed.error().describe().find("pids.max") != std::string::npos);
  fs::remove_all(place);
}

TEST_CASE("a host that gives no group is no failure: the tree says why, and its groups limit nothing") {
  // Where every hierarchy is covered, as in a container that was given none.
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(77);
    if (::mount("none", "/sys/fs/cgroup", "tmpfs", 0, "size=4k") != 0) ::_exit(78);
    const auto tree = open_cgroup_tree();
    if (!tree) ::_exit(1);
    for (const auto* controller : {"memory", "pids", "cpu", "cpuacct"})
      if ((*tree)->limits(controller)) ::_exit(2);
    const int why = (*tree)->why_not("memory").error;
    if (why != ENOENT && why != ENOTSUP) ::_exit(3);  // v1 says in its mounts what it carries, v2 in a file
    const auto group = (*tree)->make("jail-1", small());
    if (!group || (*group)->clone_into_fd() != -1 || (*group)->attach_self() != 0) ::_exit(4);
    if ((*group)->usage().peak_pids != 0) ::_exit(5);
    limits quota = small();
    quota.cpus = 0.5;  // nothing could stand in
    if (!(*tree)->make("jail-2", quota).has_error()) ::_exit(6);
    quota.cpus = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));  // nothing needs to
    ::_exit((*tree)->make("jail-3", quota).has_error() ? 7 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("on a real v2 hierarchy a group takes processes by clone3 or by itself, kills them and goes") {
  if (!may_make_groups()) return;
  const auto found = own_hierarchies();
  const auto unified = std::find_if(found.begin(), found.end(), [](const auto& one) { return one.version == 2; });
  if (unified == found.end()) {
    WARN("not run: no cgroup2 is mounted here");
    return;
  }
  auto root = cgroups::open_v2(*unified, {});  // no controllers: on a hybrid host v1 has them all
  REQUIRE(root);
  auto part = (*root)->make("jail-1", small());
  REQUIRE(part);
  CHECK((*part)->clone_into_fd() >= 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if ((*part)->attach_self() != 0) ::_exit(99);
    ::pause();
  }
  (*part)->attach(pid).value();
  const auto procs =
      fs::path{cgroups::base_of(*unified)} / ("lazaret." + std::to_string(::getpid())) / "jail-1/cgroup.procs";
  CHECK(slurp(procs) == std::to_string(pid) + "\n");
  (*part)->kill();
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status));
  cgroup_usage usage;
  (*part)->account(usage);
  CHECK(usage.cpu.count() > 0);
  part->reset();
  CHECK(!fs::exists(procs.parent_path()));
}
