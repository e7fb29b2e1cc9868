// POST /v1/execute without a jail: what is refused, and the stages that a request becomes.
#include <algorithm>
#include <catch2/catch.hpp>

#include "http/execute/body.hpp"
#include "http/execute/manner.hpp"
#include "http/execute/stages.hpp"
#include "http/json_body.hpp"
#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::http;
using namespace lazaret::test;

namespace {

const sandbox::installed_runtimes& host() {
  static const sandbox::installed_runtimes nothing_but_the_systems{"/nonexistent", false};
  return nothing_but_the_systems;
}

/// What is wrong, or nothing.
std::string complaint_about(std::string body) {
  std::ranges::replace(body, '\'', '"');
  const auto settings = test_config();
  const auto read = read_execution(body, settings, host());
  return read.index() == 1 ? std::get<complaint>(read).detail : "";
}

bool has(const std::vector<std::string>& environment, const std::string& variable) {
  return std::ranges::find(environment, variable) != environment.end();
}

}  // namespace

TEST_CASE("POST /v1/execute refuses what it doesn't know, by the field's name") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "runtime: one of `runtime` and `argv` is needed"},
      {"{'runtime': 'python', 'argv': ['x'], 'source': ''}", "runtime: one of `runtime` and `argv` is needed"},
      {"{'runtime': 'cobol', 'source': ''}",
       "runtime: must be one of `python`, `node`, `go`, `rust`, `deno`, `bun`, `ruby`"},
      {"{'runtime': 'python'}", "source: one of `source` and `artifact` is needed"},
      {"{'runtime': 'python', 'source': '', 'colour': 1}", "`colour`: unknown field"},
      {"{'runtime': 'python', 'source': '', 'limits': {'wall': 1}}", "limits: `wall`: unknown field"},
      {"{'runtime': 'python', 'source': '', 'limits': {'wall_ms': 0}}",
       "limits.wall_ms: must be an integer from 1 to 300000"},
      {"{'runtime': 'python', 'source': '', 'network': 'host'}", "network: must be `none` or `outbound`"},
      {"{'argv': []}", "runtime: one of `runtime` and `argv` is needed"},
      {"{'argv': ['a', 1]}", "argv[1]: must be a string"},
      {"{'argv': ['a\\u0000']}", "argv[0]: must not contain NUL"},
      {"{'argv': ['a'], 'args': ['b']}", "args: need a `runtime`; `argv` holds its own"},
      {"{'argv': ['a'], 'env': {'A=B': ''}}", "env: `A=B` is not a variable's name"},
      {"{'argv': ['a'], 'env': {'A': 1}}", "env.A: must be a string"},
      {"{'argv': ['a'], 'files': [{'path': '../x'}]}",
       "files[0].path: must be relative, without `.`, `..`, empty parts and NUL"},
      {"{'argv': ['a'], 'files': [{'path': 'x', 'base64': '?'}]}",
       "files[0].base64: must be base64 (RFC 4648, section 4)"},
      {"{'argv': ['a'], 'files': [{'path': 'x', 'base64': '', 'text': ''}]}",
       "files[0]: must have one of `text` and `base64`"},
      {"{'argv': ['a'], 'files': [{'path': 'x'}, {'path': 'x'}]}", "files[1].path: is the path of an earlier one too"},
      {"{'argv': ['a'], 'files': [{'text': 'x'}]}", "files[0].path: is missing"},
      {"{'argv': ['a'], 'return_files': {'pattern': '/a'}}",
       "return_files.pattern: must be a pattern of relative paths, 1 to 255 bytes"},
      {"{'argv': ['a'], 'keep': true}", "keep: needs a `runtime`"},
      {"{'argv': ['a'], 'artifact': 'x'}", "artifact: must be `sha256:` and 64 hex digits"},
      {"{'argv': ['a'], 'compile_limits': {}}", "compile_limits: needs a `runtime`"},
      {"{'argv': ['a'], 'compile_limits': {'wall': 1}}", "compile_limits: `wall`: unknown field"},
      {"{'runtime': 'python', 'source': '', 'keep': true}", "keep: python has no compile stage"},
      {"{'runtime': 'python', 'source': '', 'keep': 'yes'}", "keep: must be true or false"},
      {"{'runtime': 'python', 'source': '', 'compile_limits': {}}", "compile_limits: python has no compile stage"},
      {"{'runtime': 'python', 'source': '', 'files': [{'path': 'main.py'}]}", "files[0].path: is where `source` goes"},
      {"{'argv': ['a'], 'output': 'both'}", "output: must be `separate` or `merged`"},
  };
  for (const auto& [body, wrong] : cases) {
    INFO(body);
    CHECK(complaint_about(body) == wrong);
  }
  CHECK(complaint_about("{'argv': ['/bin/true']}").empty());
}

TEST_CASE("an answer may come later: by the field, or without it by the header") {
  struct row {
    const char *body, *prefer;
    bool later, preferred;
  };
  for (const auto& [body, prefer, later, preferred] : {
           row{R"({"argv": ["a"]})", "", false, false},
           row{R"({"argv": ["a"], "async": true})", "", true, false},
           row{R"({"argv": ["a"], "async": true})", "respond-async", true, false},
           row{R"({"argv": ["a"], "async": false})", "respond-async", false, false},
           row{R"({"argv": ["a"]})", "respond-async", true, true},
           row{R"({"argv": ["a"]})", "handling=lenient;x , Respond-ASYNC ;y, wait=5", true, true},
           row{R"({"argv": ["a"]})", "respond-async2, wait=respond-async, ;respond-async,,", false, false},
       }) {
    INFO(body << ' ' << prefer);
    auto object = std::get<boost::json::object>(read_json_object(body));
    const auto read = take_manner(object, prefer);
    REQUIRE(read.index() == 0);
    CHECK(std::get<execution_manner>(read).later == later);
    CHECK(std::get<execution_manner>(read).preferred == preferred);
    CHECK_FALSE(object.contains("async"));
    CHECK(object.contains("argv"));
  }
  auto object = std::get<boost::json::object>(read_json_object(R"({"async": 1})"));
  CHECK(std::get<complaint>(take_manner(object, "")).detail == "async: must be true or false");
}

TEST_CASE("a language that is not installed is 404") {
  const auto settings = test_config();
  const auto read = read_execution(R"({"runtime": "bun", "source": ""})", settings, host());
  REQUIRE(read.index() == 1);
  CHECK(std::get<complaint>(read).status == 404);
  CHECK(std::get<complaint>(read).detail ==
        "runtime: bun is not installed here (/nonexistent/bun/bun is missing): deploy/deps.sh --runtimes");
}

TEST_CASE("an interpreted program is one stage, with its SDK before the client's files") {
  asked what;
  what.source = std::string{"print(1)\0", 9};
  what.has_source = true;
  what.files = {{"sdk.py", "own"}};
  what.environment = {"HOME=/x"};
  const auto made = stage_runtime(std::move(what), *sandbox::find_runtime("python"), host());
  CHECK(made.runtime == "python");
  CHECK_FALSE(made.compile.has_value());
  CHECK(made.program.empty());
  REQUIRE(made.files.size() == 3);
  CHECK(made.own_files == 2);
  CHECK(made.files[1].path == "main.py");
  CHECK(made.files[1].content.size() == 9);
  CHECK(made.files[2].content == "own");
  CHECK(has(made.rules.environment, "HOME=/x"));
  CHECK(std::ranges::count_if(made.rules.environment, [](const auto& v) { return v.starts_with("HOME="); }) == 1);
}

TEST_CASE("a compiled program is two stages, and only the second has the client's variables and limits") {
  asked what;
  what.source = "package main";
  what.has_source = what.keep = true;
  what.files = {{"m.go", "package main"}};
  what.environment = {"GOFLAGS=-evil"};
  what.args = {"a"};
  what.limits.memory_mb = 16;
  const auto made = stage_runtime(std::move(what), *sandbox::find_runtime("go"), host());
  REQUIRE(made.compile.has_value());
  CHECK(made.compile->keep);
  CHECK(made.compile->rules.limits.memory == sandbox::bytes{1024ULL << 20});
  CHECK(made.rules.limits.memory == sandbox::bytes{16ULL << 20});
  CHECK(has(made.rules.environment, "GOFLAGS=-evil"));
  CHECK_FALSE(has(made.compile->rules.environment, "GOFLAGS=-evil"));
  CHECK(made.compile->rules.network == sandbox::network_mode::none);
  CHECK(std::ranges::find(made.compile->files, "main.go", &sandbox::volume_file::path) != made.compile->files.end());
  REQUIRE(made.files.size() == 1);
  CHECK(made.files[0].path == "m.go");
  CHECK(made.rules.argv == std::vector<std::string>{"/work/.build/program", "a"});
}

TEST_CASE("a kept program is one stage again") {
  asked what;
  what.artifact = "sha256:" + std::string(64, 'a');
  what.files = {{"in.txt", "x"}};
  const auto made = stage_runtime(std::move(what), *sandbox::find_runtime("rust"), host());
  CHECK_FALSE(made.compile.has_value());
  CHECK(made.files.size() == 1);
  CHECK(made.program == ".build/program");
  CHECK(made.artifact.starts_with("sha256:aaaa"));
}
