#include "actors/execution/summary.hpp"

#include <catch2/catch.hpp>

using namespace lazaret::actors;
using lazaret::sandbox::ending;

TEST_CASE("a long line keeps its start and its end") {
  CHECK(cut_middle("short", 350) == "short");
  const std::string line = std::string(300, 'a') + std::string(300, 'z');
  const std::string cut = cut_middle(line, 350);
  CHECK(cut.size() == 350);
  CHECK(cut.starts_with("aaaa"));
  CHECK(cut.ends_with("zzzz"));
  CHECK(cut.find("...") == 174);
  CHECK(cut_middle("abcdef", 3) == "...");
}

TEST_CASE("a cut never falls inside a character") {
  std::string line;
  for (int i = 0; i < 100; ++i) line += "\u00e9";
  for (std::size_t limit = 4; limit < 60; ++limit) {
    const std::string cut = cut_middle(line, limit);
    CHECK(cut.size() <= limit);
    CHECK((cut.size() - 3) % 2 == 0);
  }
}

TEST_CASE("the last lines that say something are joined in order") {
  CHECK(last_lines("1\n2\n\n  \n3\n4\r\n5\n6\n7\n", 6) == "2 | 3 | 4 | 5 | 6 | 7");
  CHECK(last_lines("", 6).empty());
  CHECK(last_lines("only", 6) == "only");
  CHECK(last_lines("\x1b[31mred\x1b[0m\ttab\n", 1) == " [31mred [0m tab");
  CHECK(last_lines("bad \xff byte", 1) == "bad \xef\xbf\xbd byte");
}

TEST_CASE("an install is summed up as its contract words it") {
  phase p;
  p.ok = true;
  CHECK(install_summary(p, "", "noise", false) == "install ok");
  p.ok = false;
  p.outcome.code = 1;
  CHECK(install_summary(p, "", "ERROR: a\nERROR: b\n", false) == "pip install failed: ERROR: a | ERROR: b");
  CHECK(install_summary(p, "out\n", "", false) == "pip install failed: out");
  CHECK(install_summary(p, "", "", false) == "pip install failed: exited with code 1");
  CHECK(install_summary(p, "", "anything", true) == "pip install failed: download byte cap exceeded");
  p.outcome.reason = ending::wall_timeout;
  CHECK(install_summary(p, "", "last words", false).ends_with(" | last words"));
  const std::string flood = install_summary(p, "", std::string(100'000, 'x'), false);
  CHECK(flood.size() == std::string_view{"pip install failed: "}.size() + 350);
}

TEST_CASE("a run is summed up as its contract words it") {
  phase p;
  p.ok = true;
  p.stdout_bytes = 3;
  CHECK(run_summary(p, "", "") == "run ok; stdout=3B stderr=0B");
  p.ok = false;
  p.timed_out = true;
  CHECK(run_summary(p, "", "") == "run failed (timed out); stdout=3B stderr=0B");
  p.timed_out = false;
  p.outcome.code = 64;
  CHECK(run_summary(p, "", "lazaret: no console script entrypoint found for package\n") ==
        "no console script entrypoint found for package");
  CHECK(run_summary(p, "", "something else\n") == "run failed; stdout=3B stderr=0B");
}

TEST_CASE("a run over many modules says how many went well") {
  phase p;
  p.ok = true;
  p.stdout_bytes = 30;
  CHECK(run_summary(p, "noise\nlazaret: imported 4 of 7 modules\n", "") ==
        "run ok; stdout=30B stderr=0B; imported 4 of 7 modules");
  p.name = "execute";
  CHECK(run_summary(p, "lazaret: whatever\n", "") == "run ok; stdout=30B stderr=0B");
}
