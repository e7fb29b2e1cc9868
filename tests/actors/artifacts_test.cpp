// Compiled programs that are kept: by what they are made of, within their room.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <set>

#include "actors/interactive/artifacts.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret::actors;
namespace fs = std::filesystem;

namespace {

compile_stage stage(std::vector<execution_file> files) {
  compile_stage made;
  made.rules.argv = {"/bin/sh", "-c", "go build"};
  made.rules.environment = {"A=1"};
  made.files = std::move(files);
  made.version = "go1.19";
  return made;
}

}  // namespace

TEST_CASE("an artifact's name says what it is made of", "[artifacts]") {
  const auto base = stage({{"main.go", "x"}, {"go.mod", "y"}});
  const auto name = artifact_name("go", base);
  CHECK(is_artifact_name(name));
  CHECK(artifact_name("go", stage({{"go.mod", "y"}, {"main.go", "x"}})) == name);
  CHECK(artifact_name("go", stage({{"main.go", "old"}, {"go.mod", "y"}, {"main.go", "x"}})) == name);

  std::set<std::string> names{name};
  CHECK(names.insert(artifact_name("rust", base)).second);
  CHECK(names.insert(artifact_name("go", stage({{"main.go", "x"}}))).second);
  CHECK(names.insert(artifact_name("go", stage({{"main.go", "xgo.mod"}, {"", "y"}}))).second);
  CHECK(names.insert(artifact_name("go", stage({{"main.goxgo.mod", "y"}}))).second);
  auto other = base;
  other.version = "go1.20";
  CHECK(names.insert(artifact_name("go", other)).second);
  other = base;
  other.rules.argv.back() = "go build -race";
  CHECK(names.insert(artifact_name("go", other)).second);
  other = base;
  other.rules.environment = {"A=2"};
  CHECK(names.insert(artifact_name("go", other)).second);
}

TEST_CASE("only names of the one form are names", "[artifacts]") {
  const std::string digits(64, 'a');
  CHECK(is_artifact_name("sha256:" + digits));
  for (const auto& wrong :
       {std::string{}, digits, "sha256:" + digits + "a", "sha256:" + std::string(64, 'A'), "md5:" + digits,
        "sha256:" + std::string(63, 'a') + "/", "sha256:../" + std::string(61, 'a')})
    CHECK_FALSE(is_artifact_name(wrong));
}

TEST_CASE("a kept program is found again, by its own language only, also after a restart", "[artifacts]") {
  const lazaret::testing::temporary_folder folder;
  const auto name = "sha256:" + std::string(64, '1');
  const std::string program{
      "\x7f"
      "ELF\0\n\xff",
      7};
  artifact_cache kept{folder.path() / "artifacts", 1 << 20};
  CHECK_FALSE(kept.find(name, "go"));
  CHECK(kept.keep(name, "go", program));
  CHECK(kept.find(name, "go") == program);
  CHECK_FALSE(kept.find(name, "rust"));
  CHECK_FALSE(kept.find(name, "g"));
  artifact_cache again{folder.path() / "artifacts", 1 << 20};
  CHECK(again.find(name, "go") == program);
  CHECK_FALSE(kept.keep("sha256:../x", "go", program));
  CHECK_FALSE(kept.find("sha256:../x", "go"));
}

TEST_CASE("a kept program that changed on the disk is not run", "[artifacts]") {
  const lazaret::testing::temporary_folder folder;
  artifact_cache kept{folder.path(), 1 << 20};
  const std::string digits(64, '2');
  REQUIRE(kept.keep("sha256:" + digits, "go", "program"));
  auto text = folder.read(digits);
  text.back() = 'X';
  folder.write(digits, text);
  CHECK_FALSE(kept.find("sha256:" + digits, "go"));
  CHECK_FALSE(fs::exists(folder.path() / digits));
}

TEST_CASE("the longest unused programs make room, and none takes more than half", "[artifacts]") {
  using namespace std::chrono_literals;
  const lazaret::testing::temporary_folder folder;
  artifact_cache kept{folder.path(), 10'000};
  const auto name = [](char c) { return "sha256:" + std::string(64, c); };
  const std::string program(3000, 'p');
  for (const char c : {'1', '2', '3'}) {
    REQUIRE(kept.keep(name(c), "go", program));
    fs::last_write_time(folder.path() / std::string(64, c), fs::file_time_type::clock::now() - (60s - 1s * c));
  }
  CHECK(kept.find(name('1'), "go").has_value());  // its turn is the last now
  CHECK(kept.keep(name('4'), "go", program));
  CHECK(kept.find(name('1'), "go").has_value());
  CHECK_FALSE(kept.find(name('2'), "go").has_value());
  CHECK(kept.find(name('3'), "go").has_value());
  CHECK(kept.find(name('4'), "go").has_value());
  CHECK_FALSE(kept.keep(name('5'), "go", std::string(5001, 'p')));
  artifact_cache none{folder.path() / "none", 0};
  CHECK_FALSE(none.keep(name('1'), "go", "p"));
}
