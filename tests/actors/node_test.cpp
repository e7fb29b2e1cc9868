#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>

#include "actors/node.hpp"
#include "tests/support/temporary_folder.hpp"

using lazaret::actors::node_identity;
using lazaret::testing::temporary_folder;

TEST_CASE("A node's name is the same after a restart, and another folder's is another") {
  const temporary_folder one, other;
  const auto first = node_identity::claim(one.path()).value().name();
  CHECK(first.size() <= 64);
  CHECK(node_identity::claim(one.path()).value().name() == first);
  CHECK(node_identity::claim(other.path()).value().name() != first);
}

TEST_CASE("Two that live never have one name: the second is refused, and says why") {
  const temporary_folder data;
  const auto first = node_identity::claim(data.path());
  REQUIRE(first.has_value());
  const auto second = node_identity::claim(data.path());
  REQUIRE_FALSE(second.has_value());
  CHECK_THAT(second.error().describe(), Catch::Contains("in use by another lazaretd") && Catch::Contains("BLOB_DIR"));
}

TEST_CASE("A process that was killed leaves its name to the next") {
  const temporary_folder data;
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto mine = node_identity::claim(data.path());
    ::raise(SIGKILL);
    ::_exit(mine ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(node_identity::claim(data.path()).has_value());
}

TEST_CASE("A file that holds no name is refused, not overwritten") {
  const temporary_folder data;
  std::ofstream{data.path() / "node"} << "a name with spaces\n";
  CHECK_THAT(node_identity::claim(data.path()).error().describe(), Catch::Contains("holds no node's name"));
  std::ofstream{data.path() / "node"} << std::string(200, 'x');
  CHECK_FALSE(node_identity::claim(data.path()).has_value());
}
