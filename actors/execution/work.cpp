#include "actors/execution/work.hpp"

#include <condition_variable>
#include <mutex>

#include "actors/at_work.hpp"
#include "actors/execution/execute.hpp"
#include "actors/fault_point.hpp"
#include "actors/on_disk.hpp"

namespace lazaret::actors {
namespace {

/// The keeper starts a dead jailer again within a fraction of a second; a run need not fail for that.
constexpr std::chrono::seconds jailer_patience{10};

bool await_jailer(const sandbox::jailer& jails, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + jailer_patience;
  std::mutex mutex;
  std::condition_variable_any tick;
  std::unique_lock lock{mutex};
  while (!jails.connected()) {
    if (stop.stop_requested() || std::chrono::steady_clock::now() > deadline) return false;
    tick.wait_for(lock, stop, std::chrono::milliseconds{20}, [] { return false; });
  }
  return true;
}

class execution {
 public:
  explicit execution(execution_parts parts) : parts_{std::move(parts)} {}

  stage_result operator()(const job& j) const {
    if (!j.what->download) return stage_failure{"the run has no artefact", false};
    if (!await_jailer(parts_.jails, j.stop)) return stage_failure{"the jailer is not running", true};
    LAZARET_FAULT_POINT("execution.begin");
    const auto& artefact = j.what->download->artefact;
    download::download_budget budget{sandbox::bytes{parts_.max_download_bytes}, sandbox::bytes{artefact.size}};
    download::gateway_options options;
    options.package_name = j.what->asked.package_name;
    options.version = j.what->asked.version;
    options.artefact = artefact;
    download::gateway gateway{parts_.registry, budget, std::move(options)};

    execution_hooks hooks;
    hooks.serve_gateway = [&](sandbox::unique_fd listener) {
      return parts_.serve(std::move(listener),
                          [&gateway, deed = at_work::here()](const auto& request, std::stop_token stop) {
                            const at_work here{deed};
                            LAZARET_FAULT_POINT("execution.asks_index");
                            return gateway.answer(request, std::move(stop));
                          });
    };
    hooks.account = [&gateway, &budget] {
      auto record = gateway.record();
      return gateway_account{std::move(record.dependencies), budget.used(), std::move(record.notes)};
    };
    hooks.on_observation = [this, &j](std::string data) {
      // A live view, not the record (the run's folder holds that): a store that can't take it now is no reason to stop.
      static_cast<void>(parts_.runs.observe(j.ticket.run_id, std::move(data)));
    };
    hooks.on_jail_started = [this](bool prepared, auto took) { parts_.meters.jail_started(prepared, took); };
    hooks.on_phase = [this](const phase& p) { parts_.meters.jail_ended("python", sandbox::name(p.outcome.reason)); };

    const auto part = attempt_folder(j.ticket);
    const auto folder = run_folder(parts_.places, j.ticket.run_id) / part;
    auto result = execute(*j.what, folder, parts_.limits, parts_.jails, hooks, j.stop);
    for (auto& p : result.phases)
      for (auto* file : {&p.stdout_file, &p.stderr_file, &p.audit_file, &p.observations_file})
        *file = part + '/' + *file;
    LAZARET_FAULT_POINT("execution.done");
    if (!result.error.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);  // nobody will name it
      if (!j.stop.stop_requested()) parts_.meters.jail_ended("python", "failure");
      return stage_failure{std::move(result.error), true};
    }
    if (auto kept = sync_tree(folder, place_of(folder)); !kept) return stage_failure{kept.error().describe(), true};
    return result;
  }

 private:
  execution_parts parts_;
};

}  // namespace

work_function execution_work(execution_parts parts) {
  return [work = std::make_shared<const execution>(std::move(parts))](const job& j) { return (*work)(j); };
}

}  // namespace lazaret::actors
