#include "actors/queue/reuse.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "actors/download/digest.hpp"
#include "actors/json.hpp"
#include "actors/names.hpp"

namespace lazaret::actors {

std::string reuse_key(const run& r, const reuse_rules& rules) {
  download::sha256 sum;
  const auto add = [&](std::string_view text) {
    sum.update(std::to_string(text.size()) + ":");
    sum.update(text);
  };
  const auto add_optional = [&](const std::optional<std::string>& text) {
    add(text ? "given" : "none");
    add(text.value_or(""));
  };
  add(rules.rules_version);
  add(r.asked.ecosystem);
  add(normalise_name(r.asked.package_name));
  add(name(r.asked.mode));
  add_optional(r.asked.file_path);
  add_optional(r.asked.entrypoint);
  add_optional(r.asked.module_name);
  const auto& a = r.download->artefact;
  add(a.sha256);
  add(a.filename);
  add(a.digest_from_index ? "vouched" : "computed");
  add(a.yanked ? "yanked" : "offered");
  for (const auto& note : r.download->notes) {
    add(note.rule);
    add(note.evidence);
  }
  return "verdict:" + sum.finish();
}

bool is_reusable(const run& r) noexcept {
  return r.status == status::completed && r.finished_at && r.reused_from.empty() && r.error.empty() && r.download &&
         r.execution && r.analysis && r.analysis->verdict != verdict::inconclusive;
}

step reusing(step downloaded, const run& earlier) {
  auto& r = downloaded.now;
  r.reused_from = earlier.run_id;
  r.execution = earlier.execution;
  r.analysis = earlier.analysis;
  downloaded.queue = std::string{name(work_stage::report)};
  downloaded.events.push_back({"status", boost::json::serialize(boost::json::object{{"status", name(r.status)},
                                                                                    {"reused_from", r.reused_from}})});
  return downloaded;
}

}  // namespace lazaret::actors
