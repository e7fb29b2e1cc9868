// Real events of real pip installs and imports of honest packages, recorded by tests/support/record_audit.py.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/analysis/scene.hpp"

using namespace scene;

TEST_CASE("Installing and importing honest packages with a real pip is benign without any finding") {
  const folder place;
  const auto command = "/usr/bin/python3 " LAZARET_SOURCE_DIR "/tests/support/record_audit.py " + place.path().string();
  REQUIRE(std::system(command.c_str()) == 0);
  place.write("seen.jsonl", end_line);
  for (const std::string file : {"install_wheel", "install_sdist", "install_sdist_isolated", "import_requests",
                                 "import_flask", "import_numpy"}) {
    INFO(file);
    auto r = watched_run(file.substr(0, file.find('_')));
    r.execution->phases[0].audit_file = file + ".jsonl";
    const auto v = analysis::analyse(r, place.path());
    for (const auto& f : v.findings) UNSCOPED_INFO(f.rule << ": " << f.evidence.at(0));
    CHECK(v.findings.empty());
    CHECK(v.verdict == actors::verdict::benign);
    CHECK(v.highlights.top_events.size() >= 10);
    CHECK_FALSE(v.highlights.files_read.empty());
  }
}
