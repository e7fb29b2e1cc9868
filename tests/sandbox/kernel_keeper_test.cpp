#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "sandbox/keeper.hpp"

using namespace lazaret::sandbox;

namespace {

/// A stand-in that says who it is on its connection, `PID PARENT`, and what it was started with; then it stays.
keeper_options shell(const std::string& script) { return {"/bin/sh", {"-c", script}}; }
constexpr const char* stays = "echo $$ $PPID >&3; exec sleep 1000";

struct identity {
  pid_t jailer = 0, keeper = 0;
};

std::string hear(int connection) {
  pollfd ready{connection, POLLIN, 0};
  if (::poll(&ready, 1, 5000) != 1) return {};
  char text[4096];
  const ssize_t size = ::recv(connection, text, sizeof text, 0);
  return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

identity meet(int connection) {
  std::istringstream text{hear(connection)};
  identity who;
  text >> who.jailer >> who.keeper;
  return who;
}

unique_fd handle(pid_t pid) { return unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; }

bool ends_within(const unique_fd& process, int milliseconds) {
  pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, milliseconds) == 1;
}

}  // namespace

TEST_CASE("a killed jailer is started again, and the service gets the new one's connection") {
  const unique_fd keeper = start_keeper(shell(stays)).value();
  const unique_fd first = next_connection(keeper.get()).value();
  const identity one = meet(first.get());
  REQUIRE(one.jailer > 0);
  ::kill(one.jailer, SIGKILL);
  CHECK(hear(first.get()).empty());  // the old connection has ended
  const unique_fd second = next_connection(keeper.get()).value();
  const identity two = meet(second.get());
  CHECK(two.jailer != one.jailer);
  CHECK(two.keeper == one.keeper);
}

TEST_CASE("a jailer that dies at once is started ever more slowly") {
  const unique_fd keeper = start_keeper(shell("exit 3")).value();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) REQUIRE(next_connection(keeper.get()).value());
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took >= std::chrono::milliseconds{50 + 100 + 200});
  CHECK(took < std::chrono::seconds{5});
}

TEST_CASE("keeper and jailer end when the service closes its last copy") {
  unique_fd keeper = start_keeper(shell(stays)).value();
  const unique_fd connection = next_connection(keeper.get()).value();
  const identity who = meet(connection.get());
  const unique_fd jailer = handle(who.jailer), keeping = handle(who.keeper);
  CHECK(!ends_within(jailer, 0));
  keeper.reset();
  CHECK(ends_within(jailer, 5000));
  CHECK(ends_within(keeping, 5000));
}

TEST_CASE("keeper and jailer end when the service is killed") {
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const pid_t service = ::fork();
  if (service == 0) {
    const auto keeper = start_keeper(shell(stays));
    const auto connection = next_connection(keeper->get());
    const identity who = meet(connection->get());
    if (::write(pipe_ends[1], &who, sizeof who) != sizeof who) ::_exit(1);
    ::pause();
  }
  identity who;
  REQUIRE(::read(pipe_ends[0], &who, sizeof who) == sizeof who);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  const unique_fd jailer = handle(who.jailer), keeping = handle(who.keeper);
  ::kill(service, SIGKILL);
  ::waitpid(service, nullptr, 0);
  CHECK(ends_within(jailer, 5000));
  CHECK(ends_within(keeping, 5000));
}

TEST_CASE("a killed keeper takes the jailer along, and the service is told") {
  const unique_fd keeper = start_keeper(shell(stays)).value();
  const unique_fd connection = next_connection(keeper.get()).value();
  const identity who = meet(connection.get());
  const unique_fd jailer = handle(who.jailer);
  ::kill(who.keeper, SIGKILL);
  CHECK(ends_within(jailer, 5000));
  CHECK(!next_connection(keeper.get()).value());
}

TEST_CASE("the keeper outlives the signals that end a service") {
  const unique_fd keeper = start_keeper(shell(stays)).value();
  const unique_fd connection = next_connection(keeper.get()).value();
  const identity who = meet(connection.get());
  for (const int number : {SIGINT, SIGHUP, SIGTERM}) ::kill(who.keeper, number);
  ::kill(who.jailer, SIGTERM);  // which has the default dispositions
  const unique_fd again = next_connection(keeper.get()).value();
  CHECK(meet(again.get()).keeper == who.keeper);
}

TEST_CASE("the jailer inherits its connection and stdio, none of the service's files, and no secret") {
  ::setenv("API_TOKEN", "secret", 1);
  ::setenv("JAIL_REQUIRE", "all", 1);
  const unique_fd leak{::open("/etc/passwd", O_RDONLY)};
  const unique_fd keeper = start_keeper(shell("(ls /proc/$$/fd; env) | tr '\\n' ' ' >&3; exec sleep 1000")).value();
  const unique_fd connection = next_connection(keeper.get()).value();
  const std::string told = hear(connection.get());
  // 10: dash keeps a copy of what it redirects.
  CHECK((told.starts_with("0 1 2 3 ") || told.starts_with("0 1 10 2 3 ")));
  CHECK(told.find("JAIL_REQUIRE=all") != std::string::npos);
  CHECK(told.find("secret") == std::string::npos);
  ::unsetenv("API_TOKEN");
  ::unsetenv("JAIL_REQUIRE");
}

TEST_CASE("a jailer that is not there is refused at once") {
  CHECK(!start_keeper({"/nonexistent/lazaret-jailer", {}}));
  CHECK(!start_keeper({"lazaret-jailer", {}}));
}
