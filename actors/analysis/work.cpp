#include "actors/analysis/work.hpp"

#include "actors/analysis/analyse.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::actors {

work_function analysis_work(run_places places) {
  return [places = std::move(places)](const job& j) -> stage_result {
    LAZARET_FAULT_POINT("analysis.begin");
    auto judged = analysis::analyse(*j.what, run_folder(places, j.ticket.run_id));
    LAZARET_FAULT_POINT("analysis.done");
    return judged;
  };
}

}  // namespace lazaret::actors
