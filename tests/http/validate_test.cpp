#include <catch2/catch.hpp>

#include "actors/json.hpp"
#include "http/json_body.hpp"
#include "http/validate.hpp"

using namespace lazaret;
using namespace lazaret::http;

namespace {

std::string with(std::string_view fields) {
  return R"({"package_name": "six", "version": "1")" + std::string{fields} + "}";
}
std::string named(const std::string& name) { return R"({"version": "1", "package_name": ")" + name + "\"}"; }
std::string versioned(const std::string& version) {
  return R"({"package_name": "six", "version": ")" + version + "\"}";
}

/// What is wrong with a submission; empty when it is accepted.
std::string wrong_with(const std::string& body) {
  auto read = read_submission(body);
  auto wrong = std::get_if<complaint>(&read);
  return wrong ? wrong->detail : "";
}

}  // namespace

TEST_CASE("A submission of nothing but name and version gets the defaults") {
  auto read = read_submission(with(""));
  REQUIRE(std::holds_alternative<actors::submission>(read));
  auto& s = std::get<actors::submission>(read);
  CHECK(s.package_name == "six");
  CHECK(s.version == "1");
  CHECK(s.mode == actors::mode::install);
  CHECK(s.ecosystem == "pypi");
  CHECK_FALSE(s.file_path);
}

TEST_CASE("A submission with every field is read whole") {
  auto read = read_submission(with(R"(, "mode": "execute_module", "file_path": "pkg/run me.py", "entrypoint": "a.b:c.d",
    "module_name": "a.b", "ecosystem": "pypi")"));
  REQUIRE(std::holds_alternative<actors::submission>(read));
  auto& s = std::get<actors::submission>(read);
  CHECK(s.mode == actors::mode::execute_module);
  CHECK(s.file_path == "pkg/run me.py");
  CHECK(s.entrypoint == "a.b:c.d");
  CHECK(s.module_name == "a.b");
}

TEST_CASE("Priority and force are read, and refused outside of what they may be") {
  auto read = read_submission(with(R"(, "priority": -100, "force": true)"));
  REQUIRE(std::holds_alternative<actors::submission>(read));
  CHECK(std::get<actors::submission>(read).priority == -100);
  CHECK(std::get<actors::submission>(read).force);
  auto number = GENERATE(as<std::string>{}, "101", "-101", "18446744073709551615", "-9223372036854775808");
  CHECK(wrong_with(with(", \"priority\": " + number)) == "priority: must be from -100 to 100");
  auto other = GENERATE(as<std::string>{}, "1.0", "\"1\"", "null", "true", "[]", "1e1");
  CHECK(wrong_with(with(", \"priority\": " + other)) == "priority: must be an integer");
  auto truth = GENERATE(as<std::string>{}, "1", "\"true\"", "null", "{}");
  CHECK(wrong_with(with(", \"force\": " + truth)) == "force: must be true or false");
}

TEST_CASE("Names and versions as they occur are accepted") {
  auto name = GENERATE(as<std::string>{}, "six", "A", "zope.interface", "ruamel_yaml", "a-b.c_d", "3to2",
                       std::string(200, 'x'));
  CHECK(wrong_with(named(name)) == "");
  auto version = GENERATE(as<std::string>{}, "1", "1.0.post1", "2!1.0", "1.0+local.1", "1.0rc1", "v1.0", "2004d",
                          "1.0-1", std::string(100, '1'));
  CHECK(wrong_with(versioned(version)) == "");
}

TEST_CASE("A field that is wrong is named, with the reason") {
  auto [body, expected] = GENERATE(table<std::string, std::string>({
      {named(""), "package_name: must be 1 to 200 characters"},
      {named(std::string(201, 'x')), "package_name: must be 1 to 200 characters"},
      {named(std::string(201, '/')), "package_name: must be 1 to 200 characters"},
      {named("../../etc/passwd"), "package_name: must be a package name"},
      {named("a/../b"), "package_name: must be a package name"},
      {named("a\\u0000b"), "package_name: must be a package name"},
      {named("--index-url=x"), "package_name: must be a package name"},
      {named("-rrequirements.txt"), "package_name: must be a package name"},
      {named("six-"), "package_name: must be a package name"},
      {named("six six"), "package_name: must be a package name"},
      {named("six\\n"), "package_name: must be a package name"},
      {named("six[extra]"), "package_name: must be a package name"},
      {named("s\\u0456x"), "package_name: must be a package name"},
      {versioned(""), "version: must be 1 to 100"},
      {versioned(std::string(101, '1')), "version: must be 1 to 100"},
      {versioned("1; rm -rf /"), "version: must be a version"},
      {versioned("../1"), "version: must be a version"},
      {versioned("-1"), "version: must be a version"},
      {versioned("1.*"), "version: must be a version"},
      {versioned("1\\u0000"), "version: must be a version"},
      {R"({"version": "1"})", "package_name: missing"},
      {R"({"package_name": "six"})", "version: missing"},
      {R"({"package_name": 1, "version": "1"})", "package_name: must be a string"},
      {R"({"package_name": null, "version": "1"})", "package_name: must be a string"},
      {R"({"package_name": ["six"], "version": "1"})", "package_name: must be a string"},
      {R"({"package_name": "six", "version": 1.0})", "version: must be a string"},
      {with(R"(, "mode": "run")"), "mode: must be"},
      {with(R"(, "mode": null)"), "mode: must be"},
      {with(R"(, "mode": 1)"), "mode: must be"},
      {with(R"(, "webhook_url": "https://example.org")"), "`webhook_url`: unknown field"},
      {with(R"(, "ecosystem": "npm")"), "ecosystem: must be"},
      {with(R"(, "file_path": "")"), "file_path: must be 1 to 500"},
      {with(R"(, "file_path": "/etc/passwd")"), "file_path: must be a relative path"},
      {with(R"(, "file_path": "a/../../b")"), "file_path: must be a relative path"},
      {with(R"(, "file_path": "..")"), "file_path: must be a relative path"},
      {with(R"(, "file_path": "-c")"), "file_path: must be a relative path"},
      {with(R"(, "file_path": "a\u0000b")"), "file_path: must be a relative path"},
      {with(R"(, "file_path": 7)"), "file_path: must be a string"},
      {with(R"(, "entrypoint": "a:b;c")"), "entrypoint: must be"},
      {with(R"(, "entrypoint": ":b")"), "entrypoint: must be"},
      {with(R"(, "entrypoint": "--help")"), "entrypoint: must be"},
      {with(R"(, "entrypoint": "a/b")"), "entrypoint: must be"},
      {with(R"(, "module_name": "-m")"), "module_name: must be"},
      {with(R"(, "module_name": "a b")"), "module_name: must be"},
      {with(R"(, "module_name": ".a")"), "module_name: must be"},
  }));
  CAPTURE(body);
  CHECK_THAT(wrong_with(body), Catch::Contains(expected));
}

TEST_CASE("Optional fields may be null") {
  CHECK(wrong_with(with(R"(, "file_path": null, "entrypoint": null, "module_name": null)")) == "");
}

TEST_CASE("Lengths count characters, not bytes") {
  std::string path;
  for (int i = 0; i < 500; ++i) path += "é";
  CHECK(wrong_with(with(", \"file_path\": \"" + path + "\"")) == "");
  CHECK_THAT(wrong_with(with(", \"file_path\": \"" + path + "e\"")), Catch::StartsWith("file_path: must be 1 to 500"));
}

TEST_CASE("What is not one JSON object is refused with a clear word") {
  std::string deep_list(10000, '['), deep_object;
  for (int i = 0; i < 10000; ++i) deep_object += R"({"a":)";
  auto [body, expected] = GENERATE_COPY(table<std::string, std::string>({
      {"", "not valid JSON"},
      {"null", "must be a JSON object"},
      {"[]", "must be a JSON object"},
      {"\"x\"", "must be a JSON object"},
      {"{", "not valid JSON"},
      {with("") + "x", "not valid JSON"},
      {with("") + with(""), "not valid JSON"},
      {"{'package_name': 'six'}", "not valid JSON"},
      {with(","), "not valid JSON"},
      {"// c\n" + with(""), "not valid JSON"},
      {named("\xff\xfe"), "not valid JSON"},
      {named("\xc3"), "not valid JSON"},
      {named("\xed\xa0\x80"), "not valid JSON"},
      {std::string("{\0}", 3), "not valid JSON"},
      {"\xef\xbb\xbf" + with(""), "not valid JSON"},
      {deep_list, "nested too deeply"},
      {deep_object, "nested too deeply"},
      {with(", \"x\": " + deep_list), "nested too deeply"},
      {R"({"package_name": "six", "version": "1", "version": "2"})", "`version` is given twice"},
      {R"({"package_name": "six", "version": "1", "vers\u0069on": "2"})", "`version` is given twice"},
  }));
  CAPTURE(body.substr(0, 80));
  CHECK_THAT(wrong_with(body), Catch::Contains(expected));
}

TEST_CASE("A huge number is a wrong type, not a crash") {
  auto number = GENERATE(as<std::string>{}, "1e999999", "-1e999999", std::string(5000, '9'),
                         "0." + std::string(5000, '1'), "1e-999999");
  CHECK(wrong_with(R"({"package_name": "six", "version": )" + number + "}") != "");
  CHECK(std::holds_alternative<complaint>(read_stage_change(R"({"concurrency": )" + number + "}")));
}

TEST_CASE("A body of very many fields is refused before it is kept") {
  std::string body = "{";
  for (int i = 0; i < 20000; ++i) body += "\"f" + std::to_string(i) + "\":0,";
  CHECK_THAT(wrong_with(body + "\"z\":0}"), Catch::Contains("too many fields"));
}

TEST_CASE("A change of a stage is an integer in its range") {
  auto [body, expected] = GENERATE(table<std::string, std::string>({
      {R"({"concurrency": 0})", "concurrency: must be from 1 to 64"},
      {R"({"concurrency": 65})", "concurrency: must be from 1 to 64"},
      {R"({"concurrency": -1})", "concurrency: must be from 1 to 64"},
      {R"({"concurrency": 18446744073709551615})", "concurrency: must be from 1"},
      {R"({"concurrency": 2.0})", "concurrency: must be an integer"},
      {R"({"concurrency": "2"})", "concurrency: must be an integer"},
      {R"({"concurrency": true})", "concurrency: must be an integer"},
      {R"({"concurrency": null})", "concurrency: must be an integer"},
      {R"({"queue_limit": 0})", "queue_limit: must be from 1 to 100000"},
      {R"({"queue_limit": 100001})", "queue_limit: must be from 1"},
      {R"({"workers": 2})", "`workers`: unknown field"},
      {"{}", "must hold"},
      {"[]", "must be a JSON object"},
  }));
  CAPTURE(body);
  auto read = read_stage_change(body);
  REQUIRE(std::holds_alternative<complaint>(read));
  CHECK_THAT(std::get<complaint>(read).detail, Catch::Contains(expected));
  auto good = read_stage_change(R"({"concurrency": 64, "queue_limit": 100000})");
  REQUIRE(std::holds_alternative<actors::stage_change>(good));
  CHECK(std::get<actors::stage_change>(good).concurrency == 64);
}

TEST_CASE("A filter is read from the query") {
  auto read = read_run_filter("status=failed&package=Zope.Interface&verdict=benign&cursor=a%2Fb+c&limit=200");
  REQUIRE(std::holds_alternative<actors::run_filter>(read));
  auto& f = std::get<actors::run_filter>(read);
  CHECK(f.status == actors::status::failed);
  CHECK(f.package == "Zope.Interface");
  CHECK(f.verdict == actors::verdict::benign);
  CHECK(f.cursor == "a/b c");
  CHECK(f.limit == 200);
  CHECK(std::get<actors::run_filter>(read_run_filter("")).limit == 50);
}

TEST_CASE("A filter that means nothing is refused") {
  auto query =
      GENERATE(as<std::string>{}, "status=done", "status=", "verdict=evil", "limit=0", "limit=201", "limit=-1",
               "limit=", "limit=1e2", "limit=99999999999999999999999", "package=..%2Fx", "package=", "cursor=%00",
               "x=1", "status=queued&status=failed", "cursor=" + std::string(513, 'a'), "status=%zz");
  CAPTURE(query);
  CHECK(std::holds_alternative<complaint>(read_run_filter(query)));
}

TEST_CASE("A complaint repeats a stranger's word as UTF-8, and not at length") {
  const auto valid = [](const complaint& c) {
    return c.detail.size() < 200 && actors::valid_utf8(c.detail) == c.detail;
  };
  CHECK(valid(std::get<complaint>(read_run_filter("%ff=1"))));
  CHECK(valid(std::get<complaint>(read_run_filter("status=failed&%c3=1&%c3=2"))));
  const std::string required = R"({"package_name":"d","version":"1","mode":"install",")";
  const auto cut_in_a_character = required + std::string(99, 'a') + "\xc3\xa4\":1}";
  CHECK(valid(std::get<complaint>(read_submission(cut_in_a_character))));
  const std::string field = '"' + std::string(5000, 'a') + "\":1";
  CHECK(valid(std::get<complaint>(read_submission("{" + field + "," + field + "}"))));
}

TEST_CASE("A number that overflows to infinity is refused") {
  CHECK(std::holds_alternative<complaint>(read_json_object(R"({"a":16E33430032})")));
  CHECK(std::holds_alternative<boost::json::object>(read_json_object(R"({"a":1e300})")));
}

TEST_CASE("Only what ingress makes is a run id") {
  CHECK(is_run_id("11111111-2222-4333-8444-555555555555"));
  auto text = GENERATE(as<std::string>{}, "", "11111111-2222-1333-8444-555555555555",
                       "11111111-2222-4333-8444-55555555555", "11111111-2222-4333-8444-5555555555555",
                       "11111111-2222-4333-8444-55555555555g", "../../../../../../../../../../../../x",
                       "11111111-2222-4333-8444-55555555555A", "11111111x2222-4333-8444-555555555555");
  CHECK_FALSE(is_run_id(text));
}

TEST_CASE("An event id is digits") {
  CHECK(read_event_id("") == 0);
  CHECK(read_event_id("42") == 42);
  auto text = GENERATE(as<std::string>{}, "-1", "1x", " 1", "18446744073709551616", "0x1");
  CHECK_FALSE(read_event_id(text));
}
