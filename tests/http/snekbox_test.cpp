#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "http/base64.hpp"
#include "http/fronts.hpp"
#include "http/gate.hpp"
#include "http/snekbox/answer.hpp"
#include "http/snekbox/body.hpp"
#include "http/snekbox/jail.hpp"
#include "http/snekbox/python_text.hpp"
#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::http;
using namespace lazaret::test;

namespace {

std::string repr(const char* json) { return snekbox::python_repr(boost::json::parse(json)); }

int code_of(sandbox::ending reason, int code, int signal) {
  sandbox::outcome how;
  how.reason = reason;
  how.code = code;
  how.signal = signal;
  return snekbox::return_code(how);
}

}  // namespace

TEST_CASE("values are shown as Python's repr shows them") {
  CHECK(repr(R"({"stuff": "foo", "n": [1, -2.5, 1e22, 1e-7, 100.0, true, null]})") ==
        "{'stuff': 'foo', 'n': [1, -2.5, 1e+22, 1e-07, 100.0, True, None]}");
  CHECK(repr(R"("it's")") == R"("it's")");
  CHECK(repr(R"("both ' and \"")") == R"('both \' and "')");
  CHECK(repr(R"("a\n\t\\\u0000\u007f\u00ad\u200b\u00e9\ud83d\ude00")") == R"('a\n\t\\\x00\x7f\xad\u200bé😀')");
  CHECK(repr("[1e999, -1e999]") == "[inf, -inf]");
  CHECK(repr("18446744073709551615") == "18446744073709551615");
}

TEST_CASE("base64 is read strictly, and written back the same") {
  std::string out;
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 37 + 200);
    REQUIRE(decode_base64(encode_base64(bytes), out));
    REQUIRE(out == bytes);
  }
  for (const auto* bad : {"a", "a===", "ab=c", "YQ", "YQ=", "YQ===", "=", "YQ==YQ==", "Y Q=", "YQ-_"})
    CHECK_FALSE(decode_base64(bad, out));
  CHECK(decode_base64("YWJj\r\nZGVm\n", out));
  CHECK(out == "abcdef");
}

TEST_CASE("a returncode says how the program ended") {
  using sandbox::ending;
  CHECK(code_of(ending::exited, 7, 0) == 7);
  CHECK(code_of(ending::signalled, 0, 11) == 139);
  CHECK(code_of(ending::wall_timeout, 0, 9) == 137);
  CHECK(code_of(ending::out_of_memory, 0, 9) == 137);
  CHECK(code_of(ending::out_of_memory, 1, 0) == 1);
  CHECK(code_of(ending::output_limit, 0, 9) == 143);
  CHECK(code_of(ending::syscall_denied, 0, 31) == 159);
}

TEST_CASE("FRONTENDS names front ends that exist, with a port each") {
  CHECK(read_frontend("snekbox:8060")->port == 8060);
  CHECK(read_frontend("snekbox:0")->stands_for->name == "snekbox");
  for (const auto* bad :
       {"snekbox", "snekbox:", "snekbox:x", "snekbox:65536", "snekbox:-1", "api:1", "none:1", ":1", ""})
    CHECK_FALSE(read_frontend(bad));
}

TEST_CASE("a local client is one on this machine, by its own address, with nobody in between") {
  request r{.host = "localhost:8080", .client = "127.0.0.1"};
  CHECK(is_local(r));
  CHECK_FALSE(is_local({.host = "localhost", .client = "10.0.0.1"}));
  CHECK_FALSE(is_local({.host = "evil.example", .client = "127.0.0.1"}));
  CHECK_FALSE(is_local({.host = "localhost", .origin = "https://evil.example", .client = "127.0.0.1"}));
  r.proxied = true;
  CHECK_FALSE(is_local(r));
}

SCENARIO("who waits for a run and goes away is noticed") {
  running_server s;
  wire client{s.port()};
  const std::string body = R"({"input": "x"})";
  client.send("POST /eval HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              body);
  SECTION("by a close") {
    client.reset();
    CHECK(eventually([&] { return s.pipeline.abandoned == 1; }));
  }
  SECTION("by an end of what it sends") {
    client.half_close();
    CHECK(eventually([&] { return s.pipeline.abandoned == 1; }));
  }
}

TEST_CASE("requests that are sent ahead while a run goes on are answered after it, in order") {
  running_server s;
  s.pipeline.perform = [](const actors::execution_request& what) {
    actors::execution_answer done;
    done.out = what.rules.argv.back();
    return done;
  };
  wire client{s.port()};
  std::string all;
  for (const auto* input : {"1", "2", "3"}) {
    const auto body = std::string{R"({"input": ")"} + input + "\"}";
    all +=
        "POST /eval HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  client.send(all);
  for (const auto* input : {"1", "2", "3"})
    CHECK(client.receive().body == std::string{R"({"stdout":")"} + input + R"(","returncode":0,"files":[]})");
}

TEST_CASE("a full line is 503 in the words of the front end, with Retry-After") {
  running_server s;
  s.pipeline.refuse({actors::fault::queue_full, {}});
  const auto r = ask(s.port(), "POST", "/eval", R"({"input": ""})");
  CHECK(r.status == 503);
  CHECK(r.header("Retry-After") == "5");
  CHECK(r.body == R"({"title":"503 Service Unavailable","description":"queue full"})");
  CHECK(ask(s.port(), "POST", "/v1/execute", R"({"argv": ["a"]})").body == R"({"detail":"queue full"})");
}

TEST_CASE("large bodies of all clients together are bounded") {
  limits lim;
  lim.all_large_bodies = 3 << 20;
  running_server s{lim};
  s.pipeline.perform = [](const auto&) { return actors::execution_answer{}; };
  CHECK(ask(s.port(), "POST", "/eval", R"({"input": ")" + std::string(2 << 20, 'x') + "\"}").status == 200);
  CHECK(ask(s.port(), "POST", "/eval", R"({"input": ")" + std::string(5 << 20, 'x') + "\"}").status == 503);
  CHECK(ask(s.port(), "POST", "/eval", R"({"input": ")" + std::string(2 << 20, 'x') + "\"}").status == 200);
  CHECK(ask(s.port(), "POST", "/v1/triage", std::string(2 << 20, 'x')).status == 413);
}
