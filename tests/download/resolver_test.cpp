/// The resolver against a name server of ours on loopback.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "actors/download/resolver.hpp"
#include "sandbox/unique_fd.hpp"

using namespace lazaret;
using namespace lazaret::download;
using namespace std::chrono_literals;

namespace {

/// Answers A questions with 192.0.2.7 behind a CNAME, AAAA with nothing; over UDP cut short when the name says so.
class name_server {
 public:
  name_server() {
    udp_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    tcp_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    REQUIRE(::bind(udp_.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(tcp_.get(), 4) == 0);
    port = ntohs(at.sin_port);
    threads_[0] = std::jthread{[this] { serve_udp(); }};
    threads_[1] = std::jthread{[this] { serve_tcp(); }};
  }
  ~name_server() {
    ::shutdown(tcp_.get(), SHUT_RDWR);
    ::shutdown(udp_.get(), SHUT_RDWR);  // wakes recvfrom(2), though it says ENOTCONN
    done_ = true;
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    const sandbox::unique_fd poke{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ::sendto(poke.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&at), sizeof at);
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port); }
  int port = 0;
  std::atomic<int> by_udp{0}, by_tcp{0};

 private:
  static std::string reply_to(std::string question, bool udp) {
    const bool cut = udp && question.find(
                                "\x03"
                                "cut") != question.npos;
    const bool none = question.find(
                          "\x04"
                          "none") != question.npos;
    const bool a = question[question.size() - 3] == 1;
    const bool forged = udp && question.find(
                                   "\x06"
                                   "forged") != question.npos;
    question[2] = static_cast<char>(0x81 | (cut ? 2 : 0));
    question[3] = static_cast<char>(none ? 0x83 : 0x80);
    if (forged) question[1] = static_cast<char>(question[1] + 1);
    if (!cut && !none && a) {
      question[7] = 2;
      question += std::string{"\xc0\x0c\0\5\0\1\0\0\0\x1e\0\2\xc0\x0c", 14};    // CNAME to itself
      question += std::string{"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2\7", 16};  // A 192.0.2.7
    }
    return question;
  }
  void serve_udp() {
    std::array<char, 512> block{};
    for (;;) {
      sockaddr_in who{};
      socklen_t size = sizeof who;
      const auto n = ::recvfrom(udp_.get(), block.data(), block.size(), 0, reinterpret_cast<sockaddr*>(&who), &size);
      if (done_ || n <= 0) return;
      ++by_udp;
      const auto reply = reply_to({block.data(), static_cast<std::size_t>(n)}, true);
      ::sendto(udp_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&who), size);
    }
  }
  void serve_tcp() {
    for (;;) {
      const sandbox::unique_fd client{::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!client) return;
      ++by_tcp;
      std::array<char, 514> block{};
      const auto n = ::recv(client.get(), block.data(), block.size(), 0);
      if (n < 14) continue;
      auto reply = reply_to({block.data() + 2, static_cast<std::size_t>(n) - 2}, false);
      reply.insert(0, {static_cast<char>(reply.size() >> 8), static_cast<char>(reply.size() & 255)});
      ::send(client.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }
  sandbox::unique_fd udp_, tcp_;
  std::atomic<bool> done_{false};
  std::array<std::jthread, 2> threads_;
};

using addresses = std::vector<std::string>;

}  // namespace

TEST_CASE("A name is asked of the configured resolver, and its answer remembered") {
  name_server dns;
  resolver r{{{dns.address()}}};
  CHECK(r.addresses_of("index.example", {}) == addresses{"192.0.2.7"});
  CHECK(dns.by_udp == 2);  // A and AAAA
  CHECK(r.addresses_of("index.example", {}) == addresses{"192.0.2.7"});
  CHECK(dns.by_udp == 2);
}

TEST_CASE("An answer that was cut is asked for again by TCP") {
  name_server dns;
  resolver r{{{dns.address()}}};
  CHECK(r.addresses_of("cut.example", {}) == addresses{"192.0.2.7"});
  CHECK(dns.by_tcp == 2);
}

TEST_CASE("A resolver that is silent or not there is passed over; without any the system's is left to answer") {
  name_server dns;
  const sandbox::unique_fd silent{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(silent.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  const auto mute = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  resolver r{{{"nonsense", "127.0.0.1:1", mute, dns.address()}, 100ms}};
  CHECK(r.addresses_of("index.example", {}) == addresses{"192.0.2.7"});
  resolver alone{{{mute}, 100ms}};
  CHECK(alone.addresses_of("index.example", {}).empty());
}

TEST_CASE("An answer to another question is not taken") {
  name_server dns;
  resolver r{{{dns.address()}, 100ms}};
  CHECK(r.addresses_of("forged.example", {}).empty());
  CHECK(r.addresses_of("none.example", {}).empty());
}

TEST_CASE("Literal addresses and names of this machine are not asked for") {
  name_server dns;
  resolver r{{{dns.address()}}};
  for (const auto* host : {"127.0.0.1", "::1", "[::1]", "localhost", "x.localhost", "mirror"}) {
    INFO(host);
    CHECK(r.addresses_of(host, {}).empty());
  }
  CHECK(dns.by_udp == 0);
}

TEST_CASE("Addresses that are no host on the internet are known as such") {
  for (const auto* a : {"127.0.0.1",
                        "10.1.2.3",
                        "172.16.0.1",
                        "172.31.255.255",
                        "192.168.1.1",
                        "169.254.169.254",
                        "0.0.0.0",
                        "100.64.0.1",
                        "224.0.0.1",
                        "255.255.255.255",
                        "192.0.2.1",
                        "198.18.0.1",
                        "::1",
                        "::",
                        "fe80::1",
                        "fc00::1",
                        "fd12::1",
                        "ff02::1",
                        "::ffff:10.0.0.1",
                        "::ffff:169.254.169.254",
                        "64:ff9b::7f00:1",
                        "2002:7f00:1::1",
                        "2001:db8::1",
                        "nonsense",
                        ""}) {
    INFO(a);
    CHECK(is_private_address(a));
  }
  for (const auto* a : {"1.1.1.1", "8.8.8.8", "151.101.0.223", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
                        "::ffff:1.1.1.1", "2a04:4e42::223", "64:ff9b::808:808"}) {
    INFO(a);
    CHECK_FALSE(is_private_address(a));
  }
}
