// What the words after `lazaret jail` mean, and that its help says the same.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "sandbox/command/command_line.hpp"
#include "sandbox/command/pages.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::command;
using namespace std::chrono_literals;

namespace {

result<command_line> parse_words(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  return parse(pointers);
}

command_line good(std::vector<std::string> words) {
  auto line = parse_words(std::move(words));
  if (!line) FAIL(line.error().describe());
  return *line;
}

/// What is said to be wrong, or nothing.
std::string complaint(std::vector<std::string> words) {
  const auto line = parse_words(std::move(words));
  return line ? "" : line.error().describe();
}

std::set<std::string> words_that_start_with_dashes(const std::string& page) {
  std::set<std::string> found;
  std::istringstream stream{page};
  for (std::string word; stream >> word;) {
    if (!word.starts_with("--") || word.size() == 2) continue;
    found.insert(word.substr(0, word.find_first_not_of("-abcdefghijklmnopqrstuvwxyz")));
  }
  return found;
}

}  // namespace

TEST_CASE("sizes are bytes with binary multiples", "[command]") {
  CHECK(parse_size("64M").value() == 64_MiB);
  CHECK(parse_size("1.5G").value() == 1536_MiB);
  CHECK(parse_size("4096").value() == 4096_B);
  CHECK(parse_size("4096B").value() == 4096_B);
  CHECK(parse_size("2KiB").value() == 2_KiB);
  for (const char* bad : {"", "M", "64m", "64MB", "-1", "1e6", "1,5G", "1.2.3", "0x10", "64M ", " 64M", "99999999999T"})
    CHECK_FALSE(parse_size(bad).has_value());
}

TEST_CASE("times are seconds", "[command]") {
  CHECK(parse_time("2.5").value() == 2500ms);
  CHECK(parse_time("5").value() == 5s);
  CHECK(parse_time("100ms").value() == 100ms);
  CHECK(parse_time("5m").value() == 5min);
  CHECK(parse_time("1h").value() == 1h);
  for (const char* bad : {"", "s", "-1", "inf", "nan", "1e3", "5 s", "5d", "999999999999999"})
    CHECK_FALSE(parse_time(bad).has_value());
}

TEST_CASE("every option changes its field of the preset's policy, written with = or without", "[command]") {
  const auto line = good({"--wall",
                          "2.5",
                          "--cpu=3",
                          "--mem=64M",
                          "--pids",
                          "20",
                          "--output",
                          "1K",
                          "--net",
                          "none",
                          "--bind",
                          "/srv:/data",
                          "--bind=/var/tmp:/out:rw",
                          "--env",
                          "A=1",
                          "--env",
                          "PATH=/x",
                          "--env",
                          "A=2",
                          "--chdir",
                          "/data",
                          "--proc",
                          "--json",
                          "--",
                          "prog",
                          "--wall",
                          "x"});
  const auto& p = line.policy;
  CHECK(p.limits.wall == 2500ms);
  CHECK(p.limits.cpu == 3s);
  CHECK(p.limits.memory == 64_MiB);
  CHECK(p.limits.pids == 20);
  CHECK(p.limits.output == 1_KiB);
  CHECK(p.network == network_mode::none);
  CHECK(p.working_directory == "/data");
  CHECK((p.mount_proc && line.json && line.what == deed::run));
  CHECK(p.argv == std::vector<std::string>{"prog", "--wall", "x"});
  REQUIRE(p.binds.size() >= 2);
  CHECK((p.binds.end()[-2].target == "/data" && !p.binds.end()[-2].writable));
  CHECK((p.binds.end()[-1].target == "/out" && p.binds.end()[-1].writable));
  CHECK(line.shown == std::vector<std::string>{"/srv"});
  CHECK(line.lent == std::vector<std::string>{"/var/tmp"});
  CHECK(std::ranges::count(p.environment, "A=2") == 1);
  CHECK(std::ranges::count(p.environment, "A=1") == 0);
  CHECK(std::ranges::count_if(p.environment, [](const auto& e) { return e.starts_with("PATH="); }) == 1);
}

TEST_CASE("an option wins over the preset, wherever it stands", "[command]") {
  CHECK(good({"--wall", "1", "--preset", "jobs", "--", "x"}).policy.limits.wall == 1s);
  CHECK(good({"--preset", "jobs", "--", "x"}).policy.limits.wall == 60s);
  CHECK(good({"--", "x"}).from->name == "default");
}

TEST_CASE("what is wrong with a command line is said by name", "[command]") {
  using Catch::Contains;
  CHECK_THAT(complaint({}), Contains("no CMD"));
  CHECK_THAT(complaint({"--"}), Contains("no CMD"));
  CHECK_THAT(complaint({"python3"}), Contains("python3") && Contains("after `--`"));
  CHECK_THAT(complaint({"--bogus", "--", "x"}), Contains("--bogus"));
  CHECK_THAT(complaint({"-w", "1", "--", "x"}), Contains("-w"));
  CHECK_THAT(complaint({"--wall"}), Contains("--wall") && Contains("needs SEC"));
  CHECK_THAT(complaint({"--wall=", "--", "x"}), Contains("--wall") && Contains("needs SEC"));
  CHECK_THAT(complaint({"--json=1", "--", "x"}), Contains("takes no value"));
  CHECK_THAT(complaint({"--wall", "soon", "--", "x"}), Contains("--wall `soon`"));
  CHECK_THAT(complaint({"--wall", "0", "--", "x"}), Contains("limits.wall"));
  CHECK_THAT(complaint({"--wall", "25h", "--", "x"}), Contains("limits.wall"));
  CHECK_THAT(complaint({"--mem", "64MB", "--", "x"}), Contains("64MB"));
  CHECK_THAT(complaint({"--mem", "1", "--", "x"}), Contains("limits.memory"));
  CHECK_THAT(complaint({"--pids", "1", "--", "x"}), Contains("limits.pids"));
  CHECK_THAT(complaint({"--pids", "1.5", "--", "x"}), Contains("1.5"));
  CHECK_THAT(complaint({"--net", "host", "--", "x"}), Contains("host"));
  CHECK_THAT(complaint({"--net", "outbound", "--", "x"}), Contains("relay"));
  CHECK_THAT(complaint({"--preset", "no", "--", "x"}), Contains("default, triage"));
  for (const char* bind :
       {"/a", "a:/b", "/a:b", "/a:/b:wr", "/a:/b:", ":/b", "/a:", "/a/../b:/c", "/a:/b/.", "/a/:/b", "/:/b", "/a:/"}) {
    INFO(bind);
    CHECK_THAT(complaint({"--bind", bind, "--", "x"}), Contains("--bind"));
  }
  CHECK_THAT(complaint({"--env", "A", "--", "x"}), Contains("NAME=VALUE"));
  CHECK_THAT(complaint({"--chdir", "tmp", "--", "x"}), Contains("working_directory"));
  CHECK_THAT(complaint({"--", ""}), Contains("argv"));
  CHECK_THAT(complaint({"--", "bin/x"}), Contains("argv"));
}

TEST_CASE("the help names every option, and no option that there isn't", "[command]") {
  const auto page = help_page();
  std::set<std::string> known;
  for (const option& one : options()) known.insert(one.name);
  const auto named = words_that_start_with_dashes(page);
  CHECK(named == known);
  for (const char* section : {"NAME\n", "SYNOPSIS\n", "DESCRIPTION\n", "OPTIONS\n", "PRESETS\n", "EXIT STATUS\n",
                              "EXAMPLES\n", "NOTES\n", "SEE ALSO\n"})
    CHECK_THAT(page, Catch::Contains(section));
  for (const preset& one : presets()) CHECK_THAT(page, Catch::Contains("\n  " + std::string{one.name} + " "));
}

TEST_CASE("every option of the help is accepted", "[command]") {
  for (const option& one : options()) {
    INFO(one.name);
    const std::string argument = one.argument ? one.argument : "";
    const std::string value = argument == "NAME"           ? "jobs"
                              : argument == "SEC"          ? "2.5"
                              : argument == "BYTES"        ? "64M"
                              : argument == "N"            ? "20"
                              : argument == "MODE"         ? "none"
                              : argument == "SRC:DST[:rw]" ? "/usr:/u:rw"
                              : argument == "NAME=VALUE"   ? "A=1"
                              : argument == "DIR"          ? "/tmp"
                                                           : "";
    if (one.argument) CHECK_FALSE(value.empty());
    std::vector<std::string> words{one.name};
    if (one.argument) words.push_back(value);
    words.insert(words.end(), {"--", "x"});
    CHECK(complaint(words).empty());
  }
}

TEST_CASE("--explain shows each field with its value and its consequence", "[command]") {
  const auto page = explain(good({"--preset", "jobs", "--mem", "64M", "--bind", "/srv:/out:rw", "--explain"}));
  CHECK_THAT(page, Catch::Contains("limits.memory: 64 MiB\n    loosening it: "));
  CHECK_THAT(page, Catch::Contains("limits.wall: 60 s\n"));
  CHECK_THAT(page, Catch::Contains("/srv at /out (WRITABLE)"));
  CHECK_THAT(page, Catch::Contains("killed: taking over the kernel"));
  CHECK_THAT(page, Catch::Contains(" open_by_handle_at"));
}
