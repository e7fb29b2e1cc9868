#include <catch2/catch.hpp>

#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;

TEST_CASE("Python runs in a jail and its output comes out") {
  started_jailer jails;
  const auto ran = run(jails.client(), python("print(1)"));
  CHECK(ran.err == "");
  CHECK(ran.out == "1\n");
  CHECK(ran.how.reason == ending::exited);
  CHECK(ran.how.code == 0);
}
