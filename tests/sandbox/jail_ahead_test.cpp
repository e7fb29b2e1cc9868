// Jails that were prepared before anybody asked for them: faster, and otherwise as if they had not been.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <set>

#include "sandbox/stock.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using Catch::Matchers::Contains;

namespace {

policy shell(std::string script) {
  auto what = inmate({"/bin/sh", "-c", std::move(script)});
  what.tmpfs.push_back({.target = "/tmp"});
  return what;
}

struct preparing_jailer : started_jailer {
  preparing_jailer() : started_jailer{{"--ahead", "2"}} {}

  /// Asks for jails like this one until two of the kind wait.
  void warm_up(const policy& like) {
    for (int i = 0; i < 4; ++i) (void)run(client(), like);
    REQUIRE(eventually([this] { return children().size() == 2; }));
  }
};

}  // namespace

TEST_CASE("A jail that was prepared ahead is told its program, arguments, environment, directory and streams") {
  preparing_jailer jails;
  jails.warm_up(shell("true"));
  const auto waiting = jails.children();

  auto what = shell("read line; echo $0 $NAME $(pwd) $line; echo to-stderr >&2; exit 7");
  what.argv.push_back("zero");
  what.environment.push_back("NAME=value");
  what.working_directory = "/usr/bin";
  std::array<int, 2> input{};
  REQUIRE(::pipe2(input.data(), O_CLOEXEC) == 0);
  REQUIRE(::write(input[1], "line\n", 5) == 5);
  ::close(input[1]);
  const auto done = run(jails.client(), what, {}, unique_fd{input[0]});

  CHECK(done.out == "zero value /usr/bin line\n");
  CHECK(done.err == "to-stderr\n");
  CHECK(done.how.reason == ending::exited);
  CHECK(done.how.code == 7);
  // It was one of those: one is gone from among them, and a third was made for it.
  CHECK(eventually([&] {
    const auto now = jails.children();
    return now.size() == 2 && std::count(now.begin(), now.end(), waiting.front()) == 0;
  }));
}

TEST_CASE("Nothing of one jail is in the next, though both were prepared together") {
  preparing_jailer jails;
  const auto what = shell("ls -A /tmp; echo secret > /tmp/left; ls /tmp");
  jails.warm_up(what);
  for (int i = 0; i < 4; ++i) CHECK(run(jails.client(), what).out == "left\n");
  CHECK(eventually([&] { return jails.children().size() == 2; }));
}

TEST_CASE("Limits and the observer are in force in a jail that was prepared ahead") {
  preparing_jailer jails;
  auto what = shell("exec /inmates/hog");
  what.limits.memory = 64_MiB;
  what.observe = true;
  jails.warm_up(what);
  const auto hog = run(jails.client(), what);
  CHECK(hog.how.reason == ending::out_of_memory);
  CHECK_THAT(hog.observations.front(), Contains("/bin/sh"));
}

TEST_CASE("The clocks of a jail that was prepared ahead start with its program") {
  preparing_jailer jails;
  auto sleeper = shell("true");
  sleeper.limits.wall = std::chrono::milliseconds{300};
  jails.warm_up(sleeper);
  sleeper.argv = {"/bin/sleep", "30"};
  CHECK(run(jails.client(), sleeper).how.reason == ending::wall_timeout);
}

TEST_CASE("A jail that waits may be killed, and somebody else's takes its place") {
  preparing_jailer jails;
  const auto what = shell("echo here");
  jails.warm_up(what);
  for (const auto pid : jails.children()) ::kill(pid, SIGKILL);
  CHECK(eventually([&] { return jails.children().empty(); }));
  for (int i = 0; i < 3; ++i) CHECK(run(jails.client(), what).out == "here\n");
}

TEST_CASE("Jails that wait end with their jailer, and are few") {
  preparing_jailer jails;
  for (int kind = 0; kind < 6; ++kind) {
    auto what = shell("true");
    what.hostname = "kind-" + std::to_string(kind);
    for (int i = 0; i < 4; ++i) (void)run(jails.client(), what);
  }
  CHECK(eventually([&] { return jails.children().size() <= 8; }));
  const auto waiting = jails.children();
  jails.hang_up();
  CHECK(jails.wait_for_exit() == 0);
  for (const auto pid : waiting) CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("Only what is asked for again is prepared, and what has not been asked for lately is given up") {
  policy first = base_policy(), second = first, other_program = first;
  second.hostname = "second";
  other_program.argv = {"/bin/sh"};
  stock books{2};

  CHECK(!books.take(first));
  CHECK(books.missing() == nullptr);
  CHECK(!books.take(other_program));  // of the same kind
  REQUIRE(books.missing() != nullptr);
  books.add(1);
  books.add(2);
  CHECK(books.missing() == nullptr);
  CHECK(!books.take(second));
  CHECK(books.take(first) == 1);
  REQUIRE(books.missing() != nullptr);
  books.forget(2);
  CHECK(!books.take(first));
  books.add(3);
  for (const std::string name : {"a", "b", "c", "d"}) {
    CHECK(books.expired().empty());
    second.hostname = name;
    (void)books.take(second);
  }
  CHECK(books.expired() == std::vector<stock::number>{3});
  CHECK(!books.take(first));
  CHECK(!stock{0}.take(first));
}
