#include "tests/sandbox/started_jailer.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <thread>

#include "sandbox/wire.hpp"

namespace lazaret::sandbox::testing {
namespace {

namespace fs = std::filesystem;

// Not the default: another jailer of this machine must not be mistaken for ours.
constexpr std::uint32_t base_of_this_process() { return 1'800'000'000; }
std::uint32_t uid_base() { return base_of_this_process() + static_cast<std::uint32_t>(::getpid() % 1000) * 65536; }

struct id_range {
  std::uint32_t first = 0, count = 0;
  [[nodiscard]] bool has(std::uint32_t uid) const { return uid >= first && uid - first < count; }
};

/// What this user has to give away: all, as root; else his subordinate ones (subuid(5)); nothing, without.
id_range uids_to_give() {
  if (::geteuid() == 0) return {uid_base(), 65536};
  std::ifstream ranges{"/etc/subuid"};  // NAME:FIRST:COUNT
  const passwd* me = ::getpwuid(::geteuid());
  for (std::string line; me != nullptr && std::getline(ranges, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos || line.substr(0, first) != me->pw_name) continue;
    return {static_cast<std::uint32_t>(std::stoul(line.substr(first + 1))),
            static_cast<std::uint32_t>(std::stoul(line.substr(second + 1)))};
  }
  return {};
}

/// An unprivileged jailer's jails may have its own.
bool may_be_a_jails(std::uint32_t uid) { return uids_to_give().has(uid) || (::geteuid() != 0 && uid == ::geteuid()); }

/// None, so that what is counted is there because a test asked for it. LAZARET_TEST_AHEAD=2 attack_tests runs every
/// attack in jails that were prepared; then the processes that it finds left are those that wait.
std::string jails_ahead() {
  const char* wanted = std::getenv("LAZARET_TEST_AHEAD");
  return wanted == nullptr ? "0" : wanted;
}

/// Likewise, with LAZARET_TEST_SHELLS=2 in jails that waited without knowing what for.
std::string shells() {
  const char* wanted = std::getenv("LAZARET_TEST_SHELLS");
  return wanted == nullptr ? "0" : wanted;
}

}  // namespace

started_jailer::started_jailer(std::vector<std::string> options, const std::function<void()>& prepare) {
  auto ends = wire::make_channel();
  REQUIRE(ends.has_value());
  std::vector<std::string> command{LAZARET_BINARY_DIR "/bin/lazaret-jailer",
                                   "--uid-base",
                                   std::to_string(uid_base()),
                                   "--allow-bind",
                                   LAZARET_BINARY_DIR "/inmates",
                                   "--ahead",
                                   jails_ahead(),
                                   "--shells",
                                   shells()};
  command.insert(command.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    if (ends->second.get() == 3)
      ::fcntl(3, F_SETFD, 0);
    else
      ::dup2(ends->second.get(), 3);
    if (prepare) prepare();
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  connection_ = ends->first.get();
  client_.replace(std::move(ends->first));
}

started_jailer::~started_jailer() {
  hang_up();
  if (pid_ > 0) (void)wait_for_exit();
}

void started_jailer::hang_up() { client_.replace(unique_fd{}); }

int started_jailer::wait_for_exit() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void started_jailer::kill() {
  ::kill(pid_, SIGKILL);
  (void)wait_for_exit();
}

namespace {

/// Groups are numbered: `.../spare-12/tasks` is any one's that was made ahead, `.../jail-12/tasks` any other's.
std::string without_number(const std::string& name) {
  for (const std::string_view kind : {"/spare-", "/jail-"}) {
    const auto at = name.find(kind);
    if (at == std::string::npos) continue;
    const auto end = name.find('/', at + kind.size());
    return name.substr(0, at + kind.size()) + (end == std::string::npos ? "" : name.substr(end));
  }
  return name;
}

/// A jail that waits may have either.
std::map<std::string, int> of_any_group(const std::map<std::string, int>& kinds) {
  std::map<std::string, int> merged;
  for (const auto& [numberless, count] : kinds) {
    auto name = numberless;
    if (const auto at = name.find("/jail-"); at != std::string::npos) name.replace(at, 6, "/spare-");
    merged[name] += count;
  }
  return merged;
}

std::map<std::string, int> count_open_files(pid_t jailer) {
  std::map<std::string, int> kinds;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(jailer) + "/fd", gone}) {
    const auto name = fs::read_symlink(entry.path(), gone).string();
    if (!gone) ++kinds[without_number(name.substr(0, name.find(":[")))];
  }
  return kinds;
}

std::string name_of(pid_t process) {
  std::string name;
  std::getline(std::ifstream{"/proc/" + std::to_string(process) + "/comm"}, name);
  return name;
}

std::vector<pid_t> all_children(pid_t jailer) {
  const auto name = std::to_string(jailer);
  std::ifstream list{"/proc/" + name + "/task/" + name + "/children"};
  return {std::istream_iterator<pid_t>{list}, {}};
}

/// A process of that name renews the network namespaces that jails have taken (spare_networks.hpp).
bool keeps_spare_networks(pid_t jailer) {
  return std::ranges::any_of(all_children(jailer), [](pid_t child) { return name_of(child) == "spare-networks"; });
}

/// One group is made ahead, where groups can be made.
bool lacks_spare_group(const std::map<std::string, int>& open) {
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(open, [&](const auto& file) { return file.first.find(part) != std::string::npos; });
  };
  return has("/lazaret.") && !has("/spare-");
}

}  // namespace

/// Its own network namespace and two to spare: when it has fewer, more are on their way.
std::string started_jailer::open_files() const {
  if (keeps_spare_networks(pid_)) (void)eventually([this] { return count_open_files(pid_)["net"] >= 3; });
  auto kinds = count_open_files(pid_);
  (void)eventually([&] { return !lacks_spare_group(kinds = count_open_files(pid_)); });
  std::string list;
  for (const auto& [kind, count] : of_any_group(kinds)) list += kind + " " + std::to_string(count) + "\n";
  return list;
}

std::size_t started_jailer::own_memory() const {
  std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
  for (std::string key; status >> key;)
    if (std::size_t kib = 0; key == "RssAnon:" && status >> kib) return kib;
  FAIL("no RssAnon of the jailer");
  return 0;
}

std::size_t started_jailer::mounts() const {
  std::ifstream table{"/proc/" + std::to_string(pid_) + "/mounts"};
  std::size_t lines = 0;
  for (std::string line; std::getline(table, line);) ++lines;
  return lines;
}

std::vector<pid_t> started_jailer::children() const {
  // Which it is, a child says as the first thing it does.
  const auto is_nameless = [](pid_t child) { return name_of(child) == "lazaret-jailer"; };
  std::vector<pid_t> all;
  for (int patience = 5000; patience > 0; --patience) {
    all = all_children(pid_);
    if (std::ranges::none_of(all, is_nameless)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  std::erase_if(all, [](pid_t child) { return name_of(child) == "spare-networks" || name_of(child) == "undertaker"; });
  return all;
}

policy inmate(std::vector<std::string> argv) {
  auto p = base_policy();
  p.binds.push_back({.source = LAZARET_BINARY_DIR "/inmates", .target = "/inmates"});
  if (argv.front().find('/') == std::string::npos) argv.front() = "/inmates/" + argv.front();
  p.argv = std::move(argv);
  p.limits.wall = std::chrono::seconds{20};
  return p;
}

policy python(std::string code) { return inmate({"/usr/bin/python3", "-c", std::move(code)}); }

finished collect(jail& started, std::stop_token stop) {
  finished all;
  const jail_sinks sinks{
      .on_stdout = [&](std::string_view text) { all.out += text; },
      .on_stderr = [&](std::string_view text) { all.err += text; },
      .on_audit = [&](std::string_view text) { all.audit.emplace_back(text); },
      .on_observation = [&](std::string_view text) { all.observations.emplace_back(text); },
  };
  auto how = started.wait(sinks, stop);
  if (!how) FAIL(how.error().describe());
  all.how = *how;
  all.totals = started.totals();
  return all;
}

finished run(jailer& with, const policy& what, std::vector<const volume*> volumes, unique_fd standard_input) {
  auto started = with.start(what, volumes, std::move(standard_input));
  if (!started) FAIL(started.error().describe());
  return collect(*started);
}

std::uint32_t first_uid() { return uid_base(); }

/// In a mount namespace of its own; for that an ordinary user needs a user namespace, too.
void cover_cgroups() {
  const auto uid = ::geteuid(), gid = ::getegid();
  const auto put = [](const char* file, const std::string& text) { std::ofstream{file} << text; };
  if (::unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) != 0) ::_exit(126);
  if (uid != 0) {
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    put("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", "/sys/fs/cgroup", "tmpfs", 0, "size=4k") != 0)
    ::_exit(126);
}

bool is_counted(started_jailer& jails) {
  if (!run(jails.client(), inmate({"descriptors"})).how.sampled) return true;
  WARN("not run: no cgroup limits this host's jails; see jail_without_cgroups_test.cpp");
  return false;
}

bool jails_have_own_uids() { return uids_to_give().count != 0; }

bool is_doomed(const fs::path& process) {
  std::ifstream stat{process / "stat"};
  std::string text;
  std::getline(stat, text);
  std::istringstream after_name{text.substr(std::min(text.size(), text.rfind(')') + 1))};
  std::string state, skipped;
  after_name >> state;
  for (int n = 0; n < 5; ++n) after_name >> skipped;  // ppid pgrp session tty_nr tpgid
  constexpr unsigned exiting = 0x4;                   // PF_EXITING of linux/sched.h
  if (unsigned flags = 0; state == "Z" || !(after_name >> flags) || (flags & exiting) != 0) return true;

  std::ifstream status{process / "status"};
  for (std::string key; status >> key;)
    if (std::uint64_t pending = 0; (key == "SigPnd:" || key == "ShdPnd:") && status >> std::hex >> pending)
      if ((pending >> (SIGKILL - 1) & 1) != 0) return true;
  return false;
}

std::vector<pid_t> jailed_processes() {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    std::ifstream lines{entry.path() / "status"};
    bool ours = false, jailed = false;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words{line};
      std::string key;
      words >> key;
      if (std::uint32_t uid = 0; key == "Uid:" && words >> uid) ours = may_be_a_jails(uid);
      // One number for each pid namespace that it is in below the one of /proc: an unprivileged jailer's jails may have
      // our own uid.
      if (key == "NSpid:") jailed = std::distance(std::istream_iterator<int>{words}, {}) > 1;
    }
    if (ours && jailed && !is_doomed(entry.path())) found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace lazaret::sandbox::testing
