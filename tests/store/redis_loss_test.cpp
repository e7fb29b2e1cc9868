// Answers that are lost, and a Redis that is killed, stopped or emptied meanwhile.

#include <atomic>
#include <csignal>
#include <set>

#include "actors/store/redis_store.hpp"
#include "tests/store/backend.hpp"
#include "tests/store/redis_process.hpp"
#include "tests/store/redis_proxy.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

namespace {

constexpr redis::server_options hasty{milliseconds{500}, milliseconds{500}, 16, milliseconds{5}, milliseconds{50}};

std::unique_ptr<store> open(const std::string& url) { return open_redis_store(url, hasty).value(); }

}  // namespace

TEST_CASE("a call whose answer is lost is asked again and done once") {
  redis_process server;
  const auto at = server.folder().path() / "proxy.sock";
  lossy_proxy proxy{at, server.socket()};
  const auto node = open("unix://" + at.string());
  store& s = *node;

  proxy.lose_next_reply_to("run:a");
  const auto added = s.add(a_run("a"), with("a", in("download"), {{"status", "queued"}}), 0, {});
  REQUIRE(added);
  CHECK(proxy.has_lost());
  CHECK(added->what == admission::kind::added);
  CHECK(depth(s, "download").waiting == 1);

  proxy.lose_next_reply_to("node:7");
  const auto got = s.take("download", "node:7", 5, long_lease);
  REQUIRE(got);
  CHECK(proxy.has_lost());
  REQUIRE(got->size() == 1);
  CHECK(got->front().token == 1);
  CHECK(got->front().attempts == 1);
  CHECK(got->front().deaths == 0);

  proxy.lose_next_reply_to("begun");
  const event begun{"stage", "begun"};
  const auto updated = s.update(got->front(), {"begun", {}, {}}, std::span{&begun, 1});
  REQUIRE(updated);
  CHECK(proxy.has_lost());
  CHECK(*updated == settlement::done);

  proxy.lose_next_reply_to("run:a");
  CHECK(*s.put_back(got->front(), {}, true) == settlement::done);
  CHECK(proxy.has_lost());

  const auto again = take_one(s, "download");
  CHECK(again.deaths == 1);
  CHECK(again.token == 2);
  proxy.lose_next_reply_to("over");
  const auto done = s.settle(again, with("over", {}, {{"end", "{}"}}));
  REQUIRE(done);
  CHECK(proxy.has_lost());
  CHECK(*done == settlement::done);

  proxy.lose_next_reply_to("amended");
  const auto amended = s.amend(a_run("a"), [](const auto&) {
    return std::optional{with("amended", {}, {{"note", "x"}})};
  });
  REQUIRE(amended);
  CHECK(proxy.has_lost());
  CHECK(*amended == settlement::done);
  CHECK(told(s, "a") == std::vector<std::string>{"1 status queued", "2 stage begun", "3 end {}", "4 note x"});

  SECTION("but an event that is appended: it says that it doesn't know") {
    proxy.lose_next_reply_to("observation");
    CHECK_FALSE(s.append(a_run("a"), {"observation", "x"}, 10));
    CHECK(proxy.has_lost());
    CHECK(told(s, "a").size() == 5);
  }
}

TEST_CASE("a crash that is told twice since the answer was lost counts once") {
  redis_process server;
  const auto at = server.folder().path() / "proxy.sock";
  lossy_proxy proxy{at, server.socket()};
  const auto node = open("unix://" + at.string());
  put(*node, "a", in("download"));
  const bool taken_since = GENERATE(false, true);
  const auto crashed = taken_since ? lose(*node, "download") : take_one(*node, "download");
  if (taken_since) CHECK(*node->put_back(take_one(*node, "download"), {}, false) == settlement::done);
  proxy.lose_next_reply_to("run:a");
  CHECK(node->blame(a_run("a"), crashed.token));
  CHECK(proxy.has_lost());
  const auto again = take_one(*node, "download");
  CHECK(again.deaths == 1);
  CHECK(again.losses == 0);
}

TEST_CASE("a Redis that was killed between two calls and came back costs nothing") {
  redis_process server{{"--appendfsync", "always"}};  // else it answers before it has written, when its disk is busy
  const auto node = open(server.url());
  put(*node, "a", in("download"));
  put(*node, "b", in("download"));
  const auto held = take_one(*node, "download");
  bell rung;
  const auto watch = node->watch_queue("download", rung.rope());
  server.kill();
  server.start();
  CHECK(body(*node, "a") == "a");
  CHECK(*node->renew(held, long_lease) == settlement::done);
  CHECK(*node->settle(held, with("done")) == settlement::done);
  CHECK(take_one(*node, "download").name.id == "b");
  const auto before = rung.rung();
  put(*node, "c", in("download"));
  CHECK(rung.rings_after(before));
}

TEST_CASE("a Redis that is killed again and again while many work on it: what it accepted ends once") {
  redis_process server{{"--appendfsync", "always"}};
  std::atomic<int> settled = 0, refused = 0;
  std::atomic<bool> all_added = false;
  std::mutex mutex;
  std::set<std::string> accepted;
  constexpr int adders = 3, of_each = 150;
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < adders; ++i) {
      crowd.emplace_back([&, i] {
        const auto node = open(server.url());
        for (int n = 0; n < of_each; ++n) {
          const auto id = std::to_string(i) + "-" + std::to_string(n);
          const auto got = node->add(a_run(id), with(id, in("download")), 0, {});
          if (!got) {
            ++refused;
            std::this_thread::sleep_for(milliseconds{5});
            continue;
          }
          const std::scoped_lock lock{mutex};
          accepted.insert(id);
        }
      });
    }
    std::vector<std::jthread> workers;
    for (int i = 0; i < 3; ++i) {
      workers.emplace_back([&, i] {
        const auto node = open(server.url());
        const auto deadline = std::chrono::steady_clock::now() + seconds{60};
        while (std::chrono::steady_clock::now() < deadline) {
          const auto got = node->take("download", "node:" + std::to_string(i), 4, short_lease);
          if (got && got->empty() && all_added && node->depth("download")->held == 0) return;
          if (!got || got->empty()) {
            std::this_thread::sleep_for(milliseconds{5});
            continue;
          }
          for (const auto& c : *got) {
            const auto how = node->settle(c, with(c.body + "+", {}, {{"end", "{}"}}));
            if (how && *how == settlement::done) ++settled;
          }
        }
      });
    }
    for (int n = 0; n < 6; ++n) {
      const auto before = settled.load();
      soon([&] { return settled > before + 20; });
      server.kill();
      std::this_thread::sleep_for(milliseconds{50});
      server.start();
    }
    crowd.clear();
    all_added = true;
  }
  CAPTURE(refused.load(), settled.load());
  const auto node = open(server.url());
  CHECK(depth(*node, "download").waiting == 0);
  CHECK(depth(*node, "download").held == 0);
  CHECK(accepted.size() > 100);
  for (const auto& id : accepted) {
    INFO(id);
    CHECK(body(*node, id) == id + "+");
    CHECK(told(*node, id) == std::vector<std::string>{"1 end {}"});
  }
}

TEST_CASE("a Redis that is stopped makes calls fail in time, and they succeed when it goes on") {
  redis_process server;
  const auto node = open(server.url());
  put(*node, "other", in("download"));
  CHECK(*node->settle(take_one(*node, "download"), with("done")) == settlement::done);  // the script is known there
  put(*node, "a", in("download"));
  const auto held = take_one(*node, "download");
  server.signal(SIGSTOP);
  const auto begun = std::chrono::steady_clock::now();
  const auto got = node->settle(held, with("late", {}, {{"end", "{}"}}));
  const auto trouble = node->trouble();
  const auto took = std::chrono::steady_clock::now() - begun;
  server.signal(SIGCONT);
  REQUIRE_FALSE(got);
  CHECK(got.error().describe().find("Redis does not answer") != std::string::npos);
  REQUIRE(trouble);
  CHECK(took < seconds{4});
  CHECK(soon([&] { return !node->trouble(); }));
  // "perhaps written": the stopped server had the request in its socket.
  CHECK(soon([&] { return body(*node, "a") == "late"; }));
  CHECK(*node->settle(held, with("late", {}, {{"end", "{}"}})) == settlement::superseded);
  CHECK(told(*node, "a").size() == 1);
}

TEST_CASE("a Redis that comes back empty is a store without documents, and takes new ones") {
  redis_process server;
  const auto node = open(server.url());
  put(*node, "a", in("download"));
  const auto held = take_one(*node, "download");
  server.kill();
  server.start(true);
  CHECK(*node->settle(held, with("done", in("download"))) == settlement::gone);
  CHECK(body(*node, "a") == "(gone)");
  CHECK(take(*node, "download").empty());
  put(*node, "a", in("download"));
  CHECK(take_one(*node, "download").token == 1);
  CHECK(server.cli({"GET", "lazaret:schema"}) == "1");
}

TEST_CASE("a Redis that is away when the store is opened is waited for") {
  redis_process server;
  server.kill();
  const auto node = open(server.url());
  const auto trouble = node->trouble();
  REQUIRE(trouble);
  CHECK(trouble->find("is Redis running there?") != std::string::npos);
  bell rung;
  const auto watch = node->watch_queue("download", rung.rope());
  CHECK_FALSE(node->add(a_run("a"), with("a"), 0, {}));
  server.start();
  CHECK(soon([&] { return !node->trouble(); }));
  put(*node, "a", in("download"));
  CHECK(soon([&] { return rung.rung() > 0; }));
  CHECK(take_one(*node, "download").name.id == "a");
}
