/// The fetcher against a server that misbehaves in every way we know of.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <thread>

#include "actors/download/fetcher.hpp"
#include "tests/download/hostile_index.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::download;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

const tests::hostile_index& server() {
  static const tests::hostile_index one;
  return one;
}

fetch_options quick() {
  fetch_options o;
  o.connect = 1s;
  o.total = 10s;
  o.low_speed_time = 1s;
  o.first_backoff = 10ms;
  o.trusted_host = "127.0.0.1";
  return o;
}

struct got {
  problem what{};
  std::string text, body;
  bool ok = false;
};

got fetch(const std::string& path, fetch_options options = quick(), download_budget* budget = nullptr,
          std::uint64_t largest = UINT64_MAX, bool compressed = false, std::stop_token stop = {}) {
  fetcher f{std::move(options)};
  memory_sink body;
  const auto r =
      f.get({path.starts_with('/') ? server().url(path) : path, "*/*", largest, budget, compressed}, body, stop);
  if (r) return {{}, r->final_url, body.body, true};
  return {r.error().what, r.error().text, {}, false};
}

int asked_for(const std::string& path) { return std::stoi(fetch("/count" + path).body); }

const std::string good = [] {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "honest content\n";
  return text;
}();

}  // namespace

TEST_CASE("A server that hangs is a time-out, tried as often as retries allow") {
  auto options = quick();
  options.retries = 1;
  const auto r = fetch("/bad/hang/a", options);
  CHECK(r.what == problem::timeout);
  CHECK(asked_for("/bad/hang/a") == 2);
}

TEST_CASE("A server that hangs in the middle of a body, or sends it drop by drop, is a time-out") {
  auto options = quick();
  options.retries = 0;
  CHECK(fetch("/bad/hang-midway/", options).what == problem::timeout);
  CHECK(fetch("/bad/drip/", options).what == problem::timeout);
}

TEST_CASE("The total time bounds retries and backoff together") {
  auto options = quick();
  options.total = 1500ms;
  options.retries = 100;
  options.first_backoff = 200ms;
  const auto before = clock_type::now();
  CHECK_FALSE(fetch("/bad/always/503", options).ok);
  CHECK(clock_type::now() - before < 4s);
}

TEST_CASE("A Content-Length that promises more than comes is an error, and so is one that promises less") {
  auto options = quick();
  options.retries = 0;
  const auto fewer = fetch("/bad/short/", options);
  CHECK(fewer.what == problem::transport);
  CHECK(fewer.text.find("fewer bytes came") != std::string::npos);
  const auto more = fetch("/bad/long/", options);
  CHECK_FALSE(more.ok);
  CHECK(more.text.find("more bytes came") != std::string::npos);
}

TEST_CASE("A redirect loop ends after the allowed hops with an error that says so") {
  const auto r = fetch("/bad/loop/0");
  CHECK(r.what == problem::refused);
  CHECK(r.text.find("more than 5 redirects") != std::string::npos);
  const auto followed = fetch("/bad/hops/5");
  CHECK(followed.body == good);
  CHECK(followed.text == server().url("/bad/hops/0"));
  CHECK(fetch("/bad/hops/6").what == problem::refused);
}

TEST_CASE("Only http and https are spoken, whether asked for or redirected to, and no credentials are sent") {
  CHECK(fetch("file:///etc/passwd").what == problem::refused);
  CHECK(fetch("ftp://127.0.0.1/x").what == problem::refused);
  CHECK(fetch("/bad/to/file:///etc/passwd").what == problem::refused);
  CHECK(fetch("/bad/to/ftp://127.0.0.1/x").what == problem::refused);
  CHECK(fetch("/bad/to/gopher://127.0.0.1:6379/_x").what == problem::refused);
  CHECK(fetch("http://user:secret@127.0.0.1:1/").what == problem::refused);
  CHECK(fetch("no url at all").what == problem::refused);
}

TEST_CASE("TLS is verified, and a redirect from https to http is refused") {
  const lazaret::testing::temporary_folder folder;
  const auto pem = (folder.path() / "both.pem").string();
  REQUIRE(std::system(("openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=lazaret-test -addext "
                       "subjectAltName=IP:127.0.0.1 -keyout " +
                       pem + ".key -out " + pem + ".crt 2>/dev/null && cat " + pem + ".crt " + pem + ".key > " + pem)
                          .c_str()) == 0);
  const tests::hostile_index secure{{"--tls", pem}};
  auto options = quick();
  options.retries = 0;
  const auto stranger = fetch(secure.tls_url("/bad/hops/0"), options);
  CHECK(stranger.what == problem::transport);
  CHECK(stranger.text.find("certificate") != std::string::npos);
  options.ca_file = pem + ".crt";
  CHECK(fetch(secure.tls_url("/bad/hops/1"), options).body == good);
  const auto down = fetch(secure.tls_url("/bad/to/" + secure.url("/bad/hops/0")), options);
  CHECK(down.what == problem::refused);
  CHECK(down.text.find("from https to http://") != std::string::npos);
  CHECK(fetch(secure.url("/bad/to/" + secure.tls_url("/bad/hops/0")), options).body == good);
}

TEST_CASE("A body that never ends is stopped at the run's budget, which all downloads of the run share") {
  download_budget budget{sandbox::bytes{20'000'000}};
  const auto r = fetch("/bad/endless/", quick(), &budget);
  CHECK(r.what == problem::cap_exceeded);
  CHECK(r.text == cap_text);
  CHECK(budget.exceeded());
  CHECK(budget.used() <= 20'000'000);
  CHECK(budget.used() > 10'000'000);
  CHECK(asked_for("/bad/endless/") == 1);  // not tried again
  CHECK(fetch("/bad/endless/", quick(), &budget).what == problem::cap_exceeded);
}

TEST_CASE("An announced size beyond the budget is refused before it is read") {
  download_budget budget{sandbox::bytes{20'000'000}};
  CHECK(fetch("/bad/announced/", quick(), &budget).what == problem::cap_exceeded);
  CHECK(budget.used() == 0);
}

TEST_CASE("A page has a size limit of its own, which counts what a compressed body unpacks to") {
  const auto plain = fetch("/bad/endless/", quick(), nullptr, 1'000'000);
  CHECK(plain.what == problem::cap_exceeded);
  CHECK(plain.text.find("sends more than 1000000 bytes") != std::string::npos);
  CHECK(fetch("/bad/gzip-bomb/", quick(), nullptr, 1'000'000, true).what == problem::cap_exceeded);
}

TEST_CASE("Errors of a server are tried again, those of the question are not") {
  CHECK(fetch("/bad/once/a").body == good);
  CHECK(asked_for("/bad/once/a") == 2);
  CHECK(fetch("/bad/always/502").what == problem::transport);
  CHECK(asked_for("/bad/always/502") == 3);
  CHECK(fetch("/bad/always/404").what == problem::not_found);
  CHECK(asked_for("/bad/always/404") == 1);
  CHECK(fetch("/bad/always/403").what == problem::transport);
  CHECK(asked_for("/bad/always/403") == 1);
}

TEST_CASE("Retry-After is waited for, but not for longer than the longest backoff") {
  auto before = clock_type::now();
  CHECK(fetch("/bad/busy/a").body == good);
  CHECK(clock_type::now() - before >= 1s);
  auto options = quick();
  options.longest_backoff = 50ms;
  before = clock_type::now();
  CHECK(fetch("/bad/busy/b", options).body == good);
  CHECK(clock_type::now() - before < 900ms);
}

TEST_CASE("Resets, empty answers, nonsense and headers without end are transport errors") {
  for (const auto* path : {"/bad/reset/", "/bad/nothing/", "/bad/nonsense/", "/bad/headers/"}) {
    INFO(path);
    const auto r = fetch(path);
    CHECK_FALSE(r.ok);
    CHECK(r.what == problem::transport);
  }
  CHECK(fetch("http://127.0.0.1:1/").what == problem::transport);
}

TEST_CASE("A download can be canceled at any moment and ends at once") {
  std::stop_source stop;
  const auto path = GENERATE(as<std::string>{}, "/bad/hang/c", "/bad/hang-midway/c", "/bad/drip/c");
  auto options = quick();
  options.low_speed_time = 60s;
  options.total = 120s;
  auto running = std::async(std::launch::async,
                            [&] { return fetch(path, options, nullptr, UINT64_MAX, false, stop.get_token()); });
  while (asked_for(path) == 0) std::this_thread::yield();
  const auto before = clock_type::now();
  stop.request_stop();
  CHECK(running.get().what == problem::canceled);
  CHECK(clock_type::now() - before < 500ms);
}

TEST_CASE("A backoff can be canceled") {
  std::stop_source stop;
  auto options = quick();
  options.first_backoff = options.longest_backoff = 60s;
  options.total = 600s;
  auto running = std::async(std::launch::async, [&] {
    return fetch("/bad/always/500/cancel", options, nullptr, UINT64_MAX, false, stop.get_token());
  });
  while (asked_for("/bad/always/500/cancel") == 0) std::this_thread::yield();
  stop.request_stop();
  CHECK(running.get().what == problem::canceled);
}

TEST_CASE("A public index can't lead to a private address, an index that is itself at one can") {
  auto options = quick();
  options.trusted_host = "pypi.example";
  const auto r = fetch("/bad/hops/0", options);
  CHECK(r.what == problem::refused);
  CHECK(r.text.find("may not lead to 127.0.0.1") != std::string::npos);
  CHECK(fetch("/bad/hops/0").ok);
}

TEST_CASE("The environment's proxies are not used") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto r = fetch("/bad/hops/0");
  ::unsetenv("http_proxy");
  CHECK(r.ok);
}

TEST_CASE("Many threads share one fetcher") {
  fetcher f{quick()};
  std::vector<std::future<bool>> all;
  for (int i = 0; i < 16; ++i)
    all.push_back(std::async(std::launch::async, [&f] {
      for (int k = 0; k < 10; ++k) {
        memory_sink body;
        if (!f.get({server().url("/bad/hops/1")}, body, {}) || body.body != good) return false;
      }
      return true;
    }));
  for (auto& one : all) CHECK(one.get());
}
