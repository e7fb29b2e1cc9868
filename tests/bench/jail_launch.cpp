/// Launches jails over the socket of a real lazaret-jailer, beside what others need for the same program, and prints
/// one line `NAME MICROSECONDS` per launch, from the request to the answer that says it is over. See
/// tests/bench/jails.py.
///
///   jail_launch BIN turns N PAUSE_MS AHEAD   N rounds of one launch of each kind, in an order drawn anew for each
///   round,
///                                            so that what one leaves to be cleaned up hits all alike
///   jail_launch BIN crowd N WIDTH AHEAD      N jails, WIDTH at a time, in slices that take turns with a tenth of
///   bwraps jail_launch BIN steady N WIDTH AHEAD     likewise with as many bwraps; a line says how long a whole slice
///   took jail_launch BIN timeline N 0 0           N jails, one after the other, by a jailer that tells of each step at
///   its end
/// AHEAD: how many jails of a kind the jailer may prepare before they are asked for. `unprepared` ones are asked of a
/// jailer that prepares none of a kind, only shells (sandbox/shell.hpp), `made` ones and the timeline's of one that
/// prepares nothing. BIN: where lazaret-jailer and lazaret are.

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/jailer.hpp"
#include "sandbox/wire.hpp"

namespace {

using namespace lazaret;
using clock_type = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "jail_launch: %s\n", why.c_str());
  std::_Exit(1);
}

template <class T>
T must(sandbox::result<T> got) {
  if (!got) give_up(got.error().describe());
  return std::move(*got);
}

pid_t spawn(const std::vector<std::string>& command, const posix_spawn_file_actions_t* actions = nullptr) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (const int error = ::posix_spawn(&pid, argv[0], actions, nullptr, argv.data(), environ); error != 0)
    give_up("spawn " + command.front() + ": " + std::strerror(error));
  return pid;
}

void spawn_and_wait(const std::vector<std::string>& command) {
  const pid_t pid = spawn(command);
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) give_up(command.front() + " failed");
}

/// Its end of the connection closes with this process, and it ends with that.
sandbox::unique_fd start_jailer(const std::string& path, const char* ahead, const char* shells) {
  auto ends = must(sandbox::wire::make_channel());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends.second.get(), 3);
  static int jailers = 0;  // other jailers of this machine have other uids
  const auto uids = 1'700'000'000 + (::getpid() + 500 * jailers++) % 1000 * 65536;
  spawn({path, "--uid-base", std::to_string(uids), "--ahead", ahead, "--shells", shells}, &actions);
  ::posix_spawn_file_actions_destroy(&actions);
  return std::move(ends.first);
}

void launch(sandbox::jailer& jailer, const sandbox::policy& what) {
  auto jail = must(jailer.start(what));
  const auto how = must(jail.wait({}));
  if (how.reason != sandbox::ending::exited || how.code != 0) give_up("the jail " + describe(how));
}

using work = std::function<void()>;

double timed(const work& todo) {
  const auto start = clock_type::now();
  todo();
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

void print(const char* name, double microseconds) { std::printf("%s %.1f\n", name, microseconds); }

/// `todo` so many times, from so many threads.
void crowd(int times, int width, const work& todo) {
  std::atomic<int> left{times};
  std::vector<std::jthread> threads;
  for (int i = 0; i < width; ++i)
    threads.emplace_back([&] {
      while (left.fetch_sub(1) > 0) todo();
    });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) give_up("usage: jail_launch BIN turns|crowd|steady|timeline N PAUSE_MS|WIDTH AHEAD");
  const std::string programs = std::string{argv[1]} + "/";
  const std::string how = argv[2];
  const int times = std::atoi(argv[3]), number = std::atoi(argv[4]);
  const auto path = programs + (how == "timeline" ? "lazaret-jailer-timed" : "lazaret-jailer");
  sandbox::jailer jailer{start_jailer(path, argv[5], "2")}, unprepared{start_jailer(path, "0", "2")},
      unaided{start_jailer(path, "0", "0")};

  auto what = sandbox::base_policy();
  what.argv = {"/bin/true"};
  auto observed = what;
  observed.observe = true;
  const work jail = [&] { launch(jailer, what); };
  const work unprepared_jail = [&] { launch(unprepared, what); };
  const work made_jail = [&] { launch(unaided, what); };
  const work observed_jail = [&] { launch(jailer, observed); };
  const work spawn_alone = [] { spawn_and_wait({"/bin/true"}); };
  const work command = [&] { spawn_and_wait({programs + "lazaret", "jail", "--", "/bin/true"}); };
  const work bubblewrap = [] {
    spawn_and_wait({"/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/true"});
  };
  struct kind {
    const char* name;
    const work& todo;
  };
  std::array kinds{kind{"jail", jail},
                   kind{"unprepared", unprepared_jail},
                   kind{"observed", observed_jail},
                   kind{"made", made_jail},
                   kind{"command", command},
                   kind{"bwrap", bubblewrap},
                   kind{"spawn", spawn_alone}};
  for (const auto& each : kinds)
    for (int i = 0; i < 10; ++i) each.todo();  // what is read from disk is read now

  if (how == "turns") {
    std::minstd_rand draw{1};
    std::array<std::size_t, kinds.size()> order{};
    std::iota(order.begin(), order.end(), 0);
    for (int i = 0; i < times; ++i) {
      std::shuffle(order.begin(), order.end(), draw);
      for (const auto at : order) {
        std::this_thread::sleep_for(std::chrono::milliseconds{number});
        print(kinds[at].name, timed(kinds[at].todo));
      }
    }
  } else if (how == "crowd") {
    constexpr int slices = 20;
    for (int i = 0; i < slices; ++i) {
      crowd(times / slices, number, [&] { print("jail", timed(jail)); });
      crowd(times / slices / 10, number, [&] { print("bwrap", timed(bubblewrap)); });
    }
  } else if (how == "timeline") {
    for (int i = 0; i < times; ++i) print("jail", timed(made_jail));
  } else if (how == "steady") {
    constexpr int slices = 40;
    for (int i = 0; i < slices; ++i) {
      print("jail", timed([&] { crowd(times / slices, number, jail); }));
      print("bwrap", timed([&] { crowd(times / slices, number, bubblewrap); }));
    }
  } else {
    give_up("what is `" + how + "`?");
  }
}
