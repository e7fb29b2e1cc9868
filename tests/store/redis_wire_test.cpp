#include "actors/store/redis_wire.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>

using namespace lazaret::durable::redis;
using namespace std::string_literals;
using kind = reply::kind;

TEST_CASE("a command goes out with every byte of its arguments") {
  const std::vector<std::string_view> words{"SET", "", std::string_view{"a\0\r\n", 4}};
  CHECK(encode(words) == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\0\r\n\r\n"s);
}

TEST_CASE("replies are read whole, however they are cut") {
  const auto all = "+OK\r\n-ERR no\r\n:-42\r\n$4\r\na\0\r\n\r\n$-1\r\n*2\r\n$1\r\nx\r\n*1\r\n:7\r\n*0\r\n*-1\r\n"s;
  const auto step = GENERATE(1u, 2u, 3u, 7u, 1000u);
  decoder d;
  std::vector<reply> got;
  for (std::size_t at = 0; at < all.size(); at += step) {
    d.feed(std::string_view{all}.substr(at, step));
    while (auto one = d.next()) got.push_back(std::move(*one));
  }
  REQUIRE(got.size() == 8);
  CHECK((got[0].what == kind::status && got[0].text == "OK"));
  CHECK((got[1].is_error() && got[1].text == "ERR no"));
  CHECK((got[2].what == kind::integer && got[2].integer == -42));
  CHECK((got[3].what == kind::text && got[3].text == "a\0\r\n"s));
  CHECK(got[4].what == kind::nothing);
  REQUIRE(got[5].list.size() == 2);
  CHECK(got[5].list[0].text == "x");
  CHECK(got[5].list[1].list.at(0).integer == 7);
  CHECK((got[6].what == kind::list && got[6].list.empty()));
  CHECK(got[7].what == kind::nothing);
}

TEST_CASE("what is no protocol, or reserves too much, is an error") {
  const auto bytes =
      GENERATE(as<std::string>{}, "HTTP/1.1 400\r\n", "*1000000000\r\n", "*250001\r\n", "$-7\r\n",
               "$99999999999999999999\r\n", ":x\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n");
  INFO(bytes);
  decoder d;
  d.feed(bytes);
  CHECK_THROWS_AS((void)d.next(), std::runtime_error);
}
