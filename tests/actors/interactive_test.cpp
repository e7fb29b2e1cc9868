#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "pipeline_fixture.hpp"

using namespace lazaret::actors;
using namespace lazaret::actors::test;

namespace {

/// Executions that a test asked for, and what became of them.
class audience {
 public:
  explicit audience(running_pipeline& p) : p_{p} {}
  /// Every answer comes, and comes here.
  ~audience() {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return answers_.size() == asked_; });
  }

  /// Two that are asked at once may overtake one another: wait for the first to be where it is to be.
  void ask(const claimant& client, const std::string& name, std::stop_token stop = {}) {
    auto what = std::make_shared<execution_request>();
    what->standard_input = name;
    ++asked_;
    p_.subject.execute(what, client, std::move(stop), [this, name](answer<std::shared_ptr<execution_answer>> given) {
      const std::scoped_lock lock{mutex_};
      const auto* why = std::get_if<refusal>(&given);
      answers_[name] = why ? lazaret::actors::name(why->why) : std::string_view{"done"};
      changed_.notify_all();
    });
  }
  std::string answer_to(const std::string& name) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return answers_.contains(name); });
    return answers_.contains(name) ? answers_[name] : "none in time";
  }
  /// Empty: would be taken; else why not.
  std::string may_come(const claimant& client) {
    std::promise<std::string> said;
    p_.subject.check_room(client, [&](const answer<bool>& given) {
      const auto* why = std::get_if<refusal>(&given);
      said.set_value(why ? std::string{lazaret::actors::name(why->why)} : std::string{});
    });
    return said.get_future().get();
  }
  /// Until the line holds so many.
  bool waiting(std::size_t n) {
    return until([&] { return now().queue_depth == n; });
  }
  bool in_hand(std::size_t n) {
    return until([&] { return now().in_flight == n; });
  }

 private:
  stage_status now() {
    stage_status found;
    p_.subject.stages([&](const auto& all) {
      for (const auto& s : std::get<0>(all))
        if (s.name == "interactive") found = s;
    });
    return found;
  }
  template <class Condition>
  static bool until(const Condition& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!is_so() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return is_so();
  }

  running_pipeline& p_;
  std::size_t asked_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> answers_;
};

/// One that answers when the gate opens, and notes whose turn came in which order.
struct counter_clerk {
  gate open;
  counter begun;
  std::mutex mutex;
  std::vector<std::string> served;

  pipeline_options options(const std::filesystem::path& data, std::size_t concurrency, std::size_t limit) {
    auto o = quick_options(data);
    o.interactive.concurrency = concurrency;
    o.interactive.queue_limit = limit;
    o.interactive.work = [this](const execution_request& what, std::stop_token) {
      if (what.standard_input == "fall") throw std::runtime_error{"a worker falls"};
      if (what.standard_input == "broken") return std::shared_ptr<execution_answer>{};
      {
        const std::scoped_lock lock{mutex};
        served.push_back(what.standard_input);
      }
      begun.add();
      open.pass();
      return std::make_shared<execution_answer>();
    };
    return o;
  }
};

}  // namespace

SCENARIO("people's code waits for a worker in a bounded line, and is refused beyond it") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 2)};
  audience a{p};
  a.ask(claimant{"ann"}, "1");
  REQUIRE(a.in_hand(1));
  a.ask(claimant{"ann"}, "2");
  a.ask(claimant{"ann"}, "3");
  REQUIRE(a.waiting(2));
  a.ask(claimant{"ann"}, "4");
  CHECK(a.answer_to("4") == "queue_full");
  clerk.open.open();
  for (const auto* name : {"1", "2", "3"}) CHECK(a.answer_to(name) == "done");
}

SCENARIO("a client with few runs in hand comes before one with many") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 10)};
  audience a{p};
  a.ask(claimant{"ann"}, "ann 1");
  REQUIRE(a.in_hand(1));
  for (const auto* name : {"ann 2", "ann 3"}) a.ask(claimant{"ann"}, name);
  REQUIRE(a.waiting(2));
  GIVEN("two workers, so that one of ann's runs goes on while the next is chosen") {
    a.ask(claimant{"bob"}, "bob 1");
    REQUIRE(a.waiting(3));
    REQUIRE(std::holds_alternative<stage_status>(p.change("interactive", {.concurrency = 2, .queue_limit = {}})));
    REQUIRE(clerk.begun.reaches(2));
    clerk.open.open();
    CHECK(a.answer_to("ann 3") == "done");
    CHECK(a.answer_to("bob 1") == "done");
    const std::scoped_lock lock{clerk.mutex};
    const auto place = [&](const char* name) { return std::ranges::find(clerk.served, name) - clerk.served.begin(); };
    CHECK(place("bob 1") < place("ann 2"));
  }
  clerk.open.open();
}

SCENARIO("a full line makes room for a newcomer at the cost of whoever has most in it") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 2)};
  audience a{p};
  a.ask(claimant{"ann"}, "1");
  REQUIRE(a.in_hand(1));
  a.ask(claimant{"ann"}, "2");
  REQUIRE(a.waiting(1));
  a.ask(claimant{"ann"}, "3");
  REQUIRE(a.waiting(2));
  a.ask(claimant{"bob"}, "b");
  CHECK(a.answer_to("3") == "queue_full");
  a.ask(claimant{"bob"}, "c");
  CHECK(a.answer_to("c") == "queue_full");
  clerk.open.open();
  CHECK(a.answer_to("b") == "done");
  CHECK(a.answer_to("2") == "done");
}

SCENARIO("one client may not have more in hand than the setting says") {
  temporary_folder data;
  counter_clerk clerk;
  auto o = clerk.options(data.path(), 4, 10);
  o.interactive.per_address = 2;
  running_pipeline p{o};
  audience a{p};
  for (const auto* name : {"1", "2", "3"}) a.ask(claimant{"ann"}, name);
  REQUIRE(a.waiting(1));
  CHECK(a.in_hand(2));
  a.ask(claimant{"bob"}, "b");
  CHECK(a.in_hand(3));
  clerk.open.open();
  for (const auto* name : {"1", "2", "3", "b"}) CHECK(a.answer_to(name) == "done");
}

SCENARIO("behind one address keys have equal shares, and within a key addresses have") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 10)};
  audience a{p};
  a.ask({"proxy", "k1"}, "k1 1");
  REQUIRE(a.in_hand(1));
  a.ask({"proxy", "k1"}, "k1 2");
  a.ask({"elsewhere", "k1"}, "k1 3");
  a.ask({"proxy", "k2"}, "k2 1");
  REQUIRE(a.waiting(3));
  REQUIRE(std::holds_alternative<stage_status>(p.change("interactive", {.concurrency = 3, .queue_limit = {}})));
  REQUIRE(clerk.begun.reaches(3));
  {
    const std::scoped_lock lock{clerk.mutex};
    CHECK(std::set<std::string>(clerk.served.begin(), clerk.served.end()) ==
          std::set<std::string>{"k1 1", "k2 1", "k1 3"});
  }
  clerk.open.open();
  CHECK(a.answer_to("k1 2") == "done");
}

SCENARIO("in a full line a key makes room for another key, wherever it comes from") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 3)};
  audience a{p};
  a.ask({"1", "many"}, "0");
  REQUIRE(a.in_hand(1));
  a.ask({"1", "many"}, "1");
  a.ask({"2", "many"}, "2");
  a.ask({"3", "many"}, "3");
  REQUIRE(a.waiting(3));
  CHECK(a.may_come({"4", "many"}) == "queue_full");  // no address of theirs has more than this one would have
  CHECK(a.may_come({"1", "few"}) == "");
  a.ask({"1", "few"}, "few");
  CHECK(a.answer_to("3") == "queue_full");
  clerk.open.open();
  CHECK(a.answer_to("few") == "done");
}

SCENARIO("one key may not have more in hand than the setting says, and those without one have no such limit") {
  temporary_folder data;
  counter_clerk clerk;
  auto o = clerk.options(data.path(), 4, 10);
  o.interactive.per_key = 1;
  running_pipeline p{o};
  audience a{p};
  a.ask({"1", "k"}, "1");
  a.ask({"2", "k"}, "2");
  a.ask({"3"}, "3");
  a.ask({"3"}, "4");
  CHECK(a.in_hand(3));
  CHECK(a.waiting(1));
  clerk.open.open();
  for (const auto* name : {"1", "2", "3", "4"}) CHECK(a.answer_to(name) == "done");
}

SCENARIO("nobody waits in line for ever") {
  temporary_folder data;
  counter_clerk clerk;
  auto o = clerk.options(data.path(), 1, 10);
  o.interactive.patience = std::chrono::milliseconds{50};
  running_pipeline p{o};
  audience a{p};
  a.ask(claimant{"ann"}, "1");
  REQUIRE(a.in_hand(1));
  a.ask(claimant{"ann"}, "2");
  CHECK(a.answer_to("2") == "queue_full");
  clerk.open.open();
  CHECK(a.answer_to("1") == "done");
}

SCENARIO("who left while waiting gives up the place") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 1)};
  audience a{p};
  std::stop_source left;
  a.ask(claimant{"ann"}, "1");
  REQUIRE(a.in_hand(1));
  a.ask(claimant{"ann"}, "2", left.get_token());
  REQUIRE(a.waiting(1));
  left.request_stop();
  a.ask(claimant{"ann"}, "3");
  CHECK(a.answer_to("2") == "unavailable");
  clerk.open.open();
  CHECK(a.answer_to("3") == "done");
}

SCENARIO("a worker that falls, a stage that is killed and a drain each answer whoever asked") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 10)};
  audience a{p};
  a.ask(claimant{"ann"}, "fall");
  CHECK(a.answer_to("fall") == "unavailable");
  a.ask(claimant{"ann"}, "broken");
  CHECK(a.answer_to("broken") == "unavailable");
  a.ask(claimant{"ann"}, "1");
  REQUIRE(a.in_hand(1));
  a.ask(claimant{"ann"}, "2");
  REQUIRE(a.waiting(1));
  SECTION("killed") {
    p.subject.strike("interactive");
    CHECK(a.answer_to("1") == "unavailable");
    CHECK(a.answer_to("2") == "unavailable");
    clerk.open.open();
    std::string again = "unavailable";
    for (int n = 0; again != "done" && n < 1000; ++n) {
      a.ask(claimant{"ann"}, "again " + std::to_string(n));
      again = a.answer_to("again " + std::to_string(n));
    }
    CHECK(again == "done");
  }
  SECTION("drained") {
    p.subject.drain(std::chrono::milliseconds{0});
    CHECK(a.answer_to("2") == "draining");
    clerk.open.open();
    CHECK(a.answer_to("1") == "done");
  }
  clerk.open.open();
}

SCENARIO("concurrency and limit of people's code are tuned while it runs, within their ranges") {
  temporary_folder data;
  counter_clerk clerk;
  running_pipeline p{clerk.options(data.path(), 1, 10)};
  audience a{p};
  for (const auto* name : {"1", "2", "3"}) a.ask(claimant{"ann"}, name);
  REQUIRE(a.waiting(2));
  const auto changed = p.change("interactive", {.concurrency = 3, .queue_limit = 5});
  REQUIRE(std::holds_alternative<stage_status>(changed));
  CHECK(std::get<stage_status>(changed).queue_limit == 5);
  CHECK(a.in_hand(3));
  CHECK(std::get<refusal>(p.change("interactive", {.concurrency = 65, .queue_limit = {}})).why == fault::out_of_range);
  clerk.open.open();
  for (const auto* name : {"1", "2", "3"}) CHECK(a.answer_to(name) == "done");
}
