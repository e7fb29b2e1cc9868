#pragma once
/// A pipeline whose stages do quick work of the test's choosing, on a real store in a folder of its own.

#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "actors/pipeline.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lazaret::actors::test {

using lazaret::testing::temporary_folder;

inline submission package(std::string name = "demo") {
  submission s;
  s.client = "127.0.0.1";
  s.package_name = std::move(name);
  s.version = "1.0";
  return s;
}

/// Opens when told; whoever passes waits until then.
class gate {
 public:
  void open() {
    const std::scoped_lock lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] bool is_open() {
    const std::scoped_lock lock{mutex_};
    return open_;
  }
  void pass() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// Counts, and lets a test wait for a count.
class counter {
 public:
  void add() {
    const std::scoped_lock lock{mutex_};
    ++count_;
    changed_.notify_all();
  }
  bool reaches(std::size_t n) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return count_ >= n; });
  }
  [[nodiscard]] std::size_t now() {
    const std::scoped_lock lock{mutex_};
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

inline pipeline_options quick_options(const std::filesystem::path& data_dir) {
  pipeline_options o;
  o.queue_limit = 100;
  o.rate_limit = 1000;
  o.places.blob_dir = data_dir;
  o.restarts.intensity = 1000;
  o.restarts.soonest = std::chrono::milliseconds{1};
  o.restarts.slowest = std::chrono::milliseconds{20};
  o.work[0] = [](const job&) { return download_result{}; };
  o.work[1] = [](const job&) { return execution_result{}; };
  o.work[2] = [](const job&) {
    analysis_result judged;
    judged.verdict = verdict::benign;
    return judged;
  };
  o.work[3] = [](const job&) { return report_rendered{}; };
  return o;
}

class running_pipeline {
 public:
  explicit running_pipeline(pipeline_options options)
      : runs_{open_sqlite_store(options.places.blob_dir / "store.sqlite").value()},
        subject{std::move(options), runs_, meters} {}

  answer<submitted_run> submit(submission what, std::optional<durable::idempotency> key = {}) {
    return ask<submitted_run>([&](auto done) { subject.submit(std::move(what), std::move(key), std::move(done)); });
  }
  std::string accepted(submission what = package()) {
    auto got = submit(std::move(what));
    REQUIRE(std::holds_alternative<submitted_run>(got));
    return std::get<submitted_run>(got).run_id;
  }
  fault refused(submission what = package()) {
    auto got = submit(std::move(what));
    REQUIRE(std::holds_alternative<refusal>(got));
    return std::get<refusal>(got).why;
  }
  answer<run> cancel(const std::string& run_id) {
    return ask<run>([&](auto done) { subject.cancel(run_id, std::move(done)); });
  }
  answer<stage_status> change(std::string stage, stage_change how) {
    return ask<stage_status>([&](auto done) { subject.change_stage(std::move(stage), how, std::move(done)); });
  }

  /// The run once `reached` holds; fails the test after 20 s.
  template <class Predicate>
  run when(const std::string& run_id, Predicate reached) {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t pokes = 1, seen = 0;
    const auto watch = subject.subscribe(run_id, [&] {
      const std::scoped_lock lock{mutex};
      ++pokes;
      changed.notify_all();
    });
    for (;;) {
      {
        std::unique_lock lock{mutex};
        INFO("waiting for run " << run_id);
        REQUIRE(changed.wait_for(lock, std::chrono::seconds{20}, [&] { return pokes > seen; }));
        seen = pokes;
      }
      if (auto now = subject.find(run_id); now && reached(*now)) return *now;
    }
  }
  run ended(const std::string& run_id) {
    return when(run_id, [](const run& r) { return r.finished_at.has_value(); });
  }

  metrics::instruments meters;

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

  std::shared_ptr<store> runs_;

 public:
  pipeline subject;
};

}  // namespace lazaret::actors::test
