#include <algorithm>
#include <atomic>
#include <set>

#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

TEST_CASE("many takers at once: each document is given to exactly one") {
  ON_EACH_STORE();
  const auto node = subject.data->open();
  constexpr int documents = 120;
  for (int i = 0; i < documents; ++i)
    put(*subject, "r" + std::to_string(i), in("download", "c" + std::to_string(i % 7)));
  std::mutex mutex;
  std::vector<std::string> given;
  std::atomic<int> bad = 0;
  at_once(8, [&](int i) {
    store& mine = i % 2 == 0 ? *subject : *node;
    for (;;) {
      const auto got = mine.take("download", "node:" + std::to_string(i), 3, long_lease);
      if (!got) ++bad;
      if (!got || got->empty()) return;
      for (const auto& c : *got) {
        if (*mine.settle(c, with("done", in("execution"))) != settlement::done) ++bad;
        const std::scoped_lock lock{mutex};
        given.push_back(c.name.id);
      }
    }
  });
  CHECK(bad == 0);
  CHECK(given.size() == documents);
  CHECK(std::set(given.begin(), given.end()).size() == documents);
  CHECK(depth(*subject, "download").waiting == 0);
  CHECK(depth(*subject, "download").held == 0);
  CHECK(depth(*subject, "execution").waiting == documents);
}

TEST_CASE("a whole life on many threads: added, worked on, put back, lost, canceled; all end once") {
  ON_EACH_STORE();
  const auto node = subject.data->open();
  constexpr int documents = 60;
  std::atomic<int> ended = 0, bad = 0;
  const auto is_open = [&] { return ended + bad < documents; };
  std::vector<std::jthread> crowd;
  for (int w = 0; w < 4; ++w) {
    crowd.emplace_back([&, w] {
      store& mine = w % 2 == 0 ? *subject : *node;
      const auto deadline = std::chrono::steady_clock::now() + seconds{60};
      for (int n = w; is_open() && std::chrono::steady_clock::now() < deadline; ++n) {
        for (const auto* queue : {"download", "execution"}) {
          const auto got = mine.take(queue, "node:" + std::to_string(w), 2, short_lease);
          if (!got) {
            ++bad;
            continue;
          }
          for (const auto& c : *got) {
            if (c.attempts == 1 && n % 5 == 0) continue;  // lost: its lease runs out
            if (c.attempts <= 2 && n % 3 == 0) {
              if (!mine.put_back(c, {}, true)) ++bad;
              continue;
            }
            const bool last = c.queue == "execution";
            change outcome =
                with(c.body + "+", last ? std::nullopt : std::optional{in("execution")}, {{"stage", queue}});
            if (last) outcome.now.ended_at = clock::now();
            const auto how = mine.settle(c, outcome);
            if (!how)
              ++bad;
            else if (last && *how == settlement::done)
              ++ended;
          }
        }
        if (n % 4 == 0) std::this_thread::sleep_for(milliseconds{10});
      }
    });
  }
  for (int i = 0; i < documents; ++i) put(*subject, "r" + std::to_string(i), in("download", std::to_string(i % 3)));
  crowd.clear();
  CHECK(bad == 0);
  CHECK(ended == documents);
  for (int i = 0; i < documents; ++i) {
    const auto id = "r" + std::to_string(i);
    CHECK(body(*subject, id) == id + "++");
    CHECK(told(*subject, id) == std::vector<std::string>{"1 stage download", "2 stage execution"});
  }
  CHECK(subject->ended("run", clock::now() + seconds{1}, 1000)->size() == documents);
}
