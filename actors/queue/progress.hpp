#pragma once
/// How a run goes on: from what a stage made of it to its next state, its next queue and what is told of it. Pure but
/// for the clock.

#include <string>

#include "actors/store.hpp"
#include "actors/work.hpp"

namespace lazaret::actors {

/// What the rules of a service say about it.
struct progress_rules {
  bool deliver_reports = false;  ///< a webhook is configured
  int max_retries = 8;           ///< of a stage that could not do its work through no fault of the run
};

[[nodiscard]] step queued(run fresh);
/// A worker has taken it up.
[[nodiscard]] step begun(run r, work_stage at);
/// `retries`: how often this stage has tried again already.
[[nodiscard]] step after(run r, work_stage at, stage_result result, int retries, const progress_rules& rules);
/// Nobody else is to try that stage; `why`: as poison() says it.
[[nodiscard]] step poisoned(run r, work_stage at, std::string why, const progress_rules& rules);
/// The stage in whose queue it is; nothing when it has ended.
[[nodiscard]] std::optional<work_stage> stage_ahead(const run& r);
/// Nothing when it has ended.
[[nodiscard]] std::optional<step> canceled_early(run r);
[[nodiscard]] step delivered_with(run r, delivery_status how, std::string error);

}  // namespace lazaret::actors
