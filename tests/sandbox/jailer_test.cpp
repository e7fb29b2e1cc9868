// The jailer process: many jails, no leftovers, no trust in what it is sent.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <thread>

#include "sandbox/protocol.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using protocol::kind;

namespace {

/// The jailer closes a channel just after it has said its last word on it: what is open when that has settled.
std::string at_rest(const started_jailer& jails) {
  std::string before;
  int unchanged = 0;
  REQUIRE(eventually([&] {
    const auto earlier = std::exchange(before, jails.open_files());
    unchanged = earlier == before && jails.children().empty() ? unchanged + 1 : 0;
    return unchanged == 3;
  }));
  return before;
}

}  // namespace

TEST_CASE("Megabytes that a jail was asked for with don't stay in the jailer, of which each jail is a fork") {
  started_jailer jails{{"--ahead", "2"}};
  auto what = inmate({"descriptors"});
  what.files.push_back({"/large", std::string(3 << 20, 'x')});
  for (int n = 0; n < 4; ++n) REQUIRE(run(jails.client(), what).how.code == 0);
  CHECK(eventually([&] { return jails.own_memory() < 1024; }));
}

TEST_CASE("Two hundred jails leave no descriptor, mount or process behind", "[long]") {
  started_jailer jails;
  auto what = inmate({"descriptors"});
  what.network = network_mode::gateway;
  what.audit_channel = what.observe = true;
  CHECK(run(jails.client(), what).how.code == 0);
  CHECK(eventually([&] { return jails.children().empty(); }));
  const auto files = at_rest(jails);
  const auto mounts = jails.mounts();
  for (int i = 0; i < 200; ++i) {
    auto shared = jails.client().make_volume({});
    REQUIRE(shared.has_value());
    what.volumes = {{.index = 0, .target = "/site"}};
    const auto ran = run(jails.client(), what, {&*shared});
    REQUIRE(ran.out == "0 1 2 ");
  }
  (void)eventually([&] { return jails.open_files() == files; });
  CHECK(jails.open_files() == files);
  CHECK(eventually([&] { return jails.mounts() == mounts; }));
  CHECK(jails.children().empty());
  CHECK(jailed_processes().empty());
}

TEST_CASE("Eight threads run jails at once over one connection", "[long]") {
  started_jailer jails;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 5; ++i) {
          auto started = jails.client().start(python("print(" + std::to_string(100 * t + i) + ")"));
          if (!started) continue;
          std::string out;
          jail_sinks sinks;
          sinks.on_stdout = [&](std::string_view text) { out += text; };
          auto how = started->wait(sinks);
          good += how && how->reason == ending::exited && out == std::to_string(100 * t + i) + "\n";
        }
      });
  }
  CHECK(good == 40);
}

TEST_CASE("A jailer that is killed takes its jails along, and whoever waits is told") {
  started_jailer jails;
  auto started = jails.client().start(inmate({"daemonise", "stay"}));
  REQUIRE(started.has_value());
  CHECK_FALSE(jailed_processes().empty());
  jails.kill();
  auto how = started->wait({});
  REQUIRE(how.has_error());
  CHECK(how.error().describe() == "jailer: the jailer process ended while the jail ran");
  CHECK(eventually([] { return jailed_processes().empty(); }));
  auto next = jails.client().start(inmate({"descriptors"}));
  REQUIRE(next.has_error());
  CHECK(next.error().step == "jailer");
}

TEST_CASE("A jailer whose service goes away ends its jails and itself") {
  started_jailer jails;
  auto started = jails.client().start(inmate({"daemonise", "stay"}));
  REQUIRE(started.has_value());
  jails.hang_up();
  CHECK(jails.wait_for_exit() == 0);
  CHECK(jailed_processes().empty());
}

TEST_CASE("Two jails at once have different uids, and not their jailer's") {
  started_jailer jails;
  auto one = jails.client().start(inmate({"daemonise", "stay"}));
  auto other = jails.client().start(inmate({"daemonise", "stay"}));
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  std::set<uid_t> uids;
  for (const pid_t process : jailed_processes()) {
    struct stat status {};
    if (::stat(("/proc/" + std::to_string(process) + "/task").c_str(), &status) == 0 && status.st_uid != 0)
      uids.insert(status.st_uid);  // 0: can't be looked into
  }
  if (!jails_have_own_uids()) {
    CHECK(uids == std::set<uid_t>{::geteuid()});
    WARN("This user has no uid to give away (/etc/subuid): its jails have its own");
    return;
  }
  CHECK(uids.size() == 2);
  CHECK(uids.count(::geteuid()) == 0);
}

TEST_CASE("A client without a jailer says so") {
  jailer nobody;
  CHECK_FALSE(nobody.connected());
  auto started = nobody.start(base_policy());
  REQUIRE(started.has_error());
  CHECK(started.error().describe() == "jailer: not connected");
}

TEST_CASE("Malformed requests are refused and leave the jailer serving") {
  started_jailer jails;
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
  REQUIRE(eventually([&] { return jails.children().empty(); }));
  const auto files = at_rest(jails);
  const auto send = [&](const std::string& bytes, bool with_channel = true) {
    auto ends = wire::make_channel();
    REQUIRE(ends.has_value());
    const int far = ends->second.get();
    REQUIRE(wire::send_within(jails.raw_connection(), bytes, with_channel ? std::span{&far, 1} : std::span<const int>{},
                              std::chrono::seconds{5})
                .has_value());
    ends->second.reset();
    auto answer = wire::receive_within(ends->first.get(), std::chrono::seconds{5});
    REQUIRE(answer.has_value());
    // Closed without a word, or refused; never accepted.
    CHECK((answer->closed() || answer->bytes.front() == static_cast<char>(kind::failed)));
  };
  const auto good =
      protocol::encode(kind::start, std::uint8_t{0}, protocol::start_request{inmate({"descriptors"}), {}});

  SECTION("unknown kinds") {
    for (int k = 0; k < 256; ++k)
      if (k != static_cast<int>(kind::start) && k != static_cast<int>(kind::make_volume) &&
          k != static_cast<int>(kind::survey))
        send(std::string(1, static_cast<char>(k)));
    send(protocol::encode(kind::survey, std::uint8_t{0}));
  }
  SECTION("cut at every place") {
    for (std::size_t n = 1; n < good.size(); n += 7) send(good.substr(0, n));
  }
  SECTION("bits flipped") {
    std::mt19937 dice{7};
    for (int i = 0; i < 500; ++i) {
      auto bad = good;
      for (int k = 0; k < 4; ++k) bad[dice() % bad.size()] = static_cast<char>(dice());
      auto ends = wire::make_channel();
      REQUIRE(ends.has_value());
      const int far = ends->second.get();
      REQUIRE(wire::send_within(jails.raw_connection(), bad, {&far, 1}, std::chrono::seconds{5}).has_value());
      // Some are still good policies; closing the channel ends their jails.
    }
  }
  SECTION("no channel to answer on") { send(good, false); }
  SECTION("something else than a socket for a channel") {
    unique_fd null{::open("/dev/null", O_RDWR)};
    const int fd = null.get();
    REQUIRE(wire::send(jails.raw_connection(), good, {&fd, 1}).has_value());
  }
  SECTION("a body that is not sealed, which could block whoever reads it") {
    auto ends = wire::make_channel();
    REQUIRE(ends.has_value());
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const std::array fds{ends->second.get(), pipe[0]};
    REQUIRE(wire::send(jails.raw_connection(), protocol::encode(kind::start, std::uint8_t{protocol::has_body}), fds)
                .has_value());
    auto answer = wire::receive_within(ends->first.get(), std::chrono::seconds{5});
    REQUIRE(answer.has_value());
    CHECK(answer->bytes.front() == static_cast<char>(kind::failed));
    ::close(pipe[0]), ::close(pipe[1]);
  }
  SECTION("a directory as standard input, which would be a way out") {
    auto started = jails.client().start(inmate({"descriptors"}), {}, unique_fd{::open("/", O_RDONLY | O_DIRECTORY)});
    REQUIRE(started.has_error());
    CHECK(started.error().subject == "standard input");
  }
  CHECK(run(jails.client(), inmate({"descriptors"})).out == "0 1 2 ");
  (void)eventually([&] { return jails.open_files() == files; });
  CHECK(jails.open_files() == files);
}

TEST_CASE("A jailer that is started by hand says what it needs") {
  started_jailer jails{{"--fd", "99"}};
  CHECK(jails.wait_for_exit() == 1);
  started_jailer confused{{"--no-such-option", "1"}};
  CHECK(confused.wait_for_exit() == 2);
}

TEST_CASE("What a program starts and whom it calls is seen from outside") {
  started_jailer jails;
  auto what = python(R"(
import socket, subprocess
subprocess.run(['/usr/bin/true', 'with words'])
try: socket.create_connection(('10.1.2.3', 4567), 1)
except OSError: pass
)");
  what.observe = true;
  const auto ran = run(jails.client(), what);
  CHECK(ran.err == "");
  const auto seen = [&](const std::string& part) {
    for (const auto& line : ran.observations)
      if (line.find(part) != std::string::npos) return true;
    return false;
  };
  CHECK(seen(R"("event":"exec","path":"/usr/bin/python3")"));
  CHECK(seen(R"("argv":["/usr/bin/true","with words"])"));
  CHECK(seen(R"("address":"10.1.2.3","port":4567)"));
  REQUIRE_FALSE(ran.observations.empty());
  CHECK(ran.observations.back().find(R"("event":"end")") != std::string::npos);
}
