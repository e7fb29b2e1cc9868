#include <atomic>

#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

TEST_CASE("events are read from where the reader was, at most as many as it wants") {
  ON_EACH_STORE();
  REQUIRE(subject->add(a_run("a"), with("a", {}, {{"status", "1"}, {"status", "2"}}), 0, {}));
  for (const auto* data : {"3", "4", "5"}) REQUIRE(subject->append(a_run("a"), {"observation", data}, 500));
  CHECK(told(*subject, "a", 3) == std::vector<std::string>{"4 observation 4", "5 observation 5"});
  CHECK(told(*subject, "a", 1, 2) == std::vector<std::string>{"2 status 2", "3 observation 3"});
  CHECK(told(*subject, "a", 5).empty());
  CHECK(told(*subject, "a", ~std::uint64_t{0}).empty());
  CHECK(told(*subject, "a", 0, 0).empty());
  CHECK(told(*subject, "b").empty());
}

TEST_CASE("a document takes so many events of a type and drops the rest, without a gap in the numbers") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  for (int i = 0; i < 5; ++i) REQUIRE(subject->append(a_run("a"), {"observation", std::to_string(i)}, 3));
  REQUIRE(subject->append(a_run("a"), {"status", "x"}, 1));
  CHECK(*subject->settle(take_one(*subject, "download"), with("a", {}, {{"end", "y"}, {"observation", "z"}})) ==
        settlement::done);
  CHECK(told(*subject, "a") == std::vector<std::string>{"1 observation 0", "2 observation 1", "3 observation 2",
                                                        "4 status x", "5 end y", "6 observation z"});
}

TEST_CASE("what has ended takes no more events: who comes late adds nothing") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  change last = with("a", {}, {{"end", "x"}});
  last.now.ended_at = lazaret::durable::clock::now();
  CHECK(*subject->settle(take_one(*subject, "download"), last) == settlement::done);
  CHECK(subject->append(a_run("a"), {"observation", "late"}, 10));
  CHECK(told(*subject, "a") == std::vector<std::string>{"1 end x"});
}

TEST_CASE("an event of what is not there is dropped") {
  ON_EACH_STORE();
  CHECK(subject->append(a_run("a"), {"observation", "x"}, 10));
  CHECK(told(*subject, "a").empty());
  put(*subject, "a", {});
  CHECK(told(*subject, "a").empty());
}

TEST_CASE("events that many threads append at once are numbered from 1 without a gap") {
  ON_EACH_STORE();
  put(*subject, "a", {});
  put(*subject, "b", {});
  std::atomic<int> bad = 0;
  at_once(8, [&](int i) {
    for (int n = 0; n < 25; ++n) {
      const event one{"observation", std::to_string(i) + "." + std::to_string(n)};
      if (!subject->append(a_run(n % 2 == 0 ? "a" : "b"), one, 1000)) ++bad;
    }
  });
  CHECK(bad == 0);
  std::size_t all = 0;
  for (const auto* id : {"a", "b"}) {
    const auto events = *subject->events(a_run(id), 0, 1000);
    for (std::size_t n = 0; n < events.size(); ++n) CHECK(events[n].id == n + 1);
    all += events.size();
  }
  CHECK(all == 200);
}

TEST_CASE("who watches a document is told of its events, and of nobody else's") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  bell mine;
  auto watch = subject->watch_events(a_run("a"), mine.rope());
  const auto rings = [&](const auto& write) {
    const auto before = mine.rung();
    write();
    return mine.rings_after(before);
  };
  CHECK(rings([&] { REQUIRE(subject->append(a_run("a"), {"observation", "x"}, 10)); }));
  const auto held = take_one(*subject, "download");
  const event begun{"stage", "begun"};
  CHECK(rings([&] { REQUIRE(subject->update(held, {"b", {}, {}}, std::span{&begun, 1})); }));
  CHECK(rings([&] { REQUIRE(subject->settle(held, with("c", {}, {{"end", "y"}}))); }));
  CHECK(rings([&] {
    REQUIRE(subject->amend(a_run("a"), [](const auto&) { return std::optional{with("d", {}, {{"status", "z"}})}; }));
  }));
  CHECK(told(*subject, "a").size() == 4);
}

TEST_CASE("a watch of a document that is yet to come rings with its first event") {
  ON_EACH_STORE();
  bell mine;
  const auto watch = subject->watch_events(a_run("a"), mine.rope());
  const auto before = mine.rung();
  REQUIRE(subject->add(a_run("a"), with("a", {}, {{"status", "queued"}}), 0, {}));
  CHECK(mine.rings_after(before));
}

TEST_CASE("another node's events ring too") {
  ON_EACH_STORE();
  const auto node = subject.data->open();
  put(*subject, "a", {});
  bell mine;
  const auto watch = subject->watch_events(a_run("a"), mine.rope());
  REQUIRE(node->append(a_run("a"), {"observation", "x"}, 10));
  CHECK(soon([&] { return mine.rung() > 0 && told(*subject, "a").size() == 1; }));
}

TEST_CASE("who watches a queue is told of what comes to it, by whichever way and node") {
  ON_EACH_STORE();
  const auto node = subject.data->open();
  bell mine;
  auto watch = subject->watch_queue("download", mine.rope());
  const auto brings = [&](const auto& write) {
    write();
    return soon([&, before = mine.rung()]() mutable {
      if (!take(*subject, "download").empty()) return true;
      if (!mine.rings_after(before)) return false;
      before = mine.rung();
      return false;
    });
  };
  CHECK(brings([&] { put(*subject, "a", in("download")); }));
  CHECK(brings([&] { put(*node, "b", in("download")); }));
  put(*subject, "c", in("analysis"));
  CHECK(brings([&] { REQUIRE(subject->settle(take_one(*subject, "analysis"), with("c", in("download")))); }));
  put(*subject, "d", {});
  CHECK(brings([&] {
    REQUIRE(subject->amend(a_run("d"), [](const auto&) { return std::optional{with("d", in("download"))}; }));
  }));
  auto later = in("download");
  later.not_before = clock::now() + milliseconds{500};
  CHECK(brings([&] { put(*subject, "e", later); }));
  put(*subject, "f", in("download"));
  const auto dead = take_one(*subject, "download", short_lease);
  CHECK(brings([] {}));
}

TEST_CASE("a watch that has gone is silent, also when others are many") {
  ON_EACH_STORE();
  put(*subject, "a", {});
  bell kept, gone;
  auto stays = subject->watch_events(a_run("a"), kept.rope());
  auto goes = subject->watch_events(a_run("a"), gone.rope());
  goes.reset();
  const auto silent = gone.rung();
  const auto before = kept.rung();
  REQUIRE(subject->append(a_run("a"), {"observation", "x"}, 10));
  CHECK(kept.rings_after(before));
  CHECK(gone.rung() == silent);
}

TEST_CASE("watches may come and go while others write") {
  ON_EACH_STORE();
  put(*subject, "a", {});
  std::atomic<int> bad = 0;
  at_once(4, [&](int i) {
    for (int n = 0; n < 25; ++n) {
      if (i % 2 == 0) {
        bell own;
        const auto events = subject->watch_events(a_run("a"), own.rope());
        const auto queue = subject->watch_queue("download", own.rope());
      } else if (!subject->append(a_run("a"), {"observation", "x"}, 1000)) {
        ++bad;
      }
    }
  });
  CHECK(bad == 0);
}

TEST_CASE("a watch may outlive the store") {
  ON_EACH_STORE();
  bell mine;
  const auto events = subject->watch_events(a_run("a"), mine.rope());
  const auto queue = subject->watch_queue("download", mine.rope());
  subject.reopen();
}
