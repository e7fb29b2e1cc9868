#include "http/refusal.hpp"

#include <algorithm>
#include <array>

namespace lazaret::http {
namespace {

using actors::fault;
constexpr std::array table{
    refusal_row{fault::none, 500, "internal error", "unavailable"},
    refusal_row{fault::denied, 429, "package is denied", "denied"},
    refusal_row{fault::rate_limited, 429, "rate limit exceeded", "rate_limited", false, -1},
    refusal_row{fault::queue_full, 503, "queue full", "queue_full", false, 5},
    refusal_row{fault::unavailable, 503, "the service is temporarily unavailable", "unavailable", false, 2},
    refusal_row{fault::draining, 503, "the service is shutting down", "unavailable", false, 5},
    refusal_row{fault::unknown_run, 404, "no such run", "unavailable"},
    refusal_row{fault::unknown_stage, 404, "no such stage", "unavailable"},
    refusal_row{fault::out_of_range, 422, "a setting is out of its range", "invalid", true},
    refusal_row{fault::fixed, 409, "this stage's setting is fixed", "invalid", true},
    refusal_row{fault::already_ended, 409, "the run has ended already", "unavailable"},
    refusal_row{fault::poison, 500, "this run took its workers down", "unavailable"},
    refusal_row{fault::unknown_job, 404, "job not found", "unavailable"},
    refusal_row{fault::store_away, 503,
                "the store can't be written or reached, /readyz says why; what was accepted is safe", "unavailable",
                false, 2},
    refusal_row{fault::too_late, 504, "the job did not finish in time", "unavailable"},
    refusal_row{fault::key_reused, 409, "Idempotency-Key: was used for a different request before", "invalid"},
    refusal_row{fault::not_here, 503, "this node leaves that stage to others (ROLE, STAGES): ask another node",
                "unavailable"},
};

}  // namespace

const refusal_row& row(fault why) noexcept {
  auto found = std::find_if(table.begin(), table.end(), [why](const refusal_row& r) { return r.why == why; });
  return found == table.end() ? table.front() : *found;
}

response refused(const site& s, const actors::refusal& r) {
  const auto& public_face = row(r.why);
  auto answer = failed(public_face.status, public_face.speaks && !r.detail.empty() ? r.detail : public_face.detail);
  auto seconds = public_face.retry_after < 0 ? s.settings.per_ip_rate_window_sec : public_face.retry_after;
  if (seconds > 0) answer.headers.emplace_back("Retry-After", std::to_string(seconds));
  return answer;
}

}  // namespace lazaret::http
