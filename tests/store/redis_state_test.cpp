// A Redis that can't or may not do what it is asked: full, read-only, misconfigured, newer, somebody else's.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <set>
#include <sstream>

#include "actors/store/redis_store.hpp"
#include "tests/store/backend.hpp"
#include "tests/store/redis_process.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

namespace {

constexpr redis::server_options hasty{milliseconds{500}, milliseconds{500}, 16, milliseconds{5}, milliseconds{50}};

std::unique_ptr<store> open(const std::string& url) { return open_redis_store(url, hasty).value(); }

std::string refusal(const std::string& url) {
  const auto got = open_redis_store(url, hasty);
  return got ? "" : got.error().describe();
}

bool says(const std::optional<std::string>& text, std::string_view what) {
  UNSCOPED_INFO(text.value_or("(nothing)"));
  return text && text->find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a Redis without memory takes nothing new, lets what it has end, and recovers by itself") {
  redis_process server;
  const auto node = open(server.url());
  put(*node, "a", in("download"));
  put(*node, "b", in("download"));
  const auto held = take_one(*node, "download");
  server.cli({"CONFIG", "SET", "maxmemory", "1mb"});
  const auto got = node->add(a_run("c"), with("c", in("download")), 0, {});
  REQUIRE_FALSE(got);
  CHECK(says(got.error().describe(), "out of memory"));
  CHECK(body(*node, "c") == "(gone)");
  CHECK(depth(*node, "download").waiting == 1);
  CHECK(says(node->trouble(), "out of memory"));
  CHECK_FALSE(node->append(a_run("a"), {"observation", "x"}, 10));
  CHECK(*node->renew(held, long_lease) == settlement::done);
  CHECK(*node->settle(held, with("done", in("execution"), {{"stage", "x"}})) == settlement::done);
  CHECK(take_one(*node, "execution").body == "done");
  server.cli({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(node->trouble() == std::nullopt);
  put(*node, "c", in("download"));
}

TEST_CASE("a Redis that becomes a replica refuses to write, says so, and recovers by itself") {
  redis_process server;
  const auto node = open(server.url());
  put(*node, "a", in("download"));
  server.cli({"REPLICAOF", "127.0.0.1", "1"});
  const auto got = node->take("download", "node:1", 1, long_lease);
  REQUIRE_FALSE(got);
  CHECK(says(got.error().describe(), "read-only replica"));
  CHECK(says(node->trouble(), "read-only replica"));
  CHECK(body(*node, "a") == "a");
  server.cli({"REPLICAOF", "NO", "ONE"});
  CHECK(node->trouble() == std::nullopt);
  CHECK(take_one(*node, "download").name.id == "a");
}

TEST_CASE("a connection to what became a replica is not kept, whether one thing was asked of it or many") {
  redis_process server;
  const auto node = open(server.url());
  put(*node, "a", in("download"));
  const auto connections = [&] {
    std::set<std::string> ids;
    std::istringstream lines{server.cli({"CLIENT", "LIST", "TYPE", "normal"})};
    for (std::string line; std::getline(lines, line);)
      if (line.find(" cmd=client") == std::string::npos) ids.insert(line.substr(0, line.find(' ')));
    return ids;
  };
  const auto before = connections();
  REQUIRE(before.size() == 1);
  server.cli({"REPLICAOF", "127.0.0.1", "1"});
  CHECK(connections() == before);
  const addition one{a_run("b"), with("b"), 0, {}}, other{a_run("c"), with("c"), 0, {}};
  SECTION("many") {
    for (const auto& got : node->add_all(std::array{one, other})) {
      REQUIRE_FALSE(got);
      CHECK(says(got.error().describe(), "read-only replica"));
    }
  }
  SECTION("one") { CHECK_FALSE(node->add(one.what, one.first, 0, {})); }
  CHECK(soon([&] { return connections().empty(); }));
  server.cli({"REPLICAOF", "NO", "ONE"});
  for (const auto& got : node->add_all(std::array{one, other})) CHECK(got);
}

TEST_CASE("a Redis that can't write its snapshot takes nothing until it can") {
  redis_process server{{"--save", "3600 100000"}};
  const auto node = open(server.url());
  std::filesystem::create_directories(server.folder().path() / "dump.rdb" / "in the way");
  server.cli({"BGSAVE"});
  CHECK(soon([&] { return says(node->trouble(), "can't write to its disk"); }));
  CHECK_FALSE(node->add(a_run("a"), with("a"), 0, {}));
  std::filesystem::remove_all(server.folder().path() / "dump.rdb");
  server.cli({"BGSAVE"});
  CHECK(soon([&] { return !node->trouble(); }));
  put(*node, "a", {});
}

TEST_CASE("a Redis that evicts keys is refused, and complained of when it begins to") {
  redis_process server;
  const auto node = open(server.url());
  server.cli({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  CHECK(node->trouble() == std::nullopt);  // without a limit it evicts nothing
  server.cli({"CONFIG", "SET", "maxmemory", "1gb"});
  CHECK(says(node->trouble(), "allkeys-lru"));
  CHECK(says(refusal(server.url()), "set it to noeviction"));
  server.cli({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  CHECK(node->trouble() == std::nullopt);
  CHECK(refusal(server.url()).empty());
}

TEST_CASE("data of a newer version are refused, also when they come later") {
  redis_process server;
  const auto node = open(server.url());
  put(*node, "a", {});
  server.cli({"SET", "lazaret:schema", "99"});
  CHECK(says(refusal(server.url()), "newer Lazaret (schema 99"));
  CHECK(refusal(server.url("other:")).empty());
  server.cli({"CLIENT", "KILL", "TYPE", "normal"});
  CHECK(says(node->trouble(), "newer Lazaret"));
  server.cli({"SET", "lazaret:schema", "mine"});
  CHECK(says(refusal(server.url()), "used by something else"));
}

TEST_CASE("a prefix and a database keep stores apart") {
  redis_process server;
  const auto one = open(server.url("one:")), two = open(server.url("two:")), three = open(server.url("one:") + "&db=3");
  put(*one, "a", in("download"));
  bell rung;
  const auto watch = three->watch_events(a_run("a"), rung.rope());
  for (const auto* other : {&two, &three}) {
    CHECK(body(**other, "a") == "(gone)");
    CHECK(take(**other, "download").empty());
  }
  CHECK(server.cli({"-n", "3", "KEYS", "*"}) == "one:schema");
  CHECK(says(refusal(server.url() + "&db=1000"), "no database of that number"));
}

TEST_CASE("a password is needed, may be wrong, and is told to nobody") {
  redis_process server{{"--requirepass", "hunter2", "--user", "worker", "on", ">topsecret", "~*", "&*", "+@all"}};
  const auto with_password = [&](const std::string& who) { return "unix://" + who + "@" + server.socket(); };
  CHECK(says(refusal("unix://" + server.socket()), "wants a password"));
  const auto wrong = refusal(with_password(":hunter3"));
  CHECK(says(wrong, "does not know that user and password"));
  CHECK(wrong.find("hunter") == std::string::npos);
  const auto node = open(with_password(":hunter2"));
  put(*node, "a", {});
  CHECK(body(*open(with_password("worker:topsecret")), "a") == "a");
  CHECK(says(refusal(with_password("nobody:topsecret")), "does not know that user and password"));
}

TEST_CASE("a user of few rights is enough, and is told when it is too few") {
  const auto user = [](const std::string& who) {
    return std::vector<std::string>{"--user",     who,     "on",          ">pw",  "~lazaret:*",
                                    "&lazaret:*", "+@all", "-@dangerous", "+info"};
  };
  auto options = user("few");
  for (const auto& word : user("fewer")) options.push_back(word);
  options.emplace_back("-xclaim");
  redis_process server{options};
  const auto node = open("unix://few:pw@" + server.socket());
  put(*node, "a", in("download"));
  const auto held = take_one(*node, "download");
  CHECK(*node->renew(held, long_lease) == settlement::done);
  CHECK(node->trouble() == std::nullopt);
  CHECK(node->tidy(10));
  CHECK(*node->abandon("node:1") == 1);
  CHECK(says(refusal("unix://fewer:pw@" + server.socket()), "may not do that"));
}

TEST_CASE("what is no Redis is a failure, not a crash") {
  const int port = free_port();
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = ::htons(static_cast<std::uint16_t>(port));
  where.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(listening, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  REQUIRE(::listen(listening, 8) == 0);
  const std::string said = GENERATE(as<std::string>{}, "HTTP/1.1 400 Bad Request\r\n\r\n", "*1000000000\r\n", "$-7\r\n",
                                    "$99999999999999999999\r\n",
                                    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", ":1\r\n", "");
  std::jthread other{[&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const int client = ::accept(listening, nullptr, nullptr);
      if (client < 0) return;
      (void)!::write(client, said.data(), said.size());
      std::this_thread::sleep_for(milliseconds{20});
      ::close(client);
    }
  }};
  {
    const auto got = open_redis_store("redis://127.0.0.1:" + std::to_string(port), hasty);
    if (got) {
      CHECK((*got)->trouble());
      CHECK_FALSE((*got)->add(a_run("a"), with("a"), 0, {}));
    } else {
      CHECK_FALSE(got.error().describe().empty());
    }
  }
  other.request_stop();
  ::shutdown(listening, SHUT_RDWR);
  other.join();
  ::close(listening);
}
