// What an outcome counts: bytes written, processes started.
#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;

TEST_CASE("All that processes and threads write is counted, to the byte") {
  started_jailer jails;
  const bool observed = GENERATE(false, true);
  auto what = inmate({"counts", "3", "5", "100001"});
  what.observe = observed;
  what.files.push_back({"/data", std::string(5000, 'x')});  // what the set-up writes is not the program's
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.code == 0);
  CHECK(ran.how.bytes_written == bytes{9 * 100'001});
  CHECK(ran.how.processes == 9);
}

TEST_CASE("A program that does nothing wrote nothing and was alone") {
  started_jailer jails;
  const auto ran = run(jails.client(), inmate({"/bin/true"}));
  CHECK(ran.how.bytes_written == 0_B);
  CHECK(ran.how.processes == 1);
}

TEST_CASE("Output counts as written even where it is dropped, and the rest is not lost when the jail is ended") {
  started_jailer jails;
  auto what = inmate({"counts", "2", "4", "1000000", "stay"});
  what.limits.wall = 1s;
  const auto ran = run(jails.client(), what);
  REQUIRE(ran.how.reason == ending::wall_timeout);
  REQUIRE(ran.out == "xxxxxxx");
  CHECK(ran.how.bytes_written == bytes{7 * 1'000'001});
  CHECK(ran.how.processes == 7);

  what = inmate({"flood"});
  what.limits.when_output_exceeds = on_output_limit::kill;
  const auto flooded = run(jails.client(), what);
  REQUIRE(flooded.how.reason == ending::output_limit);
  CHECK(flooded.how.bytes_written >= what.limits.output);
}

TEST_CASE("Orphans and daemons are counted with the rest") {
  started_jailer jails;
  const auto ran = run(jails.client(), inmate({"/bin/sh", "-c", "(echo 123 & (echo 12345 &) ); sleep 0.1; echo 1"}));
  CHECK(ran.how.bytes_written == bytes{ran.out.size()});
  CHECK(ran.out.size() == 4 + 6 + 2);
  CHECK(ran.how.processes >= 4);
  CHECK(ran.how.processes <= 6);
}

TEST_CASE("Forks that the limit refused started nothing") {
  started_jailer jails;
  if (!is_counted(jails)) return;
  auto what = inmate({"fork_bomb"});
  what.limits.pids = 20;
  const auto ran = run(jails.client(), what);
  CHECK(ran.how.code == EAGAIN);
  CHECK(ran.how.processes >= 19);  // init is one of the 20
  CHECK(ran.how.processes <= 20);  // the first one's place is free when it is reaped, and another may still be forking
}

TEST_CASE("Processes that come and go are counted, however few there are at a time", "[long]") {
  started_jailer jails;
  const auto ran =
      run(jails.client(), inmate({"/bin/sh", "-c", "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done"}));
  CHECK(ran.how.processes == 301);
  CHECK(ran.how.peak_pids <= 4);
}
