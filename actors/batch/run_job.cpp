#include "actors/batch/run_job.hpp"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include "actors/batch/artifacts.hpp"
#include "actors/batch/folder.hpp"
#include "actors/batch/log.hpp"
#include "actors/fault_point.hpp"
#include "sandbox/try.hpp"

namespace lazaret::batch {
namespace {

using sandbox::ending;
using sandbox::os_failure;
using sandbox::result;

constexpr int killed = 128 + 9;  // as a shell, and Docker, say it

int exit_code(const sandbox::outcome& how) {
  if (how.reason == ending::exited) return how.code;
  return how.signal > 0 ? 128 + how.signal : killed;
}

/// One attempt. What it makes of it is in `result_`.
class attempt {
 public:
  attempt(const job& what, const desk_place& place, sandbox::jailer& jails, metrics::instruments& meters,
          std::stop_token stop, const actors::outbound_server& serve)
      : what_{what}, place_{place}, jails_{jails}, meters_{meters}, stop_{std::move(stop)}, serve_{serve} {}

  result<verdict> all(const planner& make_plan) {
    auto log = log_writer::create(place_.log, place_.logged);
    if (!log) return log.error();
    log_ = &*log;
    log->note("starting job " + what_.id);
    LAZARET_FAULT_POINT("job.log");
    auto contents = read_input();
    if (!contents) return contents.error();
    auto wanted = make_plan(what_, std::move(*contents));
    if (wanted.obstacle) {
      log->note(wanted.obstacle->note);
      result_.exit_code = wanted.obstacle->exit_code;
      result_.error = wanted.obstacle->error;
    } else {
      LAZARET_TRY(furnish(wanted));
      LAZARET_FAULT_POINT("job.furnished");
      LAZARET_TRY(run(wanted));
      LAZARET_FAULT_POINT("job.ended");
      LAZARET_TRY(fetch(wanted));
    }
    if (result_.exit_code) log->note("finished with code " + std::to_string(*result_.exit_code));
    result_.log_lines = log->lines();
    if (auto kept = log->sync(); !kept) {  // the program ran: it is not run again for this
      result_.status = status::failed;
      result_.error = "its log could not be kept";
    }
    return std::move(result_);
  }

 private:
  result<std::vector<std::string>> read_input() const {
    const sandbox::unique_fd file{::open(place_.input.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return os_failure("read_input", "open " + place_.input, "was BLOB_DIR changed?");
    std::vector<std::string> contents;
    for (const auto& piece : what_.input) {
      auto content = read_piece(file.get(), piece);
      if (!content) return content.error();
      contents.push_back(std::move(*content));
    }
    return contents;
  }

  result<void> furnish(plan& wanted) {
    for (auto& place : wanted.places) {
      auto made = jails_.make_volume({.size = place.space, .inodes = place.inodes});
      if (!made) return made.error();
      if (!place.files.empty())
        if (auto known = jails_.deposit(*made, place.files); !known) return known.error();
      wanted.rules.volumes.push_back(
          {.index = volumes_.size(), .target = place.target, .writable = place.writable, .executable = false});
      volumes_.push_back(std::move(*made));
      place.files.clear();
    }
    return {};
  }

  result<void> run(plan& wanted) {
    wanted.rules.merge_output = true;
    const bool outbound = wanted.rules.network == sandbox::network_mode::outbound;
    if (outbound && !serve_) return sandbox::failure{"run_job", EPERM, "network outbound", "ALLOW_OUTBOUND is false"};
    std::vector<const sandbox::volume*> volumes;
    for (const auto& v : volumes_) volumes.push_back(&v);
    const auto asked = std::chrono::steady_clock::now();
    auto inmate = jails_.start(wanted.rules, volumes);
    if (!inmate && inmate.error().step == "program" && inmate.error().error != 0) {
      log_->note("can't be run: " + inmate.error().describe());
      result_.exit_code = 126;
      result_.error = "non-zero exit";
      return {};
    }
    if (!inmate) return inmate.error();
    LAZARET_FAULT_POINT("job.jailed");
    meters_.jail_started(inmate->was_prepared(), std::chrono::steady_clock::now() - asked);
    std::shared_ptr<void> relayed;
    if (outbound) relayed = serve_(inmate->take_outbound(), {});
    sandbox::jail_sinks sinks;
    sinks.on_stdout = [this](std::string_view some) { log_->append(some); };
    const auto how = inmate->wait(sinks, stop_);
    if (!how) return how.error();
    meters_.jail_ended(wanted.runtime, sandbox::name(how->reason));
    if (inmate->totals().truncated)
      log_->note("output beyond " + std::to_string(wanted.rules.limits.output.count) + " bytes was dropped");
    judge(*how);
    return {};
  }

  void judge(const sandbox::outcome& how) {
    result_.exit_code = exit_code(how);
    const bool timeout = how.reason == ending::wall_timeout || how.reason == ending::cpu_timeout;
    if (timeout) log_->note("timeout exceeded, process terminated");
    if (how.reason == ending::out_of_memory) log_->note("out of memory, process terminated");
    if (how.reason == ending::canceled) log_->note("canceled, process terminated");
    if (how.reason == ending::syscall_denied) log_->note("forbidden system call, process terminated");
    if (timeout)
      result_.error = "timeout";
    else if (*result_.exit_code != 0)
      result_.error = "non-zero exit";
    else
      result_.status = status::succeeded;
  }

  result<void> fetch(const plan& wanted) {
    if (stop_.stop_requested()) return {};
    auto taken =
        take_artifacts(jails_, volumes_.front(), place_.artifacts, wanted.most_artifacts, wanted.most_artifact_bytes);
    if (!taken) {  // the program ran: it is not run again for this
      log_->note("the artifacts could not be kept: " + taken.error().describe());
      result_.status = status::failed;
      result_.error = "artifacts could not be kept";
      return {};
    }
    result_.artifacts = std::move(taken->files);
    if (taken->left_out > 0)
      log_->note(std::to_string(taken->left_out) + " entries of the output directory are not artifacts: " + taken->why);
    return {};
  }

  const job& what_;
  const desk_place& place_;
  sandbox::jailer& jails_;
  metrics::instruments& meters_;
  std::stop_token stop_;
  const actors::outbound_server& serve_;
  log_writer* log_ = nullptr;
  std::vector<sandbox::volume> volumes_;
  verdict result_;
};

}  // namespace

work_function job_work(planner make_plan, sandbox::jailer& jails, metrics::instruments& meters,
                       std::function<void(const sandbox::failure&)> failed, actors::outbound_server serve) {
  return [make_plan = std::move(make_plan), &jails, &meters, failed = std::move(failed), serve = std::move(serve)](
             const job& what, const desk_place& place, std::stop_token stop) -> std::optional<verdict> {
    auto done = attempt{what, place, jails, meters, std::move(stop), serve}.all(make_plan);
    if (done) return std::move(*done);
    failed(done.error());
    meters.jail_ended("python", "failure");
    return std::nullopt;
  };
}

}  // namespace lazaret::batch
