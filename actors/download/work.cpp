#include "actors/download/work.hpp"

#include "actors/download/release.hpp"
#include "actors/fault_point.hpp"

namespace lazaret::actors {
namespace {

/// A release that is too big is a result with evidence, as an archive that breaks a limit is; what could not be had at
/// all ends the run. A full disk here is no fault of the run.
stage_result explain(const download::download_error& e) {
  using download::problem;
  if (e.what == problem::cap_exceeded) {
    download_result over;
    over.unpackable = false;
    over.error = std::string{download::cap_text};
    over.notes.push_back({"download_cap", e.text});
    return over;
  }
  return stage_failure{e.text, e.what == problem::local || e.what == problem::canceled};
}

}  // namespace

work_function download_work(download::registry& from, std::uint64_t max_bytes) {
  return [&from, max_bytes](const job& j) -> stage_result {
    download::download_budget budget{sandbox::bytes{max_bytes}};
    LAZARET_FAULT_POINT("download.begin");
    auto release = download::download_release(j.what->asked, from, budget, j.stop);
    if (!release) return explain(release.error());
    LAZARET_FAULT_POINT("download.done");
    return std::move(*release);
  };
}

}  // namespace lazaret::actors
