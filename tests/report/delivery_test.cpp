// Against a real HTTP server: tests/support/webhook_sink.py.
#include <fcntl.h>
#include <sys/wait.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "actors/report/webhook_client.hpp"
#include "tests/report/sample.hpp"

using namespace sample;
using namespace lazaret::report;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

class sink {
 public:
  sink(const folder& place, std::vector<std::string> answers) : place_{place} {
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    std::vector<std::string> words{"/usr/bin/python3", LAZARET_SOURCE_DIR "/tests/support/webhook_sink.py",
                                   place.path().string()};
    words.insert(words.end(), answers.begin(), answers.end());
    std::vector<char*> argv;
    for (auto& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0), ::dup2(out[1], 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(in[0]), ::close(out[1]);
    stdin_ = in[1];
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
    port_ = std::atoi(line.c_str());
    REQUIRE(port_ > 0);
  }
  sink(const sink&) = delete;
  ~sink() {
    ::close(stdin_);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/api/webhooks/1/secret-token";
  }
  [[nodiscard]] bool got(int n) const { return std::filesystem::exists(place_.path() / (std::to_string(n) + ".json")); }
  [[nodiscard]] json::value request(int n) const { return json::parse(place_.read(std::to_string(n) + ".json")); }

 private:
  const folder& place_;
  pid_t pid_ = 0;
  int stdin_ = -1, port_ = 0;
};

delivery_options quick() {
  delivery_options o;
  o.first_backoff = 1ms, o.longest_wait = 2s, o.connect_timeout = 2s, o.timeout = 5s;
  o.idempotency_key = "0c7a5f0e-0000-4000-8000-000000000001";
  return o;
}

const webhook_message bare{"{}", {}};

}  // namespace

TEST_CASE("A message arrives as multipart with its payload and files") {
  const folder place, kept;
  place.write("audit.log.gz", std::string("\x1f\x8b\0gz", 5)), place.write("report.html", "<html>");
  const sink s{kept, {"204"}};
  const auto message = compose_webhook(ordinary_run(), place.path());
  const auto d = deliver(s.url(), message, quick());
  CHECK(d.delivered);
  CHECK(d.attempts == 1);
  const auto r = s.request(0);
  REQUIRE(r.at("parts").as_array().size() == 3);
  CHECK(r.at("parts").at(0).at("name") == "payload_json");
  CHECK(r.at("parts").at(0).at("type") == "application/json");
  CHECK(r.at("parts").at(1).at("filename") == "audit.log.gz");
  CHECK(r.at("parts").at(2).at("filename") == "report.html");
  CHECK(r.at("headers").at("Idempotency-Key") == quick().idempotency_key.c_str());
  CHECK(kept.read("0.payload_json") == message.payload_json);
  CHECK(kept.read("0.files[0]") == place.read("audit.log.gz"));
  CHECK(kept.read("0.files[1]") == "<html>");
}

TEST_CASE("A receiver that fails, then asks to wait, gets the message the third time") {
  const folder kept;
  const sink s{kept, {"500", "429;Retry-After=1", "200"}};
  const auto start = std::chrono::steady_clock::now();
  const auto d = deliver(s.url(), bare, quick());
  CHECK(d.delivered);
  CHECK(d.attempts == 3);
  CHECK(std::chrono::steady_clock::now() - start >= 1s);
  CHECK(s.request(0).at("headers").at("Idempotency-Key") == s.request(2).at("headers").at("Idempotency-Key"));
}

TEST_CASE("Discord's own retry_after is kept too") {
  const folder kept;
  const sink s{kept, {"429;body={\"retry_after\": 0.7}", "204"}};
  const auto start = std::chrono::steady_clock::now();
  CHECK(deliver(s.url(), bare, quick()).attempts == 2);
  CHECK(std::chrono::steady_clock::now() - start >= 700ms);
}

TEST_CASE("A refusal or a redirect is final and is not followed") {
  const auto* status = GENERATE("400", "401", "404", "302;Location=http://127.0.0.1:1/");
  const folder kept;
  const sink s{kept, {status, "200"}};
  const auto d = deliver(s.url(), bare, quick());
  CHECK_FALSE(d.delivered);
  CHECK(d.attempts == 1);
  CHECK(d.error == "127.0.0.1 answered " + std::string{status}.substr(0, 3));
  CHECK_FALSE(s.got(1));
}

TEST_CASE("Attempts are finite and the error keeps the URL to itself") {
  const folder kept;
  const sink s{kept, {"503"}};
  const auto d = deliver(s.url(), bare, quick());
  CHECK_FALSE(d.delivered);
  CHECK(d.attempts == 5);
  CHECK(d.status == 503);
  CHECK_THAT(d.error, !Catch::Contains("secret-token"));
}

TEST_CASE("A receiver that wants a very long pause is asked again after the longest one allowed") {
  const folder kept;
  const sink s{kept, {"429;Retry-After=86400", "200"}};
  auto o = quick();
  o.longest_wait = 50ms;
  CHECK(deliver(s.url(), bare, o).attempts == 2);
}

TEST_CASE("A connection that breaks is tried again, a receiver that hangs runs into the time-out") {
  const folder kept;
  const sink s{kept, {"drop", "hang", "200"}};
  auto o = quick();
  o.timeout = 300ms;
  const auto d = deliver(s.url(), bare, o);
  CHECK(d.delivered);
  CHECK(d.attempts == 3);
}

TEST_CASE("Nobody listening is a transport error, a URL of another kind is hopeless") {
  auto o = quick();
  o.attempts = 2;
  const auto refused = deliver("http://127.0.0.1:1/secret-token", bare, o);
  CHECK(refused.attempts == 2);
  CHECK_THAT(refused.error, Catch::StartsWith("127.0.0.1: ") && !Catch::Contains("secret-token"));
  for (const auto* url : {"file:///etc/passwd", "not a url secret-token", "", "gopher://127.0.0.1/secret-token"}) {
    const auto d = deliver(url, bare, o);
    CHECK_FALSE(d.delivered);
    CHECK(d.attempts == 1);
    CHECK_THAT(d.error, !Catch::Contains("secret-token"));
  }
}

TEST_CASE("An answer without end is cut off and its status counts") {
  const folder kept;
  const sink s{kept, {"200;body=" + std::string(100'000, 'x')}};
  CHECK(deliver(s.url(), bare, quick()).delivered);
}

TEST_CASE("An attachment that is gone is an error, not a message without it") {
  const folder kept;
  const sink s{kept, {"200"}};
  const webhook_message m{"{}", {{"report.html", "text/html", kept.path() / "missing", 1}}};
  const auto d = deliver(s.url(), m, quick());
  CHECK_FALSE(d.delivered);
  CHECK(d.attempts == 1);
}

TEST_CASE("A stop ends an attempt and a pause at once") {
  const folder kept;
  const auto* answer = GENERATE("hang", "429;Retry-After=100");
  const sink s{kept, {answer}};
  auto o = quick();
  o.timeout = 60s, o.longest_wait = 100s;
  std::stop_source source;
  delivery d;
  const auto start = std::chrono::steady_clock::now();
  std::thread worker{[&] { d = deliver(s.url(), bare, o, source.get_token()); }};
  while (!s.got(0) && std::chrono::steady_clock::now() - start < 20s) std::this_thread::yield();
  source.request_stop();
  worker.join();
  CHECK_FALSE(d.delivered);
  CHECK_THAT(d.error, Catch::Contains("canceled"));
  CHECK(std::chrono::steady_clock::now() - start < 30s);
}

TEST_CASE("Retry-After is read as seconds, as a date, and from Discord's body") {
  const auto now = std::chrono::system_clock::from_time_t(1'445'412'480);  // Wed, 21 Oct 2015 07:28:00 GMT
  CHECK(asked_to_wait("120", "", now) == 120s);
  CHECK(asked_to_wait("0.5", "", now) == 500ms);
  CHECK(asked_to_wait("Wed, 21 Oct 2015 07:29:30 GMT", "", now) == 90s);
  CHECK(asked_to_wait("Wed, 21 Oct 2015 07:00:00 GMT", "", now) == 0ms);
  CHECK(asked_to_wait("", "{\"retry_after\": 1.25, \"global\": false}", now) == 1250ms);
  CHECK(asked_to_wait("1", "{\"retry_after\": 3}", now) == 3s);
  for (const auto* junk : {"", "soon", "-5", "nan", "inf", "1e999", "99999999999999999999"})
    CHECK(asked_to_wait(junk, "[]", now) <= 86'400s);
  CHECK(asked_to_wait("1", "{\"retry_after\": \"x\"}", now) == 1s);
}
