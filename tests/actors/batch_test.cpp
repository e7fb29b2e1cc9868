#include <fcntl.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "actors/batch/log.hpp"
#include "actors/schema.hpp"
#include "pipeline_fixture.hpp"

using namespace lazaret;
using namespace lazaret::actors;
using namespace lazaret::actors::test;
using std::chrono_literals::operator""ms;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream{file}.rdbuf();
  return all.str();
}

/// A pipeline whose jobs do what a test says, by the job's spec: `wait` until the gate opens or somebody stops it,
/// `fall` with an exception, `no jail`, else end at once.
struct workshop {
  temporary_folder data;
  gate open;
  counter begun, stopped;
  std::mutex mutex;
  std::vector<std::string> order;

  batch_setting batch() {
    batch_setting b;
    b.jobs = batch::open_job_store(data.path() / "store.sqlite").value();
    b.files = std::make_shared<batch::folder>(batch::folder::open(data.path() / "blobs").value());
    b.concurrency = 1;
    b.first_retry = 1ms;
    b.work["test"] = [this](const batch::job& what, const batch::desk_place& place, std::stop_token stop) {
      return work(what, place, std::move(stop));
    };
    return b;
  }
  pipeline_options options(std::size_t concurrency = 1, std::size_t limit = 100) {
    auto o = quick_options(data.path());
    o.batch = batch();
    o.batch.concurrency = concurrency;
    o.batch.queue_limit = limit;
    return o;
  }

  std::optional<batch::verdict> work(const batch::job& what, const batch::desk_place& place, std::stop_token stop) {
    {
      const std::scoped_lock lock{mutex};
      order.push_back(what.spec + "#" + std::to_string(what.attempt));
    }
    begun.add();
    if (what.spec == "fall") throw std::runtime_error{"a worker falls"};
    if (what.spec == "no jail") return std::nullopt;
    auto log = batch::log_writer::create(place.log, place.logged);
    if (what.spec == "wait") {
      while (!open.is_open() && !stop.stop_requested()) std::this_thread::yield();
      if (stop.stop_requested()) stopped.add();
    }
    log->append(what.spec + "\n");
    return batch::verdict{batch::status::succeeded, 0, {}, {}, log->lines()};
  }
};

/// What a test asks the desk, answered.
class customer {
 public:
  explicit customer(running_pipeline& p) : desk_{p.subject.jobs()} {}

  answer<std::string> submit(const std::string& spec, std::vector<batch::incoming_file> input = {}) {
    return ask<std::string>([&](auto done) { desk_.submit({"test", "127.0.0.1", spec, std::move(input), {}}, done); });
  }
  std::string accepted(const std::string& spec, std::vector<batch::incoming_file> input = {}) {
    auto got = submit(spec, std::move(input));
    REQUIRE(std::holds_alternative<std::string>(got));
    return std::get<std::string>(got);
  }
  fault refused(const std::string& spec) {
    const auto got = submit(spec);
    REQUIRE(std::holds_alternative<refusal>(got));
    return std::get<refusal>(got).why;
  }
  answer<batch::desk::found_job> cancel(const std::string& id) {
    return ask<batch::desk::found_job>([&](auto done) { desk_.cancel(id, done); });
  }
  answer<batch::desk::found_job> await(const std::string& id, std::chrono::milliseconds within = 20'000ms) {
    return ask<batch::desk::found_job>([&](auto done) { desk_.await(id, within, done); });
  }
  batch::job ended(const std::string& id) {
    auto got = await(id);
    REQUIRE(std::holds_alternative<batch::desk::found_job>(got));
    return *std::get<batch::desk::found_job>(got);
  }
  batch::job now(const std::string& id) { return desk_.find(id).value(); }
  batch::desk& desk() { return desk_; }

 private:
  template <class T, class Ask>
  answer<T> ask(const Ask& question) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<answer<T>> got;
    question([&](answer<T> a) {
      const std::scoped_lock lock{mutex};
      got = std::move(a);
      changed.notify_all();
    });
    std::unique_lock lock{mutex};
    REQUIRE(changed.wait_for(lock, std::chrono::seconds{20}, [&] { return got.has_value(); }));
    return *got;
  }
  batch::desk& desk_;
};

fault why_of(const answer<batch::desk::found_job>& given) {
  const auto* why = std::get_if<refusal>(&given);
  return why == nullptr ? fault::none : why->why;
}

}  // namespace

TEST_CASE("A job is on disk with its files before anybody has its id") {
  workshop shop;
  running_pipeline p{shop.options()};
  customer c{p};
  const auto id = c.accepted("quick", {{"code", "main.py", "print()"}, {"input", "empty", ""}, {"input", "b", "data"}});
  CHECK(id.size() == 32);
  auto same_file = batch::open_job_store(shop.data.path() / "store.sqlite").value();
  const auto known = same_file->find(id);
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
  CHECK(same_file->find(id)->status == batch::status::succeeded);
}

TEST_CASE("Jobs run in the order of their acceptance, and a full queue refuses") {
  workshop shop;
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
  workshop shop;
  running_pipeline p{shop.options()};
  customer c{p};
  const auto done = c.ended(c.accepted("fall"));
  CHECK((done.status == batch::status::failed && done.error == "it ended its worker 3 times"));
  CHECK(shop.order == std::vector<std::string>{"fall#1", "fall#2", "fall#3"});
  CHECK(c.ended(c.accepted("quick")).status == batch::status::succeeded);
}

TEST_CASE("A job that gets no jail is tried again, and not for ever") {
  workshop shop;
  running_pipeline p{shop.options()};
  customer c{p};
  const auto done = c.ended(c.accepted("no jail"));
  CHECK((done.status == batch::status::failed && done.error == "no jail could be made for it"));
  CHECK(shop.begun.now() == 9);
}

TEST_CASE("The death of the stage itself stops what ran and begins it again, and costs no job") {
  workshop shop;
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
  workshop shop;
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
  workshop shop;
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
  workshop shop;
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
  workshop shop;
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
  workshop shop;
  auto options = shop.options();
  options.batch.retention = std::chrono::seconds{0};
  options.batch.sweep_every = 5ms;
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
