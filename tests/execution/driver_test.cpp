// sandbox/python/phase.py in plain processes: what compat/triage.md says of the modes.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "tests/execution/process.hpp"

namespace json = boost::json;
using namespace lazaret::actors::testing;

namespace {

/// An installed release `demo-pkg` with console scripts and modules that behave in every way.
struct installed {
  installed() {
    put(space.path() / "demo_pkg/__init__.py", "");
    put(space.path() / "demo_pkg/__main__.py", "import sys; print('main', __name__)");
    put(space.path() / "demo_pkg/cli.py",
        "import sys\n"
        "def seven():\n    print('argv', sys.argv); return 7\n"
        "def none():\n    print('none')\n"
        "def yes():\n    return 'text'\n"
        "class A:\n  class B:\n    run = staticmethod(lambda: print('deep'))\n");
    put(space.path() / "demo_pkg/absent.py", "import no_such_module_at_all");
    put(space.path() / "demo_pkg/dies.py", "import os; os._exit(3)");
    put(space.path() / "demo_pkg/leaves.py", "import sys; sys.exit(0)");
    metadata("Demo.Pkg", "demo_pkg", "demo-tool = demo_pkg.cli:none\nDemo_pkg-extra = demo_pkg.cli:seven\n");
  }
  void metadata(const std::string& name, const std::string& folder, const std::string& scripts) {
    const auto info = space.path() / (folder + "-1.0.dist-info");
    put(info / "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n");
    put(info / "entry_points.txt", "[console_scripts]\n" + scripts);
    std::string record;
    for (const auto& file : std::filesystem::directory_iterator{space.path() / "demo_pkg"}) {
      record += "demo_pkg/" + file.path().filename().string() + ",,\n";
    }
    put(info / "RECORD", record);
  }
  ran run(json::object job) {
    job["target"] = space.path().string();
    job["job_limit"] = 2;
    if (!job.contains("package")) job["package"] = "demo-pkg";
    return run_process(
        {"/usr/bin/python3", "-s", "-P", "-B", LAZARET_SOURCE_DIR "/sandbox/python/phase.py", json::serialize(job)});
  }
  scratch space;
};

}  // namespace

TEST_CASE("execute runs a file as the main program") {
  installed release;
  const ran done =
      release.run({{"phase", "execute"}, {"file_path", "demo_pkg/__main__.py"}, {"entrypoint", "demo-tool"}});
  CHECK(done.out == "main __main__\n");
  CHECK(done.code == 0);
}

TEST_CASE("execute calls an entry point given by path or by its script's name") {
  installed release;
  CHECK(release.run({{"phase", "execute"}, {"entrypoint", "demo_pkg.cli:A.B.run"}}).out == "deep\n");
  CHECK(release.run({{"phase", "execute"}, {"entrypoint", "demo-tool"}}).out == "none\n");
  const ran unknown = release.run({{"phase", "execute"}, {"entrypoint", "other-tool"}});
  CHECK(unknown.code == 64);
  CHECK(unknown.err == "lazaret: no console script named other-tool\n");
}

TEST_CASE("an entry point that returns an int exits with it, any other value is no failure") {
  installed release;
  CHECK(release.run({{"phase", "execute"}, {"entrypoint", "demo_pkg.cli:seven"}}).code == 7);
  CHECK(release.run({{"phase", "execute"}, {"entrypoint", "demo_pkg.cli:none"}}).code == 0);
  CHECK(release.run({{"phase", "execute"}, {"entrypoint", "demo_pkg.cli:yes"}}).code == 0);
}

TEST_CASE("execute looks for the script that is named like the package, then for one that starts so") {
  installed release;
  ran done = release.run({{"phase", "execute"}});
  CHECK(done.out == "argv ['Demo_pkg-extra']\n");
  CHECK(done.code == 7);
  release.metadata("Demo.Pkg", "demo_pkg", "demo-pkg-first = demo_pkg.cli:seven\ndemo.PKG = demo_pkg.cli:none\n");
  CHECK(release.run({{"phase", "execute"}}).out == "none\n");
}

TEST_CASE("a package without a fitting script fails in the contract's words") {
  installed release;
  release.metadata("Demo.Pkg", "demo_pkg", "unrelated = demo_pkg.cli:none\n");
  const ran done = release.run({{"phase", "execute"}});
  CHECK(done.code == 64);
  CHECK(done.err == "lazaret: no console script entrypoint found for package\n");
}

TEST_CASE("execute_module runs the package's module as python -m would") {
  installed release;
  CHECK(release.run({{"phase", "execute_module"}}).out == "main __main__\n");
  CHECK(release.run({{"phase", "execute_module"}, {"module_name", "demo_pkg.leaves"}}).code == 0);
  CHECK(release.run({{"phase", "execute_module"}, {"module_name", "demo_pkg.cli"}, {"entrypoint", "demo-tool"}}).out ==
        "none\n");
  CHECK(release.run({{"phase", "execute_module"}, {"module_name", "no.such"}}).code == 1);
}

TEST_CASE("importing goes on after a module that fails, leaves or dies") {
  installed release;
  const ran done = release.run({{"phase", "import"}});
  CHECK(done.code == 0);
  CHECK(done.out.ends_with("lazaret: imported 4 of 6 modules\n"));
  CHECK(done.err.find("lazaret: demo_pkg.absent: failed") != std::string::npos);
  CHECK(done.err.find("lazaret: demo_pkg.dies: died") != std::string::npos);
}

TEST_CASE("importing goes on after a module that never returns") {
  installed release;
  put(release.space.path() / "demo_pkg/sleeps.py", "import time; time.sleep(600)");
  release.metadata("Demo.Pkg", "demo_pkg", "");
  const ran done = release.run({{"phase", "import"}});
  CHECK(done.out.ends_with("lazaret: imported 4 of 7 modules\n"));
  CHECK(done.err.find("lazaret: demo_pkg.sleeps: overran") != std::string::npos);
}

TEST_CASE("importing runs the .pth files that a release brings") {
  installed release;
  put(release.space.path() / "evil.pth", "import sys; print('pth ran')\n");
  CHECK(release.run({{"phase", "import"}}).out.starts_with("pth ran\n"));
}

TEST_CASE("each console script is asked for its help in a process of its own") {
  installed release;
  const ran done = release.run({{"phase", "entry_points"}});
  CHECK(done.out == "none\nargv ['Demo_pkg-extra', '--help']\nlazaret: called 1 of 2 entry points\n");
  CHECK(done.code == 0);
}

TEST_CASE("a release that is not there is refused") {
  installed release;
  const ran done = release.run({{"phase", "import"}, {"package", "other"}});
  CHECK(done.code == 64);
  CHECK(done.err == "lazaret: no installed distribution named other\n");
}
