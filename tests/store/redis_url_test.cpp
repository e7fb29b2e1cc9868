#include "actors/store/redis_url.hpp"

#include <catch2/catch.hpp>

using namespace lazaret::durable::redis;
using transport = address::transport;

TEST_CASE("a Redis URL says how it is reached") {
  SECTION("only a host") {
    const auto a = parse_url("redis://cache").value();
    CHECK(a.via == transport::tcp);
    CHECK(a.host == "cache");
    CHECK(a.port == 6379);
    CHECK(a.database == 0);
    CHECK(a.prefix == "lazaret:");
    CHECK(a.password.empty());
  }
  SECTION("everything") {
    const auto a = parse_url("rediss://us%40er:p%2F%3A%20w@[::1]:7000/15?cacert=/a%20b.pem&prefix=x:").value();
    CHECK(a.via == transport::tls);
    CHECK(a.host == "::1");
    CHECK(a.port == 7000);
    CHECK(a.database == 15);
    CHECK(a.user == "us@er");
    CHECK(a.password == "p/: w");
    CHECK(a.ca_file == "/a b.pem");
    CHECK(a.prefix == "x:");
    CHECK(a.shown() == "rediss://[::1]:7000/15");
  }
  SECTION("a password without a user") { CHECK(parse_url("redis://:secret@h/").value().password == "secret"); }
  SECTION("a socket") {
    const auto a = parse_url("unix://:secret@/run/redis/redis.sock?db=3").value();
    CHECK(a.via == transport::unix_socket);
    CHECK(a.path == "/run/redis/redis.sock");
    CHECK(a.database == 3);
    CHECK(a.password == "secret");
    CHECK(a.shown() == "unix:///run/redis/redis.sock?db=3");
  }
  SECTION("a client's certificate") {
    const auto a = parse_url("rediss://h?cert=/c.pem&key=/k.pem&cacertdir=/ca").value();
    CHECK(a.certificate == "/c.pem");
    CHECK(a.private_key == "/k.pem");
    CHECK(a.ca_dir == "/ca");
  }
}

TEST_CASE("a URL that is none is refused with a sentence that tells no secret") {
  const auto url = GENERATE(
      as<std::string>{}, "", "redis", "http://:hunter2@h", "redis://", "redis://:hunter2@", "redis://:hun ter2@h",
      "redis://:hunter2/@h", "redis://:hunter2@h:0", "redis://:hunter2@h:65536", "redis://:hunter2@h:1x",
      "redis://:hunter2@h/x", "redis://:hunter2@h/-1", "redis://:hunter2@h/1024", "redis://:hunter2@h/1/2",
      "redis://:hunter2@h?prefix=", "redis://:hunter2@h?prefix=a%00b", "redis://h?prefix={x}",
      "redis://:hunter2@h?cacert=/x", "redis://:hunter2@h?db=1", "redis://:hunter2@h?nonsense=1",
      "rediss://:hunter2@h?cert=/x", "rediss://:hunter2@h?cacert=", "redis://hunter2@h",
      "rediss://:hunter2@h?cacert=%00", "redis://:hunter2@h#x", "unix://:hunter2@h/x.sock", "unix://:hunter2@",
      "unix:///" + std::string(108, 'x'), "unix:///x?db=x", "redis://:hunter2@" + std::string(254, 'h'));
  INFO(url);
  const auto got = parse_url(url);
  REQUIRE(got.has_error());
  CHECK(got.error().step == "redis_url");
  CHECK_FALSE(got.error().hint.empty());
  CHECK(got.error().describe().find("hun") == std::string::npos);
}
