/// What a jailed npm, or whoever runs in its place, may get out of the gateway, and what a registry may do to it. That
/// the real npm gets along with it is tests/integration/test_npm.py.
#include <catch2/catch.hpp>

#include "actors/download/npm_gateway.hpp"
#include "tests/download/station.hpp"

using namespace lazaret;
using namespace lazaret::download;
using tests::station;

namespace {

struct shop {
  explicit shop(std::string registry_url, std::uint64_t cap = 300'000'000) : budget{sandbox::bytes{cap}} {
    npm_options options;
    options.registry_url = std::move(registry_url);
    options.fetch = station::quick().fetch;
    upstream = std::move(npm_registry::open(std::move(options), s.upstream->cache(), s.count).value());
    out.emplace(*upstream, budget, npm_gateway_options{.own_address = "http://127.0.0.1:3141", .denylist = {"torch"}});
  }
  gateway_response get(std::string target, std::string method = "GET") {
    return out->answer({std::move(method), std::move(target), "*/*"}, {});
  }
  station s;
  download_budget budget;
  std::unique_ptr<npm_registry> upstream;
  std::optional<npm_gateway> out;
};

}  // namespace

TEST_CASE("Names of npm packages, and what is none") {
  for (const char* name : {"a", "left-pad", "@types/node", "JSONStream", "_", "-", "a.b~c_d", "@a/b.c"})
    CHECK(is_npm_name(name));
  for (const char* none : {"", ".", "..", ".hidden", "a/b", "@a", "@/b", "@a/", "@a/..", "@../a", "@a/b/c", "a b",
                           "a%2fb", "a\\b", "a?b", "a#b", "a\nb", "http://a", "\xc3\xa4"})
    CHECK_FALSE(is_npm_name(none));
  CHECK(is_npm_name(std::string(214, 'a')));
  CHECK_FALSE(is_npm_name(std::string(215, 'a')));
}

TEST_CASE("Only what lies at the registry's own address and below its path is the registry's") {
  station s;
  const auto at = [&](std::string url) {
    npm_options options;
    options.registry_url = std::move(url);
    return std::move(npm_registry::open(std::move(options), s.upstream->cache(), s.count).value());
  };
  const auto plain = at("https://npm.example/team");
  for (const char* ours : {"https://npm.example/team/a/-/a-1.tgz", "https://NPM.example/team/a",
                           "HTTPS://npm.example/team/@s%2fa/-/a.tgz"})
    CHECK(plain->is_ours(ours));
  for (const char* other : {"",
                            "a.tgz",
                            "/team/a.tgz",
                            "//npm.example/team/a.tgz",
                            "http://npm.example/team/a.tgz",
                            "https://npm.example:444/team/a.tgz",
                            "https://npm.example/teamwork/a.tgz",
                            "https://npm.example/a.tgz",
                            "https://npm.example/team/../a.tgz",
                            "https://npm.example/team/x/../a.tgz",
                            "https://npm.example/team/%2e%2e/a.tgz",
                            "https://npm.example/team/..%2fa.tgz/",
                            "https://npm.example.evil.example/team/a.tgz",
                            "https://npm.example@evil.example/team/a.tgz",
                            "https://user:word@npm.example/team/a.tgz",
                            "https://evil.example/https://npm.example/team/",
                            "file:///etc/passwd",
                            "https://npm.example/team/a.tgz#b",
                            "https://npm.example/team/a\\..\\b",
                            "https://npm.example/team/a b"})
    CHECK_FALSE(plain->is_ours(other));
  CHECK(at("http://[::1]:4873")->is_ours("http://[::1]:4873/a/-/a.tgz"));
  CHECK_FALSE(at("http://[::1]:4873")->is_ours("http://[::1]:4874/a/-/a.tgz"));
  npm_options none;
  none.registry_url = "not a URL";
  CHECK(npm_registry::open(std::move(none), s.upstream->cache(), s.count).has_error());
}

TEST_CASE("Whatever a registry answers in place of a packument is an error for npm, and within the cap") {
  station place;
  for (const char* what : {"short", "long", "digest", "loop", "endless", "announced", "drip", "reset", "headers",
                           "nothing", "nonsense", "gzip-bomb", "once", "absent"}) {
    INFO(what);
    shop r{place.index.url("/bad"), 50'000'000};
    const auto answer = r.get("/npm/" + std::string{what});
    CHECK(answer.status >= 400);
    CHECK_FALSE(answer.file);
    CHECK(r.budget.used() <= 50'000'000);
  }
}

TEST_CASE("What is asked for in another way than npm's is not asked of the registry") {
  shop r{"http://127.0.0.1:1"};  // where nobody listens: a question would be a 502
  for (const char* target :
       {"/npm", "/npm/", "/npm/..", "/npm/../a", "/npm/%2e%2e%2fa", "/npm/a/b", "/npm/@a", "/npm/@a%2f..", "/npm/a%00",
        "/npm/http://x/", "/npm/-/ping", "/npm/-/files/", "/npm/-/files/0/1.0.0.tgz", "/npm/-/files/x/1.tgz",
        "/npm/-/files/99999999999999999999999/1.tgz", "/simple/a/"})
    CHECK(r.get(target).status == 404);
  CHECK(r.get("/npm/a", "POST").status == 405);
  CHECK(r.get("/npm/torch").status == 403);
  CHECK(r.get("/npm/" + std::string(2000, 'a')).status == 414);
  CHECK(r.get("/npm/a").status == 502);
}
