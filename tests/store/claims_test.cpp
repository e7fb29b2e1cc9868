#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;

TEST_CASE("a claim is one holder's: nobody else is given the document, and a result goes on with it") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download");
  CHECK(held.name == a_run("a"));
  CHECK(held.body == "a");
  CHECK(held.queue == "download");
  CHECK(held.token == 1);
  CHECK(held.deaths == 0);
  CHECK(held.losses == 0);
  CHECK(held.attempts == 1);
  CHECK(take(*subject, "download").empty());
  CHECK(depth(*subject, "download").held == 1);
  CHECK(*subject->settle(held, with("a2", in("execution"), {{"stage", "done"}})) == settlement::done);
  CHECK(body(*subject, "a") == "a2");
  CHECK(told(*subject, "a") == std::vector<std::string>{"1 stage done"});
  CHECK(depth(*subject, "download").held == 0);
  CHECK(depth(*subject, "execution").waiting == 1);
  const auto next = take_one(*subject, "execution");
  CHECK(next.body == "a2");
  CHECK(next.token == 2);
  CHECK(next.attempts == 1);
}

TEST_CASE("a claim survives a restart of the store") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download");
  subject.reopen();
  CHECK(take(*subject, "download").empty());
  CHECK(*subject->settle(held, with("done")) == settlement::done);
  CHECK(body(*subject, "a") == "done");
}

TEST_CASE("a settled claim settles nothing again") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download");
  const bool stays = GENERATE(false, true);
  CHECK(*subject->settle(held, with("once", stays ? std::optional{in("download")} : std::nullopt)) == settlement::done);
  CHECK(*subject->settle(held, with("twice", in("execution"), {{"end", "{}"}})) == settlement::superseded);
  CHECK(*subject->update(held, {"twice", {}, {}}, {}) == settlement::superseded);
  CHECK(*subject->put_back(held, {}, true) == settlement::superseded);
  CHECK(*subject->renew(held, long_lease) == settlement::superseded);
  CHECK(body(*subject, "a") == "once");
  CHECK(told(*subject, "a").empty());
  CHECK(depth(*subject, "execution").waiting == 0);
}

TEST_CASE("a lease that runs out gives the document to the next, and the first holder can write nothing any more") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  put(*subject, "b", in("download"));
  const auto dead = take_one(*subject, "download", short_lease);
  REQUIRE(dead.name.id == "a");
  const auto next = [&] {  // what ran out comes first
    std::vector<claim> got;
    REQUIRE(soon(
        [&] { return depth(*subject, "download").held == 1 && (std::this_thread::sleep_for(short_lease), true); }));
    return take_one(*subject, "download");
  }();
  CHECK(next.name.id == "a");
  CHECK(next.token > dead.token);
  CHECK(next.deaths == 0);
  CHECK(next.losses == 1);
  CHECK(next.attempts == 2);
  const event late{"stage", "late"};
  CHECK(*subject->settle(dead, with("late", in("execution"))) == settlement::superseded);
  CHECK(*subject->update(dead, {"late", {}, {}}, std::span{&late, 1}) == settlement::superseded);
  CHECK(*subject->put_back(dead, {}, false) == settlement::superseded);
  CHECK(*subject->renew(dead, long_lease) == settlement::superseded);
  CHECK(body(*subject, "a") == "a");
  CHECK(told(*subject, "a").empty());
  CHECK(*subject->settle(next, with("in time")) == settlement::done);
  CHECK(*subject->settle(dead, with("late")) == settlement::superseded);
  CHECK(body(*subject, "a") == "in time");
}

TEST_CASE("a lease that ran out still counts while nobody else has asked") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download", short_lease);
  std::this_thread::sleep_for(short_lease + milliseconds{200});
  CHECK(depth(*subject, "download").held == 1);
  SECTION("to settle") { CHECK(*subject->settle(held, with("done")) == settlement::done); }
  SECTION("to renew") {
    CHECK(*subject->renew(held, long_lease) == settlement::done);
    CHECK(take(*subject, "download").empty());
    CHECK(*subject->settle(held, with("done")) == settlement::done);
  }
}

TEST_CASE("a lease that is renewed does not run out") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download", short_lease);
  const auto until = std::chrono::steady_clock::now() + 3 * short_lease;
  bool lost = false;
  while (std::chrono::steady_clock::now() < until) {
    lost = lost || *subject->renew(held, short_lease) != settlement::done || !take(*subject, "download").empty();
    std::this_thread::sleep_for(milliseconds{50});
  }
  CHECK_FALSE(lost);
  CHECK(*subject->settle(held, with("done")) == settlement::done);
}

TEST_CASE("an update writes the document and its events and keeps the claim, and its lease as it was") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download", short_lease);
  const event begun{"stage", "begun"};
  CHECK(*subject->update(held, {"running", {{"status", "running"}}, {}}, std::span{&begun, 1}) == settlement::done);
  CHECK(body(*subject, "a") == "running");
  CHECK(told(*subject, "a") == std::vector<std::string>{"1 stage begun"});
  CHECK(subject->list("run", {{{"status", "running"}}, {}, 10})->bodies.size() == 1);
  CHECK(take_soon(*subject, "download").losses == 1);
}

TEST_CASE("what is put back waits again in front, and counts what happened to it") {
  ON_EACH_STORE();
  for (const auto* id : {"a", "b", "c"}) put(*subject, id, in("download"));
  const auto first = take_one(*subject, "download");
  const bool died = GENERATE(false, true);
  CHECK(*subject->put_back(first, {}, died) == settlement::done);
  CHECK(depth(*subject, "download").waiting == 3);
  CHECK(depth(*subject, "download").held == 0);
  CHECK(*subject->settle(first, with("late")) == settlement::superseded);
  const auto again = take_one(*subject, "download");
  CHECK(again.name.id == "a");
  CHECK(again.token == 2);
  CHECK(again.deaths == (died ? 1 : 0));
  CHECK(again.losses == 0);
  CHECK(again.attempts == 2);
}

TEST_CASE("what is put back until later is not given out before") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  put(*subject, "b", in("download"));
  const auto due = clock::now() + milliseconds{800};
  CHECK(*subject->put_back(take_one(*subject, "download"), due, false) == settlement::done);
  CHECK(take_one(*subject, "download").name.id == "b");
  const auto got = take_soon(*subject, "download");
  CHECK(got.name.id == "a");
  CHECK(clock::now() >= due);
}

TEST_CASE("what is not due yet waits, and holds up nobody") {
  ON_EACH_STORE();
  auto later = in("download");
  later.not_before = clock::now() + milliseconds{800};
  put(*subject, "later", later);
  put(*subject, "now", in("download"));
  CHECK(depth(*subject, "download").waiting == 2);
  CHECK(take_one(*subject, "download").name.id == "now");
  CHECK(take_soon(*subject, "download").name.id == "later");
  CHECK(clock::now() >= later.not_before);
}

TEST_CASE("deaths, losses and attempts go on in the same queue and begin anew in another") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  CHECK(*subject->put_back(take_one(*subject, "download"), {}, true) == settlement::done);
  lose(*subject, "download");
  CHECK(*subject->settle(take_one(*subject, "download"), with("again", in("download"))) == settlement::done);
  auto held = take_one(*subject, "download");
  CHECK(held.deaths == 1);
  CHECK(held.losses == 1);
  CHECK(held.attempts == 4);
  SECTION("another queue") {
    CHECK(*subject->settle(held, with("on", in("execution"))) == settlement::done);
    held = take_one(*subject, "execution");
    CHECK(held.token == 5);
  }
  SECTION("out of the queue, and in again") {
    CHECK(*subject->settle(held, with("poison")) == settlement::done);
    CHECK(*subject->amend(a_run("a"), [](const auto&) { return std::optional{with("again", in("download"))}; }) ==
          settlement::done);
    held = take_one(*subject, "download");
    CHECK(held.token > 4);
  }
  CHECK(held.deaths == 0);
  CHECK(held.losses == 0);
  CHECK(held.attempts == 1);
}

TEST_CASE("what a node held in its former life is free when it says so, and only that") {
  ON_EACH_STORE();
  for (const auto* id : {"a", "b", "c"}) put(*subject, id, in("download"));
  put(*subject, "d", in("execution"));
  const auto mine = take(*subject, "download", 1, long_lease, "node:1");
  const auto other = take(*subject, "download", 1, long_lease, "node:2");
  const auto elsewhere = take(*subject, "execution", 1, long_lease, "node:1");
  CHECK(*subject->abandon("node:1") == 2);
  const auto again = take_one(*subject, "download");
  CHECK(again.name.id == "a");
  CHECK(again.deaths == 0);
  CHECK(again.losses == 1);
  CHECK(take_one(*subject, "execution").name.id == "d");
  CHECK(*subject->settle(mine.front(), with("late")) == settlement::superseded);
  CHECK(*subject->settle(other.front(), with("done")) == settlement::done);
  CHECK(*subject->abandon("nobody") == 0);
}

TEST_CASE("a token grows whatever happens to the document") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  std::uint64_t last = 0;
  for (int n = 0; n < 5; ++n) {
    const auto held = take_one(*subject, "download");
    CHECK(held.token > last);
    last = held.token;
    if (n % 2 == 0)
      CHECK(*subject->put_back(held, {}, false) == settlement::done);
    else
      CHECK(*subject->settle(held, with("x", in("download"))) == settlement::done);
    if (n == 2) subject.reopen();
  }
}

TEST_CASE("a depth counts who waits and who is held") {
  ON_EACH_STORE();
  CHECK(depth(*subject, "download").waiting == 0);
  for (int i = 0; i < 5; ++i) put(*subject, "r" + std::to_string(i), in("download"));
  put(*subject, "other", in("execution"));
  const auto held = take(*subject, "download", 2);
  CHECK(held.size() == 2);
  CHECK(depth(*subject, "download").waiting == 3);
  CHECK(depth(*subject, "download").held == 2);
  subject.reopen();
  CHECK(depth(*subject, "download").waiting == 3);
  CHECK(depth(*subject, "download").held == 2);
  CHECK(*subject->put_back(held[0], {}, true) == settlement::done);
  CHECK(*subject->settle(held[1], with("x")) == settlement::done);
  CHECK(depth(*subject, "download").waiting == 4);
  CHECK(depth(*subject, "download").held == 0);
}
