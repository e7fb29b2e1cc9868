#include "actors/analysis/work.hpp"

#include "actors/analysis/analyse.hpp"

namespace lazaret::actors {

work_function analysis_work(std::filesystem::path data_dir) {
  return [data_dir = std::move(data_dir)](const job& j) -> stage_result {
    return analysis::analyse(*j.what, run_folder(data_dir, j.ticket.run_id));
  };
}

}  // namespace lazaret::actors
