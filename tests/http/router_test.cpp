// Routing, the gate, responses and the contract: pure functions, no sockets.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "http/gate.hpp"
#include "http/refusal.hpp"
#include "http/routes.hpp"
#include "http/sse.hpp"
#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::http;

TEST_CASE("A path finds its route and what stands for its parameter") {
  auto [method, path, pattern, argument] = GENERATE(table<std::string, std::string, std::string, std::string>({
      {"GET", "/", "/", ""},
      {"GET", "/healthz", "/healthz", ""},
      {"HEAD", "/healthz", "/healthz", ""},
      {"POST", "/v1/triage", "/v1/triage", ""},
      {"GET", "/v1/runs", "/v1/runs", ""},
      {"GET", "/v1/runs/x", "/v1/runs/{id}", "x"},
      {"DELETE", "/v1/runs/x", "/v1/runs/{id}", "x"},
      {"GET", "/v1/runs/x/events", "/v1/runs/{id}/events", "x"},
      {"GET", "/v1/runs/x/report.html", "/v1/runs/{id}/report.html", "x"},
      {"PATCH", "/v1/stages/report", "/v1/stages/{name}", "report"},
  }));
  CAPTURE(method, path);
  auto m = find_route(api(), method, path);
  REQUIRE(m.found != nullptr);
  CHECK(m.found->pattern == pattern);
  CHECK(m.argument == argument);
}

TEST_CASE("A path that is not there finds nothing") {
  auto path = GENERATE(as<std::string>{}, "", "/v1", "/v1/", "/v1/runs/", "/v1/runs//events", "/v1/runs/a/b",
                       "/v1/runs/a/b/events", "/healthz/", "//healthz", "/HEALTHZ", "/v1/runs/x/report.pdf",
                       "/v1/runs/x/../report.json", "/v1/stages/", "/%68ealthz");
  CAPTURE(path);
  auto m = find_route(api(), "GET", path);
  CHECK(m.found == nullptr);
  CHECK(m.allow.empty());
}

TEST_CASE("A path with another method says which it has") {
  CHECK(find_route(api(), "POST", "/healthz").allow == "GET, HEAD, OPTIONS");
  CHECK(find_route(api(), "GET", "/v1/triage").allow == "POST, OPTIONS");
  CHECK(find_route(api(), "PUT", "/v1/runs/x").allow == "GET, HEAD, DELETE, OPTIONS");
  CHECK(find_route(api(), "OPTIONS", "/v1/stages/x").allow == "PATCH, OPTIONS");
}

TEST_CASE("A target is split in any of its forms") {
  auto [target, path, query] = GENERATE(table<std::string, std::string, std::string>({
      {"/a", "/a", ""},
      {"/a?b=c", "/a", "b=c"},
      {"/a?", "/a", ""},
      {"/a?b?c", "/a", "b?c"},
      {"/a#f", "/a", ""},
      {"*", "*", ""},
      {"http://h/a?b", "/a", "b"},
      {"http://h", "/", ""},
      {"https://h:1/", "/", ""},
      {"", "", ""},
      {"a", "", ""},
      {"h:443", "", ""},
  }));
  CAPTURE(target);
  auto parts = split_target(target);
  CHECK(parts.path == path);
  CHECK(parts.query == query);
}

TEST_CASE("Everything under /v1 needs the token, and front ends need it from other machines") {
  for (const auto& r : api()) {
    CAPTURE(r.pattern);
    CHECK((r.needs == access::token) == (r.pattern.substr(0, 4) == "/v1/"));
    request asked{.method = r.method, .path = r.pattern, .authorization = "Bearer wrong"};
    auto gate = pass(api(), asked, "sesame");
    auto away = std::get_if<turned_away>(&gate);
    CHECK((away != nullptr) == (r.needs != access::open));
    if (away == nullptr) continue;
    CHECK(away->why.status == 401);
    const auto* said = r.needs == access::key
                           ? "Not authenticated. Provide X-API-Key header or Authorization Bearer token."
                           : "invalid or missing token";
    CHECK(away->why.body == r.speaks->fail(401, said).body);
    asked.host = "localhost";
    asked.client = "127.0.0.1";
    const bool passes_here = std::holds_alternative<passed>(pass(api(), asked, "sesame"));
    CHECK(passes_here == (r.needs == access::token_unless_local));
  }
}

TEST_CASE("The token is a bearer token, whole and exact") {
  auto [header, holds] = GENERATE(table<std::string, bool>({
      {"Bearer sesame", true},
      {"bearer sesame", true},
      {"BEARER  sesame", true},
      {"", false},
      {"Bearer", false},
      {"Bearer ", false},
      {"sesame", false},
      {"Basic sesame", false},
      {"Bearer sesam", false},
      {"Bearer sesamee", false},
      {"Bearer sesamesesame", false},
      {"Bearer Sesame", false},
      {"Bearer sesame ", false},
      {"Bearersesame", false},
  }));
  CAPTURE(header);
  CHECK(holds_token({.authorization = header}, "sesame") == holds);
  CHECK(holds_token({.authorization = header}, ""));
}

TEST_CASE("Without a token a web page from elsewhere is refused") {
  auto [host, origin, elsewhere] = GENERATE(table<std::string, std::string, bool>({
      {"127.0.0.1:8080", "", false},
      {"localhost:8080", "", false},
      {"[::1]:8080", "", false},
      {"a.localhost", "", false},
      {"", "", false},
      {"evil.example:8080", "", true},
      {"localhost.evil.example", "", true},
      {"127.0.0.1.evil.example", "", true},
      {"127.0.0.1:8080", "http://evil.example", true},
      {"127.0.0.1:8080", "null", true},
      {"127.0.0.1:8080", "http://127.0.0.1:8080", false},
      {"127.0.0.1:8080", "http://127.0.0.1:9090", true},
  }));
  CAPTURE(host, origin);
  CHECK(comes_from_elsewhere({.host = host, .origin = origin}) == elsewhere);
}

TEST_CASE("Every fault of the pipeline has a status and a public text") {
  test::pipeline_double pipeline;
  metrics::instruments metrics;
  auto settings = test::test_config();
  site s{settings, pipeline, metrics};
  using actors::fault;
  for (auto why :
       {fault::denied, fault::rate_limited, fault::queue_full, fault::unavailable, fault::draining, fault::unknown_run,
        fault::unknown_stage, fault::out_of_range, fault::fixed, fault::already_ended, fault::poison}) {
    CHECK(row(why).why == why);
  }
  CHECK(refused(s, {fault::denied, "internal"}).status == 429);
  CHECK(refused(s, {fault::denied, "internal"}).body == R"({"detail":"package is denied"})");
  CHECK(refused(s, {fault::rate_limited, {}}).body == R"({"detail":"rate limit exceeded"})");
  CHECK(refused(s, {fault::queue_full, {}}).status == 503);
  CHECK(refused(s, {fault::queue_full, {}}).body == R"({"detail":"queue full"})");
  CHECK_FALSE(refused(s, {fault::queue_full, {}}).headers.empty());
  CHECK(refused(s, {fault::out_of_range, "concurrency: 1 to 64"}).body == R"({"detail":"concurrency: 1 to 64"})");
}

TEST_CASE("A response cannot be given a header by what is in it") {
  response r;
  r.headers.emplace_back("X-Test", "a\r\nSet-Cookie: b");
  std::string head;
  write_head(head, r, 0, true);
  CHECK(head.find("\r\nSet-Cookie") == head.npos);
  CHECK_THAT(head, Catch::StartsWith("HTTP/1.1 200 OK\r\n") && Catch::EndsWith("\r\n\r\n"));
}

TEST_CASE("An error repeats what a client said as valid JSON") {
  auto detail = GENERATE(as<std::string>{}, "plain", "a \"quote\" \\ and \n", "\xff\xc3", std::string("\0", 1));
  auto parsed = boost::json::parse(failed(422, detail).body);
  CHECK(parsed.as_object().at("detail").is_string());
}

TEST_CASE("An event cannot begin a field of its own") {
  std::string out;
  write_event(out, {7, "st\nage", "{}\n\ndata: forged\r"});
  CHECK(out == "id: 7\nevent: st age\ndata: {}  data: forged \n\n");
}

TEST_CASE("The contract describes exactly the routes") {
  auto document = boost::json::parse(openapi(api()));
  std::set<std::string> described, served;
  for (const auto& [path, methods] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : methods.as_object()) {
      described.insert(std::string{method} + " " + std::string{path});
      CAPTURE(std::string{path});
      CHECK(operation.as_object().contains("responses"));
      CHECK(operation.as_object().contains("parameters"));
    }
  }
  for (const auto& r : api()) {
    std::string method{r.method};
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    served.insert(method + " " + std::string{r.pattern});
  }
  CHECK(described == served);
}
