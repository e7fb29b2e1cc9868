#include <arpa/inet.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <random>

#include "http/relay/name_message.hpp"
#include "http/relay/relay.hpp"
#include "http/relay/way_out.hpp"

namespace lazaret::http {
namespace {

using sandbox::ip_address;

/// A question as a libc would send it, with EDNS.
std::string question(std::string_view name_on_wire, int type = 1) {
  std::string message{"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01", 12};
  message += name_on_wire;
  message += std::string{"\0", 1} + std::string{"\0", 1} + static_cast<char>(type) + std::string{"\0\x01", 2};
  return message + std::string{"\0\0\x29\x04\xd0\0\0\0\0\0\0", 11};
}

name_question pypi() { return *read_question(question("\4pypi\3org")); }

/// An answer with one CNAME before an address.
std::string answer_to(const name_question& q, const std::string& octets) {
  auto message = write_question(q);
  message[2] = '\x81', message[3] = '\x80', message[7] = 2;
  message += std::string{"\xc0\x0c\0\5\0\1\0\0\0\x05\0\2\xc0\x0c", 14};
  message += std::string{"\xc0\x0c\0", 3} + static_cast<char>(q.type) + std::string{"\0\1\0\0\1\0\0", 7};
  return message + static_cast<char>(octets.size()) + octets;
}

}  // namespace

TEST_CASE("A question for an address is read, and asked anew") {
  const auto q = read_question(question("\4PyPI\3org"));
  REQUIRE(q);
  CHECK((q->id == 0x1234 && q->name == "pypi.org" && q->type == name_type::a));
  const auto asked = read_question(write_question(*q));
  REQUIRE(asked);
  CHECK((asked->name == q->name && asked->type == q->type));
}

TEST_CASE("What is no question for an ordinary name is none") {
  const auto good = question("\4pypi\3org");
  REQUIRE(read_question(good));
  for (std::size_t size = 0; size < good.size() - 11; ++size) CHECK_FALSE(read_question(good.substr(0, size)));
  for (const std::string_view name : {"\3a.b\3org", "\3a b\3org", "\xc0\x0c", "\x40", "\xff", ""})
    CHECK_FALSE(read_question(question(name)));
  std::string labels;
  for (int i = 0; i < 127; ++i) labels += std::string{"\1a"};
  CHECK(read_question(question(labels)));
  CHECK_FALSE(read_question(question(labels + "\1a\1a")));
  auto response = good;
  response[2] = '\x81';
  CHECK_FALSE(read_question(response));
}

TEST_CASE("Of an answer nothing is taken but addresses, and those of the question only") {
  const auto q = pypi();
  const auto a = read_answer(answer_to(q, "\x01\x02\x03\x04"), q);
  REQUIRE(a);
  CHECK(a->addresses == std::vector{ip_address::v4(1, 2, 3, 4)});
  CHECK(a->lives == std::chrono::seconds{5});
  auto other = q;
  other.id ^= 1;
  CHECK_FALSE(read_answer(answer_to(other, "\x01\x02\x03\x04"), q));
  other = q;
  other.name = "evil.org";
  CHECK_FALSE(read_answer(answer_to(other, "\x01\x02\x03\x04"), q));
  CHECK_FALSE(read_answer(write_question(q), q));
  CHECK(read_answer(answer_to(q, "\x01\x02\x03"), q)->addresses.empty());
  auto six = q;
  six.type = name_type::aaaa;
  const auto mapped = std::string(10, '\0') + "\xff\xff\x7f" + std::string(2, '\0') + "\1";
  CHECK(read_answer(answer_to(six, mapped), six)->addresses == std::vector{ip_address::v4(127, 0, 0, 1)});
}

TEST_CASE("An answer fits every client, whatever there is to tell") {
  auto q = pypi();
  name_answer a{name_code::found, std::vector<ip_address>(1000, ip_address::v4(1, 2, 3, 4)), std::chrono::hours{99}};
  const auto told = write_answer(q, a);
  CHECK(told.size() <= 512);
  const auto read = read_answer(told, q);
  REQUIRE(read);
  CHECK((read->addresses.size() > 20 && read->addresses.front() == a.addresses.front()));
  CHECK(read->lives == std::chrono::hours{1});
  CHECK(read_answer(write_answer(q, {name_code::unknown, {}, {}}), q)->code == name_code::unknown);
}

TEST_CASE("No bytes whatever upset the reading of questions and answers") {
  std::mt19937 random{20261121};
  const auto q = pypi();
  const std::string seeds[] = {question("\4pypi\3org"), answer_to(q, "\x01\x02\x03\x04")};
  for (int i = 0; i < 100'000; ++i) {
    auto message = seeds[i % 2];
    for (auto n = random() % 6; n > 0; --n) message[random() % message.size()] = static_cast<char>(random());
    message.resize(random() % (message.size() + 1));
    if (const auto read = read_question(message)) CHECK(write_answer(*read, {}).size() <= 512);
    (void)read_answer(message, q);
  }
}

TEST_CASE("This host's own addresses are home, whatever their numbers") {
  way_out ways;
  CHECK(ways.to(ip_address::v4(127, 0, 0, 1)) == way::home);
  CHECK(ways.to(*ip_address::parse("::1")) == way::home);
}

TEST_CASE("Who connects to the relay's listener itself is asked for, judged and reset") {
  metrics::instruments meters;
  relay subject{relay_options{}, meters};
  sandbox::outbound_ends ends{sandbox::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)},
                              sandbox::unique_fd{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)}};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  REQUIRE(::bind(ends.connections.get(), address, size) == 0);
  REQUIRE(::bind(ends.names.get(), address, size) == 0);
  REQUIRE(::listen(ends.connections.get(), 8) == 0);
  REQUIRE(::getsockname(ends.connections.get(), address, &size) == 0);
  auto handle = subject.serve(std::move(ends), {});
  const sandbox::unique_fd client{::socket(AF_INET, SOCK_STREAM, 0)};
  REQUIRE(::connect(client.get(), address, size) == 0);
  char byte = 0;
  CHECK(::recv(client.get(), &byte, 1, 0) == -1);
  CHECK(errno == ECONNRESET);
  CHECK(meters.exposition().find("relay_connections_total{outcome=\"refused_address\"} 1\n") != std::string::npos);
  handle.reset();
  const sandbox::unique_fd late{::socket(AF_INET, SOCK_STREAM, 0)};
  CHECK(::connect(late.get(), address, size) == -1);
  CHECK(errno == ECONNREFUSED);
}

}  // namespace lazaret::http
