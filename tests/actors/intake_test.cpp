#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "tests/actors/pipeline_fixture.hpp"

using namespace lazaret::actors;
using namespace lazaret::actors::test;

namespace {

lazaret::durable::idempotency key(const std::string& text, const std::string& asked = "six 1.0") {
  return {text, asked};
}

submitted_run given(answer<submitted_run> got) {
  REQUIRE(std::holds_alternative<submitted_run>(got));
  return std::get<submitted_run>(got);
}

fault why(const answer<submitted_run>& got) {
  REQUIRE(std::holds_alternative<refusal>(got));
  return std::get<refusal>(got).why;
}

/// Releases that hold something, so that a verdict has something to stand on; counts what is executed.
pipeline_options examining(const std::filesystem::path& data_dir, counter& executed) {
  auto o = quick_options(data_dir);
  o.work[0] = [](const job& j) {
    download_result r;
    r.artefact.sha256 = std::string(64, j.what->asked.version == "2.0" ? 'b' : 'a');
    r.artefact.filename = "demo.whl";
    return r;
  };
  o.work[1] = [&](const job&) {
    executed.add();
    execution_result done;
    done.phases.emplace_back().name = "install";
    return done;
  };
  o.reuse = {std::chrono::seconds{600}, "rules 1"};
  return o;
}

bool eventually(const std::function<bool()>& is_so) {
  for (int n = 0; n < 2000; ++n) {
    if (is_so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

}  // namespace

SCENARIO("the same key gives the same run, past every limit and over a restart; another request with it is refused") {
  temporary_folder data;
  gate done;
  auto o = quick_options(data.path());
  o.queue_limit = 1;
  o.rate_limit = 3;
  o.stages[1].concurrency = 1;
  o.work[1] = [&](const job&) {
    done.pass();
    return execution_result{};
  };
  std::string first;
  {
    running_pipeline p{o};
    const auto fresh = given(p.submit(package(), key("k")));
    CHECK_FALSE(fresh.repeated);
    first = fresh.run_id;
    for (int n = 0; n < 5; ++n) {  // more than the rate limit allows: none of them counts
      const auto again = given(p.submit(package(), key("k")));
      CHECK(again.run_id == first);
      CHECK(again.repeated);
    }
    CHECK(why(p.submit(package("other"), key("k", "other"))) == fault::key_reused);
    p.accepted();
    CHECK(p.refused() == fault::queue_full);
    CHECK(p.refused() == fault::rate_limited);
    CHECK(given(p.submit(package(), key("k"))).run_id == first);
    CHECK(why(p.submit(package(), key("k2"))) == fault::rate_limited);
    done.open();
    p.ended(first);
  }
  running_pipeline p{o};
  const auto again = given(p.submit(package(), key("k")));
  CHECK(again.run_id == first);
  CHECK(again.repeated);
  CHECK(why(p.submit(package("other"), key("k", "other"))) == fault::key_reused);
}

SCENARIO("many who send one key at once are given one run") {
  temporary_folder data;
  running_pipeline p{quick_options(data.path())};
  std::mutex mutex;
  std::set<std::string> ids;
  std::size_t fresh = 0, refused = 0;
  counter answered;
  for (int n = 0; n < 16; ++n)
    p.subject.submit(package(), key("k"), [&](answer<submitted_run> got) {
      const auto* const run = std::get_if<submitted_run>(&got);
      {
        const std::scoped_lock lock{mutex};
        if (run != nullptr) ids.insert(run->run_id), fresh += run->repeated ? 0 : 1;
        refused += run == nullptr ? 1 : 0;
      }
      answered.add();
    });
  REQUIRE(answered.reaches(16));
  const std::scoped_lock lock{mutex};
  CHECK(ids.size() == 1);
  CHECK(fresh == 1);
  CHECK(refused == 0);
}

SCENARIO("a higher priority is taken first, in the order of its submission") {
  temporary_folder data;
  gate go_on;
  counter begun;
  std::mutex mutex;
  std::vector<std::string> order;
  auto o = quick_options(data.path());
  o.stages[0].concurrency = 1;
  o.stages[0].queue_limit = 1;
  o.work[0] = [&](const job& j) {
    begun.add();
    go_on.pass();
    const std::scoped_lock lock{mutex};
    order.push_back(j.what->asked.package_name);
    return download_result{};
  };
  running_pipeline p{o};
  std::vector<std::string> ids;
  const auto submit = [&](const std::string& name, int priority) {
    auto s = package(name);
    s.priority = priority;
    ids.push_back(p.accepted(s));
  };
  submit("in-hand", 0);
  REQUIRE(begun.reaches(1));
  submit("buffered", 0);  // the stage has taken it already
  REQUIRE(eventually([&] { return !p.subject.standing_of(*p.subject.find(ids[1])); }));
  submit("low", -100);
  submit("usual", 0);
  submit("high", 100);
  submit("high-too", 100);
  go_on.open();
  for (const auto& id : ids) p.ended(id);
  CHECK(order == std::vector<std::string>{"in-hand", "buffered", "high", "high-too", "usual", "low"});
}

SCENARIO("a waiting run knows its place, and how long it takes once somebody knows") {
  temporary_folder data;
  gate go_on;
  counter begun;
  auto o = quick_options(data.path());
  o.stages[0].concurrency = 1;
  o.work[0] = [&](const job& j) {
    if (j.what->asked.package_name == "first") {
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      return download_result{};
    }
    begun.add();
    go_on.pass();
    return download_result{};
  };
  const auto standing = [](running_pipeline& p, const std::string& id) {
    return p.subject.standing_of(*p.subject.find(id));
  };
  {
    running_pipeline p{o};
    p.accepted(package("held"));
    REQUIRE(begun.reaches(1));
    const auto buffered = p.accepted();
    REQUIRE(eventually([&] { return !standing(p, buffered); }));
    const auto waiting = p.accepted();
    REQUIRE(standing(p, waiting));
    CHECK(standing(p, waiting)->position == 0);
    CHECK_FALSE(standing(p, waiting)->estimate_sec);
    go_on.open();
  }
  gate closed_again;
  o.work[0] = [&](const job& j) {
    if (j.what->asked.package_name == "first") {
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      return download_result{};
    }
    begun.add();
    closed_again.pass();
    return download_result{};
  };
  temporary_folder other;
  o.places.blob_dir = other.path();
  running_pipeline p{o};
  p.ended(p.accepted(package("first")));
  p.accepted(package("held"));
  REQUIRE(begun.reaches(2));
  const auto buffered = p.accepted();
  REQUIRE(eventually([&] { return !standing(p, buffered); }));
  std::vector<std::string> ids;
  for (int n = 0; n < 3; ++n) ids.push_back(p.accepted());
  for (std::size_t n = 0; n < ids.size(); ++n) {
    const auto now = standing(p, ids[n]);
    REQUIRE(now);
    CHECK(now->position == n);
    REQUIRE(now->estimate_sec);
    CHECK(*now->estimate_sec >= 0.05 * static_cast<double>(n + 1));
  }
  closed_again.open();
  for (const auto& id : ids) CHECK_FALSE(p.subject.standing_of(p.ended(id)));
}

SCENARIO("a release that was judged a short time ago is not run again, unless somebody asks for it") {
  temporary_folder data;
  counter executed;
  auto o = examining(data.path(), executed);
  counter delivered;
  o.deliver = [&](const run& r) -> delivery_attempt {
    if (r.analysis && r.execution && r.execution->phases.size() == 1) delivered.add();
    return {};
  };
  std::string first;
  {
    running_pipeline p{o};
    first = p.ended(p.accepted()).run_id;
    CHECK(executed.now() == 1);
  }
  running_pipeline p{o};
  const auto again = p.ended(p.accepted());
  CHECK(executed.now() == 1);
  CHECK(again.status == status::completed);
  CHECK(again.reused_from == first);
  CHECK(again.analysis->verdict == verdict::benign);
  CHECK(delivered.reaches(2));
  const auto stage = [](const run& r, work_stage s) {
    return std::any_of(r.stages.begin(), r.stages.end(), [&](const auto& t) { return t.stage == s; });
  };
  CHECK(stage(again, work_stage::download));
  CHECK_FALSE(stage(again, work_stage::execution));
  CHECK(stage(again, work_stage::report));

  SECTION("who forces it gets a fresh one, and those after it get that") {
    auto s = package();
    s.force = true;
    const auto forced = p.ended(p.accepted(s));
    CHECK(forced.reused_from.empty());
    CHECK(executed.now() == 2);
    CHECK(p.ended(p.accepted()).reused_from == forced.run_id);
  }
  SECTION("another artefact, or another way of running it, is another question") {
    auto s = package();
    s.version = "2.0";
    CHECK(p.ended(p.accepted(s)).reused_from.empty());
    s = package();
    s.mode = mode::full;
    CHECK(p.ended(p.accepted(s)).reused_from.empty());
    s = package();
    s.module_name = "x";
    CHECK(p.ended(p.accepted(s)).reused_from.empty());
    s.module_name.reset();
    s.entrypoint = "x";
    CHECK(p.ended(p.accepted(s)).reused_from.empty());
    CHECK(executed.now() == 5);
  }
}

SCENARIO("no verdict stands under other rules, past its time, with reuse off, or when it is none") {
  temporary_folder data;
  counter executed;
  auto o = examining(data.path(), executed);
  SECTION("other rules") {
    {
      running_pipeline p{o};
      p.ended(p.accepted());
    }
    o.reuse.rules_version = "rules 2";
    running_pipeline p{o};
    CHECK(p.ended(p.accepted()).reused_from.empty());
  }
  SECTION("past its time") {
    o.reuse.keep = std::chrono::seconds{1};
    running_pipeline p{o};
    const auto first = p.ended(p.accepted());
    std::this_thread::sleep_until(*first.finished_at + std::chrono::milliseconds{1100});
    CHECK(p.ended(p.accepted()).reused_from.empty());
  }
  SECTION("off") {
    o.reuse.keep = std::chrono::seconds{0};
    running_pipeline p{o};
    p.ended(p.accepted());
    CHECK(p.ended(p.accepted()).reused_from.empty());
  }
  SECTION("inconclusive") {
    o.work[2] = [](const job&) { return analysis_result{}; };
    running_pipeline p{o};
    p.ended(p.accepted());
    CHECK(p.ended(p.accepted()).reused_from.empty());
  }
  SECTION("failed") {
    o.work[2] = [](const job&) { return stage_failure{"broken", false}; };
    running_pipeline p{o};
    p.ended(p.accepted());
    CHECK(p.ended(p.accepted()).reused_from.empty());
  }
  CHECK(executed.now() == 2);
}

SCENARIO("runs that ended long ago go with their folders, and folders without a run go too") {
  temporary_folder data;
  const auto runs = data.path() / "runs";
  const auto put = [&](const std::string& id) {
    std::filesystem::create_directories(runs / id / "report.1");
    std::ofstream{runs / id / "report.1" / "report.html"} << "x";
  };
  const std::string orphan = "00000000-0000-4000-8000-000000000000";
  put(orphan);
  std::filesystem::last_write_time(runs / orphan,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours{1});
  std::filesystem::create_directories(runs / "not a run");
  std::filesystem::last_write_time(runs / "not a run",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours{1});
  auto o = quick_options(data.path());
  gate done;
  o.work[3] = [&](const job& j) {
    put(j.what->run_id);
    return report_rendered{"report.1"};
  };
  o.work[1] = [&](const job& j) {
    if (j.what->asked.package_name == "slow") done.pass();
    return execution_result{};
  };
  std::vector<std::string> ids;
  {
    running_pipeline p{o};
    for (int n = 0; n < 45; ++n) ids.push_back(p.accepted());
    for (const auto& id : ids) p.ended(id);
    CHECK(p.subject.report_file(ids.back(), "report.html"));
  }
  o.retention = std::chrono::seconds{1};
  o.janitor_every = std::chrono::milliseconds{20};
  running_pipeline p{o};
  const auto slow = p.accepted(package("slow"));
  for (const auto& id : ids) {
    CHECK(eventually([&] { return !p.subject.find(id); }));
    CHECK_FALSE(std::filesystem::exists(runs / id));
    CHECK(p.subject.events(id, 0, 10).empty());
    CHECK_FALSE(p.subject.report_file(id, "report.html"));
  }
  CHECK_FALSE(std::filesystem::exists(runs / orphan));
  CHECK(std::filesystem::exists(runs / "not a run"));
  CHECK(p.subject.find(slow));  // it has not ended
  done.open();
  CHECK(eventually([&] { return !p.subject.find(slow); }));
}

SCENARIO("without a retention nothing is forgotten") {
  temporary_folder data;
  auto o = quick_options(data.path());
  o.janitor_every = std::chrono::milliseconds{1};
  running_pipeline p{o};
  const auto id = p.ended(p.accepted()).run_id;
  std::this_thread::sleep_for(std::chrono::milliseconds{200});
  CHECK(p.subject.find(id));
}
