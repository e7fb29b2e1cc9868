#pragma once
/// A pipeline, or several nodes of them, whose jobs do what a test says, on each of the stores.

#include <atomic>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "actors/batch/log.hpp"
#include "pipeline_fixture.hpp"
#include "tests/store/backend.hpp"

namespace lazaret::actors::test {

using std::chrono_literals::operator""ms;

inline std::string text_of(const std::filesystem::path& file) {
  std::ostringstream all;
  all << std::ifstream{file}.rdbuf();
  return all.str();
}

/// A pipeline whose jobs do what a test says, by the job's spec: `wait` until the gate opens or somebody stops it,
/// `fall` with an exception, `no jail`, else end at once.
struct workshop {
  explicit workshop(const durable::test::backend& on) : documents{on.make()} {}

  temporary_folder data;
  std::unique_ptr<durable::test::site> documents;
  gate open;
  counter begun, stopped;
  std::mutex mutex;
  std::vector<std::string> order;

  /// Another node's are on the same data.
  std::shared_ptr<batch::ledger> ledger(const std::string& node) {
    return std::make_shared<batch::ledger>(std::shared_ptr{documents->open()}, node);
  }
  batch_setting batch(const std::string& node) {
    batch_setting b;
    b.jobs = ledger(node);
    b.files = std::make_shared<batch::folder>(batch::folder::open(data.path() / "blobs").value());
    b.concurrency = 1;
    b.first_retry = 1ms;
    b.work["test"] = [this](const batch::job& what, const batch::desk_place& place, std::stop_token stop) {
      return work(what, place, std::move(stop));
    };
    return b;
  }
  pipeline_options options(std::size_t concurrency = 1, std::size_t limit = 100, const std::string& node = "node-1") {
    std::filesystem::create_directories(data.path() / node);
    auto o = quick_options(data.path() / node);
    o.batch = batch(node);
    o.batch.concurrency = concurrency;
    o.batch.queue_limit = limit;
    return o;
  }

  /// One more line of the job that talks.
  void say() { ++said; }
  std::atomic<int> said = 0;

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
    if (what.spec == "talk") {
      while (!open.is_open() && !stop.stop_requested()) {
        for (int n = said.load(); n > 0; n = --said) log->append("line\n");
        std::this_thread::sleep_for(1ms);
      }
    } else {
      log->append(what.spec + "\n");
    }
    return batch::verdict{batch::status::succeeded, 0, {}, {}, log->lines()};
  }
};

/// What a test asks the desk, answered.
class customer {
 public:
  explicit customer(running_pipeline& p) : desk_{p.subject.jobs()} {}

  answer<batch::submitted> submit(const std::string& spec, std::vector<batch::incoming_file> input = {},
                                  std::optional<durable::idempotency> key = {},
                                  const std::string& owner = "127.0.0.1") {
    return ask<batch::submitted>([&](auto done) {
      desk_.submit({"test", owner, spec, std::move(input), {}, std::move(key)}, done);
    });
  }
  std::string accepted(const std::string& spec, std::vector<batch::incoming_file> input = {},
                       const std::string& owner = "127.0.0.1") {
    auto got = submit(spec, std::move(input), {}, owner);
    REQUIRE(std::holds_alternative<batch::submitted>(got));
    CHECK_FALSE(std::get<batch::submitted>(got).repeated);
    return std::get<batch::submitted>(got).id;
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

inline fault why_of(const answer<batch::desk::found_job>& given) {
  const auto* why = std::get_if<refusal>(&given);
  return why == nullptr ? fault::none : why->why;
}

#define ON_EACH_STORE_A_WORKSHOP()                                                 \
  const auto backend = GENERATE(from_range(::lazaret::durable::test::backends())); \
  INFO("on " << backend.name);                                                     \
  workshop shop { backend }

}  // namespace lazaret::actors::test
