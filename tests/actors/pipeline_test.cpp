#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>

#include "pipeline_fixture.hpp"

using namespace lazaret::actors;
using namespace lazaret::actors::test;

SCENARIO("a run passes all stages in order and ends with a verdict") {
  temporary_folder data;
  running_pipeline p{quick_options(data.path())};
  const auto r = p.ended(p.accepted());
  CHECK(r.status == status::completed);
  REQUIRE(r.analysis);
  CHECK(r.analysis->verdict == verdict::benign);
  REQUIRE(r.stages.size() == 4);
  for (std::size_t n = 0; n < 4; ++n) {
    CHECK(r.stages[n].stage == static_cast<work_stage>(n));
    CHECK(r.stages[n].outcome == "done");
    CHECK(r.stages[n].attempts == 1);
  }
  const auto events = p.subject.events(r.run_id, 0, 100);
  REQUIRE(!events.empty());
  CHECK(events.front().type == "status");
  CHECK(events.back().type == "end");
  for (std::size_t n = 0; n < events.size(); ++n) CHECK(events[n].id == n + 1);
  CHECK(p.subject.events(r.run_id, events.back().id - 1, 100).size() == 1);
}

SCENARIO("a denied package is refused under any spelling, and its name as a mere beginning is not") {
  temporary_folder data;
  auto o = quick_options(data.path());
  o.denylist = {"torch"};
  running_pipeline p{o};
  CHECK(p.refused(package("torch")) == fault::denied);
  CHECK(p.refused(package("Torch_Audio")) == fault::denied);
  CHECK(p.refused(package("torch.--nightly")) == fault::denied);
  p.accepted(package("torchvision"));
}

SCENARIO("the rate limit refuses what goes beyond it, per client") {
  temporary_folder data;
  auto o = quick_options(data.path());
  o.rate_limit = 2;
  running_pipeline p{o};
  p.accepted();
  p.accepted();
  CHECK(p.refused() == fault::rate_limited);
  auto other = package();
  other.client = "127.0.0.2";
  p.accepted(other);
}

SCENARIO("the queue holds its limit besides the runs that are worked on, and refuses the next") {
  temporary_folder data;
  gate done;
  auto o = quick_options(data.path());
  o.queue_limit = 3;
  o.stages[1].concurrency = 2;
  o.work[1] = [&](const job&) {
    done.pass();
    return execution_result{};
  };
  running_pipeline p{o};
  std::vector<std::string> ids;
  for (int n = 0; n < 5; ++n) ids.push_back(p.accepted());
  CHECK(p.refused() == fault::queue_full);
  done.open();
  for (const auto& id : ids) CHECK(p.ended(id).status == status::completed);
  p.ended(p.accepted());
}

SCENARIO("a stage's failure ends the run as failed, with a report all the same") {
  temporary_folder data;
  std::atomic<int> reports = 0, executions = 0;
  auto o = quick_options(data.path());
  o.work[0] = [](const job&) { return stage_failure{"package not found in the index: demo", false}; };
  o.work[1] = [&](const job&) {
    ++executions;
    return execution_result{};
  };
  o.work[3] = [&](const job&) {
    ++reports;
    return report_rendered{};
  };
  running_pipeline p{o};
  const auto r = p.ended(p.accepted());
  CHECK(r.status == status::failed);
  CHECK(r.error == "package not found in the index: demo");
  CHECK(!r.analysis);
  CHECK(reports == 1);
  CHECK(executions == 0);
}

SCENARIO("a fault that is not the run's is retried until the stage can do its work") {
  temporary_folder data;
  std::atomic<int> tries = 0;
  auto o = quick_options(data.path());
  o.work[1] = [&](const job&) -> stage_result {
    if (++tries < 3) return stage_failure{"jailer: not connected", true};
    return execution_result{};
  };
  running_pipeline p{o};
  const auto r = p.ended(p.accepted());
  CHECK(r.status == status::completed);
  CHECK(r.stages[1].attempts == 3);
}

SCENARIO("a run that kills its worker three times is set aside as poison; the others go on") {
  temporary_folder data;
  auto o = quick_options(data.path());
  o.work[1] = [](const job& j) -> stage_result {
    if (j.what->asked.package_name == "poison") throw std::runtime_error{"unforeseen"};
    return execution_result{};
  };
  running_pipeline p{o};
  const auto bad = p.accepted(package("poison"));
  const auto good = p.accepted(package("water"));
  const auto r = p.ended(bad);
  CHECK(r.status == status::failed);
  CHECK(r.error == "poison: it ended its worker 3 times in the execution stage");
  CHECK(p.ended(good).status == status::completed);
  CHECK(p.meters.exposition().find("lazaret_stage_restarts_total{stage=\"execution\"} 3") != std::string::npos);
}

SCENARIO("a run whose node vanishes again and again is innocent for long, and set aside in the end") {
  temporary_folder data;
  const int losses = GENERATE(19, 20);
  std::string id;
  {
    auto o = quick_options(data.path());
    o.absent = {"download"};
    running_pipeline p{o};
    id = p.accepted();
  }
  {
    const auto runs = open_sqlite_store(data.path() / "store.sqlite").value();
    for (int n = 0; n < losses; ++n) {
      REQUIRE(runs->take("download", "queue", 1, std::chrono::seconds{60})->size() == 1);
      REQUIRE(runs->abandon("queue").value() == 1);
    }
  }
  running_pipeline p{quick_options(data.path())};
  const auto r = p.ended(id);
  if (losses < 20) {
    CHECK(r.status == status::completed);
    return;
  }
  CHECK(r.status == status::failed);
  CHECK(r.error == "poison: it was lost 20 times with the node that worked on it in the download stage");
  CHECK(p.meters.exposition().find("lazaret_runs_poisoned_total{stage=\"download\"} 1") != std::string::npos);
}

SCENARIO("any stage and any worker may be killed while runs are in flight: every run ends with one verdict") {
  const std::string victim = GENERATE("ingress", "rate_limit", "queue", "download", "execution", "analysis", "report");
  const bool worker = GENERATE(false, true);
  if (worker && parse<work_stage>(victim) == std::nullopt) return;
  temporary_folder data;
  counter begun;
  gate go_on;
  auto o = quick_options(data.path());
  const auto stage = parse<work_stage>(victim).value_or(work_stage::execution);
  auto& work = o.work[static_cast<std::size_t>(stage)];
  work = [&, inner = work](const job& j) {
    begun.add();
    go_on.pass();
    return inner(j);
  };
  running_pipeline p{o};
  std::vector<std::string> ids;
  for (int n = 0; n < 20; ++n) ids.push_back(p.accepted());
  REQUIRE(begun.reaches(2));
  p.subject.strike(victim, worker);
  go_on.open();
  for (const auto& id : ids) {
    const auto r = p.ended(id);
    INFO(victim << (worker ? " worker" : "") << ": " << r.error);
    CHECK(r.status == status::completed);
    CHECK(r.analysis);
    const auto events = p.subject.events(id, 0, 1000);
    CHECK(std::count_if(events.begin(), events.end(), [](const auto& e) { return e.type == "end"; }) == 1);
  }
  const auto restarts = "lazaret_stage_restarts_total{stage=\"" + victim + "\"} 1";
  CHECK(p.meters.exposition().find(restarts) != std::string::npos);
}

SCENARIO("more workers start at once when concurrency is raised, and surplus ones go when it is lowered") {
  temporary_folder data;
  counter begun;
  gate go_on;
  auto o = quick_options(data.path());
  o.stages[1].concurrency = 1;
  o.work[1] = [&](const job&) {
    begun.add();
    go_on.pass();
    return execution_result{};
  };
  running_pipeline p{o};
  std::vector<std::string> ids;
  for (int n = 0; n < 8; ++n) ids.push_back(p.accepted());
  REQUIRE(begun.reaches(1));
  CHECK(std::get<stage_status>(p.change("execution", {4, {}})).concurrency == 4);
  CHECK(begun.reaches(4));
  CHECK(begun.now() == 4);
  CHECK(std::get<stage_status>(p.change("execution", {1, 5})).queue_limit == 5);
  go_on.open();
  for (const auto& id : ids) CHECK(p.ended(id).status == status::completed);
  CHECK(std::get<refusal>(p.change("execution", {0, {}})).why == fault::out_of_range);
  CHECK(std::get<refusal>(p.change("execution", {65, {}})).why == fault::out_of_range);
  CHECK(std::get<refusal>(p.change("ingress", {2, {}})).why == fault::fixed);
  CHECK(std::get<refusal>(p.change("nonsense", {2, {}})).why == fault::unknown_stage);
}

SCENARIO("a canceled run ends at once, waiting or in a worker's hands, and its result is void") {
  temporary_folder data;
  counter begun;
  auto o = quick_options(data.path());
  o.stages[1].concurrency = 1;
  o.work[1] = [&](const job& j) {
    begun.add();
    std::mutex m;
    std::unique_lock lock{m};
    std::condition_variable_any().wait(lock, j.stop, [] { return false; });
    return execution_result{};
  };
  running_pipeline p{o};
  const auto held = p.accepted();
  REQUIRE(begun.reaches(1));
  const auto waiting = p.accepted();
  CHECK(std::get<run>(p.cancel(waiting)).status == status::canceled);
  CHECK(std::get<run>(p.cancel(held)).status == status::canceled);
  CHECK(p.subject.find(held)->status == status::canceled);
  CHECK(std::get<refusal>(p.cancel(held)).why == fault::already_ended);
  CHECK(std::get<refusal>(p.cancel("00000000-0000-4000-8000-000000000000")).why == fault::unknown_run);
  const auto next = p.accepted();
  REQUIRE(begun.reaches(2));  // the worker is free again
  p.cancel(next);
}

SCENARIO("a service that starts again goes on with what the store holds") {
  temporary_folder data;
  std::vector<std::string> ids;
  {
    auto o = quick_options(data.path());
    o.stages[1].concurrency = 1;
    o.work[1] = [](const job& j) {  // holds its run until it is told to stop
      std::mutex m;
      std::unique_lock lock{m};
      std::condition_variable_any().wait(lock, j.stop, [] { return false; });
      return execution_result{};
    };
    running_pipeline p{o};
    for (int n = 0; n < 6; ++n) ids.push_back(p.accepted());
  }
  running_pipeline p{quick_options(data.path())};
  for (const auto& id : ids) CHECK(p.ended(id).status == status::completed);
}

SCENARIO("a report is delivered with retries, and a delivery that finally fails is noted and loses nothing") {
  temporary_folder data;
  std::atomic<int> tries = 0;
  auto o = quick_options(data.path());
  o.first_delivery_wait = std::chrono::milliseconds{1};
  o.deliver = [&](const run& r) -> delivery_attempt {
    if (r.asked.package_name == "lost") return {delivery_attempt::verdict::give_up, "404 Not Found", {}};
    if (++tries < 3) return {delivery_attempt::verdict::retry, "500", {}};
    return {};
  };
  counter settled;
  running_pipeline p{o};
  const auto good = p.accepted();
  const auto lost = p.accepted(package("lost"));
  p.ended(good);
  p.ended(lost);
  const auto settled_run = [&](const std::string& id) {
    for (;;) {  // deliveries make no event: look again
      if (const auto r = p.subject.find(id); r->delivery != delivery_status::pending) return *r;
      std::this_thread::yield();
    }
  };
  CHECK(settled_run(good).delivery == delivery_status::delivered);
  const auto r = settled_run(lost);
  CHECK(r.delivery == delivery_status::failed);
  CHECK(r.delivery_error == "404 Not Found");
  CHECK(r.status == status::completed);
  CHECK(tries == 3);
}

SCENARIO("lists show the newest first, page by page, and filter") {
  temporary_folder data;
  running_pipeline p{quick_options(data.path())};
  std::vector<std::string> ids;
  for (int n = 0; n < 5; ++n) ids.push_back(p.accepted(package(n % 2 == 0 ? "Even.Package" : "odd")));
  for (const auto& id : ids) p.ended(id);
  run_filter filter;
  filter.limit = 2;
  std::vector<std::string> seen;
  for (;;) {
    const auto page = p.subject.list(filter);
    REQUIRE(page);
    for (const auto& r : page->runs) seen.push_back(r.run_id);
    if (page->next_cursor.empty()) break;
    filter.cursor = page->next_cursor;
  }
  std::reverse(seen.begin(), seen.end());
  CHECK(seen == ids);
  run_filter even;
  even.package = "even-package";
  CHECK(p.subject.list(even)->runs.size() == 3);
  run_filter malicious;
  malicious.verdict = verdict::malicious;
  CHECK(p.subject.list(malicious)->runs.empty());
  run_filter nonsense;
  nonsense.cursor = "-1; DROP TABLE runs";
  CHECK(!p.subject.list(nonsense));
}

SCENARIO("draining takes nothing new and lets what is in hand finish") {
  temporary_folder data;
  counter begun;
  gate go_on;
  auto o = quick_options(data.path());
  o.work[1] = [&](const job&) {
    begun.add();
    go_on.pass();
    return execution_result{};
  };
  running_pipeline p{o};
  p.accepted();
  REQUIRE(begun.reaches(1));
  std::thread opener{[&] { go_on.open(); }};
  p.subject.drain(std::chrono::seconds{10});
  opener.join();
  CHECK(p.subject.not_ready_because() == "draining");
  CHECK(p.refused() == fault::draining);
}
