#include <fcntl.h>

#include <thread>

#include "actors/batch/log.hpp"
#include "batch_fixture.hpp"

using namespace lazaret;
using namespace lazaret::actors;
using namespace lazaret::actors::test;
using std::chrono_literals::operator""ms;

TEST_CASE("A job is on disk with its files before anybody has its id") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options()};
  customer c{p};
  const auto id = c.accepted("quick", {{"code", "main.py", "print()"}, {"input", "empty", ""}, {"input", "b", "data"}});
  CHECK(id.size() == 32);
  const auto same_data = shop.ledger("onlooker");
  const auto known = same_data->find(id).value();
  REQUIRE(known.has_value());
  CHECK((known->front == "test" && known->owner == "127.0.0.1" && known->spec == "quick"));
  REQUIRE(known->input.size() == 3);
  const sandbox::unique_fd file{::open((shop.data.path() / "blobs/jobs" / id / "input").c_str(), O_RDONLY)};
  CHECK(batch::read_piece(file.get(), known->input[0]).value() == "print()");
  CHECK(batch::read_piece(file.get(), known->input[1]).value().empty());
  CHECK(batch::read_piece(file.get(), known->input[2]).value() == "data");
  const auto done = c.ended(id);
  CHECK((done.status == batch::status::succeeded && done.exit_code == 0 && done.attempt == 1 && done.log_lines == 1));
  CHECK(text_of(c.desk().log_of(done)) == "quick\n");
  CHECK(same_data->find(id).value()->status == batch::status::succeeded);
}

TEST_CASE("Jobs run in the order of their acceptance, and a full queue refuses") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options(1, 2)};
  customer c{p};
  const auto first = c.accepted("wait");
  REQUIRE(shop.begun.reaches(1));
  const auto second = c.accepted("second"), third = c.accepted("third");
  CHECK(c.refused("fourth") == fault::queue_full);
  const std::filesystem::directory_iterator folders{shop.data.path() / "blobs/jobs"};
  CHECK(std::distance(begin(folders), end(folders)) == 3);
  CHECK(c.now(second).status == batch::status::queued);
  shop.open.open();
  c.ended(third);
  CHECK(shop.order == std::vector<std::string>{"wait#1", "second#1", "third#1"});
}

TEST_CASE("A job whose worker dies is begun again by another, and is what is wrong when they all die") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options()};
  customer c{p};
  const auto done = c.ended(c.accepted("fall"));
  CHECK((done.status == batch::status::failed && done.error == "poison: it ended its worker 3 times"));
  CHECK(shop.order == std::vector<std::string>{"fall#1", "fall#2", "fall#3"});
  CHECK(c.ended(c.accepted("quick")).status == batch::status::succeeded);
}

TEST_CASE("A job that gets no jail is tried again, and not for ever") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options()};
  customer c{p};
  const auto done = c.ended(c.accepted("no jail"));
  CHECK((done.status == batch::status::failed && done.error == "no jail could be made for it"));
  CHECK(shop.begun.now() == 9);
}

TEST_CASE("The death of the stage itself stops what ran and begins it again, and costs no job") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options(2)};
  customer c{p};
  const auto a = c.accepted("wait"), b = c.accepted("wait"), q = c.accepted("queued");
  REQUIRE(shop.begun.reaches(2));
  p.subject.strike("batch");
  REQUIRE(shop.stopped.reaches(2));
  REQUIRE(shop.begun.reaches(4));
  shop.open.open();
  for (const auto& id : {a, b}) {
    const auto done = c.ended(id);
    CHECK((done.status == batch::status::succeeded && done.attempt == 2));
    CHECK(text_of(c.desk().log_of(done)) == "wait\n");
  }
  CHECK(c.ended(q).attempt == 1);
}

TEST_CASE("A restarted service goes on with what was running and what was queued") {
  ON_EACH_STORE_A_WORKSHOP();
  std::string running, queued, ended;
  {
    running_pipeline p{shop.options()};
    customer c{p};
    ended = c.accepted("quick");
    c.ended(ended);
    running = c.accepted("wait");
    queued = c.accepted("queued");
    REQUIRE(shop.begun.reaches(2));
    p.subject.drain(10ms);
    CHECK(c.refused("late") == fault::draining);
  }
  shop.open.open();
  running_pipeline p{shop.options()};
  customer c{p};
  CHECK(c.ended(running).attempt == 2);
  CHECK(c.ended(queued).attempt == 1);
  CHECK(c.ended(ended).attempt == 1);
}

TEST_CASE("Canceled jobs end, whether they wait or run") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options()};
  customer c{p};
  const auto running = c.accepted("wait"), queued = c.accepted("queued");
  REQUIRE(shop.begun.reaches(1));
  CHECK(why_of(c.cancel(queued)) == fault::none);
  CHECK(c.now(queued).status == batch::status::canceled);
  const auto given = c.cancel(running);
  REQUIRE(why_of(given) == fault::none);
  CHECK(std::get<0>(given)->status == batch::status::canceled);
  CHECK(shop.stopped.now() == 1);  // before the answer came
  CHECK(why_of(c.cancel(running)) == fault::already_ended);
  CHECK(why_of(c.cancel(std::string(32, '0'))) == fault::unknown_job);
  CHECK(shop.order == std::vector<std::string>{"wait#1"});
  CHECK(c.ended(c.accepted("quick")).status == batch::status::succeeded);
}

TEST_CASE("Who waits for a job is answered when it has ended, or when it takes too long") {
  ON_EACH_STORE_A_WORKSHOP();
  running_pipeline p{shop.options()};
  customer c{p};
  const auto id = c.accepted("wait");
  CHECK(why_of(c.await(id, 1ms)) == fault::too_late);
  CHECK(why_of(c.await(std::string(32, '0'))) == fault::unknown_job);
  shop.open.open();
  CHECK(c.ended(id).status == batch::status::succeeded);
  CHECK(c.ended(id).status == batch::status::succeeded);
}

TEST_CASE("The batch stage's settings hold at once, and a service that works no jobs begins none") {
  ON_EACH_STORE_A_WORKSHOP();
  {
    auto options = shop.options();
    options.batch.works = false;
    running_pipeline p{std::move(options)};
    customer c{p};
    const auto id = c.accepted("kept");
    CHECK(std::get<refusal>(p.change("batch", {2, {}})).why == fault::fixed);
    CHECK(why_of(c.await(id, 50ms)) == fault::too_late);
    CHECK(c.now(id).status == batch::status::queued);
  }
  running_pipeline p{shop.options()};
  customer c{p};
  REQUIRE(shop.begun.reaches(1));
  c.accepted("wait");
  c.accepted("wait");
  REQUIRE(shop.begun.reaches(2));
  CHECK(std::get<stage_status>(p.change("batch", {2, 7})).queue_limit == 7);
  CHECK(shop.begun.reaches(3));
  CHECK(std::get<refusal>(p.change("batch", {65, {}})).why == fault::out_of_range);
  shop.open.open();
}

TEST_CASE("What has ended long ago is forgotten with its files, and so are files without a job") {
  ON_EACH_STORE_A_WORKSHOP();
  auto options = shop.options();
  options.batch.retention = std::chrono::seconds{0};
  options.janitor_every = 5ms;
  const auto orphan = shop.data.path() / "blobs/jobs" / std::string(32, 'f');
  std::filesystem::create_directories(orphan);
  std::filesystem::last_write_time(orphan, std::filesystem::file_time_type::clock::now() - std::chrono::hours{2});
  running_pipeline p{std::move(options)};
  customer c{p};
  const auto id = c.accepted("quick", {{"code", "a", "b"}}), running = c.accepted("wait");
  const auto gone = [&] {
    return !c.desk().find(id) && !std::filesystem::exists(shop.data.path() / "blobs/jobs" / id);
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while ((!gone() || std::filesystem::exists(orphan)) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(gone());
  CHECK_FALSE(std::filesystem::exists(orphan));
  CHECK(c.desk().find(running).has_value());
  shop.open.open();
}

TEST_CASE("A log is UTF-8 and whole lines, however the program's bytes are cut") {
  temporary_folder data;
  const std::string said = "plain\n\xe2\x82\xac\xf0\x9f\x98\x80 \xff\xe2\x82x\nrest\xe2\x82";
  for (std::size_t cut = 0; cut <= said.size(); ++cut) {
    const auto file = data.path() / ("log" + std::to_string(cut));
    int pokes = 0;
    auto log = batch::log_writer::create(file, [&] { ++pokes; }).value();
    log.note("start");
    log.append(std::string_view{said}.substr(0, cut));
    log.append(std::string_view{said}.substr(cut));
    log.note("end");
    CHECK(text_of(file) ==
          "[runner] start\nplain\n\xe2\x82\xac\xf0\x9f\x98\x80 \xef\xbf\xbd\xef\xbf\xbdx\nrest\xef\xbf\xbd\n[runner] "
          "end\n");
    CHECK((log.lines() == 5 && batch::count_lines(file) == 5 && pokes >= 3));
    CHECK(batch::log_writer::create(file, {}).has_error());
  }
}
