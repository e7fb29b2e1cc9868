#include <catch2/catch.hpp>
#include <cstdio>

#include "actors/download/choose.hpp"
#include "actors/download/filename.hpp"

using namespace lazaret::download;
using lazaret::actors::artefact_kind;

namespace {

const interpreter debian;
const tag_ranks ranks = rank_tags(supported_tags(debian));

index_page page_of(std::vector<std::string> names) {
  index_page page;
  for (auto& n : names) {
    index_file file;
    if (n.starts_with('!')) file.yanked = "why", n.erase(0, 1);
    if (const auto at = n.find(' '); at != n.npos) file.requires_python = n.substr(at + 1), n.resize(at);
    file.filename = n;
    file.url = "https://x/" + n;
    page.files.push_back(file);
  }
  return page;
}

std::string chosen(std::vector<std::string> names, std::string_view wanted = "1.0", std::string_view name = "a") {
  const auto page = page_of(std::move(names));
  const auto r = choose(page, name, wanted, debian, ranks);
  return r ? r->file->filename : r.error().text;
}

std::string output_of(const char* command) {
  FILE* pipe = ::popen(command, "re");
  REQUIRE(pipe != nullptr);
  std::string all;
  char block[4096];
  while (const auto n = std::fread(block, 1, sizeof block, pipe)) all.append(block, n);
  ::pclose(pipe);
  return all;
}

}  // namespace

TEST_CASE("The tags are those that the system's own pip names, in its order") {
  const auto theirs = output_of(
      "env -i PATH=/usr/bin /usr/bin/python3 -c 'from pip._internal.utils.compatibility_tags import get_supported\n"
      "import sys, platform\nprint(*sys.version_info[:3], *platform.libc_ver()[1].split(\".\"))\nfor t in "
      "get_supported(): print(t)'");
  interpreter python;
  int consumed = 0;
  REQUIRE(std::sscanf(theirs.c_str(), "%d %d %d %d %d\n%n", &python.major, &python.minor, &python.micro,
                      &python.glibc_major, &python.glibc_minor, &consumed) == 5);
  std::string ours;
  for (const auto& tag : supported_tags(python)) ours += tag + "\n";
  CHECK(ours == theirs.substr(static_cast<std::size_t>(consumed)));
  CHECK(ranks.at("cp311-cp311-manylinux_2_36_x86_64") == 0);
  CHECK(ranks.count("cp311-cp311-manylinux1_x86_64") == 1);
  CHECK(ranks.count("cp37-abi3-manylinux2014_x86_64") == 1);
  CHECK(ranks.count("cp312-cp312-linux_x86_64") == 0);
  CHECK(ranks.count("cp311-cp311-win_amd64") == 0);
}

TEST_CASE("Wheel names are taken apart as PEP 427 says") {
  const auto w = parse_wheel_name("some_name-1.0.post1-2foo-py2.py3-none-any.whl");
  REQUIRE(w);
  CHECK(w->project == "some_name");
  CHECK(w->release.text() == "1.0.post1");
  CHECK(w->build == std::pair{natural{"2"}, std::string{"foo"}});
  CHECK(w->tags == std::vector<std::string>{"py2-none-any", "py3-none-any"});
  for (const auto* bad :
       {"a-1.0-py3-none-any.zip", "a-1.0-any.whl", "a-1.0-x1-py3-none-any.whl", "a-x-py3-none-any.whl",
        "a-b-1.0-2-py3-none-any.whl", "-1.0-py3-none-any.whl", ".whl", "a-1.0-1-2-py3-none-any.whl"}) {
    INFO(bad);
    CHECK_FALSE(parse_wheel_name(bad));
  }
  std::string many = "a-1.0-";
  for (int i = 0; i < 50; ++i) many += "p.";
  many += "p-" + std::string("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u-any.whl");
  CHECK_FALSE(parse_wheel_name(many));
}

TEST_CASE("The dashes of an sdist's name are told apart by the project that is known") {
  CHECK(sdist_version("a-b-1.0.tar.gz", "a.b")->text() == "1.0");
  CHECK(sdist_version("a_b-1.0.zip", "a-b")->text() == "1.0");
  CHECK(sdist_version("a-2-1.0.tar.gz", "a-2")->text() == "1.0");
  CHECK(sdist_version("a-2-1.tar.gz", "a")->text() == "2.post1");  // also what pip reads
  CHECK_FALSE(sdist_version("a-b-1.0.tar.gz", "a"));
  CHECK_FALSE(sdist_version("a-1.0.exe", "a"));
  CHECK_FALSE(sdist_version("a.tar.gz", "a"));
}

TEST_CASE("The best wheel that fits is chosen, else the sdist") {
  CHECK(chosen({"a-1.0.tar.gz", "a-1.0-py3-none-any.whl", "a-1.0-cp311-cp311-manylinux2014_x86_64.whl"}) ==
        "a-1.0-cp311-cp311-manylinux2014_x86_64.whl");
  CHECK(chosen({"a-1.0-cp36-abi3-manylinux1_x86_64.whl", "a-1.0-py3-none-any.whl"}) ==
        "a-1.0-cp36-abi3-manylinux1_x86_64.whl");
  CHECK(chosen({"a-1.0-cp312-cp312-linux_x86_64.whl", "a-1.0.zip", "a-1.0.tar.gz"}) == "a-1.0.tar.gz");
  CHECK(chosen({"a-1.0-cp311-cp311-musllinux_1_1_x86_64.whl", "a-1.0.zip"}) == "a-1.0.zip");
  CHECK(chosen({"a-1.0-1-py3-none-any.whl", "a-1.0-10-py3-none-any.whl", "a-1.0-2-py3-none-any.whl",
                "a-1.0-py3-none-any.whl"}) == "a-1.0-10-py3-none-any.whl");
  CHECK(chosen({"A-1.0.0-py3-none-any.whl"}, "1") == "A-1.0.0-py3-none-any.whl");
  CHECK(chosen({"b-1.0-py3-none-any.whl", "a-1.0.egg", "a-1.0.tar.gz.asc"}).starts_with("version not found"));
}

TEST_CASE("Requires-Python is respected, and what can't be read excludes nothing") {
  CHECK(chosen({"a-1.0-py3-none-any.whl >=3.12", "a-1.0.tar.gz >=3.8"}) == "a-1.0.tar.gz");
  CHECK(chosen({"a-1.0-py3-none-any.whl >=nonsense"}) == "a-1.0-py3-none-any.whl");
  CHECK(chosen({"a-1.0-py3-none-any.whl <3"}) ==
        "no file of a==1.0 fits Python 3.11.2: a-1.0-py3-none-any.whl requires Python <3");
}

TEST_CASE("A yanked file is chosen only when the pinned version has no other") {
  CHECK(chosen({"!a-1.0-py3-none-any.whl", "a-1.0.tar.gz"}) == "a-1.0.tar.gz");
  CHECK(chosen({"!a-1.0-py3-none-any.whl"}) == "a-1.0-py3-none-any.whl");
}

TEST_CASE("A version that is not there is an error that names the newest") {
  CHECK(chosen({"a-1.0.tar.gz", "a-2.0rc1.tar.gz", "a-1.9.zip", "!a-1.95.zip"}, "3.0") ==
        "version not found: a==3.0 (newest: 1.9)");
  CHECK(chosen({"a-2.0rc1.tar.gz"}, "3.0") == "version not found: a==3.0 (newest: 2.0rc1)");
  CHECK(chosen({}, "3.0") == "version not found: a==3.0 (the index has no release of it)");
  CHECK(chosen({"a-1.0.tar.gz"}, "no version") == "version not found: a==no version (newest: 1.0)");
  CHECK(chosen({"a-1.0.tar.gz"}, "1.*").starts_with("version not found"));
}
