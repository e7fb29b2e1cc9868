// Two jails of one jailer at the same time exchange not one bit: one test per channel of
// tests/inmates/attacks/channels, each with a control where the bit does get through (within one jail, or on the host
// where a jail may not even ask), so that each can fail.
//
// What stays possible, because no namespace divides it and no policy could refuse it:
//   - load: how fast a program gets on while another computes, reads or writes (processors, caches, memory, disk), and
//     what sysinfo(2) says of the host's load and free memory;
//   - the page cache of the host's read-only files: how long a first read takes, and futex(2) on a page of such a file,
//     which the kernel knows by the inode that the cache belongs to. Not the overlay's, so a waiter in one jail is
//     woken from another: a fast channel. A filter can't close it. It sees an address and not whose page that is, and
//     to wait is what pthread_join, sem_wait and every PTHREAD_PROCESS_SHARED lock do by the same call, without
//     FUTEX_PRIVATE_FLAG: without it neither threads nor Python's multiprocessing work. To refuse only the waking is no
//     help: a thread that ends wakes without any call whoever waits at its clear_child_tid, also when the zero could
//     not be written there first (mm_release() in kernel/fork.c ignores put_user()'s answer). An overlay doesn't help
//     either: what it maps is the lower file (ovl_mmap() in fs/overlayfs/file.c). Only a copy of each tree for each
//     jail would. It is tested last, so that we learn when a kernel closes it;
//   - numbers that the kernel hands out in order to everybody: inodes of pipes and sockets, socket cookies.
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "tests/sandbox/attack.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;

namespace {

const std::string folder = LAZARET_SOURCE_DIR "/tests/inmates/attacks/channels";

/// A jail that is talked to, line by line.
class conversation {
 public:
  conversation(jailer& with, const policy& what, const std::vector<const volume*>& volumes) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    to_.reset(ends[1]);
    auto started = with.start(what, volumes, unique_fd{ends[0]});
    if (!started) {
      errors_ = started.error().describe();
      return;
    }
    thread_ = std::jthread{[this, running = std::move(*started)](const std::stop_token& stop) mutable {
      (void)running.wait({.on_stdout = [this](std::string_view text) { hear(text); },
                          .on_stderr = [this](std::string_view text) { complain(text); },
                          .on_audit = {},
                          .on_observation = {}},
                         stop);
      const std::lock_guard lock{mutex_};
      ended_ = true;
      said_.notify_all();
    }};
  }

  /// The next line; what went wrong when there is none.
  std::string listen() {
    std::unique_lock lock{mutex_};
    said_.wait_for(lock, std::chrono::seconds{20}, [this] { return ended_ || text_.find('\n') != std::string::npos; });
    const auto end = text_.find('\n');
    if (end == std::string::npos) return "(silent) " + errors_;
    auto line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }
  void go_on() { (void)!::write(to_.get(), "\n", 1); }
  std::string errors() {
    const std::lock_guard lock{mutex_};
    return errors_;
  }

 private:
  void hear(std::string_view text) {
    const std::lock_guard lock{mutex_};
    text_ += text;
    said_.notify_all();
  }
  void complain(std::string_view text) {
    const std::lock_guard lock{mutex_};
    errors_ += text;
  }
  std::mutex mutex_;
  std::condition_variable said_;
  std::string text_, errors_;
  bool ended_ = false;
  unique_fd to_;
  std::jthread thread_;  // last: ends before the rest goes
};

std::string read_file(const std::string& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A file that is on the disk and, as far as the kernel obeys, not in memory.
void make_cold(const std::string& cold_file) {
  const unique_fd file{::open(cold_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  const std::string content(2 << 20, 'x');
  REQUIRE(::pwrite(file.get(), content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
  ::fsync(file.get());
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

bool is_always_in_memory(const std::string& path) {
  struct statfs where {};
  return ::statfs(path.c_str(), &where) == 0 && (where.f_type == TMPFS_MAGIC || where.f_type == RAMFS_MAGIC);
}

policy end_of(const attack& what, const std::string& role, const shared_folder& shown) {
  auto jail = what.jail;
  shown.show(jail);
  jail.argv.push_back(role);
  jail.files.push_back({"/channel.py", read_file(folder + "/channel.py")});
  jail.environment.emplace_back("COLD_FILE=/shared/cold");
  jail.environment.emplace_back("FIFO=/shared/fifo");
  if (role == "both" && what.control == "own file") jail.environment.emplace_back("CHANNEL_FILE=/tmp/own");
  return jail;
}

std::string on_the_host(const attack& what, const shared_folder& shown) {
  const auto command = "cd " + folder + " && COLD_FILE=" + shown.path("cold") + " FIFO=" + shown.path("fifo") +
                       " CHANNEL_FILE=" + shown.path("own") +
                       " PYTHONDONTWRITEBYTECODE=1 timeout 20 /usr/bin/python3 " + what.name + ".py both";
  std::string said(64, '\0');
  FILE* pipe = ::popen(command.c_str(), "r");
  said.resize(std::fread(said.data(), 1, said.size(), pipe));
  ::pclose(pipe);
  return said;
}

std::string within_one_jail(const attack& what, jailer& with, const shared_folder& shown) {
  auto shared = with.make_volume({.size = 1_MiB, .inodes = 100});
  REQUIRE(shared.has_value());
  std::vector<const volume*> volumes;
  if (what.wants_volume) volumes.push_back(&*shared);
  const auto ran = run(with, end_of(what, "both", shown), volumes);
  INFO(ran.err);
  return ran.out;
}

std::string between_two_jails(const attack& what, jailer& with, const shared_folder& shown) {
  auto one = with.make_volume({.size = 1_MiB, .inodes = 100}), other = with.make_volume({.size = 1_MiB, .inodes = 100});
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  const auto of = [&](const volume& v) { return what.wants_volume ? std::vector{&v} : std::vector<const volume*>{}; };
  conversation receiver{with, end_of(what, "receive", shown), of(*one)},
      sender{with, end_of(what, "send", shown), of(*other)};
  UNSCOPED_INFO("receiver: " << receiver.errors() << " sender: " << sender.errors());
  if (const auto said = receiver.listen(); said != "ready") return said;
  if (const auto said = sender.listen(); said != "ready") return said;
  sender.go_on();
  if (const auto said = sender.listen(); said != "sent") return said;
  receiver.go_on();
  const auto verdict = receiver.listen();
  sender.go_on();
  return verdict;
}

void try_channel(const std::string& name) {
  const auto what = read_attack(folder + "/" + name + ".py");
  INFO(what.what);
  const shared_folder shown;
  REQUIRE(::mkfifo(shown.path("fifo").c_str(), 0666) == 0);
  REQUIRE(::chmod(shown.path("fifo").c_str(), 0666) == 0);
  started_jailer jails{shown.allow()};
  const auto cold = shown.path("cold");
  make_cold(cold);
  if (name == "page_cache" && is_always_in_memory(cold))
    WARN("no control: the temporary directory lies on a file system that is memory itself");
  else
    CHECK((what.control == "host" ? on_the_host(what, shown) : within_one_jail(what, jails.client(), shown)) ==
          "seen\n");
  make_cold(cold);
  CHECK(between_two_jails(what, jails.client(), shown) == "nothing");
}

}  // namespace

TEST_CASE("Two jails exchange not one bit by") {
  for (const auto& path : attacks_in("channels")) {
    const auto name = path.stem().string();
    if (name == "channel" || name == "futex") continue;
    SECTION(name) { try_channel(name); }
  }
}

TEST_CASE("What is mounted below a tree is seen too, and locked by nobody else") {
  if (::geteuid() != 0) {
    WARN("not run: mounting needs root");
    return;
  }
  const shared_folder shown;
  REQUIRE(::mkdir(shown.path("below").c_str(), 0755) == 0);
  const unique_fd home{::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)};
  REQUIRE(::unshare(CLONE_NEWNS) == 0);  // the mount is nobody else's business
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  REQUIRE(::mount("below", shown.path("below").c_str(), "tmpfs", 0, "mode=755") == 0);
  std::ofstream{shown.path("below/file")} << "seen";
  {
    started_jailer jails{shown.allow()};
    const unique_fd locked{::open(shown.path("below/file").c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(::flock(locked.get(), LOCK_EX) == 0);
    auto what = python(R"(
import fcntl
file = open('/shared/below/file')
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print(file.read())
try: open('/shared/below/x', 'w')
except OSError as e: print(e.strerror)
)");
    shown.show(what);
    const auto ran = run(jails.client(), what);
    CHECK(ran.err == "");
    CHECK(ran.out == "seen\nRead-only file system\n");
  }
  REQUIRE(::setns(home.get(), CLONE_NEWNS) == 0);
}

TEST_CASE("What is said to stay possible still is: a futex on a page of a file of the host") {
  const auto what = read_attack(folder + "/futex.py");
  const shared_folder shown;
  started_jailer jails{shown.allow()};
  CHECK(within_one_jail(what, jails.client(), shown) == "seen\n");
  CHECK(between_two_jails(what, jails.client(), shown) == "seen");
}
