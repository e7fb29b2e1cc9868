#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "metrics/instruments.hpp"

using lazaret::metrics::instruments;

namespace {
bool holds(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos || text.rfind(line + "\n", 0) == 0;
}
}  // namespace

SCENARIO("every series exists from the start, at zero") {
  const instruments fresh;
  const auto text = fresh.exposition();
  CHECK(holds(text, "lazaret_stage_queue_depth{stage=\"download\"} 0"));
  CHECK(holds(text, "lazaret_stage_restarts_total{stage=\"report\"} 0"));
  CHECK(holds(text, "lazaret_verdicts_total{ecosystem=\"pypi\",verdict=\"malicious\"} 0"));
  CHECK(holds(text, "lazaret_submissions_total{frontend=\"triage\",outcome=\"queue_full\"} 0"));
  CHECK(holds(text, "lazaret_webhook_deliveries_total{outcome=\"failed\"} 0"));
  CHECK(holds(text, "lazaret_forgotten_total{kind=\"job\",reason=\"orphan\"} 0"));
  CHECK(holds(text, "lazaret_kept_bytes{kind=\"run\"} 0"));
  CHECK(holds(text, "lazaret_janitor_restarts_total 0"));
  CHECK(text.find("lazaret_build_info{version=") != std::string::npos);
}

SCENARIO("what happens is counted under the labels it was given") {
  instruments subject;
  subject.verdict("pypi", "benign");
  subject.stage_queue_depth("execution", 7);
  subject.downloaded("pypi", "index", 1234);
  subject.relay_connection("refused_address");
  subject.relay_bytes("out", 7);
  subject.relay_lookup("answered");
  subject.forgotten("job", "size", 4096);
  subject.kept("run", 12);
  subject.http_request("/healthz", "GET", 204, std::chrono::milliseconds{1});
  const auto text = subject.exposition();
  CHECK(holds(text, "lazaret_verdicts_total{ecosystem=\"pypi\",verdict=\"benign\"} 1"));
  CHECK(holds(text, "lazaret_stage_queue_depth{stage=\"execution\"} 7"));
  CHECK(holds(text, "lazaret_download_bytes_total{ecosystem=\"pypi\",source=\"index\"} 1234"));
  CHECK(holds(text, "lazaret_relay_connections_total{outcome=\"refused_address\"} 1"));
  CHECK(holds(text, "lazaret_relay_connections_total{outcome=\"relayed\"} 0"));
  CHECK(holds(text, "lazaret_relay_bytes_total{direction=\"out\"} 7"));
  CHECK(holds(text, "lazaret_relay_lookups_total{outcome=\"answered\"} 1"));
  CHECK(holds(text, "lazaret_forgotten_total{kind=\"job\",reason=\"size\"} 1"));
  CHECK(holds(text, "lazaret_forgotten_bytes_total{kind=\"job\",reason=\"size\"} 4096"));
  CHECK(holds(text, "lazaret_kept_bytes{kind=\"run\"} 12"));
  CHECK(holds(text, "lazaret_http_requests_total{code=\"204\",method=\"GET\",route=\"/healthz\"} 1"));
}

SCENARIO("a label value from outside the closed set is counted as other and makes no new series") {
  instruments subject;
  subject.http_request("/../../etc", "BREW", 418, std::chrono::milliseconds{1});
  const auto text = subject.exposition();
  CHECK(holds(text, "lazaret_http_requests_total{code=\"other\",method=\"other\",route=\"other\"} 1"));
  CHECK(text.find("BREW") == std::string::npos);
}

SCENARIO("the process tells its own figures") {
  const auto text = instruments{}.exposition();
  const auto at = text.find("\nprocess_resident_memory_bytes ");
  REQUIRE(at != std::string::npos);
  CHECK(std::stod(text.substr(at + 31)) > 1e6);
}

SCENARIO("promtool has nothing to say against the exposition") {
  FILE* promtool = ::popen("promtool check metrics", "w");
  REQUIRE(promtool != nullptr);
  const auto text = instruments{}.exposition();
  CHECK(std::fwrite(text.data(), 1, text.size(), promtool) == text.size());
  CHECK(::pclose(promtool) == 0);
}
