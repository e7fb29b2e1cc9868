// The API over a real socket, with the pipeline's answers in the test's hands.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::test;

namespace {

constexpr auto six = R"({"package_name": "six", "version": "1.16.0"})";
const std::string run_path = "/v1/runs/" + known_run;

/// A file of its own under /tmp, as a report would be.
class temporary_file {
 public:
  explicit temporary_file(std::string_view content) {
    char name[] = "/tmp/lazaret-report-XXXXXX";
    ::close(::mkstemp(name));
    path = name;
    std::ofstream{path} << content;
  }
  ~temporary_file() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("The service says that it lives, to anybody") {
  running_server s;
  auto r = ask(s.port(), "GET", "/healthz", {}, {});
  CHECK(r.status == 200);
  CHECK(r.body == R"({"status":"ok"})");
  CHECK(r.header("Content-Type") == "application/json");
  CHECK_FALSE(r.header("Date").empty());
}

TEST_CASE("The service says when it is not ready, and why") {
  running_server s;
  CHECK(ask(s.port(), "GET", "/readyz", {}, {}).status == 200);
  s.pipeline.be_not_ready("the jailer is away");
  auto r = ask(s.port(), "GET", "/readyz", {}, {});
  CHECK(r.status == 503);
  CHECK_THAT(r.body, Catch::Contains("the jailer is away"));
}

TEST_CASE("The health of the jail is told layer by layer, and is 503 while a required one does not hold") {
  using sandbox::layer_state;
  running_server s;
  const auto ask_health = [&] { return ask(s.port(), "GET", "/health", {}, {}); };
  CHECK(ask_health().status == 503);  // nothing is known yet
  CHECK_THAT(ask_health().body, Catch::Contains("are being tested"));

  const sandbox::layer_report net{"net", layer_state::active, true, "connect: \"refused\""};
  const sandbox::layer_report absent{"landlock", layer_state::unavailable, false, "not in this kernel"};
  s.pipeline.know_layers({{net, absent}, {}});
  CHECK(ask_health().status == 200);
  CHECK(ask_health().body ==
        R"({"status":"ok","docker_connected":true,"auth_enabled":true,"layers":[)"
        R"({"name":"net","state":"active","required":true,"detail":"connect: \"refused\""},)"
        R"({"name":"landlock","state":"unavailable","required":false,"detail":"not in this kernel"}]})");

  auto missed = absent;
  missed.required = true;
  s.pipeline.know_layers({{net, missed}, "layer landlock is unavailable"});
  CHECK(ask_health().status == 503);
  CHECK_THAT(ask_health().body,
             Catch::StartsWith(R"({"status":"degraded","docker_connected":false,"auth_enabled":true,"layers":[{)"));
  CHECK_THAT(ask_health().body, Catch::EndsWith(R"("detail":"layer landlock is unavailable"})"));
}

TEST_CASE("An accepted submission is answered with its run id") {
  running_server s;
  auto r = ask(s.port(), "POST", "/v1/triage", six);
  CHECK(r.status == 202);
  CHECK(r.body == "{\"run_id\":\"" + known_run + "\",\"status\":\"accepted\"}");
  REQUIRE(s.pipeline.submitted().size() == 1);
  CHECK(s.pipeline.submitted()[0].mode == actors::mode::install);
}

TEST_CASE("A submission that comes again with its Idempotency-Key is said to be a repeat") {
  running_server s;
  const std::string token = "Authorization: Bearer sesame\r\n";
  const auto post = [&](const std::string& headers, std::string_view body = six) {
    return ask(s.port(), "POST", "/v1/triage", body, token + headers);
  };
  auto r = post("Idempotency-Key: k\r\n");
  CHECK(r.status == 202);
  CHECK(r.header("Idempotent-Replayed").empty());
  r = post("Idempotency-Key: \"k\"\r\n");
  CHECK(r.status == 202);
  CHECK(r.header("Idempotent-Replayed") == "true");
  CHECK(r.body == "{\"run_id\":\"" + known_run + "\",\"status\":\"accepted\"}");
  r = post("Idempotency-Key: k\r\n", "{\"version\":\"1.16.0\" , \"package_name\":\"six\"}");
  CHECK(r.header("Idempotent-Replayed") == "true");
  CHECK(post("Idempotency-Key: k\r\nIdempotency-Key: k\r\n").status == 400);
  CHECK(post("Idempotency-Key:\r\n").status == 400);
  r = post("Idempotency-Key: a b\r\n");
  CHECK(r.status == 400);
  CHECK_THAT(r.body, Catch::Contains("Idempotency-Key: must be"));
  s.pipeline.refuse({actors::fault::key_reused, {}});
  CHECK(post("Idempotency-Key: k\r\n").status == 409);
}

TEST_CASE("A waiting run shows its position and an estimate, an ended one null") {
  running_server s;
  const auto r = ask(s.port(), "GET", "/v1/runs/" + known_run);
  CHECK_THAT(r.body, Catch::Contains("\"position\":3") && Catch::Contains("\"estimate_sec\":1.5E0"));
  s.pipeline.happen("end", "{}");
  const auto ended = ask(s.port(), "GET", "/v1/runs/" + known_run);
  CHECK_THAT(ended.body, Catch::Contains("\"position\":null") && Catch::Contains("\"estimate_sec\":null"));
}

TEST_CASE("The client's address is the socket's, whatever a header says") {
  running_server s;
  ask(s.port(), "POST", "/v1/triage", six,
      "Authorization: Bearer sesame\r\nX-Forwarded-For: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\n");
  REQUIRE(s.pipeline.submitted().size() == 1);
  CHECK(s.pipeline.submitted()[0].client == "127.0.0.1");
}

TEST_CASE("The token comes before the body, the body before the pipeline") {
  running_server s;
  s.pipeline.refuse({actors::fault::denied, {}});
  CHECK(ask(s.port(), "POST", "/v1/triage", "not json", {}).status == 401);
  CHECK(ask(s.port(), "POST", "/v1/triage", "not json").status == 422);
  CHECK(ask(s.port(), "POST", "/v1/triage", six).status == 429);
  CHECK(s.pipeline.submitted().size() == 1);
}

TEST_CASE("What the pipeline refuses has the contract's status and text") {
  auto [why, status, detail] = GENERATE(table<actors::fault, int, std::string>({
      {actors::fault::denied, 429, "package is denied"},
      {actors::fault::rate_limited, 429, "rate limit exceeded"},
      {actors::fault::queue_full, 503, "queue full"},
      {actors::fault::unavailable, 503, "the service is temporarily unavailable"},
      {actors::fault::draining, 503, "the service is shutting down"},
  }));
  running_server s;
  s.pipeline.refuse({why, "internal words"});
  auto r = ask(s.port(), "POST", "/v1/triage", six);
  CHECK(r.status == status);
  CHECK(r.body == "{\"detail\":\"" + detail + "\"}");
  CHECK(r.header("Retry-After").empty() == (why == actors::fault::denied));
}

TEST_CASE("A form is not taken for JSON") {
  running_server s;
  auto post = [&](std::string type) {
    return ask(s.port(), "POST", "/v1/triage", six, "Authorization: Bearer sesame\r\nContent-Type: " + type + "\r\n")
        .status;
  };
  CHECK(post("application/x-www-form-urlencoded") == 422);
  CHECK(post("text/plain") == 422);
  CHECK(post("application/json; charset=utf-8") == 202);
}

TEST_CASE("A handler that fails is answered with 500 and no word of why") {
  running_server s;
  s.pipeline.throws = true;
  auto r = ask(s.port(), "POST", "/v1/triage", six);
  CHECK(r.status == 500);
  CHECK(r.body == R"({"detail":"internal error"})");
  s.pipeline.throws = false;
  CHECK(ask(s.port(), "POST", "/v1/triage", six).status == 202);
}

TEST_CASE("A pipeline that does not answer costs its client a 503, not the connection") {
  running_server s{{.answer_time = std::chrono::milliseconds{100}}};
  s.pipeline.never_answers = true;
  wire w{s.port()};
  const auto text =
      "POST /v1/triage HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sesame\r\nContent-Length: 44\r\n\r\n" +
      std::string{six};
  w.send(text);
  CHECK(w.receive().status == 503);
  s.pipeline.never_answers = false;
  s.pipeline.answer_late();  // nobody waits for it any more
  w.send(text);
  CHECK(w.receive().status == 202);
}

TEST_CASE("Runs are listed, shown and canceled") {
  running_server s;
  auto list = boost::json::parse(ask(s.port(), "GET", "/v1/runs?status=queued&limit=2").body);
  CHECK(list.at("runs").as_array().at(0).at("run_id").as_string() == known_run.c_str());
  CHECK(list.at("next_cursor") == "next");
  CHECK(boost::json::parse(ask(s.port(), "GET", "/v1/runs?cursor=next").body).at("next_cursor").is_null());
  CHECK(ask(s.port(), "GET", "/v1/runs?cursor=forged").status == 422);
  CHECK(ask(s.port(), "GET", "/v1/runs?limit=0").status == 422);

  CHECK(boost::json::parse(ask(s.port(), "GET", run_path).body).at("package_name") == "six");
  CHECK(ask(s.port(), "GET", "/v1/runs/" + other_run).status == 404);
  CHECK(ask(s.port(), "GET", "/v1/runs/not-a-run").status == 404);

  auto canceled = ask(s.port(), "DELETE", run_path);
  CHECK(canceled.status == 200);
  CHECK(boost::json::parse(canceled.body).at("status") == "canceled");
  CHECK(ask(s.port(), "DELETE", run_path).status == 409);
  CHECK(ask(s.port(), "DELETE", "/v1/runs/" + other_run).status == 404);
}

TEST_CASE("A report is served as a file that can do nothing in a browser") {
  running_server s;
  CHECK(ask(s.port(), "GET", run_path + "/report.html").body == R"({"detail":"this run has no report yet"})");
  CHECK(ask(s.port(), "GET", "/v1/runs/" + other_run + "/report.html").body == R"({"detail":"no such run"})");
  const std::string content = "<h1>report</h1>" + std::string(300'000, 'x');
  temporary_file html{content}, json{"{}"};
  s.pipeline.have_reports({{"report.html", html.path}, {"report.json", json.path}});
  auto r = ask(s.port(), "GET", run_path + "/report.html");
  CHECK(r.status == 200);
  CHECK(r.body == content);
  CHECK(r.header("Content-Type") == "text/html; charset=utf-8");
  CHECK_THAT(r.header("Content-Security-Policy"), Catch::Contains("default-src 'none'") && Catch::Contains("sandbox"));
  CHECK(r.header("X-Content-Type-Options") == "nosniff");
  CHECK(ask(s.port(), "GET", run_path + "/report.json").body == "{}");
  auto head = ask(s.port(), "HEAD", run_path + "/report.html");
  CHECK(head.header("Content-Length") == std::to_string(content.size()));
  CHECK(head.body.empty());
}

TEST_CASE("A report that is not a plain file is not served") {
  running_server s;
  temporary_file html{"x"};
  const auto link = html.path.string() + ".link";
  std::filesystem::create_symlink("/etc/passwd", link);
  s.pipeline.have_reports({{"report.html", link}, {"report.json", "/tmp"}});
  CHECK(ask(s.port(), "GET", run_path + "/report.html").status == 404);
  CHECK(ask(s.port(), "GET", run_path + "/report.json").status == 404);
  std::filesystem::remove(link);
}

TEST_CASE("Stages are shown and changed") {
  running_server s;
  auto stages = boost::json::parse(ask(s.port(), "GET", "/v1/stages").body);
  CHECK(stages.at("stages").as_array().at(0).at("name") == "execution");
  auto patch = [&](std::string name, std::string body) { return ask(s.port(), "PATCH", "/v1/stages/" + name, body); };
  auto changed = boost::json::parse(patch("download", R"({"concurrency": 5, "queue_limit": 9})").body);
  CHECK(changed.at("concurrency") == 5);
  CHECK(changed.at("queue_limit") == 9);
  CHECK(patch("download", R"({"concurrency": 0})").status == 422);
  CHECK(patch("download", R"({"workers": 1})").status == 422);
  CHECK(patch("nonsense", R"({"concurrency": 1})").status == 404);
  CHECK(patch("queue", R"({"concurrency": 1})").status == 409);
  CHECK(patch("queue", R"({"queue_limit": 1})").status == 200);
}

TEST_CASE("Unknown paths, wrong methods, HEAD and OPTIONS are answered as HTTP says") {
  running_server s;
  CHECK(ask(s.port(), "GET", "/nothing").body == R"({"detail":"no such resource"})");
  auto wrong = ask(s.port(), "DELETE", "/healthz");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "GET, HEAD, OPTIONS");
  CHECK(ask(s.port(), "BREW", "/healthz").status == 405);
  auto head = ask(s.port(), "HEAD", "/healthz");
  CHECK(head.status == 200);
  CHECK(head.header("Content-Length") == "15");
  auto options = ask(s.port(), "OPTIONS", "/v1/runs/x");
  CHECK(options.status == 204);
  CHECK(options.header("Allow") == "GET, HEAD, DELETE, OPTIONS");
  CHECK(ask(s.port(), "OPTIONS", "*").status == 204);
}

TEST_CASE("The page for people links what a browser can open") {
  running_server s;
  auto r = ask(s.port(), "GET", "/", {}, {});
  CHECK(r.header("Content-Type") == "text/html; charset=utf-8");
  CHECK_THAT(r.body, Catch::Contains("<a href=\"/metrics\">") && !Catch::Contains("<script"));
}

TEST_CASE("Requests and submissions are counted") {
  running_server s;
  ask(s.port(), "POST", "/v1/triage", six);
  ask(s.port(), "POST", "/v1/triage", "{}");
  ask(s.port(), "POST", "/v1/triage", six, {});
  ask(s.port(), "GET", run_path);
  auto text = ask(s.port(), "GET", "/metrics", {}, {}).body;
  CHECK_THAT(text, Catch::Contains(R"(lazaret_submissions_total{frontend="triage",outcome="accepted"} 1)"));
  CHECK_THAT(text, Catch::Contains(R"(lazaret_submissions_total{frontend="triage",outcome="invalid"} 1)"));
  CHECK_THAT(text, Catch::Contains(R"(lazaret_submissions_total{frontend="triage",outcome="unauthorized"} 1)"));
  CHECK_THAT(text, Catch::Contains(R"(code="202",method="POST",route="/v1/triage"} 1)"));
  CHECK_THAT(text, Catch::Contains(R"(code="200",method="GET",route="/v1/runs/{id}"} 1)"));
}

TEST_CASE("A drain lets the request in hand finish and closes what is idle") {
  running_server s{{.answer_time = std::chrono::seconds{5}}};
  s.pipeline.never_answers = true;
  wire busy{s.port()}, idle{s.port()};
  idle.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(idle.receive().status == 200);
  busy.send("POST /v1/triage HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sesame\r\nContent-Length: 44\r\n\r\n" +
            std::string{six});
  REQUIRE(eventually([&] { return s.pipeline.submitted().size() == 1; }));
  s.server().drain(std::chrono::seconds{5});
  CHECK(idle.is_closed_within(std::chrono::seconds{2}));
  s.pipeline.answer_late();
  auto last = busy.receive();
  CHECK(last.status == 202);
  CHECK(last.header("Connection") == "close");
  s.stop();
  CHECK_THROWS(wire{s.port()});
}

TEST_CASE("A port that is taken is a clear failure") {
  running_server s;
  auto settings = test_config();
  settings.port = s.port();
  auto second = http::server::open(settings, s.pipeline, s.metrics);
  REQUIRE_FALSE(second.has_value());
  CHECK_THAT(second.error().describe(), Catch::Contains("Address already in use"));
}
