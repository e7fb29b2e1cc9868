#include "actors/execution/coverage.hpp"

#include <catch2/catch.hpp>

using lazaret::actors::coverage;
using lines = std::vector<std::string>;

TEST_CASE("an interpreter that reports in is covered, one that does not is named") {
  coverage seen;
  seen.started(2, "/usr/bin/python3", "/usr/bin/python3 -I phase.py", true);
  seen.reported(2);
  seen.started(5, "/usr/bin/python3", "python3 -S -c pass", true);
  CHECK(seen.uncovered() == lines{"python without audit events: python3 -S -c pass"});
}

TEST_CASE("an interpreter that replaces itself has to report in again") {
  coverage seen;
  seen.started(2, "/usr/bin/python3", "python3 a.py", true);
  seen.started(2, "/usr/bin/python3", "python3 -S b.py", true);
  seen.reported(2);
  CHECK(seen.uncovered().size() == 1);
}

TEST_CASE("a search along PATH is one start") {
  coverage seen;
  seen.started(7, "/usr/local/bin/python3", "python3 x", true);
  seen.started(7, "/usr/bin/python3", "python3 x", true);
  seen.reported(7);
  CHECK(seen.uncovered().empty());
}

TEST_CASE("native programs are named unless they are build tools of the system") {
  coverage seen;
  seen.started(3, "/usr/bin/x86_64-linux-gnu-gcc-12", "gcc -c a.c", false);
  seen.started(4, "/bin/sh", "sh -c true", false);
  seen.started(5, "/work/site/gcc", "gcc", false);
  seen.started(6, "/usr/bin/curl", "curl http://a", false);
  seen.started(7, "/usr/bin/curl", "curl http://a", false);
  CHECK(seen.uncovered() == lines{"native program: gcc", "native program: curl http://a"});
}

TEST_CASE("a program that starts thousands of others is listed shortly") {
  coverage seen;
  for (int i = 0; i < 5000; ++i) seen.started(i, "/work/x", "x " + std::to_string(i), false);
  const lines listed = seen.uncovered();
  CHECK(listed.size() == 51);
  CHECK(listed.back() == "and 4950 more");
}
