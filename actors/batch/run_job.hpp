#pragma once
/// The batch stage's work without its actor: one attempt at one job in one jail, its log, its artefacts.

#include <string>
#include <vector>

#include "actors/batch/job.hpp"
#include "actors/interactive/perform.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/jailer.hpp"

namespace lazaret::batch {

/// A job as its front end wants it done.
struct plan {
  /// One volume, by where the jail sees it.
  struct place {
    std::string target;
    sandbox::bytes space;
    std::uint64_t inodes = 4096;
    bool writable = false;
    std::vector<sandbox::volume_file> files = {};
  };
  std::string runtime = "python";  ///< label of the metrics
  sandbox::policy rules;           ///< without volumes; its output is merged
  /// The jail runs as the owner of the first one, which is where the artefacts are taken from.
  std::vector<place> places;
  std::size_t most_artifacts = 1000;
  sandbox::bytes most_artifact_bytes{512ull << 20};
  /// Why it can't be begun, as log, error and exit code say; nothing is run.
  struct obstacle {
    std::string note, error;
    int exit_code = 127;
  };
  std::optional<obstacle> obstacle;
};

/// Makes a plan of a job whose input files are given in job::input's order. Must not throw for anything that a client
/// may send: that was refused before.
using planner = std::function<plan(const job&, std::vector<std::string> contents)>;

/// The two references must outlive it. `failed` is told why no jail could be made. `serve`: empty, where the operator
/// wants no jail with network_mode::outbound; a plan with one is then a failure.
[[nodiscard]] work_function job_work(planner make_plan, sandbox::jailer& jails, metrics::instruments& meters,
                                     std::function<void(const sandbox::failure&)> failed,
                                     actors::outbound_server serve = {});

}  // namespace lazaret::batch
