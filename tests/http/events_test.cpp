// Server-sent events: replay, live, and everything that a reader can do to the writer.
#include <catch2/catch.hpp>

#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::test;

namespace {

std::string subscribe_to(const std::string& run, const std::string& more = {}) {
  return "GET /v1/runs/" + run + "/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sesame\r\n" + more + "\r\n";
}

}  // namespace

TEST_CASE("Events are replayed from the beginning, followed live, and end with the run") {
  running_server s;
  s.pipeline.happen("status", R"({"status":"running"})");
  s.pipeline.happen("stage", R"({"stage":"download"})");
  wire w{s.port()};
  w.send(subscribe_to(known_run));
  auto replayed = w.read_until("id: 2\nevent: stage\ndata: {\"stage\":\"download\"}\n\n");
  CHECK_THAT(replayed, Catch::Contains("Content-Type: text/event-stream") && Catch::Contains("id: 1\nevent: status\n"));
  s.pipeline.happen("stage", R"({"stage":"execution"})");
  CHECK_THAT(w.read_until("id: 3\n"), Catch::Contains("id: 3\nevent: stage"));
  s.pipeline.happen("end", R"({"verdict":"benign"})");
  CHECK_THAT(w.read_until("id: 4\n"), Catch::Contains("event: end"));
  CHECK(w.is_closed_within(std::chrono::seconds{2}));
  CHECK(eventually([&] { return s.pipeline.subscribers() == 0; }));
}

TEST_CASE("A reader that comes back goes on where it was") {
  running_server s;
  for (int i = 0; i < 5; ++i) s.pipeline.happen("observation", "{}");
  s.pipeline.happen("end", "{}");
  for (auto [target, header] : {std::pair{"", "Last-Event-ID: 4\r\n"}, std::pair{"?last_event_id=4", ""}}) {
    auto r = ask(s.port(), "GET", "/v1/runs/" + known_run + "/events" + target, {},
                 "Authorization: Bearer sesame\r\n" + std::string{header});
    CHECK_THAT(r.body,
               !Catch::Contains("id: 4\n") && Catch::Contains("id: 5\n") && Catch::Contains("id: 6\nevent: end"));
  }
  CHECK(ask(s.port(), "GET", "/v1/runs/" + known_run + "/events?last_event_id=6").status == 204);
  CHECK(ask(s.port(), "GET", "/v1/runs/" + known_run + "/events?last_event_id=x").status == 422);
  CHECK(ask(s.port(), "GET", "/v1/runs/" + known_run + "/events?other=1").status == 422);
  CHECK(ask(s.port(), "GET", "/v1/runs/" + other_run + "/events").status == 404);
}

TEST_CASE("Thousands of events arrive in order, each once") {
  running_server s;
  for (int i = 0; i < 3000; ++i) s.pipeline.happen("observation", "{}");
  wire w{s.port()};
  w.send(subscribe_to(known_run));
  std::jthread more{[&] {
    for (int i = 0; i < 3000; ++i) s.pipeline.happen("observation", "{}");
    s.pipeline.happen("end", "{}");
  }};
  auto body = w.receive().body;
  std::size_t at = 0;
  for (int i = 1; i <= 6001; ++i) {
    const auto wanted = "\nid: " + std::to_string(i) + "\n";
    at = body.find(wanted, at);
    if (at == body.npos) FAIL("event " << i << " is missing or out of order");
  }
}

TEST_CASE("A silent stream shows that it is alive") {
  running_server s{{.heartbeat = std::chrono::milliseconds{50}}};
  wire w{s.port()};
  w.send(subscribe_to(known_run));
  CHECK_THAT(w.read_until(": still here"), Catch::Contains(": still here\n\n"));
}

TEST_CASE("A reader that goes away frees its subscription, however it goes") {
  running_server s;
  auto how = GENERATE(0, 1, 2);
  {
    wire w{s.port()};
    w.send(subscribe_to(known_run));
    w.read_until("retry:");
    REQUIRE(eventually([&] { return s.pipeline.subscribers() == 1; }));
    if (how == 0) w.reset();
    if (how == 1) w.half_close();
  }
  CHECK(eventually([&] { return s.pipeline.subscribers() == 0; }));
}

TEST_CASE("A reader that does not read is dropped and delays nobody") {
  running_server s{{.write_time = std::chrono::milliseconds{300}}};
  const std::string bulk = "{\"x\":\"" + std::string(100'000, 'x') + "\"}";
  wire stuck{s.port()};
  stuck.send(subscribe_to(known_run));
  REQUIRE(eventually([&] { return s.pipeline.subscribers() == 1; }));
  for (int i = 0; i < 200; ++i) s.pipeline.happen("observation", bulk);
  CHECK(ask(s.port(), "GET", "/healthz").status == 200);
  CHECK(eventually([&] { return s.pipeline.subscribers() == 0; }));
}

TEST_CASE("Event streams are bounded in number") {
  running_server s;
  std::vector<std::unique_ptr<wire>> readers;
  for (int i = 0; i < 256; ++i) {
    readers.push_back(std::make_unique<wire>(s.port()));
    readers.back()->send(subscribe_to(known_run));
    readers.back()->read_until("retry:");
  }
  CHECK(ask(s.port(), "GET", "/v1/runs/" + known_run + "/events").status == 503);
  CHECK(ask(s.port(), "GET", "/healthz").status == 200);
  readers.clear();
  CHECK(eventually([&] { return s.pipeline.subscribers() == 0; }));
}

TEST_CASE("A drain ends the streams") {
  running_server s;
  wire w{s.port()};
  w.send(subscribe_to(known_run));
  w.read_until("retry:");
  s.stop();
  CHECK(w.is_closed_within(std::chrono::seconds{1}));
}
