#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/sandbox/started_jailer.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;

namespace {

policy python_in_home(std::string code) {
  auto what = python(std::move(code));
  what.volumes.push_back({.index = 0, .target = "/home"});
  what.working_directory = "/home";
  return what;
}

std::vector<std::string> paths(const gathered& g) {
  std::vector<std::string> all;
  for (const auto& f : g.files) all.push_back(f.path);
  return all;
}

using list = std::vector<std::string>;

}  // namespace

SCENARIO("files go into a volume as the property of its jail, and what it makes of them comes out") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 8_MiB, .inodes = 1000});
  REQUIRE(space.has_value());
  std::vector<volume_file> files{{"a", "1"}, {"d/e/f", "2"}, {"same", "old"}, {"same", "new"}};
  // The jailer puts few small files there itself and has a steward for more: nobody sees a difference.
  SECTION("few") {}
  SECTION("many") {
    for (int n = 0; n < 20; ++n) files.push_back({"a", "1"});
  }
  SECTION("large") { files.push_back({"a", std::string(100'000, '1')}); }
  SECTION("deep") {
    std::string path = "s";
    for (int n = 0; n < 100; ++n) path += "/s";
    files.push_back({path, ""});
  }
  const auto known = j.client().deposit(*space, files);
  REQUIRE(known.has_value());
  const auto ran =
      run(j.client(),
          python_in_home("import os\n"
                         "for p in 'a', 'd', 'd/e', 'd/e/f': assert os.stat(p).st_uid == os.getuid()\n"
                         "for p in 'a', 'd', 'd/e', 'd/e/f': assert os.stat(p).st_gid == os.getgid()\n"
                         "assert (os.stat('d/e').st_mode & 0o777, os.stat('a').st_mode & 0o777) == (0o755, 0o777)\n"
                         "os.chmod('a', 0o600); os.chmod('d', 0o700)\n"
                         "open('d/e/f', 'a').write('!'); open('own', 'w').write('3'); os.chmod('own', 0)\n"
                         "print(open('same').read())"),
          {&*space});
  CHECK(ran.err.empty());
  CHECK(ran.out == "new\n");
  const auto found = j.client().gather(*space, {.known = *known});
  REQUIRE(found.has_value());
  REQUIRE(paths(*found) == list{"d/e/f", "own"});
  CHECK(found->files[0].content == "2!");
  CHECK(found->files[1].content == "3");
}

SCENARIO("a volume that is empty is known to be without a look, and a large one comes out whole") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 64_MiB, .inodes = 1000});
  REQUIRE(space.has_value());
  CHECK(j.client().gather(*space, {})->files.empty());
  const std::string content(20 << 20, 'x');
  REQUIRE(j.client().deposit(*space, {{"large", content}}).has_value());
  const auto found = j.client().gather(*space, {});
  REQUIRE(found.has_value());
  REQUIRE(found->files.size() == 1);
  CHECK(found->files[0].content == content);
}

SCENARIO("a file that has no place is named, with the reason") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 1_MiB, .inodes = 100});
  REQUIRE(space.has_value());
  const auto reason = [&](std::vector<volume_file> files) {
    const auto done = j.client().deposit(*space, files);
    REQUIRE(done.has_error());
    CHECK(done.error().step == "deposit");
    CHECK(done.error().subject == files.back().path);
    return done.error().error;
  };
  CHECK(reason({{"d/x", ""}, {"d", ""}}) == EISDIR);
  CHECK(reason({{"f", ""}, {"f/x", ""}}) == EEXIST);
  CHECK(reason({{"f", ""}, {"f/x/y", ""}}) == ENOTDIR);
  CHECK(reason({{std::string(256, 'n'), ""}}) == ENAMETOOLONG);
  CHECK(reason({{"large", std::string(2 << 20, 'x')}}) == ENOSPC);
  // What the service never says, were it taken over: nothing leaves the volume.
  for (const auto* path : {"../escaped", "../../d/escaped", "/etc/escaped", "d/../../escaped"})
    CHECK(reason({{path, ""}}) != 0);
}

SCENARIO("what a hostile program leaves is read without following it out, and within limits") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 8_MiB, .inodes = 5000});
  REQUIRE(space.has_value());
  const auto leave = [&](std::string code) {
    const auto ran = run(j.client(), python_in_home("import os\n" + code), {&*space});
    INFO(ran.err);
    REQUIRE(ran.how.code == 0);
  };
  const auto gather = [&](gather_options options) {
    options.place = "/home";
    auto found = j.client().gather(*space, options);
    REQUIRE(found.has_value());
    return *found;
  };
  SECTION("links, pipes and sockets") {
    leave(
        "import socket\nopen('a', 'w').write('1'); os.mkdir('d')\nfor n, t in enumerate(('a', '/home/a', 'd/../a', "
        "'/etc/passwd',\n"
        " '../../../../etc/passwd', '/proc/self/fd/0', 'loop', 'd', 'p', '/home/../etc/passwd', '/home')): "
        "os.symlink(t, f'l{n:02}')\n"
        "os.symlink('loop', 'loop'); os.mkfifo('p'); socket.socket(socket.AF_UNIX).bind('s')");
    const list expected{"a", "l00", "l01", "l02"};
    CHECK(paths(gather({})) == expected);
    // Whatever is renamed on the host meanwhile: the kernel can't tell then that a `..` stays below the root.
    const lazaret::testing::temporary_folder elsewhere;
    std::jthread busy{[from = elsewhere.path() / "a", to = elsewhere.path() / "b"](std::stop_token end) {
      std::ofstream{from} << "x";
      while (!end.stop_requested()) std::filesystem::rename(from, to), std::filesystem::rename(to, from);
    }};
    for (int n = 0; n < 50; ++n) REQUIRE(paths(gather({})) == expected);
  }
  SECTION("sizes and numbers") {
    leave("for n in range(20): open(f'{n:02}', 'wb').write(b'x' * 1000)\nopen('10', 'wb').truncate(1 << 30)");
    CHECK(gather({.most_files = 3}).files.size() == 3);
    CHECK(gather({.most_bytes = {2500}}).files.size() == 2);
    CHECK(gather({}).files.size() == 19);
    CHECK(gather({.select = {"1[1-3]"}}).files.size() == 3);
    CHECK(gather({.ends_when_full = true}).files.size() == 10);
  }
  SECTION("depth") {
    leave("for _ in range(300): os.mkdir('d'); os.chdir('d')\nopen('f', 'w').close()");
    CHECK(gather({}).left_because(skipped::too_deep) == 1);
    CHECK(gather({.select = {"*"}}).left.empty());
  }
  SECTION("names") {
    leave("open(b'a\\xff', 'w').close()");
    CHECK(gather({}).left_because(skipped::not_utf8) == 1);
  }
  SECTION("time") {
    leave("for n in range(3000): open(str(n), 'w').close()");
    CHECK_FALSE(gather({.within = std::chrono::milliseconds{0}}).complete);
  }
}

SCENARIO("files for a volume that a program has seen lead nowhere else") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 1_MiB, .inodes = 100});
  REQUIRE(space.has_value());
  const auto ran =
      run(j.client(),
          python_in_home("import os\nos.symlink('/tmp', 'l'); os.symlink('/tmp/x', 'x'); os.mkdir('locked', 0)"),
          {&*space});
  REQUIRE(ran.how.code == 0);
  const auto reason = [&](const std::string& path) {
    const auto done = j.client().deposit(*space, {{path, "!"}});
    return done ? 0 : done.error().error;
  };
  CHECK(reason("l/escaped") != 0);
  CHECK(reason("x") == ELOOP);
  CHECK(reason("locked/out") == EACCES);  // as the owner, not as root
  CHECK(reason("free") == 0);
}

SCENARIO("the jailer goes on, whatever a steward is asked for") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 1_MiB, .inodes = 100});
  REQUIRE(space.has_value());
  const std::string large(100'000, 'x');  // for a steward, not for the jailer itself
  for (int n = 0; n < 50; ++n) REQUIRE(j.client().deposit(*space, {{"f" + std::to_string(n % 5), large}}).has_value());
  REQUIRE(eventually([&] { return j.children().empty(); }));
  const auto before = j.open_files();
  for (int n = 0; n < 50; ++n) REQUIRE(j.client().gather(*space, {}).has_value());
  CHECK(eventually([&] { return j.open_files() == before && j.children().empty(); }));
}
