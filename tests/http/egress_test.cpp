#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "http/egress.hpp"

using namespace lazaret::http;

namespace {

std::vector<std::string> two_addresses(const std::string& host) {
  if (host == "nowhere.example") return {};
  if (host == "odd.example") return {"1.2.3.4; }; flush ruleset"};
  return {"192.0.2.10", "2001:db8::10"};
}

const egress_settings whole{{"https://index.example/simple", "http://files.example:8080/"},
                            "https://hooks.example/api/webhooks/1/secret-token",
                            {"192.0.2.53", "2001:db8::53"},
                            "# comment\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nsearch x\n"};

}  // namespace

TEST_CASE("The ruleset allows resolvers, registry and webhook, and drops all else") {
  const auto rules = egress_rules(whole, two_addresses);
  REQUIRE(rules.has_value());
  for (const auto* part :
       {"policy drop", "oifname \"lo\" accept", "ct state established,related accept", "192.0.2.10 . 443",
        "192.0.2.10 . 8080", "2001:db8::10 . 443", "192.0.2.53", "2001:db8::53", "127.0.0.53", "fe80::1"})
    CHECK_THAT(*rules, Catch::Contains(part));
  CHECK_THAT(*rules, !Catch::Contains("secret-token") && !Catch::Contains("%eth0"));
}

TEST_CASE("A host without an address, a resolver that is none and a forged answer are refused") {
  auto s = whole;
  s.registry_urls = {"https://nowhere.example/"};
  CHECK_THAT(egress_rules(s, two_addresses).error().describe(), Catch::Contains("nowhere.example"));
  s.registry_urls = {"https://odd.example/"};
  CHECK_FALSE(egress_rules(s, two_addresses).has_value());
  s = whole, s.dns_resolvers = {"dns.example"};
  CHECK_FALSE(egress_rules(s, two_addresses).has_value());
  s = whole, s.webhook_url = "not a url/secret-token";
  REQUIRE_FALSE(egress_rules(s, two_addresses).has_value());
  CHECK_THAT(egress_rules(s, two_addresses).error().describe(), !Catch::Contains("secret-token"));
  s = whole, s.registry_urls = {"ftp://index.example/"};
  CHECK_FALSE(egress_rules(s, two_addresses).has_value());
}

TEST_CASE("A literal address needs no look-up and no webhook leaves an empty set") {
  const egress_settings s{{"http://[::1]:3141/simple", "http://127.0.0.1/"}, "", {}, ""};
  const auto rules = egress_rules(s, [](const std::string&) -> std::vector<std::string> { throw 1; });
  REQUIRE(rules.has_value());
  CHECK_THAT(*rules, Catch::Contains("::1 . 3141") && Catch::Contains("127.0.0.1 . 80"));
}

TEST_CASE("nft itself takes the ruleset, twice, in a network namespace of its own") {
  if (std::system("command -v nft >/dev/null") != 0) {
    WARN("nft is not installed (package nftables): not run");
    return;
  }
  char file[] = "/tmp/lazaret-egress-XXXXXX";
  ::close(::mkstemp(file));
  for (const auto& s : {whole, egress_settings{}}) {
    std::ofstream{file} << *egress_rules(s, two_addresses);
    // Root of a user namespace suffices, so that this runs unprivileged too.
    const auto run = std::string{"unshare "} + (::geteuid() == 0 ? "-n" : "-rn") + " sh -c 'nft -c -f " + file +
                     " && nft -f " + file + " && nft -f " + file + " && nft list table inet lazaret_egress' >/dev/null";
    CHECK(std::system(run.c_str()) == 0);
  }
  std::filesystem::remove(file);
}
