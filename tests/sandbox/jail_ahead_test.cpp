// Jails that were prepared before anybody asked for them: faster, and otherwise as if they had not been.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "sandbox/protocol.hpp"
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

TEST_CASE("A jail says whether it had been prepared before it was asked for") {
  const auto what = shell("true");
  const auto was_prepared = [&what](started_jailer& jails) {
    auto started = jails.client().start(what);
    REQUIRE(started.has_value());
    const bool prepared = started->was_prepared();
    REQUIRE(started->wait({}).has_value());
    return prepared;
  };
  preparing_jailer jails;
  CHECK_FALSE(was_prepared(jails));
  jails.warm_up(what);
  CHECK(was_prepared(jails));
  started_jailer never{{"--ahead", "0"}};
  for (int i = 0; i < 4; ++i) CHECK_FALSE(was_prepared(never));
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
  if (is_counted(jails)) CHECK(hog.how.reason == ending::out_of_memory);
  CHECK_THAT(hog.observations.front(), Contains("/bin/sh"));
}

TEST_CASE("A program that uses up the memory before its init could tell of it ran out of memory like others") {
  preparing_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"/inmates/attacks/bombs/tmpfs_memory"});
  what.tmpfs.push_back({.target = "/tmp", .size = 512_MiB});
  what.limits.memory = 16_MiB;
  jails.warm_up(what);
  const auto inits = jails.children();
  for (const auto init : inits) REQUIRE(::kill(init, SIGSTOP) == 0);  // it stops when the program runs
  std::jthread later{[&inits] {  // on some kernels it is the program that is killed, for an init to tell of
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    for (const auto init : inits) ::kill(init, SIGCONT);
  }};
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.reason == ending::out_of_memory);
  CHECK(ran.how.memory_killed);
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
  const auto killed = jails.children();
  for (const auto pid : killed) ::kill(pid, SIGKILL);
  CHECK(eventually([&] {  // others may have been made meanwhile
    const auto now = jails.children();
    return std::none_of(killed.begin(), killed.end(),
                        [&](auto pid) { return std::count(now.begin(), now.end(), pid) != 0; });
  }));
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

TEST_CASE("A jail with a volume is prepared with one, which is handed out and then the jail's") {
  preparing_jailer jails;
  auto what = shell("cat /v/in; echo out > /v/out; id -u > /dev/null; ls /v");
  what.volumes.push_back({.index = 0, .target = "/v"});
  const volume_options size{.size = 1_MiB, .inodes = 100};
  REQUIRE(jails.client().check().has_value());
  const auto at_start = jails.mounts();
  const auto once = [&] {
    auto space = jails.client().make_volume(size, &what);
    REQUIRE(space.has_value());
    REQUIRE(jails.client().deposit(*space, {{"in", "said\n"}}).has_value());
    return run(jails.client(), what, {&*space});
  };
  for (int i = 0; i < 4; ++i) CHECK(once().out == "said\nin\nout\n");
  const auto mounts = at_start + 2;  // two jails wait, each with a volume
  REQUIRE(eventually([&] { return jails.children().size() == 2 && jails.mounts() == mounts; }));
  const auto waiting = jails.children();
  CHECK(once().out == "said\nin\nout\n");
  CHECK(eventually([&] {
    const auto now = jails.children();
    return now.size() == 2 && std::count(now.begin(), now.end(), waiting.front()) == 0 && jails.mounts() == mounts;
  }));
}

TEST_CASE("A volume that a jail waits with may be used by another, by several, or by none") {
  preparing_jailer jails;
  REQUIRE(jails.client().check().has_value());
  const auto at_start = jails.mounts();
  auto what = shell("echo one >> /v/x; cat /v/x");
  what.volumes.push_back({.index = 0, .target = "/v"});
  const auto ask = [&] {
    auto space = jails.client().make_volume({}, &what);
    REQUIRE(space.has_value());
    return std::move(*space);
  };
  for (int i = 0; i < 4; ++i) {
    const auto space = ask();
    CHECK(run(jails.client(), what, {&space}).out == "one\n");
    CHECK(run(jails.client(), what, {&space}).out == "one\none\n");
  }
  const auto mounts = at_start + 2;  // two jails wait, each with a volume
  REQUIRE(eventually([&] { return jails.children().size() == 2 && jails.mounts() == mounts; }));
  auto other = what;
  other.hostname = "other";
  {
    const auto space = ask();
    CHECK(run(jails.client(), other, {&space}).out == "one\n");
  }
  CHECK(run(jails.client(), what, {&static_cast<const volume&>(ask())}).out == "one\n");
  { const auto unused = ask(); }
  CHECK(run(jails.client(), what, {&static_cast<const volume&>(ask())}).out == "one\n");
  CHECK(eventually([&] { return jails.children().size() == 2 && jails.mounts() == mounts; }));
  jails.hang_up();
  CHECK(jails.wait_for_exit() == 0);
}

TEST_CASE("Only what is asked for again is prepared, and what has not been asked for lately is given up") {
  stock books{2};
  const auto take = [&](const std::string& kind) { return books.take(kind, {}, {}); };

  CHECK(!take("first"));
  CHECK(books.missing() == nullptr);
  CHECK(!take("first"));
  REQUIRE(books.missing() != nullptr);
  books.add({.jail = 1});
  books.add({.jail = 2});
  CHECK(books.missing() == nullptr);
  CHECK(!take("second"));
  CHECK(take("first") == 1);
  REQUIRE(books.missing() != nullptr);
  books.forget(2);
  CHECK(books.expired().size() == 1);
  CHECK(!take("first"));
  books.add({.jail = 3});
  for (const std::string name : {"a", "b", "c", "d"}) {
    CHECK(books.expired().empty());
    (void)take(name);
  }
  const auto given_up = books.expired();
  REQUIRE(given_up.size() == 1);
  CHECK(given_up.front().jail == 3);
  CHECK(!take("first"));
  CHECK(!stock{0}.take("first", {}, {}));
}

TEST_CASE("The books know which jail waits with which volume") {
  stock books{2};
  const volume_options small{.size = 1_MiB}, large{.size = 2_MiB};
  const auto number = protocol::number_of("kind");
  const auto take = [&](std::vector<stock::volume_id> volumes) {
    return books.take("kind", {{}, {small, large}}, volumes);
  };
  CHECK(!take({1, 2}));
  CHECK(!take({3, 4}));
  books.add({.jail = 7, .volumes = {5, 6}});
  books.add({.jail = 8, .volumes = {15, 16}});
  CHECK(!take({5, 6}));  // nobody was given them
  CHECK(!books.hand_out(number, large));
  CHECK(!books.hand_out(number + 1, small));
  CHECK(books.hand_out(number, small) == 5u);
  CHECK(books.hand_out(number, small) == 15u);
  CHECK(books.hand_out(number, large) == 6u);
  CHECK(books.missing() != nullptr);  // those are as good as gone
  CHECK(!take({6, 5}));
  CHECK(take({5, 6}) == 7u);
  CHECK(!take({5, 6}));
  CHECK(books.expired().empty());
  books.forget_volume(15);
  const auto over = books.expired();
  REQUIRE(over.size() == 1);
  CHECK(over.front().jail == 8);
  CHECK(over.front().handed_out == 1);
}
