#pragma once
/// The execution stage's work without its actor: installs a release in a jail and runs it as the mode says.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "actors/execution/phases.hpp"
#include "actors/execution/recorder.hpp"
#include "actors/run.hpp"
#include "sandbox/jailer.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::actors {

/// What the gateway handed out during the install.
struct gateway_account {
  std::vector<dependency> dependencies;
  std::uint64_t downloaded_bytes = 0;
  std::vector<note> notes;  ///< `download_cap` among them turns the install's summary into `download byte cap exceeded`
};

struct execution_hooks {
  /// Serves the registry on a socket that listens inside the jail's network namespace, until the handle is destroyed.
  std::function<std::shared_ptr<void>(sandbox::unique_fd listener)> serve_gateway;
  /// Asked once, after the handle is gone. May be empty.
  std::function<gateway_account()> account;
  /// May be empty. Called on the thread of execute().
  live_events on_observation;
  /// For metrics; called with whether the jail had been prepared, and the time from asking for it to its program's
  /// start. May be empty.
  std::function<void(bool was_prepared, std::chrono::steady_clock::duration)> on_jail_started;
  /// For metrics; called after each phase with its name and outcome. May be empty.
  std::function<void(const phase&)> on_phase;
};

/// Runs all phases of `what`, one after the other, in jails that share one volume. Blocks for up to the sum of their
/// wall limits; call from a worker. A phase that fails is a result; `error` is set only when a volume or a jail could
/// not be made, the jailer was lost, the run was stopped, or `folder` could not be written, and the result is then
/// incomplete. An install that fails ends the run, as there is nothing to run. `folder`: the run's (run.hpp,
/// run_folder); made when missing; files of an earlier attempt are overwritten.
[[nodiscard]] execution_result execute(const run& what, const std::filesystem::path& folder,
                                       const execution_options& options, sandbox::jailer& jails,
                                       const execution_hooks& hooks, std::stop_token stop = {});

}  // namespace lazaret::actors
