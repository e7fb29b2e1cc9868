#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

TEST_CASE("a note is there until its time is over, also after a restart") {
  ON_EACH_STORE();
  REQUIRE(subject->remember("long", "stays", seconds{600}));
  REQUIRE(subject->remember("short", "goes", seconds{1}));
  CHECK(*subject->recall("never") == std::nullopt);
  subject.reopen();
  CHECK(soon([&] { return *subject->recall("short") == std::nullopt; }));
  CHECK(*subject->recall("long") == "stays");
}

TEST_CASE("a newer note takes the place and the time of the older") {
  ON_EACH_STORE();
  REQUIRE(subject->remember("n", "old", seconds{1}));
  REQUIRE(subject->remember("n", "new", seconds{600}));
  REQUIRE(subject->remember("m", "old", seconds{600}));
  REQUIRE(subject->remember("m", "new", seconds{1}));
  CHECK(soon([&] { return *subject->recall("m") == std::nullopt; }));
  CHECK(*subject->recall("n") == "new");
}

TEST_CASE("what has expired is forgotten in small steps") {
  ON_EACH_STORE();
  for (int i = 0; i < 5; ++i) REQUIRE(subject->remember("n" + std::to_string(i), "x", seconds{1}));
  REQUIRE(subject->remember("stays", "y", seconds{600}));
  REQUIRE(subject->add(a_run("a"), with("a"), 0, idempotency{"k", "f", seconds{1}}));
  for (int i = 0; i < 5; ++i) {
    CHECK(soon([&] { return *subject->recall("n" + std::to_string(i)) == std::nullopt; }));
  }
  std::size_t steps = 0;
  CHECK(soon([&] {
    const auto gone = *subject->tidy(2);
    CHECK(gone <= 2);
    ++steps;
    return gone == 0;
  }));
  CHECK(*subject->recall("stays") == "y");
  CHECK(body(*subject, "a") == "a");
}

TEST_CASE("a store that can be written to has no trouble") {
  ON_EACH_STORE();
  CHECK(subject->trouble() == std::nullopt);
}
