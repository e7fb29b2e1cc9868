#include "http/idempotency_key.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <set>

using namespace lazaret;
using namespace lazaret::http;

namespace {

request triage(std::string_view key) {
  request r;
  r.method = "POST", r.path = "/v1/triage", r.client = "192.0.2.1";
  r.idempotency_key = key, r.idempotency_keys = 1;
  return r;
}

durable::idempotency read(const request& r, std::vector<std::string_view> asked = {"body"}) {
  auto got = read_idempotency_key(r, asked);
  REQUIRE(std::holds_alternative<std::optional<durable::idempotency>>(got));
  auto& key = std::get<std::optional<durable::idempotency>>(got);
  REQUIRE(key);
  return *key;
}

std::string wrong_with(const request& r) {
  const std::vector<std::string_view> asked{"body"};
  auto got = read_idempotency_key(r, asked);
  const auto* const wrong = std::get_if<complaint>(&got);
  if (wrong != nullptr) CHECK(wrong->status == 400);
  return wrong != nullptr ? wrong->detail : "";
}

}  // namespace

TEST_CASE("A key is read bare or as a quoted string, and is the same key either way") {
  auto [header, expected] = GENERATE(table<std::string, std::string>({
      {"8e03978e-40d5-43e1-bc93-6894a57f9324", "8e03978e-40d5-43e1-bc93-6894a57f9324"},
      {"\"8e03978e-40d5-43e1-bc93-6894a57f9324\"", "8e03978e-40d5-43e1-bc93-6894a57f9324"},
      {"  a\t", "a"},
      {R"("a\"b\\c,;")", "a\"b\\c,;"},
      {"aGVsbG8+/w==", "aGVsbG8+/w=="},
      {std::string(255, 'x'), std::string(255, 'x')},
      {'"' + std::string(255, 'x') + '"', std::string(255, 'x')},
  }));
  CHECK(read_key_text(header) == expected);
  CHECK(read(triage(header)).key == read(triage(expected == "a\"b\\c,;" ? header : expected)).key);
}

TEST_CASE("What is no key is refused with the header's name") {
  auto header = GENERATE(as<std::string>{}, "", " ", "\"\"", "\"", "a b", "\"a b\"", "a,b", "\"a\", \"b\"", "\"a\";p=1",
                         "a;p=1", "a\"b", "\"a", "a\"", "\"a\\\"", "\"a\\n\"", "a\\", std::string(256, 'x'),
                         '"' + std::string(256, 'x') + '"', std::string("a\0b", 3), "\x7f", "\x01", "caf\xc3\xa9",
                         "\"\xff\"", "a\r\nX: y", "\"a\"b\"");
  INFO(header);
  CHECK_FALSE(read_key_text(header));
  CHECK_THAT(wrong_with(triage(header)), Catch::StartsWith("Idempotency-Key: must be 1 to 255"));
}

TEST_CASE("A header that came twice is refused, even with the same value") {
  auto r = triage("a");
  r.idempotency_keys = 2;
  CHECK(wrong_with(r) == "Idempotency-Key: given more than once");
}

TEST_CASE("A request without the header has no key") {
  auto r = triage("");
  r.idempotency_keys = 0;
  auto got = read_idempotency_key(r, {});
  REQUIRE(std::holds_alternative<std::optional<durable::idempotency>>(got));
  CHECK_FALSE(std::get<std::optional<durable::idempotency>>(got));
}

TEST_CASE("One client's key is nobody else's, and not that of another route") {
  std::set<std::string> keys;
  auto r = triage("a");
  keys.insert(read(r).key);
  r.client = "192.0.2.2";
  keys.insert(read(r).key);
  r.path = "/jobs";
  keys.insert(read(r).key);
  r.method = "PUT";
  keys.insert(read(r).key);
  r.key = "API_TOKEN", r.authorization = "Bearer sesame";
  keys.insert(read(r).key);
  r.authorization = "Bearer other";
  keys.insert(read(r).key);
  r.key = "CODE_RUNNER_API_KEYS 0", r.api_key = "k0";
  keys.insert(read(r).key);
  r.api_key = "192.0.2.2";
  keys.insert(read(r).key);
  CHECK(keys.size() == 8);
  for (const auto& key : keys) CHECK(key.size() <= 300);
}

TEST_CASE("Who comes with a token has the same key from every address, however the scheme is written") {
  auto here = triage("a"), there = triage("a");
  here.key = there.key = "API_TOKEN";
  here.authorization = "Bearer sesame", there.authorization = "bearer  sesame";
  there.client = "2001:db8::1";
  there.api_key = "noise";
  CHECK(read(here).key == read(there).key);
  CHECK_THAT(read(here).key, !Catch::Contains("sesame"));
}

TEST_CASE("The fingerprint tells apart what was asked for, also where the pieces only border elsewhere") {
  const auto r = triage("a");
  CHECK(read(r, {"ab", "c"}).fingerprint == read(r, {"ab", "c"}).fingerprint);
  CHECK(read(r, {"ab", "c"}).fingerprint != read(r, {"a", "bc"}).fingerprint);
  CHECK(read(r, {"abc"}).fingerprint != read(r, {"abc", ""}).fingerprint);
  CHECK(read(r, {"abc"}).fingerprint.size() == 64);
}

TEST_CASE("JSON in its canonical form does not depend on the order of fields or on spaces") {
  const auto same = [](std::string_view a, std::string_view b) {
    return canonical_json(boost::json::parse(a)) == canonical_json(boost::json::parse(b));
  };
  CHECK(same(R"({"b": [1, {"y": null, "x": "\u00e9"}], "a": {}})", R"({"a":{},"b":[1,{"x":"é","y":null}]})"));
  CHECK_FALSE(same("[1,2]", "[2,1]"));
  CHECK_FALSE(same("[]", "{}"));
  CHECK(canonical_json(boost::json::parse(R"({"b":[],"a":[[],{}]})")) == R"({"a":[[],{}],"b":[]})");
}
