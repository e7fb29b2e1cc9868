#include <catch2/catch.hpp>
#include <fstream>
#include <vector>

#include "actors/prebuild/tar_stream.hpp"
#include "tests/prebuild/archives.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::prebuild;
using namespace lazaret::test;
using lazaret::testing::temporary_folder;

namespace {

struct seen {
  std::vector<tar_entry> entries;
  std::vector<std::string> contents;
  sandbox::result<void> how;
  bool complete = false;
};

seen read(std::string_view archive, std::size_t piece) {
  seen all;
  tar_stream stream{{[&](const tar_entry& e) {
                       all.entries.push_back(e);
                       all.contents.emplace_back();
                       return sandbox::result<void>{};
                     },
                     [&](std::string_view some) {
                       all.contents.back() += some;
                       return sandbox::result<void>{};
                     }}};
  while (!archive.empty() && all.how) {
    all.how = stream.feed(archive.substr(0, piece));
    archive.remove_prefix(std::min(piece, archive.size()));
  }
  all.complete = stream.is_complete();
  return all;
}

}  // namespace

TEST_CASE("what GNU tar writes is read in pieces of any size") {
  temporary_folder folder;
  namespace fs = std::filesystem;
  const std::string deep = "d/" + std::string(200, 'n') + "/" + std::string(200, 'm');
  fs::create_directories(folder.path() / deep);
  std::ofstream{folder.path() / deep / "file"} << std::string(70'000, 'x');
  std::ofstream{folder.path() / "empty"};
  fs::create_symlink("../" + std::string(150, 'l'), folder.path() / "link");
  fs::create_hard_link(folder.path() / deep / "file", folder.path() / "hard");
  output_of("mkfifo " + (folder.path() / "pipe").string());
  const auto archive = tar_of(folder.path());
  for (const std::size_t piece : {1UL, 7UL, 511UL, 512UL, 513UL, 1UL << 20}) {
    const auto all = read(archive, piece);
    REQUIRE(all.how);
    CHECK(all.complete);
    REQUIRE(all.entries.size() == 8);
    CHECK(all.entries[3].path == deep + "/file");
    CHECK(all.contents[3] == std::string(70'000, 'x'));
    CHECK(all.entries[4].path == "empty");
    CHECK(all.contents[5] == all.contents[3]);
    CHECK(all.entries[6].link == "../" + std::string(150, 'l'));
    CHECK(all.entries[7].what == tar_entry::kind::other);
  }
}

TEST_CASE("what no tar writes is refused, and nothing of it believed") {
  auto wrong_sum = header("a", '0');
  wrong_sum[0] = 'b';
  const auto pax = [](const std::string& records) {
    return header("x", 'x', std::to_string(records.size() % 8) + "", "") + records;
  };
  static_cast<void>(pax);
  for (const auto& archive :
       {wrong_sum, header("a", '0', "99"), header("a", '0', "-1"), header("a", '0', "777777777777x"),
        header("x", 'x', "7777777") + std::string(512, ' '), header("x", 'x', "12") + padded("9999 path=a"),
        header("x", 'x', "4") + padded("5 pa"), header("x", 'x', "5") + padded("0 a=b"), std::string(512, 'z')}) {
    const auto all = read(archive, 512);
    CHECK((!all.how || !all.complete));
    CHECK(all.entries.size() <= 1);
  }
}

TEST_CASE("an archive without its end is not complete") {
  CHECK_FALSE(read(header("a", '0', "3") + padded("abc"), 100).complete);
  const auto whole = read(header("a", '0', "3") + padded("abc") + end_of_archive + "more", 100);
  CHECK(whole.complete);
  CHECK(whole.contents == std::vector<std::string>{"abc"});
}
