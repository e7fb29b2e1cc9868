#include "actors/execution/execute.hpp"

#include <algorithm>
#include <system_error>

#include "actors/execution/summary.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::actors {

namespace {

/// One run's way through its phases.
class conduct {
 public:
  conduct(const run& what, const std::filesystem::path& folder, const execution_options& options,
          sandbox::jailer& jails, const execution_hooks& hooks, std::stop_token stop)
      : what_{what}, folder_{folder}, options_{options}, jails_{jails}, hooks_{hooks}, stop_{std::move(stop)} {}

  execution_result all() {
    std::error_code bad;
    std::filesystem::create_directories(folder_, bad);
    if (bad) return broken("make " + folder_.string() + ": " + bad.message());
    LAZARET_FAULT_POINT("execution.folder");
    auto space = jails_.make_volume({.size = options_.disk});
    if (!space) return broken(space.error().describe());
    LAZARET_FAULT_POINT("execution.volume");
    for (const std::string& name : phases_of(what_.asked.mode)) {
      if (!one(name, *space)) return std::move(result_);
      if (name == "install" && !result_.phases.back().ok) break;
    }
    return std::move(result_);
  }

 private:
  execution_result broken(std::string why) {
    result_.error = std::move(why);
    return std::move(result_);
  }

  /// False: `error` says why the run can't go on.
  bool one(const std::string& name, const sandbox::volume& space) {
    const bool install = name == "install";
    sandbox::result<sandbox::policy> rules =
        install ? install_policy(what_.asked, options_) : run_policy(name, what_.asked, options_);
    if (!rules) return refuse(rules.error().describe());
    const sandbox::volume* volumes[] = {&space};
    const auto asked = std::chrono::steady_clock::now();
    auto inmate = jails_.start(*rules, volumes);
    if (inmate && hooks_.on_jail_started)
      hooks_.on_jail_started(inmate->was_prepared(), std::chrono::steady_clock::now() - asked);
    if (!inmate) return refuse(inmate.error().describe());
    LAZARET_FAULT_POINT("execution.jailed");

    recorder taken{name, folder_, hooks_.on_observation};
    std::shared_ptr<void> gateway;
    if (install && hooks_.serve_gateway) gateway = hooks_.serve_gateway(inmate->take_gateway());
    auto ended = inmate->wait(taken.sinks(), stop_);
    LAZARET_FAULT_POINT("execution.ended");
    gateway.reset();
    if (!ended) return refuse(ended.error().describe());
    return note_down(name, *ended, inmate->totals(), taken);
  }

  bool note_down(const std::string& name, const sandbox::outcome& ended, const sandbox::stream_totals& totals,
                 recorder& taken) {
    const bool install = name == "install";
    phase p;
    p.name = name;
    p.prefix = install ? "install" : "sandbox";
    p.outcome = ended;
    p.ok = ended.reason == sandbox::ending::exited && ended.code == 0;
    p.timed_out = ended.reason == sandbox::ending::wall_timeout || ended.reason == sandbox::ending::cpu_timeout;
    p.stdout_bytes = totals.stdout_bytes;
    p.stderr_bytes = totals.stderr_bytes;
    p.output_truncated = totals.truncated;
    const bool written = taken.finish(p);
    LAZARET_FAULT_POINT("execution.recorded");
    if (install) settle_account();
    p.summary = install ? install_summary(p, taken.stdout_tail(), taken.stderr_tail(), hit_cap())
                        : run_summary(p, taken.stdout_tail(), taken.stderr_tail());
    if (install && !p.ok) p.summary += not_run();
    if (hooks_.on_phase) hooks_.on_phase(p);
    result_.phases.push_back(std::move(p));
    if (!written) return refuse("the run's folder " + folder_.string() + " could not be written");
    return ended.reason != sandbox::ending::canceled || refuse("canceled");
  }

  void settle_account() {
    if (!hooks_.account) return;
    gateway_account account = hooks_.account();
    result_.dependencies = std::move(account.dependencies);
    result_.downloaded_bytes = account.downloaded_bytes;
    result_.notes = std::move(account.notes);
  }

  [[nodiscard]] bool hit_cap() const {
    return std::ranges::any_of(result_.notes, [](const note& n) { return n.rule == "download_cap"; });
  }

  /// `; execute was not run`: what the mode wanted besides the install that failed.
  [[nodiscard]] std::string not_run() const {
    std::string names;
    for (const std::string& name : phases_of(what_.asked.mode)) {
      if (name != "install") names += (names.empty() ? "; " : ", ") + name;
    }
    return names.empty() ? names : names + " was not run";
  }

  bool refuse(std::string why) {
    result_.error = std::move(why);
    return false;
  }

  const run& what_;
  const std::filesystem::path& folder_;
  const execution_options& options_;
  sandbox::jailer& jails_;
  const execution_hooks& hooks_;
  std::stop_token stop_;
  execution_result result_;
};

}  // namespace

execution_result execute(const run& what, const std::filesystem::path& folder, const execution_options& options,
                         sandbox::jailer& jails, const execution_hooks& hooks, std::stop_token stop) {
  return conduct{what, folder, options, jails, hooks, std::move(stop)}.all();
}

}  // namespace lazaret::actors
