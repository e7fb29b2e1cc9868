#include "tests/store/backend.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;
using namespace std::string_literals;

namespace {

template <class T>
void check_refused(const result<T>& got) {
  REQUIRE_FALSE(got);
  CHECK(got.error().step == "bounds");
}

const std::string nasty = "'; DROP TABLE documents; --\"\\\n\r\t\0 \xff\xfe \xc3\x28 * ? { } EVAL"s;

}  // namespace

TEST_CASE("bytes come back as they were: quotes, NUL, what is no UTF-8, nothing at all") {
  ON_EACH_STORE();
  const auto bytes = GENERATE(as<std::string>{}, nasty, ""s, "\0"s, std::string(200, '\''));
  change first{{bytes, {{"package", bytes.substr(0, 200)}}, {}}, in("download", bytes), {{"stage", bytes}}};
  REQUIRE(subject->add(a_run("a"), first, 0, idempotency{"k" + bytes, bytes, seconds{60}})->what ==
          admission::kind::added);
  CHECK(subject->add(a_run("b"), first, 0, idempotency{"k" + bytes, bytes, seconds{60}})->id == "a");
  REQUIRE(subject->remember("n" + bytes, bytes, seconds{60}));
  subject.reopen();
  CHECK(body(*subject, "a") == bytes);
  CHECK(subject->events(a_run("a"), 0, 10)->at(0).data == bytes);
  CHECK(subject->list("run", {{{"package", bytes.substr(0, 200)}}, {}, 10})->bodies == std::vector<std::string>{bytes});
  CHECK(subject->list("run", {{{"package", bytes.substr(0, 190) + "x"}}, {}, 10})->bodies.empty());
  CHECK(*subject->recall("n" + bytes) == bytes);
  CHECK(take_one(*subject, "download").body == bytes);
}

TEST_CASE("a client's name that is another's beginning, or has a NUL, is a client of its own") {
  ON_EACH_STORE();
  for (const auto& client : {"A"s, "A\0"s, "A\0B"s, "AB"s, ""s}) {
    const auto n = std::to_string(client.size());
    put(*subject, "first" + n + (client == "AB" ? "b" : ""), in("download", client));
  }
  put(*subject, "second", in("download", "A"));
  const auto all = drain(*subject, "download");
  CHECK(all.size() == 6);
  CHECK(all.back() == "second");
}

TEST_CASE("names that are none are refused, by whichever way they come") {
  ON_EACH_STORE();
  const auto bad = GENERATE(""s, "a b"s, "a/b"s, "../a"s, "a\0b"s, "a'b"s, "a:b"s, "a{b"s, "ä"s, std::string(65, 'a'));
  INFO(bad);
  check_refused(subject->add(a_run(bad), with("x"), 0, {}));
  check_refused(subject->add({bad, "a"}, with("x"), 0, {}));
  check_refused(subject->amend(a_run(bad), [](const auto&) { return std::optional{with("x")}; }));
  check_refused(subject->find(a_run(bad)));
  check_refused(subject->forget(a_run(bad)));
  check_refused(subject->list(bad, {}));
  check_refused(subject->ended(bad, clock::now(), 1));
  check_refused(subject->events(a_run(bad), 0, 1));
  check_refused(subject->append(a_run(bad), {"stage", "x"}, 1));
  check_refused(subject->position(a_run(bad)));
  check_refused(subject->take(bad, "node:1", 1, long_lease));
  check_refused(subject->depth(bad));
  check_refused(subject->add(a_run("a"), with("x", in(bad)), 0, {}));
  check_refused(subject->add(a_run("a"), with("x", {}, {{bad, "x"}}), 0, {}));
  check_refused(subject->add(a_run("a"), {{"x", {{bad, "x"}}, {}}, {}, {}}, 0, {}));
  CHECK(body(*subject, "a") == "(gone)");
}

TEST_CASE("what is too long, too many or too short is refused and not written") {
  ON_EACH_STORE();
  const auto add = [&](const change& first, std::optional<idempotency> key = {}) {
    check_refused(subject->add(a_run("a"), first, 0, key));
    CHECK(body(*subject, "a") == "(gone)");
  };
  add(with(std::string(store::max_body + 1, 'x')));
  add(with("x", {}, {{"stage", std::string(store::max_event + 1, 'x')}}));
  add(with("x", in("download", std::string(201, 'x'))));
  add(with("x", in("download", "", 101)));
  add(with("x", in("download", "", -101)));
  add({{"x", {{"status", std::string(201, 'x')}}, {}}, {}, {}});
  change many = with("x");
  for (char c = 'a'; c <= 'i'; ++c) many.now.facets.emplace(std::string(1, c), "x");
  add(many);
  add(with("x"), idempotency{"", "f", seconds{60}});
  add(with("x"), idempotency{std::string(301, 'x'), "f", seconds{60}});
  add(with("x"), idempotency{"k", std::string(201, 'x'), seconds{60}});
  add(with("x"), idempotency{"k", "f", seconds{0}});
  check_refused(subject->remember("", "x", seconds{60}));
  check_refused(subject->remember(std::string(301, 'x'), "x", seconds{60}));
  check_refused(subject->remember("n", std::string(store::max_note + 1, 'x'), seconds{60}));
  check_refused(subject->remember("n", "x", seconds{-1}));
  check_refused(subject->recall(""));
  check_refused(subject->list("run", {{}, {}, 0}));
  check_refused(subject->list("run", {{}, {}, 501}));
  check_refused(subject->take("download", "node 1", 1, long_lease));
  check_refused(subject->take("download", std::string(101, 'x'), 1, long_lease));
  check_refused(subject->take("download", "node:1", 1, milliseconds{999}));
  check_refused(subject->abandon(""));
}

TEST_CASE("a change that breaks a bound leaves the claim as it was") {
  ON_EACH_STORE();
  put(*subject, "a", in("download"));
  const auto held = take_one(*subject, "download");
  check_refused(subject->settle(held, with(std::string(store::max_body + 1, 'x'))));
  check_refused(subject->update(held, {std::string(store::max_body + 1, 'x'), {}, {}}, {}));
  check_refused(subject->renew(held, milliseconds{1}));
  check_refused(subject->amend(a_run("a"), [](const auto&) { return std::optional{with("x", in("no such Queue"))}; }));
  CHECK(body(*subject, "a") == "a");
  CHECK(*subject->settle(held, with("fine")) == settlement::done);
}

TEST_CASE("a document of many megabytes is kept whole") {
  ON_EACH_STORE();
  std::string big(20u << 20, '\0');
  for (std::size_t i = 0; i < big.size(); i += 4096) big[i] = static_cast<char>(i >> 12);
  REQUIRE(subject->add(a_run("a"), with(big, in("download"), {{"stage", std::string(store::max_event, 'e')}}), 0, {}));
  subject.reopen();
  CHECK((take_one(*subject, "download").body == big));
  CHECK((body(*subject, "a") == big));
  CHECK(subject->events(a_run("a"), 0, 1)->at(0).data.size() == store::max_event);
}
