/// The listener against clients that are no pip.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "http/gateway_listener.hpp"
#include "tests/download/loopback.hpp"

using namespace lazaret;
using namespace std::chrono_literals;
using download::gateway_request;
using download::gateway_response;
using http::gateway_listener;

namespace {

gateway_response echo(const gateway_request& r, std::stop_token) {
  gateway_response out;
  out.body = r.method + " " + r.target + " " + r.accept;
  return out;
}

/// A client that speaks in bytes; reads wait 5 s at most.
class client {
 public:
  explicit client(int port) : fd_{tests::connect_to(port)} {
    const timeval patience{5, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  bool say(std::string_view text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Until the peer closes, or `enough` is in what came.
  std::string hear(std::string_view enough = "\x01") {
    std::string all;
    std::array<char, 65536> block{};
    while (all.find(enough) == all.npos) {
      const auto n = ::recv(fd_.get(), block.data(), block.size(), 0);
      if (n <= 0) break;
      all.append(block.data(), static_cast<std::size_t>(n));
    }
    return all;
  }
  std::string ask(std::string_view text, std::string_view enough = "\x01") { return say(text) ? hear(enough) : ""; }

 private:
  sandbox::unique_fd fd_;
};

}  // namespace

TEST_CASE("Requests of one connection are answered one after the other") {
  auto [fd, port] = tests::listen_on_loopback();
  gateway_listener serving{std::move(fd), echo};
  client c{port};
  CHECK(
      c.ask("GET /one HTTP/1.1\r\nHost: x\r\nAccept: a/b\r\n\r\n", "GET /one a/b").starts_with("HTTP/1.1 200 OK\r\n"));
  const auto both = c.ask("GET /two HTTP/1.1\r\n\r\nGET /three HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(both.find("GET /two") != both.npos);
  CHECK(both.find("GET /three") != both.npos);
  const auto head = client{port}.ask("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(head.find("Content-Length: 8\r\n") != head.npos);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(client{port}.ask("GET /old HTTP/1.0\r\n\r\n").find("GET /old") != std::string::npos);
}

TEST_CASE("A file is streamed whole to several clients at once") {
  auto content = std::make_shared<sandbox::unique_fd>(::memfd_create("content", MFD_CLOEXEC));
  std::string text(3'000'001, 'x');
  for (std::size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>('a' + i / 1000 % 26);
  REQUIRE(::write(content->get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  auto [fd, port] = tests::listen_on_loopback();
  gateway_listener serving{std::move(fd), [&](const gateway_request&, std::stop_token) {
                             gateway_response out;
                             out.file = content;
                             out.file_size = text.size();
                             return out;
                           }};
  std::atomic<int> whole{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 6; ++i)
      clients.emplace_back([&, p = port] {
        const auto all = client{p}.ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        whole += all.ends_with("\r\n\r\n" + text);
      });
  }
  CHECK(whole == 6);
}

TEST_CASE("Garbage, huge headers and bodies are refused and the connection ends") {
  auto [fd, port] = tests::listen_on_loopback();
  gateway_listener serving{std::move(fd), echo};
  CHECK(client{port}.ask(std::string("\0\xff\x16\x03\x01", 5) + "\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(client{port}.ask("GET / HTTP/9.9\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(client{port}.ask("GET /" + std::string(100'000, 'a')).starts_with("HTTP/1.1 431"));
  CHECK(client{port}.ask("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a')).starts_with("HTTP/1.1 431"));
  CHECK(client{port}.ask("POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n").starts_with("HTTP/1.1 413"));
  CHECK(client{port}
            .ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            .starts_with("HTTP/1.1 413"));
  CHECK(
      client{port}.ask("GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(client{port}.ask("GET /fine HTTP/1.1\r\nConnection: close\r\n\r\n").find("GET /fine") != std::string::npos);
}

TEST_CASE("Half a request, and silence, are waited for only so long") {
  auto [fd, port] = tests::listen_on_loopback();
  http::gateway_listener_options options;
  options.header_time = 1s;
  options.idle_time = 1s;
  gateway_listener serving{std::move(fd), echo, options};
  CHECK(client{port}.hear().empty());
  CHECK(client{port}.ask("GET / HT").empty());
  client kept{port};
  CHECK(kept.ask("GET /x HTTP/1.1\r\n\r\n").find("GET /x") !=
        std::string::npos);  // returns because the idle connection ends
}

TEST_CASE("Connections are bounded, and a place that gets free is given to who waits") {
  auto [fd, port] = tests::listen_on_loopback();
  http::gateway_listener_options options;
  options.most_connections = 2;
  gateway_listener serving{std::move(fd), echo, options};
  auto one = std::make_unique<client>(port), two = std::make_unique<client>(port);
  CHECK_FALSE(one->ask("GET /1 HTTP/1.1\r\n\r\n", "GET /1").empty());
  CHECK_FALSE(two->ask("GET /2 HTTP/1.1\r\n\r\n", "GET /2").empty());
  client three{port};
  REQUIRE(three.say("GET /3 HTTP/1.1\r\n\r\n"));
  one.reset();
  CHECK(three.hear("GET /3").find("GET /3") != std::string::npos);
}

TEST_CASE("The end comes at once, whatever is under way") {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool answering = false;
  auto [fd, port] = tests::listen_on_loopback();
  auto serving = std::make_unique<gateway_listener>(std::move(fd), [&](const gateway_request&, std::stop_token stop) {
    std::unique_lock lock{mutex};
    answering = true;
    changed.notify_all();
    changed.wait(lock, stop, [] { return false; });
    return gateway_response{};
  });
  client waits{port}, idle{port};
  REQUIRE(waits.say("GET / HTTP/1.1\r\n\r\n"));
  {
    std::unique_lock lock{mutex};
    REQUIRE(changed.wait_for(lock, 5s, [&] { return answering; }));
  }
  const auto before = std::chrono::steady_clock::now();
  serving.reset();
  CHECK(std::chrono::steady_clock::now() - before < 1s);
  CHECK(waits.hear().empty());
  CHECK(idle.hear().empty());
}

TEST_CASE("A client that reads nothing does not keep the others waiting, nor the end") {
  auto content = std::make_shared<sandbox::unique_fd>(::memfd_create("content", MFD_CLOEXEC));
  REQUIRE(::ftruncate(content->get(), 50 << 20) == 0);
  auto [fd, port] = tests::listen_on_loopback();
  gateway_listener serving{std::move(fd), [&](const gateway_request& r, std::stop_token stop) {
                             auto out = echo(r, stop);
                             if (r.target == "/big") out.file = content, out.file_size = 50 << 20;
                             return out;
                           }};
  client lazy{port};
  REQUIRE(lazy.say("GET /big HTTP/1.1\r\n\r\n"));
  CHECK(client{port}.ask("GET /small HTTP/1.1\r\nConnection: close\r\n\r\n").find("GET /small") != std::string::npos);
}

TEST_CASE("A socket that is none is served by nobody, and ends like any other") {
  gateway_listener serving{sandbox::unique_fd{}, echo};
  SUCCEED();
}
