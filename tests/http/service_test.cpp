// The API over a real socket, with the pipeline's answers in the test's hands.
#include <catch2/catch.hpp>

#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::test;

namespace {
constexpr auto six = R"({"package_name": "six", "version": "1.16.0"})";
}

TEST_CASE("The service says that it lives, to anybody") {
  running_server s;
  auto r = ask(s.port(), "GET", "/healthz", {}, {});
  CHECK(r.status == 200);
  CHECK(r.body == R"({"status":"ok"})");
}

TEST_CASE("An accepted submission is answered with its run id") {
  running_server s;
  auto r = ask(s.port(), "POST", "/v1/triage", six);
  CHECK(r.status == 202);
  CHECK(r.body == "{\"run_id\":\"" + known_run + "\",\"status\":\"accepted\"}");
  REQUIRE(s.pipeline.submitted().size() == 1);
  CHECK(s.pipeline.submitted()[0].client == "127.0.0.1");
  CHECK(s.pipeline.submitted()[0].mode == actors::mode::install);
}
