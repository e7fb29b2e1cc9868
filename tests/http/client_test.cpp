// The client: what it makes of a service's words, and the real executable against a real server.
#include <sys/wait.h>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "http/client/render.hpp"
#include "http/client/terminal.hpp"
#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::client;
using test::known_run;

namespace {

boost::json::value run_with(std::string_view status, std::string_view verdict) {
  return boost::json::parse(R"({"run_id": "x", "status": ")" + std::string{status} + R"(", "verdict": )" +
                            std::string{verdict} + "}");
}

struct ended {
  int code = -1;
  std::string output;  ///< stdout and stderr
};

/// Runs the executable that users run.
ended run_client(std::uint16_t port, const std::string& arguments,
                 const std::string& variables = "LAZARET_TOKEN=sesame") {
  const auto command = "env -u API_TOKEN -u LAZARET_TOKEN " + variables +
                       " " LAZARET_BINARY_DIR "/bin/lazaret --server http://127.0.0.1:" + std::to_string(port) + " " +
                       arguments + " 2>&1";
  ended e;
  FILE* pipe = ::popen(command.c_str(), "r");
  char bytes[4096];
  while (auto n = std::fread(bytes, 1, sizeof bytes, pipe)) e.output.append(bytes, n);
  e.code = WEXITSTATUS(::pclose(pipe));
  return e;
}

}  // namespace

TEST_CASE("Nothing that a package wrote reaches the terminal as a command") {
  auto [text, shown] = GENERATE(table<std::string, std::string>({
      {"plain – ünïcode 漢", "plain – ünïcode 漢"},
      {"\x1b[2J", "\\x1b[2J"},
      {"a\rb\nc", "a\\x0db\\x0ac"},
      {"\x07", "\\x07"},
      {"\xc2\x9b"
       "31m",
       "\\x9b31m"},
      {"\x9b", "\\x9b"},
      {"\xff", "\\xff"},
      {"\xe2\x80\xae"
       "exe.py",
       "\\u{202e}exe.py"},
      {"\xe2\x80\x8b", "\\u{200b}"},
      {"\xf3\xa0\x80\x81", "\\u{0e0001}"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"\xc0\xaf", "\\xc0\\xaf"},
      {"\xe2\x82", "\\xe2\\x82"},
      {std::string("\0", 1), "\\x00"},
      {"\x7f", "\\x7f"},
  }));
  CHECK(neutral(text) == shown);
  CHECK(neutral("a\nb\x1b", true) == "a\nb\\x1b");
}

TEST_CASE("Only a run that was seen to be benign exits with 0") {
  auto [status, verdict, code] = GENERATE(table<std::string, std::string, int>({
      {"completed", "\"benign\"", 0},
      {"completed", "\"suspicious\"", 1},
      {"completed", "\"malicious\"", 1},
      {"completed", "\"inconclusive\"", 2},
      {"completed", "null", 2},
      {"failed", "null", 2},
      {"failed", "\"benign\"", 2},
      {"canceled", "null", 2},
      {"running", "null", 2},
  }));
  CAPTURE(status, verdict);
  CHECK(exit_code(run_with(status, verdict)) == code);
  CHECK(exit_code(boost::json::parse("[]")) == 2);
}

TEST_CASE("Events are read whatever pieces they come in") {
  const std::string stream =
      "retry: 2000\n\n: still here\n\nid: 1\nevent: stage\ndata: {\"a\":1}\n\nid: 2\r\nevent: end\r\ndata: x\r\ndata: "
      "y\r\n\r\nid: 3\n";
  const auto size = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{7}, std::size_t{1000});
  event_reader reader;
  std::vector<event> seen;
  for (std::size_t at = 0; at < stream.size(); at += size)
    reader.feed(std::string_view{stream}.substr(at, size), [&](const event& e) { seen.push_back(e); });
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].id == 1);
  CHECK(seen[0].type == "stage");
  CHECK(seen[0].data == "{\"a\":1}");
  CHECK(seen[1].id == 2);
  CHECK(seen[1].data == "x\ny");
}

TEST_CASE("A server's address is http with host and port") {
  CHECK(parse_server("http://localhost:8080").value().port == "8080");
  CHECK(parse_server("http://h").value().port == "80");
  CHECK(parse_server("http://[::1]:1/base/").value().host == "::1");
  CHECK(parse_server("http://[::1]:1/base/").value().prefix == "/base");
  auto text = GENERATE(as<std::string>{}, "", "localhost:8080", "https://h", "ftp://h", "http://", "http://u:p@h",
                       "http://h?x", "http://h:port");
  CAPTURE(text);
  CHECK_FALSE(parse_server(text).has_value());
}

TEST_CASE("The summary of a run shows the evidence, made harmless") {
  const auto run = boost::json::parse(
      R"({"run_id": "x", "package_name": "six", "version": "1", "mode": "install", "status": "completed",
    "verdict": "malicious", "score": 90, "error": null, "summary": "bad", "findings": [{"rule": "net", "severity": "high",
    "title": "talks", "evidence": ["connect \u001b[31mevil:80"]}]})");
  const auto text = run_summary(run, {"h", "1", ""});
  CHECK_THAT(text, Catch::Contains("verdict: malicious, score 90 of 100") && Catch::Contains("[high] talks (net)"));
  CHECK_THAT(text, Catch::Contains("connect \\x1b[31mevil:80") && Catch::Contains("http://h:1/v1/runs/x/report.html"));
  CHECK(text.find('\x1b') == text.npos);
}

TEST_CASE("lazaret submits and prints the run id") {
  test::running_server s;
  auto e = run_client(s.port(), "triage six 1.16.0 --mode execute --entrypoint a:b --priority=-7 --force");
  CHECK(e.code == 0);
  CHECK(e.output == known_run + "\n");
  REQUIRE(s.pipeline.submitted().size() == 1);
  CHECK(s.pipeline.submitted()[0].mode == actors::mode::execute);
  CHECK(s.pipeline.submitted()[0].entrypoint == "a:b");
  CHECK(s.pipeline.submitted()[0].priority == -7);
  CHECK(s.pipeline.submitted()[0].force);
}

TEST_CASE("lazaret --wait shows the stages and ends with the verdict as its exit code") {
  test::running_server s;
  auto [verdict, code] = GENERATE(table<actors::verdict, int>(
      {{actors::verdict::benign, 0}, {actors::verdict::malicious, 1}, {actors::verdict::inconclusive, 2}}));
  std::jthread pipeline{[&, v = verdict] {
    test::eventually([&] { return s.pipeline.subscribers() == 1; });
    s.pipeline.happen("stage", R"({"stage":"download","state":"started"})");
    s.pipeline.judge(v, 42);
    s.pipeline.happen("end", "{}");
  }};
  auto e = run_client(s.port(), "triage six 1.16.0 --wait");
  CHECK(e.code == code);
  CHECK_THAT(e.output, Catch::Contains("download   started") && Catch::Contains("score 42 of 100") &&
                           Catch::Contains("report.html"));
}

TEST_CASE("lazaret --wait takes up a stream that was lost") {
  // A server whose event streams end at once when it drains; the one after it, on the same port, has the rest.
  auto first = std::make_unique<test::running_server>();
  const auto port = first->port();
  first->pipeline.happen("stage", R"({"stage":"download","state":"started"})");
  std::unique_ptr<test::running_server> second;
  std::jthread operator_{[&] {
    test::eventually([&] { return first->pipeline.subscribers() == 1; });
    first.reset();
    auto settings = test::test_config();
    settings.port = port;
    second = std::make_unique<test::running_server>(http::limits{}, settings);
    second->pipeline.happen("stage", R"({"stage":"download","state":"started"})");
    second->pipeline.judge(actors::verdict::benign, 0);
    second->pipeline.happen("end", "{}");
  }};
  const auto e = run_client(port, "triage six 1.16.0 --wait --json");
  operator_.join();
  CHECK(e.code == 0);
  CHECK_THAT(e.output, Catch::Contains(R"("verdict":"benign")"));
}

TEST_CASE("lazaret lists, reports, cancels and tunes") {
  test::running_server s;
  CHECK_THAT(run_client(s.port(), "runs --status queued --limit 2").output,
             Catch::Contains("RUN") && Catch::Contains(known_run) && Catch::Contains("six"));
  CHECK(run_client(s.port(), "runs --status nonsense").code == 2);
  CHECK_THAT(run_client(s.port(), "runs --json").output, Catch::StartsWith("{\"runs\":[{"));
  CHECK_THAT(run_client(s.port(), "report " + known_run).output, Catch::Contains("no report yet"));
  CHECK_THAT(run_client(s.port(), "stages").output, Catch::Contains("CONCURRENCY") && Catch::Contains("execution"));
  CHECK_THAT(run_client(s.port(), "stages set analysis --concurrency 7").output,
             Catch::Contains("analysis") && Catch::Contains("7"));
  CHECK(run_client(s.port(), "stages set analysis --concurrency 700").code == 2);
  CHECK(run_client(s.port(), "stages set analysis").code == 2);
  CHECK_THAT(run_client(s.port(), "stages set nonsense --queue-limit 3").output, Catch::Contains("no such stage"));
  CHECK(run_client(s.port(), "cancel " + known_run).output == known_run + " canceled\n");
  CHECK(run_client(s.port(), "cancel " + known_run).code == 2);
}

TEST_CASE("lazaret writes a report to a file") {
  test::running_server s;
  const std::string source = "/tmp/lazaret-client-test.html", target = source + ".out";
  std::ofstream{source} << "<h1>\x1b[31m</h1>";
  s.pipeline.have_reports({{"report.html", source}});
  CHECK(run_client(s.port(), "report " + known_run + " --html -o " + target).code == 0);
  std::ifstream in{target};
  CHECK(std::string{std::istreambuf_iterator<char>{in}, {}} == "<h1>\x1b[31m</h1>");
  CHECK(run_client(s.port(), "report " + known_run + " --html -o /nonexistent/x").code == 2);
  std::filesystem::remove(source);
  std::filesystem::remove(target);
}

TEST_CASE("lazaret says what is wrong when it can't do its work") {
  test::running_server s;
  CHECK_THAT(run_client(s.port(), "runs", "API_TOKEN=wrong").output, Catch::Contains("invalid or missing token"));
  CHECK(run_client(s.port(), "runs", "API_TOKEN=sesame").code == 0);
  CHECK(run_client(s.port(), "--token-file /nonexistent runs").code == 2);
  CHECK(run_client(s.port(), "nonsense").code == 2);
  CHECK(run_client(s.port(), "triage six").code == 2);
  CHECK_THAT(run_client(s.port(), "triage -- --index-url=x 1").output,
             Catch::Contains("package_name: must be a package name"));
  CHECK_THAT(run_client(s.port(), "triage ../../x 1").output, Catch::Contains("package_name"));
  s.stop();
  auto e = run_client(s.port(), "runs");
  CHECK(e.code == 2);
  CHECK_THAT(e.output, Catch::Contains("Connection refused") && Catch::Contains("is lazaretd running there?"));
}
