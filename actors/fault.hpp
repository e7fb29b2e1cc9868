#pragma once
/// Why the pipeline refused a request. http/ has the one table from fault to status and public text.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace lazaret::actors {

enum class fault : std::uint8_t {
  none = 0,
  denied,        ///< PACKAGE_DENYLIST
  rate_limited,  ///< PER_IP_RATE_LIMIT
  queue_full,    ///< QUEUE_LIMIT
  unavailable,   ///< a stage is being restarted or is unhealthy
  draining,      ///< SIGTERM was received
  unknown_run,
  unknown_stage,
  out_of_range,   ///< a stage setting outside its range
  fixed,          ///< that stage's concurrency can't be changed
  already_ended,  ///< cancel of a run that is completed, failed or canceled
  poison,         ///< it took three workers down
  unknown_job,
  too_late,    ///< what was waited for did not happen within the time that was given
  store_away,  ///< the store can't be written, read or reached
  key_reused,  ///< an Idempotency-Key came with something else before
  not_here,    ///< a stage that this node leaves to others
};

[[nodiscard]] std::string_view name(fault f) noexcept;

/// Of reads: the store could not be asked, which is not "there is none".
struct store_unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct refusal {
  fault why = fault::none;
  std::string detail;  ///< names the field and the reason, for people; may be empty
};

/// What was asked for, or why not.
template <class T>
using answer = std::variant<T, refusal>;

}  // namespace lazaret::actors
