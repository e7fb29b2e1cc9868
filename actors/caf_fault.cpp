#include "actors/caf_fault.hpp"

#include <caf/atom.hpp>
#include <caf/message.hpp>

namespace lazaret::actors {
namespace {
constexpr auto category = caf::atom("fault");
}

caf::error make_fault(fault why, std::string detail) {
  return caf::error{static_cast<std::uint8_t>(why), category, caf::make_message(std::move(detail))};
}

refusal read_fault(const caf::error& e) {
  if (e.category() != category) return {fault::unavailable, "a part of the pipeline is being restarted"};
  refusal r{static_cast<fault>(e.code()), {}};
  if (e.context().match_elements<std::string>()) r.detail = e.context().get_as<std::string>(0);
  return r;
}

std::string_view name(fault f) noexcept {
  switch (f) {
    case fault::none:
      return "none";
    case fault::denied:
      return "denied";
    case fault::rate_limited:
      return "rate_limited";
    case fault::queue_full:
      return "queue_full";
    case fault::unavailable:
      return "unavailable";
    case fault::draining:
      return "draining";
    case fault::unknown_run:
      return "unknown_run";
    case fault::unknown_stage:
      return "unknown_stage";
    case fault::out_of_range:
      return "out_of_range";
    case fault::fixed:
      return "fixed";
    case fault::already_ended:
      return "already_ended";
    case fault::poison:
      return "poison";
    case fault::unknown_job:
      return "unknown_job";
    case fault::too_late:
      return "too_late";
    case fault::store_away:
      return "store_away";
    case fault::key_reused:
      return "key_reused";
    case fault::not_here:
      return "not_here";
  }
  return "none";
}

}  // namespace lazaret::actors
