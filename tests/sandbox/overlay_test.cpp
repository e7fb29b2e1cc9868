// A writable layer over the host's directories: the jail's own, counted, and gone with it.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/sandbox/started_jailer.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;
namespace fs = std::filesystem;

namespace {

/// Two lower directories that everybody may read, and a jailer that shows them.
struct scene {
  lazaret::testing::temporary_folder folder;
  std::string above = (folder.path() / "above").string(), below = (folder.path() / "below").string();
  started_jailer jails;

  scene() : jails{{"--allow-bind", make_folders(folder)}} {}
  static std::string make_folders(const lazaret::testing::temporary_folder& in) {
    fs::permissions(in.path(), fs::perms{0755});
    for (const auto* name : {"above", "below", "below/d", "below/d/e"}) fs::create_directory(in.path() / name);
    in.write("above/both", "above");
    in.write("below/both", "below");
    in.write("below/lower", "lower");
    in.write("below/d/file", "deep");
    return in.path().string();
  }
  [[nodiscard]] policy layered(std::string code) const {
    auto p = python("import os\ndef t(f):\n  try: f()\n  except OSError as e: print(e.strerror)\n" + code);
    p.overlays.push_back({.lower = {above, below}, .target = "/layered"});
    return p;
  }
  finished run(const policy& p, std::vector<const volume*> volumes = {}) {
    return lazaret::sandbox::testing::run(jails.client(), p, std::move(volumes));
  }
};

}  // namespace

TEST_CASE("An overlay shows its lower directories as one, the uppermost first", "[overlay]") {
  scene s;
  const auto ran = s.run(s.layered(R"(
print(sorted(os.listdir('/layered')), open('/layered/both').read(), open('/layered/lower').read())
)"));
  CHECK(ran.err == "");
  CHECK(ran.out == "['both', 'd', 'lower'] above lower\n");
}

TEST_CASE("What a jail writes over the host's directories stays in the jail, and no other sees it", "[overlay]") {
  scene s;
  const auto code = R"(
open('/layered/new', 'x').write('mine')
os.unlink('/layered/both')
os.unlink('/layered/lower')
open('/layered/lower', 'x').write('again')
print(sorted(os.listdir('/layered')), open('/layered/new').read(), open('/layered/lower').read())
)";
  for (int n = 0; n < 2; ++n) {
    const auto ran = s.run(s.layered(code));
    CHECK(ran.err == "");
    CHECK(ran.out == "['d', 'lower', 'new'] mine again\n");
  }
  CHECK(s.folder.read("below/both") == "below");
  CHECK(s.folder.read("above/both") == "above");
  CHECK(!fs::exists(s.folder.path() / "above/new"));
  CHECK(!fs::exists(s.folder.path() / "below/new"));
  CHECK(s.folder.read("below/lower") == "lower");
}

TEST_CASE("A jail owns the directories of an overlay down to own_depth, and no further", "[overlay]") {
  scene s;
  const auto* code = R"(
t(lambda: print(open('/layered/d/x', 'x').write('1')))
t(lambda: print(open('/layered/d/e/x', 'x').write('2')))
print(open('/layered/d/file').read())
)";
  if (!jails_have_own_uids()) {
    WARN("does not run: this user's jails own the user's own files");
    return;
  }
  auto p = s.layered(code);
  CHECK(s.run(p).out == "Permission denied\nPermission denied\ndeep\n");
  p.overlays[0].own_depth = 1;
  CHECK(s.run(p).out == "1\nPermission denied\ndeep\n");
  p.overlays[0].own_depth = 2;
  CHECK(s.run(p).out == "1\n1\ndeep\n");
}

TEST_CASE("An overlay's layer ends at its size and its number of files, and counts as the jail's memory", "[overlay]") {
  scene s;
  auto p = s.layered(R"(
t(lambda: open('/layered/x', 'wb').write(bytes(2 << 20)))
os.unlink('/layered/x')
def many():
  for n in range(50): open(f'/layered/{n}', 'x')
t(many)
)");
  p.overlays[0].size = 1_MiB;
  p.overlays[0].inodes = 40;
  CHECK(s.run(p).out == "No space left on device\nNo space left on device\n");

  if (!is_counted(s.jails)) return;
  auto hog = s.layered("f = open('/layered/x', 'wb')\nfor n in range(100): f.write(bytes(1 << 20))\n");
  hog.limits.memory = 48_MiB;
  hog.overlays[0].size = 200_MiB;
  CHECK(s.run(hog).how.reason == ending::out_of_memory);
}

TEST_CASE("An overlay can be read-only, and not executable", "[overlay]") {
  scene s;
  auto p = s.layered(R"(
t(lambda: open('/layered/x', 'x'))
print(open('/layered/both').read())
)");
  p.overlays[0].writable = false;
  CHECK(s.run(p).out == "Read-only file system\nabove\n");
  p.overlays[0].lower.pop_back();
  CHECK(s.run(p).out == "Read-only file system\nabove\n");

  auto program = s.layered(R"(
open('/layered/p', 'w').write('#!/bin/sh\necho ran\n')
os.chmod('/layered/p', 0o755)
t(lambda: print(os.spawnv(os.P_WAIT, '/layered/p', ['p'])))
)");
  CHECK(s.run(program).out == "ran\n0\n");
  program.overlays[0].executable = false;
  CHECK(s.run(program).out == "127\n");
}

TEST_CASE("A layer in a volume can be read when the jail has ended, and is begun only once", "[overlay]") {
  scene s;
  auto kept = s.jails.client().make_volume({});
  REQUIRE(kept.has_value());
  auto p = s.layered("os.mkdir('/layered/n'); open('/layered/n/x', 'w').write('kept')");
  p.overlays[0].volume = 0;
  CHECK(s.run(p, {&*kept}).err == "");
  gather_options wanted;
  wanted.select = {"upper/**"};
  const auto found = s.jails.client().gather(*kept, wanted);
  REQUIRE(found.has_value());
  REQUIRE(found->files.size() == 1);
  CHECK(found->files[0].path == "upper/n/x");
  CHECK(found->files[0].content == "kept");

  const auto again = s.jails.client().start(p, std::vector<const volume*>{&*kept});
  REQUIRE(again.has_error());
  CHECK(again.error().error == EEXIST);
}

TEST_CASE("Overlays that can't be are refused, and name the field", "[overlay]") {
  scene s;
  const auto refused = [&](const auto& change) {
    auto p = s.layered("");
    change(p.overlays[0]);
    const auto started = s.jails.client().start(p, {});
    REQUIRE(started.has_error());
    return started.error();
  };
  CHECK(refused([](auto& o) { o.lower.clear(); }).subject == "overlays /layered.lower");
  CHECK(refused([](auto& o) { o.lower.assign(33, "/usr"); }).subject == "overlays /layered.lower");
  CHECK(refused([](auto& o) { o.lower[0] = "/usr/../etc"; }).subject == "overlays /layered.lower /usr/../etc");
  CHECK(refused([](auto& o) { o.target = "layered"; }).subject == "overlays.target layered");
  CHECK(refused([](auto& o) { o.size = {0}; }).subject == "overlays /layered");
  CHECK(refused([](auto& o) { o.inodes = 0; }).subject == "overlays /layered");
  CHECK(refused([](auto& o) { o.own_depth = 9; }).subject == "overlays /layered.own_depth");
  CHECK(refused([](auto& o) { o.volume = 0; }).subject == "overlays /layered.volume");
  CHECK(refused([](auto& o) { o.volume = -2; }).subject == "overlays /layered.volume");
  CHECK(refused([](auto& o) { o.lower[0] = "/etc"; }).error == EACCES);
  CHECK(refused([](auto& o) { o.lower[0] = "/no/such"; }).error == ENOENT);
  CHECK(refused([&](auto& o) { o.lower[0] += "/both"; }).error == ENOTDIR);
  fs::create_directory_symlink("/etc", s.folder.path() / "link");
  CHECK(refused([&](auto& o) { o.lower[0] = (s.folder.path() / "link").string(); }).error == EACCES);
}
