#include "actors/analysis/work.hpp"

#include "actors/analysis/analyse.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::actors {

work_function analysis_work(std::filesystem::path data_dir) {
  return [data_dir = std::move(data_dir)](const job& j) -> stage_result {
    LAZARET_FAULT_POINT("analysis.begin");
    auto judged = analysis::analyse(*j.what, run_folder(data_dir, j.ticket.run_id));
    LAZARET_FAULT_POINT("analysis.done");
    return judged;
  };
}

}  // namespace lazaret::actors
