#include "actors/pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <condition_variable>
#include <thread>

#include "actors/ask.hpp"
#include "actors/batch/front_desk.hpp"
#include "actors/queue/progress.hpp"
#include "actors/supervisor.hpp"

namespace lazaret::actors {
namespace {

constexpr std::chrono::seconds question_time_out{10};
/// Longer than any two wall limits (compile, run): the stage answers on every path, and this is for a stage that
/// doesn't.
constexpr std::chrono::seconds execution_time_out{1500};

struct configuration : caf::actor_system_config {
  explicit configuration(std::size_t threads) {
    // Work stealing polls: up to 10 ms of latency and nine times the idle CPU.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", threads);
    add_error_category(caf::atom("fault"), [](std::uint8_t code, caf::atom_value, const caf::message&) {
      return std::string{name(static_cast<fault>(code))};
    });
  }
};

batch_options options_for_batch(const pipeline_options& o) {
  batch_options b;
  b.jobs = o.batch.jobs;
  b.files = o.batch.files;
  if (b.jobs) b.logs = std::make_shared<batch::log_watch>(b.jobs, b.files);
  b.work = o.batch.work;
  b.works = o.batch.works && !o.absent.contains(batch_state::name);
  b.first_retry = o.batch.first_retry;
  b.lease = o.lease;
  b.cancel_patience = o.batch.cancel_patience;
  b.restarts = o.restarts;
  return b;
}

janitor_options options_for_janitor(const pipeline_options& o, const std::shared_ptr<store>& runs) {
  janitor_options j;
  j.tidy = [runs](std::size_t most) { return runs->tidy(most); };
  j.every = o.janitor_every;
  j.tell = o.janitor_trouble;
  j.kinds.push_back(retention_of_runs(runs, o.places, o.retention, o.retention_max_bytes));
  if (o.batch.jobs)
    j.kinds.push_back(retention_of_jobs(o.batch.jobs, *o.batch.files, o.batch.retention, o.batch.retention_max_bytes));
  return j;
}

supervisor_options options_for_supervisor(const pipeline_options& o, const batch_options& batch,
                                          std::shared_ptr<store> runs, std::shared_ptr<board> figures) {
  supervisor_options s;
  s.batch = batch;
  s.absent = o.absent;
  s.absent.erase(batch_state::name);                            // it takes jobs all the same, for others
  if (s.absent.contains("report")) s.absent.insert("courier");  // who tells of reports is part of that stage
  if (batch.jobs) figures->configure(batch_state::name, batch.works ? o.batch.concurrency : 0, o.batch.queue_limit);
  s.ingress = {o.denylist};
  s.rate_limit = {o.rate_limit, o.rate_window};
  s.queue.limit = o.queue_limit;
  s.queue.lease = o.lease;
  s.queue.reuse = o.reuse;
  s.queue.rules.deliver_reports = static_cast<bool>(o.deliver);
  s.work = o.work;
  s.courier.attempt = o.deliver;
  s.courier.runs = runs;
  s.janitor = options_for_janitor(o, runs);
  s.courier.first_wait = o.first_delivery_wait;
  s.restarts = o.restarts;
  s.interactive = {o.interactive.work, o.interactive.patience, o.interactive.per_address, o.interactive.per_key,
                   o.restarts};
  if (!s.interactive.work) s.interactive.work = [](const auto&, const auto&) { return nullptr; };
  figures->configure(interactive_state::name, o.interactive.concurrency, o.interactive.queue_limit);
  s.runs = std::move(runs);
  s.figures = std::move(figures);
  for (std::size_t n = 0; n < o.stages.size(); ++n) {
    s.figures->configure(name(static_cast<work_stage>(n)), o.stages[n].concurrency, o.stages[n].queue_limit);
  }
  for (const auto& stage : o.absent) s.figures->absent(stage);
  return s;
}

}  // namespace

struct pipeline::system {
  system(pipeline_options o, std::shared_ptr<store> s, metrics::instruments& meters)
      : options{std::move(o)},
        runs{std::move(s)},
        figures{std::make_shared<board>(meters)},
        batch{options_for_batch(options)},
        config{options.scheduler_threads},
        actors{config},
        supervisor{actors.spawn(
            [setup = options_for_supervisor(options, batch, runs, figures)](
                supervisor_actor::stateful_pointer<supervisor_state> self) { return self->state.start(setup); })} {}

  template <class Answer, class Question, class T, class Read>
  void ask(Question question, service::reply<T> done, Read read, std::chrono::seconds time_out = question_time_out) {
    actors::ask<Answer, Question, T>(actors, supervisor, std::move(question), std::move(done), read, time_out);
  }

  pipeline_options options;
  std::shared_ptr<store> runs;
  std::shared_ptr<board> figures;
  const batch_options batch;
  std::atomic<bool> draining = false;
  configuration config;
  caf::actor_system actors;
  supervisor_actor supervisor;
  front_desk desk{actors, supervisor, batch, *figures};
};

pipeline::pipeline(pipeline_options options, std::shared_ptr<store> runs, metrics::instruments& meters)
    : system_{std::make_unique<system>(std::move(options), std::move(runs), meters)} {}

pipeline::~pipeline() {
  caf::anon_send_exit(system_->supervisor, caf::exit_reason::user_shutdown);
  system_->supervisor = nullptr;  // a handle that survives hangs ~actor_system
}

void pipeline::submit(submission what, std::optional<durable::idempotency> key, reply<submitted_run> done) {
  system_->ask<accepted>(actors::submit{std::move(what), std::move(key)}, std::move(done), [](accepted& a) {
    return submitted_run{std::move(a.run_id), a.repeated};
  });
}

void pipeline::execute(std::shared_ptr<const execution_request> what, claimant who, std::stop_token stop,
                       reply<std::shared_ptr<execution_answer>> done) {
  system_->ask<ran>(
      run_now{std::move(what), std::move(who), std::move(stop)}, std::move(done),
      [](ran& r) { return std::move(r.result); }, execution_time_out);
}

void pipeline::check_room(claimant who, reply<bool> done) {
  system_->ask<room_checked>(actors::check_room{std::move(who)}, std::move(done), [](room_checked&) { return true; });
}

batch::desk& pipeline::jobs() { return system_->desk; }

void pipeline::cancel(std::string run_id, reply<run> done) {
  system_->ask<canceled>(actors::cancel{std::move(run_id)}, std::move(done),
                         [](canceled& c) { return std::move(c.what); });
}

void pipeline::stages(reply<std::vector<stage_status>> done) { done(system_->figures->all()); }

void pipeline::change_stage(std::string stage, stage_change change, reply<stage_status> done) {
  system_->ask<adjusted>(adjust{std::move(stage), change}, std::move(done),
                         [](adjusted& a) { return std::move(a.now); });
}

std::string pipeline::not_ready_because() {
  if (system_->draining) return "draining";
  if (const auto stage = system_->figures->unhealthy_stage(); !stage.empty()) return "stage " + stage + " is unhealthy";
  if (const auto trouble = system_->runs->trouble()) return *trouble;
  return system_->options.jailer_trouble ? system_->options.jailer_trouble() : std::string{};
}

sandbox::jail_health pipeline::layers() {
  return system_->options.layers ? system_->options.layers() : sandbox::jail_health{};
}

std::optional<run> pipeline::find(const std::string& run_id) { return system_->runs->find(run_id); }
/// A worker of this node is free every mean/concurrency; what other nodes do for the same queue is not known here.
std::optional<standing> pipeline::standing_of(const run& which) {
  const auto ahead = stage_ahead(which);
  if (!ahead) return {};
  const auto place = system_->runs->position(which.run_id);
  if (!place || !*place) return {};
  standing now{**place, {}};
  const auto workers = system_->figures->of(name(*ahead)).concurrency;
  if (const auto mean = system_->figures->usual_time(name(*ahead)); mean && workers > 0)
    now.estimate_sec = static_cast<double>(now.position + 1) * *mean / static_cast<double>(workers);
  return now;
}
std::optional<run_page> pipeline::list(const run_filter& filter) { return system_->runs->list(filter); }
std::vector<run_event> pipeline::events(const std::string& run_id, std::uint64_t after, std::size_t limit) {
  return system_->runs->events(run_id, after, limit);
}
std::unique_ptr<subscription> pipeline::subscribe(const std::string& run_id, std::function<void()> poke) {
  return system_->runs->subscribe(run_id, std::move(poke));
}

std::optional<std::filesystem::path> pipeline::report_file(const std::string& run_id, std::string_view file) {
  const auto known = system_->runs->find(run_id);
  if (!known) return std::nullopt;  // so that only ids that we made reach the file system
  auto path = run_folder(system_->options.places, run_id) / known->report_folder / file;
  std::error_code bad;
  if (!std::filesystem::is_regular_file(path, bad)) return std::nullopt;
  return std::filesystem::absolute(path);
}

prebuild::shelf* pipeline::prebuilds() { return system_->options.prebuilds; }

void pipeline::drain(std::chrono::milliseconds patience) {
  system_->draining = true;
  caf::anon_send(system_->supervisor, actors::drain{});
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto is_busy = [&] {
    const auto all = system_->figures->all();
    return std::any_of(all.begin(), all.end(), [](const stage_status& s) { return s.in_flight > 0; });
  };
  while (is_busy() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  caf::anon_send(system_->supervisor, actors::drain{});  // it is over
}

void pipeline::strike(const std::string& who, bool worker) {
  caf::anon_send(system_->supervisor, actors::strike{who, worker});
}

}  // namespace lazaret::actors
