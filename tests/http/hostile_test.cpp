// Clients that mean harm. After each of them the service serves.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/http/loopback.hpp"

using namespace lazaret;
using namespace lazaret::test;
using std::chrono::milliseconds;

namespace {

constexpr auto bearer = "Authorization: Bearer sesame\r\n";
const std::string get = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";

http::limits impatient() {
  return {.header_time = milliseconds{200},
          .body_time = milliseconds{200},
          .idle_time = milliseconds{200},
          .write_time = milliseconds{300}};
}

std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /v1/triage HTTP/1.1\r\nHost: h\r\n" + std::string{bearer} + headers + "\r\n" + body;
}

/// What one connection gets for these bytes.
reply get_for(const running_server& s, std::string_view bytes) {
  wire w{s.port()};
  w.send(bytes);
  return w.receive();
}

bool serves(const running_server& s) { return ask(s.port(), "GET", "/healthz").status == 200; }

}  // namespace

TEST_CASE("Half a request is waited for, but not for ever") {
  running_server s{impatient()};
  auto bytes =
      GENERATE(as<std::string>{}, "", "G", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: h\r\nX: ");
  wire w{s.port()};
  w.send(bytes);
  CHECK(w.is_closed_within(milliseconds{3000}));
  CHECK(serves(s));
}

TEST_CASE("Half a body is waited for, but not for ever") {
  running_server s{impatient()};
  auto bytes = GENERATE(as<std::string>{}, post("Content-Length: 100\r\n", "{"),
                        post("Transfer-Encoding: chunked\r\n", "5\r\nab"));
  wire w{s.port()};
  w.send(bytes);
  CHECK(w.is_closed_within(milliseconds{3000}));
  CHECK(s.pipeline.submitted().empty());
  CHECK(serves(s));
}

TEST_CASE("A client that sends a byte now and then gets no more time than others") {
  running_server s{impatient()};
  wire w{s.port()};
  const auto began = std::chrono::steady_clock::now();
  w.send("GET /healthz HTTP/1.1\r\nHost: h\r\n");
  // Each byte is a header's; the loop ends when the server has closed, and its length is the server's patience.
  while (w.send("X") && !w.is_closed_within(milliseconds{20}) &&
         std::chrono::steady_clock::now() - began < std::chrono::seconds{5}) {
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{3});
  CHECK(serves(s));
}

TEST_CASE("A client that goes away in the middle leaves nothing behind") {
  running_server s;
  auto bytes = GENERATE(as<std::string>{}, "GET /hea", get, post("Content-Length: 100\r\n", "{"),
                        "GET /v1/runs HTTP/1.1\r\nHost: h\r\n" + std::string{bearer} + "\r\n");
  auto by_reset = GENERATE(true, false);
  for (int i = 0; i < 50; ++i) {
    wire w{s.port()};
    w.send(bytes);
    if (by_reset) w.reset();
  }
  CHECK(serves(s));
}

TEST_CASE("A client that goes away while the pipeline thinks harms nobody") {
  running_server s;
  s.pipeline.never_answers = true;
  {
    wire w{s.port()};
    w.send(post("Content-Length: 44\r\n", R"({"package_name": "six", "version": "1.16.0"})"));
    REQUIRE(eventually([&] { return s.pipeline.submitted().size() == 1; }));
    w.reset();
  }
  s.pipeline.answer_late();
  CHECK(serves(s));
}

TEST_CASE("A head beyond its limit is refused, ten megabytes of it too") {
  running_server s;
  auto size = GENERATE(std::size_t{17'000}, std::size_t{10'000'000});
  std::string bytes = "GET /healthz HTTP/1.1\r\nHost: h\r\n";
  auto shape = GENERATE(0, 1, 2);
  if (shape == 0) bytes += "X: " + std::string(size, 'x') + "\r\n\r\n";
  if (shape == 1) bytes = "GET /" + std::string(size, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  if (shape == 2) {
    while (bytes.size() < size) bytes += "X-Some-Header: some value\r\n";
    bytes += "\r\n";
  }
  CAPTURE(size, shape, bytes.size());
  auto r = get_for(s, bytes);
  CHECK(r.status == 431);
  CHECK(r.header("Connection") == "close");
  CHECK_THAT(r.body, Catch::Contains("detail"));
  CHECK(serves(s));
}

TEST_CASE("A body beyond its limit is refused before it is read") {
  running_server s;
  auto headers = GENERATE(as<std::string>{}, "Content-Length: 1048577\r\n", "Content-Length: 9223372036854775807\r\n",
                          "Content-Length: 18446744073709551615\r\n");
  auto r = get_for(s, post(headers));
  CHECK(r.status == 413);
  CHECK(serves(s));
}

TEST_CASE("A chunked body beyond the limit is cut off") {
  running_server s;
  wire w{s.port()};
  w.send(post("Transfer-Encoding: chunked\r\n"));
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) w.send(chunk);
  CHECK(w.receive().status == 413);
  CHECK(serves(s));
}

TEST_CASE("A stranger's large body is not read at all") {
  running_server s;
  wire w{s.port()};
  w.send("POST /v1/triage HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  auto r = w.receive();
  CHECK(r.status == 401);
  CHECK(r.header("Connection") == "close");
}

TEST_CASE("A stranger's small body costs him the answer and not the connection") {
  running_server s;
  wire w{s.port()};
  w.send("POST /v1/triage HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}" + get);
  CHECK(w.receive().status == 401);
  CHECK(w.receive().status == 200);
}

TEST_CASE("A chunked body is a body") {
  running_server s;
  const std::string first = R"({"package_name": "six", )", second = R"("version": "1.16.0"})";
  CHECK(get_for(
            s, post("Transfer-Encoding: chunked\r\n", "18\r\n" + first + "\r\n14;ext=1\r\n" + second + "\r\n0\r\n\r\n"))
            .status == 202);
}

TEST_CASE("What is not HTTP is answered with 400 and a closed connection") {
  running_server s;
  auto bytes = GENERATE(as<std::string>{}, "\r\n\r\nnonsense\r\n\r\n", "GET\r\n\r\n", "GET /healthz\r\n\r\n",
                        "GET /healthz HTTP/9.9\r\nHost: h\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost h\r\n\r\n",
                        "GET /healthz HTTP/1.1\r\n: x\r\n\r\n", "GET /heal\x01thz HTTP/1.1\r\nHost: h\r\n\r\n",
                        "GET /healthz HTTP/1.1\r\nHost: h\r\nX: a\x01\x62\r\n\r\n",
                        "GET /healthz HTTP/1.1\r\nBad Name: x\r\nHost: h\r\n\r\n",
                        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
                        "GET /healthz HTTP/1.1\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                        post("Content-Length: -1\r\n"), post("Content-Length: 1x\r\n", "x"),
                        post("Content-Length: 2\r\nContent-Length: 3\r\n", "xxx"),
                        post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                        post("Transfer-Encoding: chunked\r\n", "zz\r\nab\r\n0\r\n\r\n"),
                        post("Transfer-Encoding: chunked\r\n", "2\r\nabXX0\r\n\r\n"),
                        post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"));
  CAPTURE(bytes);
  wire w{s.port()};
  w.send(bytes + get);
  auto r = w.receive();
  CHECK(r.status == 400);
  CHECK_THAT(r.body, Catch::StartsWith("{\"detail\":"));
  CHECK(w.receive().status == 0);  // what followed in the same connection was not taken for a request
  CHECK(s.pipeline.submitted().empty());
  CHECK(serves(s));
}

TEST_CASE("A body that is hostile JSON is refused") {
  running_server s;
  auto body = GENERATE(
      as<std::string>{}, std::string(10'000, '['), std::string(10'000, '{'),
      "{\"package_name\": \"\xff\xfe\", \"version\": \"1\"}", R"({"package_name": "--index-url=x", "version": "1"})",
      R"({"package_name": "six\u0000", "version": "1"})", R"({"package_name": "../../x", "version": "1"})",
      std::string(1'000'000, ' '), std::string(1'000, '\0'));
  auto r = ask(s.port(), "POST", "/v1/triage", body);
  CHECK(r.status == 422);
  CHECK_THAT(r.body, Catch::StartsWith("{\"detail\":"));
  CHECK(s.pipeline.submitted().empty());
  CHECK(serves(s));
}

TEST_CASE("Pipelined requests are answered in order") {
  running_server s;
  wire w{s.port()};
  std::string many;
  for (int i = 0; i < 200; ++i)
    many += i % 2 == 0 ? get : "GET /v1/stages HTTP/1.1\r\nHost: h\r\n" + std::string{bearer} + "\r\n";
  w.send(many);
  for (int i = 0; i < 200; ++i) {
    auto r = w.receive();
    REQUIRE(r.status == 200);
    REQUIRE((r.body.find("stages") == r.body.npos) == (i % 2 == 0));
  }
}

TEST_CASE("An old client is served and let go") {
  running_server s;
  wire w{s.port()};
  w.send("GET /healthz HTTP/1.0\r\n\r\n");
  auto r = w.receive();
  CHECK(r.status == 200);
  CHECK(r.header("Connection") == "close");
  CHECK(w.is_closed_within(milliseconds{2000}));
}

TEST_CASE("Connection: close is obeyed") {
  running_server s;
  wire w{s.port()};
  w.send("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(w.receive().status == 200);
  CHECK(w.is_closed_within(milliseconds{2000}));
}

TEST_CASE("A client that asks first is told to go on, if its token is good") {
  running_server s;
  wire w{s.port()};
  w.send(post("Content-Length: 44\r\nExpect: 100-continue\r\n"));
  CHECK_THAT(w.read_until("\r\n\r\n"), Catch::StartsWith("HTTP/1.1 100 Continue\r\n"));
  wire stranger{s.port()};
  stranger.send("POST /v1/triage HTTP/1.1\r\nHost: h\r\nContent-Length: 44\r\nExpect: 100-continue\r\n\r\n");
  CHECK(stranger.receive().status == 401);
}

TEST_CASE("An id cannot bring a header or a path of its own") {
  running_server s;
  auto id = GENERATE(as<std::string>{}, "x%0d%0aSet-Cookie:%20a", "..%2f..%2fetc%2fpasswd", "%00", "\xff\xfe", "{id}",
                     "'%22%3e%3cscript%3e");
  for (auto suffix : {"", "/report.html", "/events"}) {
    auto r = ask(s.port(), "GET", "/v1/runs/" + id + suffix);
    CHECK(r.status == 404);
    CHECK(r.header("Set-Cookie").empty());
  }
  CHECK(serves(s));
}

TEST_CASE("A reader that takes nothing is dropped") {
  running_server s{impatient()};
  char name[] = "/tmp/lazaret-big-XXXXXX";
  ::close(::mkstemp(name));
  std::filesystem::resize_file(name, 200'000'000);
  s.pipeline.have_reports({{"report.html", name}});
  wire w{s.port()};
  w.send("GET /v1/runs/" + known_run + "/report.html HTTP/1.1\r\nHost: h\r\n" + std::string{bearer} + "\r\n");
  // It is dropped while we read nothing: what can be read afterwards is what the kernel held, not the file.
  std::this_thread::sleep_for(milliseconds{1500});
  CHECK(w.receive().body.size() < 100'000'000);
  CHECK(serves(s));
  std::filesystem::remove(name);
}

TEST_CASE("A reader that takes a little all the time is given all") {
  running_server s{{.write_time = milliseconds{1500}}};
  const std::string body(8'000'000, 'x');
  char name[] = "/tmp/lazaret-big-XXXXXX";
  const int file = ::mkstemp(name);
  REQUIRE(::write(file, body.data(), body.size()) == static_cast<ssize_t>(body.size()));
  ::close(file);
  s.pipeline.have_reports({{"report.html", name}});
  wire w{s.port()};
  w.send("GET /v1/runs/" + known_run + "/report.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
         std::string{bearer} + "\r\n");
  std::string some(100'000, 0);
  std::size_t taken = 0;
  for (int n = 0; n < 20; ++n) {  // 400 KB/s, of which the kernel's buffers would hide all for longer than write_time
    const auto got = ::recv(w.fd(), some.data(), some.size(), MSG_WAITALL);
    taken += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    std::this_thread::sleep_for(milliseconds{250});
  }
  for (ssize_t got = 0; (got = ::recv(w.fd(), some.data(), some.size(), 0)) > 0;)
    taken += static_cast<std::size_t>(got);
  CHECK(taken > body.size());
  std::filesystem::remove(name);
}

TEST_CASE("More connections than the limit are turned away, and the limit frees up") {
  running_server s{{.connections = 8}};
  std::vector<std::unique_ptr<wire>> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(std::make_unique<wire>(s.port()));
    held.back()->send(get);
    REQUIRE(held.back()->receive().status == 200);
  }
  wire ninth{s.port()};
  auto r = ninth.receive();
  CHECK(r.status == 503);
  CHECK(r.body == R"({"detail":"too many connections"})");
  held.clear();
  CHECK(eventually([&] { return serves(s); }));
}

TEST_CASE("Thousands of connections are served, opened and abandoned") {
  running_server s;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<wire>> crowd;
    for (int i = 0; i < 900; ++i) {
      crowd.push_back(std::make_unique<wire>(s.port()));
      crowd.back()->send(i % 3 == 0 ? get : get.substr(0, 10));
    }
    for (int i = 0; i < 900; i += 3) REQUIRE(crowd[static_cast<std::size_t>(i)]->receive().status == 200);
  }
  CHECK(eventually([&] { return serves(s); }));
}

TEST_CASE("No process that the service starts inherits a connection") {
  running_server s;
  wire w{s.port()};
  w.send(get);
  REQUIRE(w.receive().status == 200);
  std::size_t sockets = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone).string().rfind("socket:", 0) != 0) continue;
    const int fd = std::stoi(entry.path().filename().string());
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    ++sockets;
  }
  CHECK(sockets >= 3);  // the listener and both ends of the connection
}
