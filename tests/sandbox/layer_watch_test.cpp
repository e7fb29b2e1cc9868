// Who asks often gets the last answer, and makes no jail.
#include "sandbox/layer_watch.hpp"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "tests/sandbox/other_kernel.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("The layers are tested when there is a jailer, and not again for each who asks") {
  started_jailer jails;
  layer_watch watch{jails.client(), 1h};
  watch.jailer_changed();
  REQUIRE(eventually([&] { return !watch.latest().layers.empty(); }));
  CHECK(watch.latest().trouble == "");
  CHECK(watch.latest().layers.size() == layers().size());

  jails.kill();  // a test would fail now
  for (int asked = 0; asked < 1000; ++asked) CHECK(watch.latest().trouble == "");
  CHECK(watch.latest().layers.size() == layers().size());
}

TEST_CASE("An old answer is followed by a new test", "[long]") {
  started_jailer jails;
  layer_watch watch{jails.client(), 0ms};
  watch.jailer_changed();
  REQUIRE(eventually([&] { return !watch.latest().layers.empty(); }));
  jails.kill();
  REQUIRE(eventually([&] { return !watch.latest().trouble.empty(); }));
  CHECK_FALSE(watch.trouble().empty());
}

TEST_CASE("With another jailer nothing of the last one's answer is left") {
  started_jailer second{{"--require", "landlock"}, lose_landlock}, first;
  layer_watch watch{first.client(), 1h};
  watch.jailer_changed();
  REQUIRE(eventually([&] { return !watch.latest().layers.empty(); }));
  first.client().replace(unique_fd{::fcntl(second.raw_connection(), F_DUPFD_CLOEXEC, 3)});
  watch.jailer_changed();
  REQUIRE(eventually([&] { return !watch.latest().layers.empty(); }));
  CHECK_THAT(watch.trouble(), Contains("layer landlock of the jail is unavailable"));
  CHECK(is_degraded(watch.latest().layers));
}

TEST_CASE("A watch that is testing ends at once when it is let go") {
  started_jailer jails;
  {
    layer_watch watch{jails.client(), 0ms};
    watch.jailer_changed();
  }
  CHECK(eventually([&] { return jails.children().empty(); }));
}
