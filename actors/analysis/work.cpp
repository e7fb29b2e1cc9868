#include "actors/analysis/work.hpp"

#include "actors/analysis/analyse.hpp"

namespace lazaret::actors {

work_function analysis_work(run_places places) {
  return [places = std::move(places)](const job& j) -> stage_result {
    return analysis::analyse(*j.what, run_folder(places, j.ticket.run_id));
  };
}

}  // namespace lazaret::actors
