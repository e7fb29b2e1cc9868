// What has ended is forgotten until the rest fits, whoever else does so, and whatever becomes of who does it.
#include <barrier>
#include <fstream>
#include <stdexcept>

#include "actors/retention/retention.hpp"
#include "actors/store/redis_store.hpp"
#include "batch_fixture.hpp"
#include "tests/store/redis_process.hpp"

using namespace lazaret;
using namespace lazaret::actors;
using namespace lazaret::actors::test;
using std::chrono::system_clock;

namespace {

constexpr std::uint64_t page = 4096, file_bytes = 100'000;
/// A folder with one such file.
constexpr std::uint64_t folder_bytes = page + page + (file_bytes + page - 1) / page * page;

std::string id_of(int n) {
  const auto digits = std::to_string(n);
  return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
}

void fill(const std::filesystem::path& folder, std::size_t bytes = file_bytes) {
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "report.html"} << std::string(bytes, 'x');
}

/// Runs of a store, and folders, which several nodes share.
struct kept_runs {
  explicit kept_runs(const durable::test::backend& on) : documents{on.make()}, runs{node("node-1")} {}

  std::shared_ptr<store> node(const std::string& name) const {
    return std::make_shared<store>(std::shared_ptr{documents->open()}, name);
  }
  retention_options options(const std::string& name, std::uint64_t max_bytes) const {
    return retention_of_runs(node(name), {blobs.path(), {}}, std::chrono::seconds{0}, max_bytes);
  }
  void put(int n, std::optional<std::chrono::minutes> ago) const {
    step first{{}, {}, {}, {}};
    first.now.run_id = id_of(n);
    first.now.asked = package();
    first.now.created_at = system_clock::now() - std::chrono::hours{100};
    if (ago) {
      first.now.status = status::completed;
      first.now.finished_at = system_clock::now() - *ago;
    } else {
      first.queue = "execution";
    }
    REQUIRE(runs->add(first));
    fill(folder(n));
  }
  [[nodiscard]] std::filesystem::path folder(int n) const { return blobs.path() / "runs" / id_of(n); }
  /// Both, or neither.
  [[nodiscard]] bool has(int n) const {
    const bool known = runs->find(id_of(n)).has_value();
    CHECK(std::filesystem::exists(folder(n)) == known);
    return known;
  }

  temporary_folder blobs;
  std::unique_ptr<durable::test::site> documents;
  std::shared_ptr<store> runs;
};

/// A round to its end; why it failed, or nothing.
std::string go_round(retention& subject) {
  subject.begin_round();
  for (;;) {
    const auto more = subject.step();
    if (!more) return more.error().describe();
    if (!*more) return {};
  }
}

bool counts(const metrics::instruments& meters, const std::string& line) {
  INFO(line);
  return meters.exposition().find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

SCENARIO("folders are measured once, and who looks again finds what came and what went") {
  temporary_folder data;
  fill(data.path() / id_of(1));
  fill(data.path() / id_of(2));
  fill(data.path() / "not a run");
  kept_folders subject{{data.path(), data.path() / ".", data.path() / "not there"}};
  auto seen = subject.look();
  std::ranges::sort(seen);
  CHECK(seen == std::vector{id_of(1), id_of(2)});
  subject.count(id_of(1));
  subject.count(id_of(2));
  CHECK(subject.total() == 2 * folder_bytes);
  fill(data.path() / id_of(2), 2 * file_bytes);  // nobody looks into it again, until somebody wants that
  fill(data.path() / id_of(3));
  CHECK(subject.look() == std::vector{id_of(3)});
  CHECK(subject.total() == 2 * folder_bytes);
  subject.count(id_of(2));
  CHECK(subject.total() > 2 * folder_bytes);
  std::filesystem::remove_all(data.path() / id_of(2));
  CHECK(subject.look() == std::vector{id_of(3)});
  CHECK(subject.total() == folder_bytes);
  CHECK(subject.remove(id_of(1)).value() == folder_bytes);
  CHECK(subject.remove(id_of(1)).value() == 0);
  CHECK(subject.total() == 0);
  CHECK_FALSE(subject.remove("not a run"));
  CHECK(std::filesystem::exists(data.path() / "not a run"));
}

SCENARIO("when what has ended takes too much, the longest ended go until the rest fits") {
  const auto backend = GENERATE(from_range(durable::test::backends()));
  kept_runs shop{backend};
  // Neither in the order of their ends nor in that of their ids; more than one step's worth.
  for (const int n : {3, 9, 1, 7, 5, 8, 2, 6, 4, 10}) shop.put(n, std::chrono::minutes{n});
  for (int n = 11; n <= 50; ++n) shop.put(n, std::chrono::minutes{n});
  shop.put(99, {});  // goes on
  fill(shop.folder(99), 100 * file_bytes);
  fill(shop.folder(98), 100 * file_bytes);  // of no run
  metrics::instruments meters;
  retention subject{shop.options("node-1", 4 * folder_bytes + folder_bytes / 2), meters};
  REQUIRE(go_round(subject) == std::string{});
  for (int n = 1; n <= 50; ++n) CHECK(shop.has(n) == (n <= 4));
  CHECK(shop.has(99));
  CHECK(std::filesystem::exists(shop.folder(98)));
  CHECK(counts(meters, "lazaret_forgotten_total{kind=\"run\",reason=\"size\"} 46"));
  CHECK(counts(meters,
               "lazaret_forgotten_bytes_total{kind=\"run\",reason=\"size\"} " + std::to_string(46 * folder_bytes)));
  CHECK(counts(meters, "lazaret_kept_bytes{kind=\"run\"} " + std::to_string(4 * folder_bytes)));

  // What comes later is found, and only that is measured.
  shop.put(0, std::chrono::minutes{0});
  REQUIRE(go_round(subject) == std::string{});
  for (int n = 0; n <= 4; ++n) CHECK(shop.has(n) == (n <= 3));
}

SCENARIO("without a bound nothing goes, however much it is") {
  const auto backend = GENERATE(from_range(durable::test::backends()));
  kept_runs shop{backend};
  for (int n = 0; n < 3; ++n) shop.put(n, std::chrono::minutes{n});
  metrics::instruments meters;
  retention subject{shop.options("node-1", 0), meters};
  REQUIRE(go_round(subject) == std::string{});
  for (int n = 0; n < 3; ++n) CHECK(shop.has(n));
}

SCENARIO("several nodes that make room at once forget no more than one would") {
  const auto backend = GENERATE(from_range(durable::test::backends()));
  constexpr int many = 200, rest = 50, nodes = 3;
  kept_runs shop{backend};
  for (int n = 0; n < many; ++n) shop.put(n, std::chrono::minutes{n});
  std::vector<std::unique_ptr<metrics::instruments>> meters;
  std::vector<std::unique_ptr<retention>> subjects;
  for (int n = 0; n < nodes; ++n) {
    meters.push_back(std::make_unique<metrics::instruments>());
    subjects.push_back(
        std::make_unique<retention>(shop.options("node-" + std::to_string(n), rest * folder_bytes), *meters.back()));
  }
  std::barrier start{nodes};
  std::array<std::string, nodes> trouble;
  durable::test::at_once(nodes, [&](int n) {
    start.arrive_and_wait();
    trouble[n] = go_round(*subjects[n]);
  });
  for (const auto& why : trouble) CHECK(why == std::string{});
  for (int n = 0; n < many; ++n) CHECK(shop.has(n) == (n < rest));
}

SCENARIO("a node forgets no more than the bound asks for, wherever another makes room in between") {
  const auto backend = GENERATE(from_range(durable::test::backends()));
  const auto* const where = GENERATE("before it knows who is next", "after that", "while it forgets");
  INFO(where << ", on " << backend.name);
  constexpr int many = 30, rest = 15;
  kept_runs shop{backend};
  for (int n = 0; n < many; ++n) shop.put(n, std::chrono::minutes{n});
  metrics::instruments meters, others;
  retention other{shop.options("node-2", rest * folder_bytes), others};
  int calls = 0;
  const auto meet = [&](std::string_view here) {
    if (here == where && ++calls == 1) REQUIRE(go_round(other) == std::string{});
  };
  auto options = shop.options("node-1", rest * folder_bytes);
  options.ended = [&, ask = options.ended](auto before, auto most) {
    meet("before it knows who is next");
    auto got = ask(before, most);
    meet("after that");
    return got;
  };
  options.forget = [&, forget = options.forget](const std::string& id) {
    meet("while it forgets");
    return forget(id);
  };
  retention subject{options, meters};
  REQUIRE(go_round(subject) == std::string{});
  CHECK(calls > 0);
  for (int n = 0; n < many; ++n) CHECK(shop.has(n) == (n < rest));
}

SCENARIO("one that can't be forgotten is told of and keeps no other, neither the old nor the large") {
  const auto backend = GENERATE(from_range(durable::test::backends()));
  kept_runs shop{backend};
  for (int n = 0; n < 60; ++n) shop.put(n, std::chrono::minutes{n});
  metrics::instruments meters;
  auto options = shop.options("node-1", 5 * folder_bytes);
  options.age = std::chrono::minutes{30};
  options.forget = [forget = options.forget](const std::string& id) {
    return id == id_of(59) ? sandbox::failure{"forget", 0, "stuck", {}} : forget(id);
  };
  retention subject{std::move(options), meters};
  // Each of these rounds ends where it fails; the next goes on from there.
  for (int round = 0; round < 10; ++round) CHECK(go_round(subject) == "forget: stuck");
  CHECK(shop.runs->find(id_of(59)));
  for (int n = 0; n < 59; ++n) CHECK(shop.has(n) == (n < 5));
}

SCENARIO("jobs and what they left go by their size, too, and one that runs stays") {
  ON_EACH_STORE_A_WORKSHOP();
  auto options = shop.options();
  options.batch.retention_max_bytes = 3 * (2 * page + page + file_bytes);
  options.janitor_every = 5ms;
  running_pipeline p{std::move(options)};
  customer c{p};
  const std::string large(file_bytes, 'x');
  std::vector<std::string> ids;
  for (int n = 0; n < 8; ++n) {
    ids.push_back(c.accepted("quick", {{"code", "a", large}}));
    CHECK(c.ended(ids.back()).status == batch::status::succeeded);
  }
  const auto running = c.accepted("wait", {{"code", "a", large + large + large + large}});
  const auto there = [&](const std::string& id) {
    return c.desk().find(id) || std::filesystem::exists(shop.data.path() / "blobs/jobs" / id);
  };
  CHECK(durable::test::soon([&] { return !there(ids[5]); }));
  CHECK(counts(p.meters, "lazaret_forgotten_total{kind=\"job\",reason=\"size\"} 6"));
  for (int n = 0; n < 8; ++n) CHECK(there(ids[n]) == (n > 5));
  CHECK(c.desk().find(running).has_value());
  shop.open.open();
}

SCENARIO("a janitor that is killed is replaced, and goes on") {
  temporary_folder data;
  auto o = quick_options(data.path());
  o.retention = std::chrono::seconds{1};
  o.janitor_every = 5ms;
  running_pipeline p{o};
  p.ended(p.accepted());
  p.subject.strike("janitor");
  CHECK(durable::test::soon([&] { return counts(p.meters, "lazaret_janitor_restarts_total 1"); }));
  const auto id = p.ended(p.accepted()).run_id;
  CHECK(durable::test::soon([&] { return !p.subject.find(id); }));
  CHECK(p.subject.not_ready_because().empty());
}

SCENARIO("a store that can't be read is told of once, and once when it can, also by a janitor that dies of it") {
  temporary_folder data;
  durable::test::redis_process redis;
  const auto runs = std::make_shared<store>(std::shared_ptr{durable::open_redis_store(redis.url()).value()}, "node");
  auto o = quick_options(data.path());
  o.retention = std::chrono::seconds{1};
  o.janitor_every = 5ms;
  std::mutex mutex;
  std::vector<bool> told;
  const bool dies = GENERATE(false, true);
  o.janitor_trouble = [&](const std::string& why) {
    const std::scoped_lock lock{mutex};
    told.push_back(!why.empty());
    if (dies && told.size() == 1) throw std::runtime_error{"a janitor falls"};
  };
  metrics::instruments meters;
  pipeline subject{o, runs, meters};
  const auto told_so_far = [&] {
    const std::scoped_lock lock{mutex};
    return told;
  };
  redis.kill();
  CHECK(durable::test::soon([&] { return told_so_far().size() == (dies ? 2 : 1); }));
  std::this_thread::sleep_for(200ms);  // many rounds
  redis.start();
  auto expected = std::vector{true, false};
  if (dies) expected.insert(expected.begin(), true);  // the next one has to find out for itself
  CHECK(durable::test::soon([&] { return told_so_far() == expected; }));
  CHECK(counts(meters, std::string{"lazaret_janitor_restarts_total "} + (dies ? "1" : "0")));
}
