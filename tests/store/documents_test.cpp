#include <algorithm>
#include <atomic>

#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;
using what = admission::kind;

namespace {

document faceted(std::string body, std::string status, std::string package) {
  return {std::move(body), {{"status", std::move(status)}, {"package", std::move(package)}}, {}};
}
void put_faceted(store& s, const std::string& id, const std::string& status, const std::string& package) {
  REQUIRE(s.add(a_run(id), {faceted(id, status, package), {}, {}}, 0, {})->what == what::added);
}
listed page(store& s, list_filter filter) {
  auto got = s.list("run", filter);
  REQUIRE(got);
  return std::move(*got);
}
idempotency key(std::string k, std::string fingerprint = "f", seconds keep = seconds{60}) {
  return {std::move(k), std::move(fingerprint), keep};
}
change ended(std::string body, clock::time_point at, std::optional<place> next = {}) {
  return {{std::move(body), {}, at}, std::move(next), {}};
}

}  // namespace

TEST_CASE("a document that was added is found, with its events, also after a restart") {
  ON_EACH_STORE();
  const auto got =
      subject->add(a_run("a"), with("{\"x\":1}", in("download"), {{"status", "one"}, {"stage", "two"}}), 0, {});
  REQUIRE(got);
  CHECK(got->what == what::added);
  CHECK(got->id == "a");
  subject.reopen();
  CHECK(body(*subject, "a") == "{\"x\":1}");
  CHECK(told(*subject, "a") == std::vector<std::string>{"1 status one", "2 stage two"});
  CHECK(take_one(*subject, "download").name == a_run("a"));
  CHECK(body(*subject, "b") == "(gone)");
  CHECK_FALSE(subject->find({"job", "a"})->has_value());
}

TEST_CASE("an id is unique within its kind") {
  ON_EACH_STORE();
  put(*subject, "a", {});
  const auto again = subject->add(a_run("a"), with("other", in("download"), {{"status", "x"}}), 0, {});
  REQUIRE(again);
  CHECK(again->what == what::exists);
  CHECK(again->id == "a");
  CHECK(body(*subject, "a") == "a");
  CHECK(told(*subject, "a").empty());
  CHECK(take(*subject, "download").empty());
  CHECK(subject->add({"job", "a"}, with("a job"), 0, {})->what == what::added);
  CHECK(**subject->find({"job", "a"}) == "a job");
}

TEST_CASE("many that are added at once are each added, or not, as if one came after the other") {
  ON_EACH_STORE();
  put(*subject, "a", {});
  const std::vector<addition> them{{a_run("b"), with("b", in("download"), {{"status", "x"}}), 2, key("k")},
                                   {a_run("a"), with("other", in("download")), 2, {}},
                                   {a_run("no such id can be"), with("bad", in("download")), 2, {}},
                                   {a_run("c"), with("b", in("download")), 2, key("k")},
                                   {a_run("d"), with("d", in("download")), 2, {}},
                                   {a_run("e"), with("e", in("download")), 2, {}},
                                   {a_run("f"), with("f"), 0, key("k", "g")}};
  const auto got = subject->add_all(them);
  REQUIRE(got.size() == them.size());
  CHECK(got[0]->what == what::added);
  CHECK(got[1]->what == what::exists);
  CHECK(got[2].error().step == "bounds");
  CHECK((got[3]->what == what::repeated && got[3]->id == "b"));
  CHECK(got[4]->what == what::added);
  CHECK(got[5]->what == what::full);
  CHECK(got[6]->what == what::conflict);
  subject.reopen();
  CHECK(body(*subject, "a") == "a");
  CHECK(body(*subject, "b") == "b");
  CHECK(told(*subject, "b") == std::vector<std::string>{"1 status x"});
  CHECK(body(*subject, "e") == "(gone)");
  CHECK(depth(*subject, "download").waiting == 2);
  CHECK(subject->add_all({}).empty());
}

TEST_CASE("a key can be looked for, and is answered as who adds with it would be") {
  ON_EACH_STORE();
  CHECK_FALSE(*subject->recognise("run", key("k")));
  CHECK(subject->add(a_run("a"), with("first", in("download")), 0, key("k"))->what == what::added);
  subject.reopen();
  const auto known = *subject->recognise("run", key("k"));
  REQUIRE(known);
  CHECK((known->what == what::repeated && known->id == "a"));
  CHECK((*subject->recognise("run", key("k", "g")))->what == what::conflict);
  CHECK((*subject->recognise("job", key("k")))->what == what::conflict);
  CHECK_FALSE(*subject->recognise("run", key("other")));
  CHECK(subject->recognise("run", idempotency{"", "f"}).error().step == "bounds");
  const auto held = subject->take("download", "n:x", 1, std::chrono::seconds{60});
  REQUIRE(subject->settle(held->front(), with("ended")));
  REQUIRE(subject->forget(a_run("a")));
  CHECK_FALSE(*subject->recognise("run", key("k")));
}

TEST_CASE("the same key gives the same document, and another question with it a conflict") {
  ON_EACH_STORE();
  CHECK(subject->add(a_run("a"), with("first", in("download")), 0, key("k"))->what == what::added);
  SECTION("again") {
    const auto again = subject->add(a_run("b"), with("second", in("download")), 0, key("k"));
    CHECK(again->what == what::repeated);
    CHECK(again->id == "a");
    CHECK(body(*subject, "b") == "(gone)");
    CHECK(depth(*subject, "download").waiting == 1);
  }
  SECTION("after a restart") {
    subject.reopen();
    CHECK(subject->add(a_run("b"), with("second"), 0, key("k"))->id == "a");
  }
  SECTION("though the queue is full meanwhile") {
    CHECK(subject->add(a_run("b"), with("second", in("download")), 1, key("k"))->what == what::repeated);
  }
  SECTION("another fingerprint") {
    CHECK(subject->add(a_run("b"), with("second"), 0, key("k", "g"))->what == what::conflict);
    CHECK(body(*subject, "b") == "(gone)");
  }
  SECTION("another kind") { CHECK(subject->add({"job", "b"}, with("b"), 0, key("k"))->what == what::conflict); }
  SECTION("another key") { CHECK(subject->add(a_run("b"), with("b"), 0, key("l"))->what == what::added); }
  SECTION("a refused document does not use its key up") {
    CHECK(subject->add(a_run("b"), with("b", in("download")), 1, key("l"))->what == what::full);
    CHECK(subject->add(a_run("b"), with("b", in("download")), 0, key("l"))->what == what::added);
  }
  SECTION("a key whose document was forgotten is unused") {
    const auto held = take_one(*subject, "download");
    CHECK(*subject->settle(held, ended("over", clock::now())) == settlement::done);
    REQUIRE(subject->forget(a_run("a")));
    CHECK(subject->add(a_run("b"), with("b"), 0, key("k", "g"))->what == what::added);
  }
}

TEST_CASE("a key is unused again when its time is over") {
  ON_EACH_STORE();
  CHECK(subject->add(a_run("a"), with("a"), 0, key("k", "f", seconds{1}))->what == what::added);
  CHECK(soon([&, n = 0]() mutable {
    return subject->add(a_run("b" + std::to_string(n++)), with("b"), 0, key("k", "g", seconds{60}))->what ==
           what::added;
  }));
}

TEST_CASE("one key at once on many threads gives one document") {
  ON_EACH_STORE();
  std::vector<std::string> got(16);
  at_once(16, [&](int i) {
    const auto answer = subject->add(a_run("r" + std::to_string(i)), with("x", in("download")), 0, key("k"));
    got[static_cast<std::size_t>(i)] = answer ? answer->id : answer.error().describe();
  });
  CHECK(std::all_of(got.begin(), got.end(), [&](const auto& id) { return id == got.front() && !id.empty(); }));
  CHECK(depth(*subject, "download").waiting == 1);
}

TEST_CASE("a queue that is as full as the caller allows refuses; what is held does not count") {
  ON_EACH_STORE();
  const auto add = [&](const std::string& id) {
    return subject->add(a_run(id), with(id, in("download")), 2, {})->what;
  };
  CHECK(add("a") == what::added);
  CHECK(add("b") == what::added);
  CHECK(add("c") == what::full);
  CHECK(body(*subject, "c") == "(gone)");
  CHECK(add("a") == what::exists);
  CHECK(subject->add(a_run("elsewhere"), with("e", in("analysis")), 2, {})->what == what::added);
  CHECK(take(*subject, "download").size() == 1);
  CHECK(add("c") == what::added);
  CHECK(add("d") == what::full);
}

TEST_CASE("a bound on a queue holds when many come at once") {
  ON_EACH_STORE();
  std::atomic<int> added = 0;
  at_once(16, [&](int i) {
    const auto got = subject->add(a_run("r" + std::to_string(i)), with("x", in("download")), 5, {});
    if (got && got->what == what::added) ++added;
  });
  CHECK(added == 5);
  CHECK(depth(*subject, "download").waiting == 5);
}

TEST_CASE("an amendment sees the document as it is, and takes it from whoever holds it") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download");
  const auto to = [&](std::optional<place> next) {
    return subject->amend(a_run("a"), [next](const std::string& now) {
      return std::optional{with(now + "+", next, {{"end", "{}"}})};
    });
  };
  SECTION("out of every queue") {
    CHECK(*to({}) == settlement::done);
    CHECK(body(*subject, "a") == "a+");
    CHECK(told(*subject, "a") == std::vector<std::string>{"1 end {}"});
    CHECK(*subject->settle(held, with("late", in("execution"))) == settlement::superseded);
    CHECK(*subject->renew(held, long_lease) == settlement::superseded);
    CHECK(*subject->update(held, {"late", {}, {}}, {}) == settlement::superseded);
    CHECK(*subject->put_back(held, {}, false) == settlement::superseded);
    CHECK(body(*subject, "a") == "a+");
    CHECK(depth(*subject, "download").held == 0);
    CHECK(take(*subject, "download").empty());
    CHECK(take(*subject, "execution").empty());
  }
  SECTION("into a queue, with a greater token") {
    CHECK(*to(in("download")) == settlement::done);
    const auto next = take_one(*subject, "download");
    CHECK(next.token > held.token);
    CHECK(*subject->settle(held, with("late")) == settlement::superseded);
    CHECK(*subject->settle(next, with("new")) == settlement::done);
    CHECK(body(*subject, "a") == "new");
  }
  SECTION("left alone: the claim holds") {
    CHECK(*subject->amend(a_run("a"), [](const auto&) { return std::optional<change>{}; }) == settlement::superseded);
    CHECK(*subject->settle(held, with("done")) == settlement::done);
  }
  SECTION("of what is not there") {
    CHECK(*subject->amend(a_run("b"), [](const auto&) { return std::optional{with("x")}; }) == settlement::gone);
    CHECK(body(*subject, "b") == "(gone)");
  }
}

TEST_CASE("an amendment takes a waiting document out of its queue") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  CHECK(*subject->amend(a_run("a"), [](const auto&) { return std::optional{with("x")}; }) == settlement::done);
  CHECK(take(*subject, "download").empty());
  CHECK(depth(*subject, "download").waiting == 0);
}

TEST_CASE("amendments at once on many threads are all in the end") {
  ON_EACH_STORE();
  REQUIRE(subject->add(a_run("a"), with(""), 0, {}));
  std::atomic<int> bad = 0;
  at_once(8, [&](int) {
    for (int n = 0; n < 10; ++n) {
      const auto got =
          subject->amend(a_run("a"), [](const std::string& now) { return std::optional{with(now + "x")}; });
      if (!got || *got != settlement::done) ++bad;
    }
  });
  CHECK(bad == 0);
  CHECK(body(*subject, "a") == std::string(80, 'x'));
}

TEST_CASE("a list has the newest first, page by page, without one twice") {
  ON_EACH_STORE();
  for (int i = 0; i < 7; ++i) put(*subject, "r" + std::to_string(i), {});
  REQUIRE(subject->add({"job", "j"}, with("a job"), 0, {}));
  auto first = page(*subject, {{}, {}, 3});
  CHECK(first.bodies == std::vector<std::string>{"r6", "r5", "r4"});
  put(*subject, "newer", {});
  CHECK(*subject->amend(a_run("r0"), [](const auto&) { return std::optional{with("r0 changed")}; }) ==
        settlement::done);
  auto second = page(*subject, {{}, first.next_cursor, 3});
  CHECK(second.bodies == std::vector<std::string>{"r3", "r2", "r1"});
  auto third = page(*subject, {{}, second.next_cursor, 3});
  CHECK(third.bodies == std::vector<std::string>{"r0 changed"});
  CHECK(third.next_cursor.empty());
  CHECK(page(*subject, {{}, {}, 8}).next_cursor.empty());
  CHECK(page(*subject, {{}, {}, 7}).next_cursor != "");
}

TEST_CASE("a list is of those whose facets all match, as they are now") {
  ON_EACH_STORE();
  put_faceted(*subject, "a", "queued", "demo");
  put_faceted(*subject, "b", "queued", "other");
  put_faceted(*subject, "c", "running", "demo");
  put_faceted(*subject, "d", "queued", "demo");
  CHECK(page(*subject, {{{"status", "queued"}}, {}, 50}).bodies == std::vector<std::string>{"d", "b", "a"});
  const list_filter both{{{"status", "queued"}, {"package", "demo"}}, {}, 50};
  CHECK(page(*subject, both).bodies == std::vector<std::string>{"d", "a"});
  CHECK(page(*subject, {{{"status", "queue"}}, {}, 50}).bodies.empty());
  CHECK(page(*subject, {{{"verdict", "queued"}}, {}, 50}).bodies.empty());
  const auto one = page(*subject, {both.facets, {}, 1});
  CHECK(one.bodies == std::vector<std::string>{"d"});
  CHECK(page(*subject, {both.facets, one.next_cursor, 1}).bodies == std::vector<std::string>{"a"});
  CHECK(*subject->amend(a_run("a"), [](const auto&) {
    return std::optional{change{faceted("a", "running", "demo"), {}, {}}};
  }) == settlement::done);
  CHECK(page(*subject, both).bodies == std::vector<std::string>{"d"});
  CHECK(page(*subject, {{{"status", "running"}}, {}, 50}).bodies == std::vector<std::string>{"c", "a"});
}

TEST_CASE("a cursor that no list gave is refused") {
  ON_EACH_STORE();
  put(*subject, "a", {});
  for (const auto* cursor : {"x", "1x", "-1", "99999999999999999999999", "1 ", " 1", "1;DROP TABLE documents"}) {
    INFO(cursor);
    const auto got = subject->list("run", {{}, cursor, 10});
    REQUIRE_FALSE(got);
    CHECK(got.error().step == "cursor");
  }
}

TEST_CASE("what ended is forgotten: the longest ended first, with its events, but nothing that waits or is held") {
  ON_EACH_STORE();
  const auto now = clock::now();
  const auto add = [&](const std::string& id, int hours_ago, std::optional<place> next = {}) {
    auto first = ended(id, now - std::chrono::hours{hours_ago}, std::move(next));
    first.events = {{"end", "{}"}};
    REQUIRE(subject->add(a_run(id), first, 0, {})->what == what::added);
  };
  add("young", 1);
  add("old", 5);
  add("oldest", 9);
  add("undelivered", 7, in("delivery"));
  put(*subject, "open", {});
  const auto old = [&](int hours, std::size_t most) {
    return *subject->ended("run", now - std::chrono::hours{hours}, most);
  };
  CHECK(old(2, 10) == std::vector<std::string>{"oldest", "old"});
  CHECK(old(2, 1) == std::vector<std::string>{"oldest"});
  CHECK(old(0, 10) == std::vector<std::string>{"oldest", "old", "young"});
  CHECK(subject->ended("job", now, 10)->empty());
  REQUIRE(subject->forget(a_run("oldest")));
  CHECK(body(*subject, "oldest") == "(gone)");
  CHECK(told(*subject, "oldest").empty());
  CHECK(old(0, 10) == std::vector<std::string>{"old", "young"});
  CHECK(page(*subject, {{}, {}, 50}).bodies == std::vector<std::string>{"open", "undelivered", "old", "young"});
  CHECK(subject->forget(a_run("oldest")));
  CHECK(subject->forget(a_run("never")));
  REQUIRE(subject->forget(a_run("undelivered")));
  CHECK(body(*subject, "undelivered") == "undelivered");
  const auto held = take_one(*subject, "delivery");
  REQUIRE(subject->forget(a_run("undelivered")));
  CHECK(*subject->settle(held, ended("delivered", now - std::chrono::hours{7})) == settlement::done);
  CHECK(old(2, 10) == std::vector<std::string>{"undelivered", "old"});
  REQUIRE(subject->forget(a_run("undelivered")));
  CHECK(body(*subject, "undelivered") == "(gone)");
  CHECK(*subject->settle(held, with("late")) == settlement::gone);
}

TEST_CASE("a name that was forgotten may come again, with events from 1 and as the newest") {
  ON_EACH_STORE();
  REQUIRE(subject->add(a_run("a"), {{"a", {{"status", "x"}}, clock::now()}, {}, {{"end", "1"}}}, 0, {}));
  put(*subject, "b", {});
  REQUIRE(subject->forget(a_run("a")));
  CHECK(subject->add(a_run("a"), with("again", {}, {{"status", "2"}}), 0, {})->what == what::added);
  CHECK(told(*subject, "a") == std::vector<std::string>{"1 status 2"});
  CHECK(page(*subject, {{}, {}, 50}).bodies == std::vector<std::string>{"again", "b"});
  CHECK(page(*subject, {{{"status", "x"}}, {}, 50}).bodies.empty());
}
