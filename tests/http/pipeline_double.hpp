#pragma once
/// An actors::service in memory, standing at the room's boundary: the tests of http/ decide what the pipeline says.

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "actors/service.hpp"

namespace lazaret::test {

inline const std::string known_run = "11111111-2222-4333-8444-555555555555";
inline const std::string other_run = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

class pipeline_double : public actors::service {
 public:
  // What the next answers are.
  void refuse(actors::refusal why) {
    under_lock([&] { refusal_ = std::move(why); });
  }
  void know_layers(sandbox::jail_health known) {
    under_lock([&] { layers_ = std::move(known); });
  }
  void be_not_ready(std::string why) {
    under_lock([&] { not_ready_ = std::move(why); });
  }
  /// By file name, of known_run.
  void have_reports(std::map<std::string, std::filesystem::path> files) {
    under_lock([&] { reports_ = std::move(files); });
  }
  std::atomic<bool> never_answers = false;
  std::atomic<bool> throws = false;

  pipeline_double() {
    actors::run r;
    r.run_id = known_run;
    r.asked.package_name = "six";
    r.asked.version = "1.16.0";
    runs_[known_run] = r;
  }

  void submit(actors::submission what, std::optional<durable::idempotency> key,
              reply<actors::submitted_run> done) override {
    if (throws) throw std::runtime_error{"a secret of the pipeline"};
    std::scoped_lock lock{mutex_};
    submitted_.push_back(what);
    const bool repeated = key && !keys_.insert(key->key + key->fingerprint).second;
    if (never_answers) return unanswered_.push_back(std::move(done));
    // From another thread, as actors do.
    answering_.emplace_back([done = std::move(done), refusal = refusal_, repeated] {
      if (refusal) return done(*refusal);
      done(actors::submitted_run{known_run, repeated});
    });
  }
  /// What execute() answers; left empty it never does, until the caller's stop request.
  std::function<actors::execution_answer(const actors::execution_request&)> perform;
  void execute(std::shared_ptr<const actors::execution_request> what, actors::claimant who, std::stop_token stop,
               reply<std::shared_ptr<actors::execution_answer>> done) override {
    std::scoped_lock lock{mutex_};
    claimants_.push_back(std::move(who));
    answering_.emplace_back([this, what, stop, done = std::move(done), refusal = refusal_](std::stop_token ending) {
      if (refusal) return done(*refusal);
      if (perform) return done(std::make_shared<actors::execution_answer>(perform(*what)));
      while (!stop.stop_requested() && !ending.stop_requested()) std::this_thread::yield();
      abandoned += stop.stop_requested() ? 1 : 0;
      done(actors::refusal{actors::fault::unavailable, {}});
    });
  }
  void check_room(actors::claimant, reply<bool> done) override {
    std::scoped_lock lock{mutex_};
    answering_.emplace_back([done = std::move(done), refusal = refusal_] {
      if (refusal) return done(*refusal);
      done(true);
    });
  }
  std::vector<actors::claimant> claimants() {
    std::scoped_lock lock{mutex_};
    return claimants_;
  }
  /// Jobs are tested with the stage behind them; who asks the double for one is told that it isn't there.
  batch::desk& jobs() override { return no_jobs_; }
  std::atomic<int> abandoned = 0;  ///< executions that were stopped
  void cancel(std::string run_id, reply<actors::run> done) override {
    std::scoped_lock lock{mutex_};
    auto found = runs_.find(run_id);
    if (found == runs_.end()) return done(actors::refusal{actors::fault::unknown_run, {}});
    if (found->second.status == actors::status::canceled)
      return done(actors::refusal{actors::fault::already_ended, {}});
    found->second.status = actors::status::canceled;
    done(found->second);
  }
  void stages(reply<std::vector<actors::stage_status>> done) override {
    std::scoped_lock lock{mutex_};
    done(std::vector{stage_});
  }
  void change_stage(std::string stage, actors::stage_change change, reply<actors::stage_status> done) override {
    std::scoped_lock lock{mutex_};
    if (stage == "queue" && change.concurrency) {
      return done(actors::refusal{actors::fault::fixed, "concurrency of `queue` is fixed"});
    }
    stage_.name = stage;
    if (change.concurrency) stage_.concurrency = static_cast<std::size_t>(*change.concurrency);
    if (change.queue_limit) stage_.queue_limit = static_cast<std::size_t>(*change.queue_limit);
    done(stage_);
  }
  std::string not_ready_because() override {
    std::scoped_lock lock{mutex_};
    return not_ready_;
  }
  sandbox::jail_health layers() override {
    std::scoped_lock lock{mutex_};
    return layers_;
  }
  std::optional<actors::run> find(const std::string& run_id) override {
    std::scoped_lock lock{mutex_};
    auto found = runs_.find(run_id);
    return found == runs_.end() ? std::nullopt : std::optional{found->second};
  }
  std::optional<actors::standing> standing_of(const actors::run& which) override {
    if (which.status != actors::status::queued) return std::nullopt;
    return actors::standing{3, 1.5};
  }
  std::optional<actors::run_page> list(const actors::run_filter& filter) override {
    std::scoped_lock lock{mutex_};
    if (!filter.cursor.empty() && filter.cursor != "next") return std::nullopt;
    actors::run_page page;
    for (auto& [_, r] : runs_) page.runs.push_back(r);
    page.next_cursor = filter.cursor.empty() ? "next" : "";
    return page;
  }
  std::vector<actors::run_event> events(const std::string& run_id, std::uint64_t after, std::size_t limit) override {
    std::scoped_lock lock{mutex_};
    std::vector<actors::run_event> found;
    if (run_id != known_run) return found;
    for (auto& e : events_) {
      if (e.id > after && found.size() < limit) found.push_back(e);
    }
    return found;
  }
  std::unique_ptr<actors::subscription> subscribe(const std::string&, std::function<void()> poke) override {
    struct entry : actors::subscription {
      pipeline_double& owner;
      std::uint64_t key;
      entry(pipeline_double& o, std::uint64_t k) : owner{o}, key{k} {}
      ~entry() override {
        std::scoped_lock lock{owner.poke_mutex_};
        owner.pokes_.erase(key);
      }
    };
    std::scoped_lock lock{poke_mutex_};
    auto key = ++last_key_;
    pokes_[key] = std::move(poke);
    return std::make_unique<entry>(*this, key);
  }
  std::optional<std::filesystem::path> report_file(const std::string& run_id, std::string_view file) override {
    std::scoped_lock lock{mutex_};
    auto found = reports_.find(std::string{file});
    if (run_id != known_run || found == reports_.end()) return std::nullopt;
    return found->second;
  }

  // What the tests do with it.
  void happen(std::string type, std::string data) {
    {
      std::scoped_lock lock{mutex_};
      if (type == "end") runs_[known_run].status = actors::status::completed;
      events_.push_back({events_.size() + 1, std::move(type), std::move(data)});
    }
    std::scoped_lock lock{poke_mutex_};
    for (auto& [_, poke] : pokes_) poke();
  }
  void judge(actors::verdict verdict, int score) {
    std::scoped_lock lock{mutex_};
    runs_[known_run].analysis = actors::analysis_result{};
    runs_[known_run].analysis->verdict = verdict;
    runs_[known_run].analysis->score = score;
  }
  std::vector<actors::submission> submitted() {
    std::scoped_lock lock{mutex_};
    return submitted_;
  }
  std::size_t subscribers() {
    std::scoped_lock lock{poke_mutex_};
    return pokes_.size();
  }
  void answer_late() {
    std::vector<reply<actors::submitted_run>> late;
    {
      std::scoped_lock lock{mutex_};
      late.swap(unanswered_);
    }
    for (auto& done : late) done(actors::submitted_run{known_run});
  }
  ~pipeline_double() override { answer_late(); }

 private:
  struct no_jobs final : batch::desk {
    static actors::refusal unknown() { return {actors::fault::unknown_job, {}}; }
    void submit(batch::new_job, reply<batch::submitted> done) override {
      done(actors::refusal{actors::fault::unavailable, {}});
    }
    void cancel(std::string, reply<found_job> done) override { done(unknown()); }
    void await(std::string, std::chrono::milliseconds, reply<found_job> done) override { done(unknown()); }
    std::optional<batch::job> find(const std::string&) override { return std::nullopt; }
    std::unique_ptr<actors::subscription> subscribe(const std::string&, std::function<void()>) override {
      return nullptr;
    }
    std::filesystem::path log_of(const batch::job&) const override { return {}; }
    std::filesystem::path artifacts_of(const batch::job&) const override { return {}; }
  };

  void under_lock(const std::function<void()>& change) {
    std::scoped_lock lock{mutex_};
    change();
  }

  std::mutex mutex_, poke_mutex_;
  std::optional<actors::refusal> refusal_;
  std::string not_ready_;
  sandbox::jail_health layers_;
  std::map<std::string, std::filesystem::path> reports_;
  std::map<std::string, actors::run> runs_;
  std::vector<actors::submission> submitted_;
  std::set<std::string> keys_;
  std::vector<reply<actors::submitted_run>> unanswered_;
  std::vector<actors::claimant> claimants_;
  std::vector<actors::run_event> events_;
  std::map<std::uint64_t, std::function<void()>> pokes_;
  std::uint64_t last_key_ = 0;
  actors::stage_status stage_{"execution", 0, 0, 2, 20, true};
  no_jobs no_jobs_;
  std::vector<std::jthread> answering_;
};

}  // namespace lazaret::test
