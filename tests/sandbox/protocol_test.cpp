// What goes over the socket, and what does when somebody lies.
#include <catch2/catch.hpp>

#include "sandbox/protocol.hpp"

using namespace lazaret::sandbox;

namespace {

policy full_policy() {
  auto p = base_policy();
  p.argv = {"/usr/bin/python3", "-c", "print(1)"};
  p.tmpfs.push_back({.target = "/tmp", .size = 5_MiB, .inodes = 9, .executable = true});
  p.overlays.push_back({.lower = {"/a", "/b"},
                        .target = "/o",
                        .executable = false,
                        .writable = false,
                        .size = 7_MiB,
                        .inodes = 8,
                        .volume = 2,
                        .own_depth = 4});
  p.volumes.push_back({.index = 3, .target = "/v", .writable = false, .executable = false});
  p.links.push_back({"/a", "b"});
  p.network = network_mode::gateway;
  p.gateway_port = 99;
  p.mount_proc = p.audit_channel = p.observe = true;
  p.limits.cpus = 1.5;
  p.limits.cpu_shares = 77;
  p.limits.when_output_exceeds = on_output_limit::kill;
  return p;
}

std::string bytes_of(const auto& value) {
  wire::writer to;
  protocol::write(to, value);
  return to.bytes();
}

}  // namespace

TEST_CASE("A policy survives the way through bytes") {
  const auto bytes = bytes_of(full_policy());
  auto again = protocol::decode<policy>(bytes);
  REQUIRE(again.has_value());
  CHECK(bytes_of(*again) == bytes);
  CHECK(again->argv.at(2) == "print(1)");
  CHECK(again->limits.cpus == 1.5);
  CHECK(again->limits.cpu_shares == 77);
  CHECK(again->limits.when_output_exceeds == on_output_limit::kill);
  CHECK(again->overlays.at(0).lower == std::vector<std::string>{"/a", "/b"});
  CHECK(again->volumes.at(0).index == 3);
  CHECK(again->network == network_mode::gateway);
  CHECK(again->files.size() == full_policy().files.size());
}

TEST_CASE("A policy that is cut anywhere, or too long, is refused") {
  const auto bytes = bytes_of(full_policy());
  for (std::size_t n = 0; n < bytes.size(); ++n) REQUIRE(protocol::decode<policy>(bytes.substr(0, n)).has_error());
  CHECK(protocol::decode<policy>(bytes + "x").has_error());
}

TEST_CASE("A length that lies reserves no memory") {
  wire::writer to;
  to.number(std::uint32_t{0xffffffff});
  CHECK(protocol::decode<policy>(to.bytes() + std::string(64, '\0')).has_error());
  wire::reader from{to.bytes()};
  CHECK(from.text().empty());
  CHECK_FALSE(from.ok());
}

TEST_CASE("An enumerator that does not exist is refused") {
  outcome o;
  auto bytes = bytes_of(o);
  bytes[0] = 99;
  CHECK(protocol::decode<outcome>(bytes).has_error());
}

TEST_CASE("Every ending has a name and a phrase") {
  for (int e = 0; e <= static_cast<int>(ending::canceled); ++e) {
    outcome o;
    o.reason = static_cast<ending>(e);
    CHECK(name(o.reason) != "unknown");
    CHECK(describe(o) != "unknown");
  }
}
