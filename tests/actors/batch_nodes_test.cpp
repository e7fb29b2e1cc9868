/// Several nodes on one store: what one accepts any of them may do, and any of them can be asked for it.

#include "batch_fixture.hpp"

using namespace lazaret;
using namespace lazaret::actors;
using namespace lazaret::actors::test;

namespace {

/// A node that takes jobs and does none.
pipeline_options front_of(workshop& shop) {
  auto o = shop.options(1, 100, "front");
  o.batch.works = false;
  return o;
}

}  // namespace

TEST_CASE("A job that one node accepted is done by another, and awaited where it was asked for") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline front{front_of(shop)};
  customer c{front};
  const auto id = c.accepted("quick");
  CHECK(why_of(c.await(id, 30ms)) == fault::too_late);
  running_pipeline worker{shop.options()};
  const auto done = c.ended(id);
  CHECK((done.status == batch::status::succeeded && done.attempt == 1));
  CHECK(text_of(c.desk().log_of(done)) == "quick\n");
}

TEST_CASE("A job is canceled from another node: its work is stopped, and what it made is kept") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline front{front_of(shop)}, worker{shop.options()};
  customer c{front}, there{worker};
  const auto id = c.accepted("wait"), waits = c.accepted("queued");
  REQUIRE(shop.begun.reaches(1));
  CHECK(why_of(c.cancel(waits)) == fault::none);
  const auto given = c.cancel(id);
  REQUIRE(why_of(given) == fault::none);
  CHECK(shop.stopped.now() == 1);
  CHECK((std::get<0>(given)->status == batch::status::canceled && std::get<0>(given)->log_lines == 1));
  CHECK(why_of(c.cancel(id)) == fault::already_ended);
  CHECK(there.ended(id).status == batch::status::canceled);
  CHECK(shop.order == std::vector<std::string>{"wait#1"});
}

TEST_CASE("A job whose node does not answer is canceled all the same, and what that node makes of it is void") {
  ON_EACH_STORE_A_WORKSHOP();
  auto asking = front_of(shop);
  asking.batch.cancel_patience = 50ms;
  running_pipeline front{std::move(asking)};
  customer c{front};
  const auto id = c.accepted("wait");
  const auto dead = shop.ledger("dead");  // a node that took it and says no more
  const auto held = dead->take(1, std::chrono::seconds{600}).value();
  REQUIRE(held.size() == 1);
  auto now = held[0].what;
  now.status = batch::status::running;
  REQUIRE(dead->update(held[0].claim, now).value() == durable::settlement::done);
  const auto given = c.cancel(id);
  REQUIRE(why_of(given) == fault::none);
  CHECK(std::get<0>(given)->status == batch::status::canceled);
  CHECK(dead->settle(held[0].claim, now).value() == durable::settlement::superseded);
  CHECK(c.now(id).status == batch::status::canceled);
}

TEST_CASE("A node whose claim was given to another stops its work and writes nothing") {
  ON_EACH_STORE_A_WORKSHOP();
  auto options = shop.options();
  options.lease = std::chrono::seconds{1};
  running_pipeline p{std::move(options)};
  customer c{p};
  const auto id = c.accepted("wait");
  REQUIRE(shop.begun.reaches(1));
  shop.ledger("node-1")->abandon().value();  // as if it had been stopped for longer than its lease
  const auto other = shop.ledger("node-2");
  std::vector<batch::held_job> held;
  // Its own renewal may come first, and is right to.
  REQUIRE(durable::test::soon([&] {
    shop.ledger("node-1")->abandon().value();
    return !(held = other->take(1, std::chrono::seconds{600}).value()).empty();
  }));
  REQUIRE(shop.stopped.reaches(1));
  auto mine = held[0].what;
  mine.attempt = static_cast<int>(held[0].claim.token);
  mine.status = batch::status::succeeded;
  mine.finished_at = std::chrono::system_clock::now();
  CHECK(other->settle(held[0].claim, mine).value() == durable::settlement::done);
  CHECK(c.ended(id).attempt == mine.attempt);
  CHECK(c.ended(c.accepted("quick")).status == batch::status::succeeded);  // its worker is free again
  CHECK(c.now(id).attempt == mine.attempt);
}

TEST_CASE("A job whose node vanishes again and again is innocent for long, and set aside in the end") {
  ON_EACH_STORE_A_WORKSHOP();
  const int losses = GENERATE(19, 20);
  std::string id;
  {
    running_pipeline front{front_of(shop)};
    id = customer{front}.accepted("quick");
  }
  const auto dead = shop.ledger("dead");
  for (int n = 0; n < losses; ++n) {
    REQUIRE(dead->take(1, std::chrono::seconds{600}).value().size() == 1);
    REQUIRE(dead->abandon().value() == 1);
  }
  running_pipeline p{shop.options()};
  const auto done = customer{p}.ended(id);
  CHECK(done.status == (losses < 20 ? batch::status::succeeded : batch::status::failed));
  CHECK(done.error == (losses < 20 ? "" : "poison: it was lost 20 times with the node that worked on it"));
}

TEST_CASE("What a node hands back at its end is another's at once") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline front{front_of(shop)};
  customer c{front};
  const auto id = c.accepted("wait");
  {
    running_pipeline first{shop.options(1, 100, "first")};
    REQUIRE(shop.begun.reaches(1));
    first.subject.drain(10ms);
  }
  CHECK(c.now(id).status == batch::status::queued);
  shop.open.open();
  running_pipeline second{shop.options(1, 100, "second")};
  const auto done = c.ended(id);
  CHECK((done.status == batch::status::succeeded && done.attempt == 2));
}

TEST_CASE("Clients take turns, however many jobs one of them has") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options()};
  customer c{p};
  c.accepted("wait");
  REQUIRE(shop.begun.reaches(1));
  for (int n = 0; n < 3; ++n) c.accepted("a", {}, "10.0.0.1");
  const auto last = c.accepted("b", {}, "10.0.0.2");
  shop.open.open();
  c.ended(last);
  const std::scoped_lock lock{shop.mutex};  // what is left of the one client's goes on meanwhile
  CHECK(std::vector(shop.order.begin(), shop.order.begin() + 3) == std::vector<std::string>{"wait#1", "a#1", "b#1"});
}

TEST_CASE("The log of a job that runs on another node is told of within 100 ms of each line") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline front{front_of(shop)}, worker{shop.options()};
  customer c{front};
  const auto id = c.accepted("talk");
  REQUIRE(shop.begun.reaches(1));
  counter pokes;
  const auto watch = c.desk().subscribe(id, [&] { pokes.add(); });
  REQUIRE(durable::test::soon([&] { return c.now(id).attempt == 1; }));
  const auto log = c.desk().log_of(c.now(id));
  std::chrono::steady_clock::duration worst{};
  for (int n = 1; n <= 5; ++n) {
    std::this_thread::sleep_for(200ms);  // whatever came before has been told
    const auto before = pokes.now();
    shop.say();
    const auto said = std::chrono::steady_clock::now();
    REQUIRE(pokes.reaches(before + 1));
    worst = std::max(worst, std::chrono::steady_clock::now() - said);
    CHECK(batch::count_lines(log) == static_cast<std::uint64_t>(n));
  }
  CHECK(worst < 100ms);
  shop.open.open();
  c.ended(id);
}

TEST_CASE("The same key gives the same job, and keeps no second folder; with something else it is refused") {
  ON_EACH_STORE_A_WORKSHOP();
  const durable::idempotency key{"jobs 10.0.0.1 k", "digest", std::chrono::hours{24}};
  const auto folders = [&] {
    const std::filesystem::directory_iterator all{shop.data.path() / "blobs/jobs"};
    return std::distance(begin(all), end(all));
  };
  running_pipeline p{shop.options(1, 1)}, other{front_of(shop)};
  customer c{p}, there{other};
  const auto first = std::get<batch::submitted>(c.submit("wait", {{"code", "a", "b"}}, key));
  CHECK_FALSE(first.repeated);
  REQUIRE(shop.begun.reaches(1));
  c.accepted("fills the queue");
  CHECK(c.refused("late") == fault::queue_full);
  for (auto* who : {&c, &there}) {
    const auto again = std::get<batch::submitted>(who->submit("wait", {{"code", "a", "b"}}, key));
    CHECK((again.repeated && again.id == first.id));
  }
  auto different = key;
  different.fingerprint = "another";
  CHECK(std::get<refusal>(c.submit("other", {}, different)).why == fault::key_reused);
  CHECK(folders() == 2);
  shop.open.open();
  c.ended(first.id);
  CHECK(std::get<batch::submitted>(c.submit("wait", {}, key)).id == first.id);
  CHECK(folders() == 2);
}
