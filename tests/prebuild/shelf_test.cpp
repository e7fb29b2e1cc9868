#include <sys/stat.h>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "actors/prebuild/shelf.hpp"
#include "tests/prebuild/archives.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::prebuild;
using namespace lazaret::test;
using lazaret::testing::temporary_folder;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<shelf> open(const fs::path& folder, sandbox::bytes total = {1 << 30}) {
  shelf_options o;
  o.folder = folder;
  o.limits = {.size = {1 << 20}, .entries = 100, .depth = 20};
  o.total = total;
  return std::move(shelf::open(std::move(o)).value());
}

std::string tree(const std::string& name, const std::string& content) {
  return header("usr", '5') + header("usr/local", '5') +
         header("usr/local/" + name, '0',
                [&] {
                  char octal[12];
                  std::snprintf(octal, sizeof octal, "%011zo", content.size());
                  return std::string{octal, 11};
                }()) +
         padded(content) + end_of_archive;
}

/// What is wrong with it, or nothing.
std::string put(shelf& on, const std::string& tag, const std::string& archive) {
  auto made = on.build();
  if (!made) return made.error().describe();
  if (auto fed = (*made)->feed(archive); !fed) return fed.error().describe();
  const auto kept = on.keep(std::move(*made), tag, "python");
  return kept ? "" : kept.error().describe();
}

std::string read(const fs::path& file) {
  std::ifstream from{file};
  return {std::istreambuf_iterator<char>{from}, {}};
}

std::vector<std::string> bind_sources(const prebuild::prebuild& of) {
  sandbox::policy rules;
  add_layer(rules, *of.tree);
  std::vector<std::string> all;
  for (const auto& one : rules.binds) all.push_back(one.source);
  return all;
}

bool eventually_empty(const fs::path& folder) {
  for (int i = 0; i < 500; ++i) {
    if (fs::is_empty(folder)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

}  // namespace

SCENARIO("a prebuild is kept, found, and there after a restart") {
  temporary_folder folder;
  std::string source;
  {
    auto shelf = open(folder.path());
    REQUIRE(put(*shelf, "tool", tree("lib", "content")).empty());
    const auto found = shelf->find("tool");
    REQUIRE(found);
    CHECK(found->runtime == "python");
    CHECK(found->size == 7 + 3 * 512);
    REQUIRE(bind_sources(*found).size() == 1);
    source = bind_sources(*found).front();
    CHECK(read(source + "/lib") == "content");
    CHECK_FALSE(shelf->find("other"));
  }
  // What a killed service left is swept up; what is no tag is none.
  fs::create_directories(folder.path() / "layers" / "orphan" / "usr");
  fs::create_directories(folder.path() / "building" / "7" / "usr");
  std::ofstream{folder.path() / "tags" / "broken.json"} << "{";
  auto again = open(folder.path());
  CHECK(again->all().size() == 1);
  CHECK(read(bind_sources(*again->find("tool")).front() + "/lib") == "content");
  CHECK_FALSE(fs::exists(folder.path() / "layers" / "orphan"));
  CHECK_FALSE(fs::exists(folder.path() / "tags" / "broken.json"));
  CHECK(eventually_empty(folder.path() / "trash"));
}

SCENARIO("a tree is there for as long as somebody uses it") {
  temporary_folder folder;
  auto shelf = open(folder.path());
  REQUIRE(put(*shelf, "tool", tree("lib", "one")).empty());
  auto used = shelf->find("tool");
  const auto source = bind_sources(*used).front();
  REQUIRE(shelf->remove("tool"));
  CHECK_FALSE(shelf->remove("tool"));
  CHECK_FALSE(shelf->find("tool"));
  CHECK(read(source + "/lib") == "one");
  // The same content again, while the old one is still in use: each has its own.
  REQUIRE(put(*shelf, "tool", tree("lib", "one")).empty());
  CHECK(bind_sources(*shelf->find("tool")).front() != source);
  used.reset();
  CHECK_FALSE(fs::exists(source));
  CHECK(read(bind_sources(*shelf->find("tool")).front() + "/lib") == "one");
  CHECK(eventually_empty(folder.path() / "trash"));
}

SCENARIO("two tags of one content share a tree") {
  temporary_folder folder;
  auto shelf = open(folder.path());
  REQUIRE(put(*shelf, "a", tree("lib", "same")).empty());
  REQUIRE(put(*shelf, "b", tree("lib", "same")).empty());
  CHECK(bind_sources(*shelf->find("a")) == bind_sources(*shelf->find("b")));
  REQUIRE(shelf->remove("a"));
  CHECK(read(bind_sources(*shelf->find("b")).front() + "/lib") == "same");
  REQUIRE(put(*shelf, "b", tree("lib", "other")).empty());
  CHECK(std::distance(fs::directory_iterator{folder.path() / "layers"}, {}) == 1);
}

SCENARIO("old prebuilds go by their age") {
  temporary_folder folder;
  auto shelf = open(folder.path());
  REQUIRE(put(*shelf, "a", tree("lib", "1")).empty());
  const auto later = wall_clock::now() + std::chrono::hours{50};
  CHECK(shelf->clean_up(std::chrono::hours{51}, later).empty());
  CHECK(shelf->clean_up(std::chrono::hours{50}, later) == std::vector<std::string>{"a"});
  CHECK(shelf->all().empty());
}

SCENARIO("a hostile tree stays where it belongs") {
  temporary_folder folder;
  auto shelf = open(folder.path());
  const auto inside = header("usr", '5') + header("usr/local", '5');
  for (const auto* path :
       {"../x", "/etc/x", "usr/local/../../x", "usr/local//x", "usr/local/./x", "etc/x", "usr/lib/x", "x"})
    CHECK_THAT(put(*shelf, "t", inside + header(path, '0') + end_of_archive), Catch::Contains("does not belong"));
  // Through a link that it made itself.
  CHECK_THAT(put(*shelf, "t",
                 inside + header("usr/local/l", '2', "0", "/etc") + header("usr/local/l/x", '0') + end_of_archive),
             Catch::Contains("layer: open usr/local/l"));
  CHECK_THAT(put(*shelf, "t", inside + header("usr/local/x", '0') + header("usr/local/x", '0') + end_of_archive),
             Catch::Contains("File exists"));
  CHECK_THAT(put(*shelf, "t", inside + header("usr/local/x", '0', "00004000001") + end_of_archive),
             Catch::Contains("more than 1 MiB"));
  CHECK_THAT(put(*shelf, "t", inside), Catch::Contains("ends too early"));
  std::string many = inside, deep = inside, path = "usr/local";
  for (int i = 0; i < 101; ++i) many += header("usr/local/" + std::to_string(i), '0');
  for (int i = 0; i < 25; ++i) deep += header(path += "/d", '5');
  CHECK_THAT(put(*shelf, "t", many + end_of_archive), Catch::Contains("more than 100 files"));
  CHECK_THAT(put(*shelf, "t", deep + end_of_archive), Catch::Contains("does not belong"));
  CHECK(shelf->all().empty());
  CHECK(eventually_empty(folder.path() / "building"));
}

SCENARIO("what could do harm is left out of a tree") {
  temporary_folder folder;
  auto shelf = open(folder.path());
  auto setuid = header("usr/local/s", '0');
  setuid.replace(100, 7, "0006755");
  setuid.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : setuid) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  setuid.replace(148, 8, std::string{digits, 7} + " ");
  const auto archive = header("usr", '5') + header("usr/local", '5') + setuid + header("usr/local/device", '3') +
                       header("usr/local/pipe", '6') + header("usr/local/hard", '1', "0", "/etc/shadow") +
                       end_of_archive;
  REQUIRE(put(*shelf, "t", archive) == "");
  const auto root = fs::path{bind_sources(*shelf->find("t")).front()};
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator{root}) names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"s"});
  struct stat status {};
  REQUIRE(::stat((root / "s").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
}

SCENARIO("there is a limit for all together, and for those in the making") {
  temporary_folder folder;
  auto shelf = open(folder.path(), {4000});
  REQUIRE(put(*shelf, "a", tree("lib", "1")).empty());
  REQUIRE(put(*shelf, "b", tree("lib", "2")).empty());
  CHECK_THAT(put(*shelf, "c", tree("lib", "3")), Catch::Contains("too large"));
  CHECK(put(*shelf, "b", tree("lib", "3")).empty());
  const auto one = shelf->build(), two = shelf->build();
  CHECK(shelf->build().error().error == EAGAIN);
}

TEST_CASE("tags are plain names") {
  for (const auto* good : {"a", "A-b_c.d", ".hidden", "..."}) CHECK(is_tag(good));
  for (const auto* bad : {"", ".", "..", "a/b", "a b", "\xc3\xa9", "a\n"}) CHECK_FALSE(is_tag(bad));
  CHECK_FALSE(is_tag(std::string(129, 'a')));
}
