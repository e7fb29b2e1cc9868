#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "actors/json.hpp"
#include "actors/report/document.hpp"

namespace lazaret::report {
namespace {

namespace json = boost::json;

json::object of_release(const actors::download_result& r) {
  auto out = actors::to_json(r).as_object();
  return {{"artefact", out["artefact"]},
          {"listing", out["listing"]},
          {"notes", out["notes"]},
          {"unpackable", out["unpackable"]},
          {"error", out["error"]}};
}

/// The phases with what they printed in place of the names of the files that hold it.
json::array of_phases(const actors::execution_result& r, const std::filesystem::path& folder) {
  auto written = actors::to_json(r);
  json::array out;
  for (std::size_t i = 0; i < r.phases.size(); ++i) {
    auto phase = written.at("phases").at(i).as_object();
    const auto& p = r.phases[i];
    for (const auto* file : {"stdout_file", "stderr_file", "audit_file", "observations_file"}) phase.erase(file);
    phase["ended"] = sandbox::describe(p.outcome);
    phase["stdout"] = json::string(actors::valid_utf8(excerpt(folder, p.stdout_file)));
    phase["stderr"] = json::string(actors::valid_utf8(excerpt(folder, p.stderr_file)));
    out.push_back(std::move(phase));
  }
  return out;
}

}  // namespace

json::value report_json(const actors::run& r, const std::filesystem::path& run_folder) {
  auto out = actors::to_json(r).as_object();
  out["schema"] = "lazaret-report-1";
  out["generator"] = "lazaret " LAZARET_VERSION;
  out["asked"] = json::object{{"file_path", nullptr}, {"entrypoint", nullptr}, {"module_name", nullptr}};
  for (const auto& [key, value] :
       {std::pair{"file_path", &r.asked.file_path}, std::pair{"entrypoint", &r.asked.entrypoint},
        std::pair{"module_name", &r.asked.module_name}})
    if (*value) out["asked"].as_object()[key] = json::string(actors::valid_utf8(**value));
  out["release"] = r.download ? json::value(of_release(*r.download)) : json::value(nullptr);
  out["phases"] = r.execution ? of_phases(*r.execution, run_folder) : json::array();
  auto execution = r.execution ? actors::to_json(*r.execution) : json::value(json::object());
  out["dependencies"] = r.execution ? execution.at("dependencies") : json::value(json::array());
  out["execution_notes"] = r.execution ? execution.at("notes") : json::value(json::array());
  out["execution_error"] = r.execution && !r.execution->error.empty() ? execution.at("error") : json::value(nullptr);
  const auto analysis = r.analysis ? actors::to_json(*r.analysis) : json::value(nullptr);
  out["highlights"] = r.analysis ? analysis.at("highlights") : json::value(nullptr);
  out["uncovered"] = r.analysis ? analysis.at("uncovered") : json::value(json::array());
  return out;
}

}  // namespace lazaret::report
