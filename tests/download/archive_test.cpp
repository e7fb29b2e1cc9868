/// Archives that attack who reads them (made by make_archives.py), and their innocent twins.
#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "actors/download/archive.hpp"
#include "actors/download/listing.hpp"
#include "sandbox/unique_fd.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::download;
using actors::artefact_kind;
namespace fs = std::filesystem;

namespace {

const fs::path& archives() {
  static const lazaret::testing::temporary_folder folder;
  static const bool made = [] {
    const auto command =
        "/usr/bin/python3 " LAZARET_SOURCE_DIR "/tests/download/make_archives.py " + folder.path().string();
    return std::system(command.c_str()) == 0;
  }();
  REQUIRE(made);
  return folder.path();
}

std::string filename_of(const std::string& name) {
  for (const auto* ending : {"-1.0-py3-none-any.whl", "-1.0.tar.gz", "-1.0.tar.bz2", "-1.0.tar.xz"})
    if (fs::exists(archives() / (name + ending))) return name + ending;
  FAIL("no archive " + name);
  return {};
}

artefact_kind kind_of(const std::string& file) {
  return file.ends_with(".whl") ? artefact_kind::wheel : artefact_kind::sdist;
}

archive_examination examine(const std::string& name, archive_limits limits = {}, std::stop_token stop = {}) {
  const auto file = filename_of(name);
  const sandbox::unique_fd fd{::open((archives() / file).c_str(), O_RDONLY | O_CLOEXEC)};
  return examine_archive(fd.get(), file, kind_of(file), limits, std::move(stop));
}

std::string first_rule(const archive_examination& e) { return e.notes.empty() ? "" : e.notes[0].rule; }

sandbox::result<void> unpack(const std::string& name, const fs::path& into) {
  const auto file = filename_of(name);
  const sandbox::unique_fd fd{::open((archives() / file).c_str(), O_RDONLY | O_CLOEXEC)};
  const sandbox::unique_fd folder{::open(into.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return unpack_archive(fd.get(), file, kind_of(file), folder.get(), {}, {});
}

}  // namespace

TEST_CASE("A sound wheel is listed: modules, console scripts, metadata") {
  const auto e = examine("good");
  CHECK(e.unpackable);
  CHECK(e.error.empty());
  CHECK(e.notes.empty());
  CHECK(e.listing.files == 9);
  CHECK(e.listing.modules ==
        std::vector<std::string>{"good", "good._native", "good.sub.mod", "good_pure", "good_single"});
  REQUIRE(e.listing.entry_points.size() == 1);
  CHECK(e.listing.entry_points[0] == std::pair<std::string, std::string>{"run", "good.cli:main"});
  CHECK(e.listing.metadata_name == "good");
  CHECK(e.listing.metadata_version == "1.0");
  CHECK(e.listing.pth_files.empty());
  CHECK(e.listing.unpacked_bytes > 100);
  CHECK(examine("unicode").listing.modules.back() ==
        "\xC3\xBCn\xC3\xAF"
        "c\xC3\xB6"
        "d\xC3\xA9.m\xC3\xB6"
        "dule");
}

TEST_CASE("A sound sdist is listed by its layout, whatever it is packed with") {
  for (const auto* name : {"sgood", "bz", "xz", "slinkin", "shardin", "ssetuid"}) {
    INFO(name);
    const auto e = examine(name);
    CHECK(e.unpackable);
    CHECK(e.error.empty());
    CHECK(e.listing.modules == std::vector<std::string>{name, std::string{name} + ".inner"});
    CHECK(e.listing.entry_points.size() == 1);
    CHECK(e.listing.metadata_name == name);
  }
}

TEST_CASE("A .pth file is listed, since it runs at every start of an interpreter") {
  const auto e = examine("pth");
  CHECK(e.unpackable);
  CHECK(e.listing.pth_files == std::vector<std::string>{"evil.pth", "pth-1.0.data/purelib/two.pth"});
}

TEST_CASE("Each attack is a note by its rule, and nothing is installed from it") {
  const auto [name, rule] = GENERATE(table<std::string, std::string>({
      {"traversal", "archive_traversal"},
      {"backslash", "archive_traversal"},
      {"absolute", "archive_traversal"},
      {"middle", "archive_traversal"},
      {"symlink", "archive_link_escape"},
      {"longname", "archive_limits"},
      {"longpath", "archive_limits"},
      {"deep", "archive_limits"},
      {"bomb", "archive_bomb"},
      {"twice", "archive_duplicate"},
      {"empty", "archive_corrupt"},
      {"nofiles", "archive_corrupt"},
      {"nonsense", "archive_polyglot"},
      {"cut10", "archive_corrupt"},
      {"cut100", "archive_corrupt"},
      {"cuthalf", "archive_corrupt"},
      {"cuttail", "archive_corrupt"},
      {"tarball", "archive_polyglot"},
      {"crc", "archive_corrupt"},
      {"locked", "archive_encrypted"},
      {"zip64", "archive_corrupt"},
      {"straversal", "archive_traversal"},
      {"sabsolute", "archive_traversal"},
      {"slinkout", "archive_link_escape"},
      {"slinkabs", "archive_link_escape"},
      {"slinkthrough", "archive_link_escape"},
      {"slinkchain", "archive_link_escape"},
      {"shard", "archive_link_escape"},
      {"sdevice", "archive_device"},
      {"sfifo", "archive_device"},
      {"sbomb", "archive_bomb"},
      {"scut", "archive_corrupt"},
      {"sgarbage", "archive_corrupt"},
  }));
  const auto e = examine(name);
  INFO(name << ": " << e.error);
  CHECK_FALSE(e.unpackable);
  CHECK_FALSE(e.error.empty());
  CHECK(first_rule(e) == rule);
  const lazaret::testing::temporary_folder folder;
  CHECK(unpack(name, folder.path()).has_error());
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("What is odd but harmless is a note, and stays installable") {
  const auto [name, rule] =
      GENERATE(table<std::string, std::string>({{"polyglot", "archive_polyglot"}, {"stwice", "archive_duplicate"}}));
  const auto e = examine(name);
  INFO(name << ": " << e.error);
  CHECK(e.unpackable);
  CHECK(first_rule(e) == rule);
}

TEST_CASE("A tar that follows another in the same file is not read, as tar readers do not") {
  const auto e = examine("stwogz");
  CHECK(e.listing.metadata_name == "sgood");
}

TEST_CASE("Limits on entries, bytes and time end the reading") {
  archive_limits limits;
  limits.files = 1000;
  auto e = examine("manyfiles", limits);
  CHECK_FALSE(e.unpackable);
  CHECK(e.error == "has more than 1000 entries");
  CHECK(examine("manyfiles").unpackable);
  limits = {};
  limits.unpacked = sandbox::bytes{10};
  CHECK(first_rule(examine("good", limits)) == "archive_bomb");
  limits = {};
  limits.time = std::chrono::milliseconds{0};
  CHECK(first_rule(examine("good", limits)) == "archive_limits");
  limits = {};
  limits.all_names = sandbox::bytes{50};
  CHECK(first_rule(examine("good", limits)) == "archive_limits");
  limits = {};
  limits.ratio = 100'000;
  CHECK(examine("bomb", limits).unpackable);  // 100 MiB are none by themselves
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(examine("good", {}, stop.get_token()).unpackable);
}

TEST_CASE("Unpacking writes what was packed and nothing else") {
  const lazaret::testing::temporary_folder folder;
  REQUIRE(unpack("good", folder.path()).has_value());
  std::ifstream file{folder.path() / "good/__init__.py"};
  CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == "x = 1\n");
  CHECK(fs::exists(folder.path() / "good-1.0.dist-info/RECORD"));
}

TEST_CASE("Unpacking keeps links that stay inside, drops set-id bits, and lets the last of two win") {
  const lazaret::testing::temporary_folder folder;
  REQUIRE(unpack("slinkin", folder.path()).has_value());
  CHECK(fs::read_symlink(folder.path() / "slinkin-1.0/l") == "src/slinkin/inner.py");
  REQUIRE(unpack("shardin", folder.path()).has_value());
  CHECK(fs::hard_link_count(folder.path() / "shardin-1.0/h") == 2);
  REQUIRE(unpack("ssetuid", folder.path()).has_value());
  struct stat st {};
  REQUIRE(::stat((folder.path() / "ssetuid-1.0/s").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0755);
  REQUIRE(unpack("stwice", folder.path()).has_value());
  std::ifstream file{folder.path() / "stwice-1.0/setup.py"};
  CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == "second\n");
}

TEST_CASE("Unpacking does not follow a link that lies in its way") {
  const lazaret::testing::temporary_folder outside, folder;
  fs::create_directory_symlink(outside.path(), folder.path() / "good");
  CHECK(unpack("good", folder.path()).has_error());
  CHECK(fs::is_empty(outside.path()));
}

TEST_CASE("Module names come from paths as an import would find them") {
  CHECK(module_at("a/b/__init__.py") == "a.b");
  CHECK(module_at("a.py") == "a");
  CHECK(module_at("x.abi3.so") == "x");
  for (const auto* none : {"a-b.py", "1a.py", "a/b-c/d.py", "a.pyc", "a/", "__init__.py", ".py", "lib.so/x"}) {
    INFO(none);
    CHECK(module_at(none).empty());
  }
}
