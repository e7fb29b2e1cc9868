#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include "http/gate.hpp"
#include "http/quartermaster/amount.hpp"
#include "http/quartermaster/answer.hpp"
#include "http/quartermaster/body.hpp"
#include "http/quartermaster/jail.hpp"
#include "http/quartermaster/prebuild_body.hpp"
#include "http/quartermaster/routes.hpp"
#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::http;
using namespace lazaret::test;
namespace qm = lazaret::http::quartermaster;

namespace {

std::string as_json(std::string text) {
  for (auto& c : text)
    if (c == '\'') c = '"';
  return text;
}

std::variant<qm::run_request, response> read(const std::string& body, config settings = test_config()) {
  return qm::read_run(as_json(body), "application/json", settings);
}

/// `type loc/loc message` of each that is wrong, or the text of `detail`, or nothing.
std::string wrong_with(const std::variant<qm::run_request, response>& got) {
  const auto* refused = std::get_if<response>(&got);
  if (refused == nullptr) return {};
  const auto detail = boost::json::parse(refused->body).at("detail");
  if (detail.is_string()) return std::to_string(refused->status) + " " + detail.as_string().c_str();
  std::string all;
  for (const auto& one : detail.as_array()) {
    all += (all.empty() ? "" : "; ") + std::string{one.at("type").as_string().c_str()};
    for (const auto& part : one.at("loc").as_array())
      all += "/" + (part.is_string() ? std::string{part.as_string().c_str()} : std::to_string(part.to_number<int>()));
  }
  return std::to_string(refused->status) + " " + all;
}

qm::run_request good(const std::string& body) { return std::get<qm::run_request>(read(body)); }

int code_of(sandbox::ending reason, int code, int signal) {
  sandbox::outcome how;
  how.reason = reason;
  how.code = code;
  how.signal = signal;
  return qm::exit_code(how);
}

std::string tag_problem(const std::string& body) {
  const auto got = qm::read_prebuild(as_json(body), "application/json");
  return got.index() == 0 ? "" : std::get<response>(got).body;
}

}  // namespace

TEST_CASE("amounts of memory are read as Docker's clients write them") {
  CHECK(read_amount("256m") == 256ULL << 20);
  CHECK(read_amount("1g") == 1ULL << 30);
  CHECK(read_amount("1.5G") == 3ULL << 29);
  CHECK(read_amount("64MB") == 64ULL << 20);
  CHECK(read_amount("1024") == 1024);
  CHECK(read_amount("1024b") == 1024);
  CHECK(read_amount("2K") == 2048);
  CHECK(read_amount("1t") == 1ULL << 40);
  for (const auto* bad :
       {"", "m", "-1m", "1x", "1mm", "1bb", "nan", "inf", "1e3", "0x1", " 1", "1 m", "9999999999999t"})
    CHECK_FALSE(read_amount(bad));
}

TEST_CASE("a run has the contract's defaults") {
  const auto asked = good("{'code': 'x'}");
  CHECK(asked.image == "python");
  CHECK(asked.timeout == std::chrono::seconds{30});
  CHECK(asked.memory.count == 256ULL << 20);
  CHECK(asked.disk.count == 512ULL << 20);
  CHECK(asked.cpu_shares == 512);
  CHECK_FALSE(asked.allow_network);
  CHECK(asked.files.empty());
  CHECK(asked.environment.empty());
  CHECK_FALSE(asked.prebuild);
}

TEST_CASE("what is wrong with a run is said as FastAPI says it, all at once and in order") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "422 missing/body/code"},
      {"", "422 missing/body"},
      {"[]", "422 model_attributes_type/body"},
      {"{'code'", "422 json_invalid/body/7"},
      {"{'code': 1, 'timeout': 'x', 'files': 3}",
       "422 string_type/body/code; dict_type/body/files; int_parsing/body/timeout"},
      {"{'code': '', 'timeout': true}", "400 Either code or entrypoint must be provided."},
      {"{'code': 'x', 'timeout': 300}", ""},
      {"{'code': 'x', 'timeout': '300'}", ""},
      {"{'code': 'x', 'timeout': 300.0}", ""},
      {"{'code': 'x', 'timeout': 301}", "422 less_than_equal/body/timeout"},
      {"{'code': 'x', 'timeout': 1e300}", "422 less_than_equal/body/timeout"},
      {"{'code': 'x', 'timeout': 99999999999999999999999}", "422 less_than_equal/body/timeout"},
      {"{'code': 'x', 'timeout': '99999999999999999999999'}", "422 less_than_equal/body/timeout"},
      {"{'code': 'x', 'timeout': -5}", "422 greater_than_equal/body/timeout"},
      {"{'code': 'x', 'timeout': 1.5}", "422 int_from_float/body/timeout"},
      {"{'code': 'x', 'timeout': []}", "422 int_type/body/timeout"},
      {"{'code': 'x', 'cpu_shares': 4096}", ""},
      {"{'code': 'x', 'cpu_shares': 4097}", "422 less_than_equal/body/cpu_shares"},
      {"{'code': 'x', 'mem_limit': '2048m'}", ""},
      {"{'code': 'x', 'mem_limit': '2049m'}", "422 value_error/body/mem_limit"},
      {"{'code': 'x', 'mem_limit': 'lots'}", "422 value_error/body/mem_limit"},
      {"{'code': 'x', 'mem_limit': 5}", "422 string_type/body/mem_limit"},
      {"{'code': 'x', 'disk_limit': '5001m'}", "422 value_error/body/disk_limit"},
      {"{'code': 'x', 'allow_network': 'maybe'}", "422 bool_parsing/body/allow_network"},
      {"{'code': 'x', 'allow_network': null}", "422 bool_type/body/allow_network"},
      {"{'code': 'x', 'allow_network': 'OFF'}", ""},
      {"{'code': 'x', 'environment': {'A': 1}}", "422 string_type/body/environment/A"},
      {"{'code': 'x', 'environment': {'ENCODED_FILES': ''}}", "422 value_error/body/environment"},
      {"{'code': 'x', 'environment': {'A=B': ''}}", "422 value_error/body/environment"},
      {"{'code': 'x', 'prebuild_spec': {'setup_script': 'x'}}", "422 missing/body/prebuild_spec/base_image"},
      {"{'code': 'x', 'prebuild_spec': 1}", "422 model_attributes_type/body/prebuild_spec"},
      {"{'code': 'x', 'surprise': 1}", ""},
      {"{'code': '', 'entrypoint': 'ls'}", ""},
      {"{'code': 'x', 'files': {'../a': ''}}", "400 Invalid filename: ../a"},
      {"{'code': 'x', 'files': {'/a': ''}}", "400 Invalid filename: /a"},
      {"{'code': 'x', 'files': {'': ''}}", "400 Invalid filename: "},
  };
  for (const auto& [body, wrong] : cases) {
    INFO(body);
    CHECK(wrong_with(read(body)) == wrong);
  }
  CHECK(wrong_with(qm::read_run("{\"code\": \"x\"}", "text/plain", test_config())) == "422 model_attributes_type/body");
}

TEST_CASE("a body that is wrong everywhere is told of in few words") {
  std::string body = "{\"code\": \"x\", \"files\": {";
  for (int i = 0; i < 10'000; ++i) body += (i > 0 ? ", \"" : "\"") + std::to_string(i) + "\": 1";
  const auto got = read(body + "}}");
  CHECK(std::get<response>(got).body.size() < 16'000);
}

TEST_CASE("one mebibyte of code and files is the limit, counted in bytes") {
  const std::string most(qm::longest_code, 'a');
  CHECK(wrong_with(read("{'code': '" + most + "'}")).empty());
  CHECK(wrong_with(read("{'code': '" + most + "a'}")) == "413 Code size exceeds the limit.");
  CHECK(wrong_with(read("{'code': '" + most + "', 'files': {'b': 'b'}}")) == "413 Code size exceeds the limit.");
}

TEST_CASE("an exit code says how the program ended") {
  using sandbox::ending;
  CHECK(code_of(ending::exited, 7, 0) == 7);
  CHECK(code_of(ending::signalled, 0, 11) == 139);
  CHECK(code_of(ending::out_of_memory, 0, 9) == 137);
  CHECK(code_of(ending::out_of_memory, 1, 0) == 137);
  CHECK(code_of(ending::wall_timeout, 0, 9) == -1);
  CHECK(code_of(ending::cpu_timeout, 0, 9) == -1);
  CHECK(code_of(ending::syscall_denied, 0, 31) == 159);
}

TEST_CASE("metadata is what the program left, as long as it is JSON") {
  actors::execution_answer done;
  const auto shown = [&](std::string text) {
    done.left.files = {{std::string{sandbox::metadata_file}, std::move(text)}};
    const auto body = boost::json::parse(qm::render(done, {}, {}).body).as_object();
    const auto* found = body.if_contains("metadata");
    return found == nullptr ? std::string{"none"} : boost::json::serialize(*found);
  };
  CHECK(shown(R"( {"a": [1, 2]} )") == R"({"a":[1,2]})");
  for (const auto* bad : {"", "{", "null", "{} {}", "\"\xff\"", "nan"}) CHECK(shown(bad) == "none");
  CHECK(shown(std::string(1000, '[')) == "none");
  done.left.files.clear();
  done.how.wall = std::chrono::microseconds{123456};
  CHECK_THAT(qm::render(done, {}, {}).body, Catch::Contains("\"execution_time\":0.1235,"));
}

TEST_CASE("tags and bases of prebuilds") {
  CHECK(tag_problem("{'tag': 'a.B-c_1', 'setup_script': ''}").empty());
  CHECK(tag_problem("{'tag': ' prebuilt-a ', 'base_image': 'code-runner-node', 'setup_script': ''}").empty());
  CHECK_THAT(tag_problem("{'tag': '', 'setup_script': ''}"), Catch::Contains("Tag cannot be empty."));
  for (const auto* bad : {"a/b", "..", ".", "a b", "a\\u0000", "\\u00e9", "prebuilt-../x"})
    CHECK_THAT(tag_problem(std::string{"{'tag': '"} + bad + "', 'setup_script': ''}"),
               Catch::Contains("Tag must contain only alphanumeric characters, hyphens, underscores, or dots."));
  CHECK_THAT(tag_problem("{'tag': 'a', 'base_image': 'cobol', 'setup_script': ''}"),
             Catch::Contains("Unsupported base image 'cobol'. Supported: python"));
  CHECK_THAT(tag_problem("{}"),
             Catch::Contains("[\"body\",\"tag\"]") && Catch::Contains("[\"body\",\"setup_script\"]"));
}

TEST_CASE("the age of a clean-up") {
  CHECK(std::get<0>(qm::read_age("")) == std::chrono::hours{7 * 24});
  CHECK(std::get<0>(qm::read_age("x=1&max_age_days=0")) == std::chrono::hours{0});
  CHECK(std::get<0>(qm::read_age("max_age_days=99999999999999999999")).count() == 36500 * 24);
  for (const auto* bad :
       {"max_age_days=-1", "max_age_days=", "max_age_days=1.5", "max_age_days=x", "max_age_days=-99999999999999999999"})
    CHECK(std::get<1>(qm::read_age(bad)).status == 422);
}

SCENARIO("who may run code") {
  std::vector<std::string> api_keys{"key-1", "key-2"};
  const auto status = [&](std::span<const route> table, const keyring& keys, request r) {
    r.method = "POST", r.path = "/run", r.client = "127.0.0.1", r.host = "localhost";
    const auto gate = pass(table, r, keys, qm::fastapi);
    const auto* away = std::get_if<turned_away>(&gate);
    return away == nullptr ? 200U : away->why.status;
  };
  keyring guarded{"sesame"}, token_only{"sesame"}, nothing{""}, keys_only{""};
  guarded.api_keys = keys_only.api_keys = api_keys;
  guarded.auth_token = keys_only.auth_token = "bearer-1";
  for (const auto table : {api(), qm::own_port()}) {
    for (const auto& keys : {guarded, keys_only}) {
      CHECK(status(table, keys, {}) == 401);
      CHECK(status(table, keys, {.api_key = "key-1"}) == 200);
      CHECK(status(table, keys, {.api_key = "key-2"}) == 200);
      CHECK(status(table, keys, {.api_key = "key-3"}) == 403);
      CHECK(status(table, keys, {.authorization = "Bearer bearer-1"}) == 200);
      CHECK(status(table, keys, {.authorization = "Bearer key-1"}) == 401);
      CHECK(status(table, keys, {.authorization = "Bearer bearer-1", .api_key = "key-3"}) == 200);
    }
    CHECK(status(table, guarded, {.authorization = "Bearer sesame"}) == 200);
    CHECK(status(table, keys_only, {.authorization = "Bearer "}) == 401);
    CHECK(status(table, nothing, {}) == 200);
  }
  CHECK(status(api(), token_only, {}) == 401);
  CHECK(status(qm::own_port(), token_only, {}) == 200);
}

TEST_CASE("a full stage is 503 with the time to come back") {
  running_server s;
  s.pipeline.refuse({actors::fault::queue_full, {}});
  const auto refused = ask(s.port(), "POST", "/run", R"({"code": "1"})");
  CHECK(refused.status == 503);
  CHECK(refused.body == R"({"detail":"queue full"})");
  CHECK(refused.header("Retry-After") == "5");
}

TEST_CASE("what is run is what was asked for") {
  running_server s;
  sandbox::policy rules;
  std::vector<actors::execution_file> files;
  s.pipeline.perform = [&](const actors::execution_request& what) {
    rules = what.rules;
    files = what.files;
    actors::execution_answer done;
    done.out = "hello\n";
    return done;
  };
  const auto answer = ask(s.port(), "POST", "/run",
                          R"({"code": "x", "timeout": 3, "mem_limit": "64m", "cpu_shares": 2048, "disk_limit": "9m",
                              "environment": {"HOME": "/x", "A": "b"}, "files": {"a/b": "c"}})");
  CHECK(answer.status == 200);
  CHECK_THAT(answer.body, Catch::StartsWith(R"({"stdout":"hello\n","stderr":"","exit_code":0,"execution_time":)"));
  CHECK(rules.argv == std::vector<std::string>{"/usr/bin/python3", "main.py"});
  CHECK(rules.limits.wall == std::chrono::seconds{3});
  CHECK(rules.limits.memory.count == 64ULL << 20);
  CHECK(rules.limits.cpu_shares == 2048);
  CHECK(rules.limits.cpus == 4.0);
  CHECK(rules.network == sandbox::network_mode::none);
  CHECK(std::ranges::count(rules.environment, "HOME=/x") == 1);
  CHECK(std::ranges::count(rules.environment, "A=b") == 1);
  REQUIRE(files.size() >= 3);
  CHECK(files.back().path == "a/b");
  CHECK(files[files.size() - 2].path == "main.py");
}
