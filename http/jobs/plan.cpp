#include "http/jobs/plan.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <stdexcept>

#include "actors/cpu_shares.hpp"
#include "http/jobs/spec.hpp"
#include "sandbox/outbound.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::http::jobs {
namespace {

constexpr const char *code_place = "/workspace/code", *input_place = "/workspace/input",
                     *output_place = "/workspace/output";
constexpr std::uint64_t page = 4096;

const sandbox::place& preset_place(std::string_view target) {
  for (const auto& one : sandbox::find_preset("jobs")->places)
    if (one.target == target) return one;
  throw std::logic_error{"the preset `jobs` has lost a place"};
}

/// Room for these files and no more than a little.
batch::plan::place place_for(const char* target, std::vector<sandbox::volume_file> files) {
  const auto& least = preset_place(target);
  batch::plan::place made{.target = target, .space = least.size, .inodes = least.inodes + files.size()};
  for (const auto& file : files) made.space.count += (file.content.size() / page + 1) * page;
  made.files = std::move(files);
  return made;
}

void set_environment(sandbox::policy& rules, std::string_view name, std::string_view value) {
  const auto start = std::string{name} + "=";
  std::erase_if(rules.environment, [&](const std::string& entry) { return entry.starts_with(start); });
  rules.environment.push_back(start + std::string{value});
}

}  // namespace

batch::plan make_plan(const batch::job& what, std::vector<std::string> contents,
                      const sandbox::installed_runtimes& runtimes) {
  const auto read = read_spec(boost::json::parse(what.spec), {.most_memory_mb = 1 << 20, .allows_outbound = true});
  const auto* spec = std::get_if<job_spec>(&read);
  batch::plan plan;
  if (spec == nullptr) {  // of a version that took what this one doesn't
    plan.obstacle = {.note = "this service can't read the job's spec", .error = "non-zero exit"};
    return plan;
  }
  std::vector<sandbox::volume_file> code, input;
  bool has_entry = false;
  for (std::size_t n = 0; n < contents.size(); ++n) {
    const bool is_code = what.input[n].role == code_role;
    has_entry = has_entry || (is_code && what.input[n].name == spec->entry);
    (is_code ? code : input).push_back({what.input[n].name, std::move(contents[n])});
  }

  if (!has_entry) {
    plan.obstacle = {.note = "missing entry file: " + spec->entry, .error = "missing entry file"};
    return plan;
  }
  const auto& language = *sandbox::find_runtime(spec->runtime);  // read_spec() found it
  if (!runtimes.has(language)) {                                 // any more: it was, when the job was taken
    plan.obstacle = {.note = runtimes.what_is_missing(language), .error = "non-zero exit"};
    return plan;
  }
  plan.runtime = language.name;
  auto& rules = plan.rules;
  rules = sandbox::make_policy(*sandbox::find_preset("jobs"), true);
  runtimes.furnish(language, code_place, rules);
  set_environment(rules, "HOME", "/tmp");  // the code can't be written to
  rules.argv = runtimes.run_argv(language, code_place);
  // An entry called `-c` is a file's name, not an option.
  std::ranges::replace(rules.argv, std::string{language.main_file},
                       spec->entry.starts_with('-') ? "./" + spec->entry : spec->entry);
  rules.argv.insert(rules.argv.end(), spec->args.begin(), spec->args.end());
  set_environment(rules, "JOB_ID", what.id);
  set_environment(rules, "PYTHONUNBUFFERED", "1");  // or its lines would come when it ends
  for (const auto& [name, value] : spec->env) set_environment(rules, name, value);

  if (spec->net_policy == "outbound") sandbox::allow_outbound(rules);
  auto& limits = rules.limits;
  limits.wall = std::chrono::seconds{spec->timeout_sec};
  limits.cpus = std::max(0.01, spec->cpu_limit);  // the kernel's least quota
  limits.cpu = std::chrono::duration_cast<std::chrono::milliseconds>(
      limits.wall * std::max(1.0, limits.cpus) + std::chrono::seconds{1});  // so that the wall time is what ends it
  limits.memory = {static_cast<std::uint64_t>(spec->mem_limit_mb) << 20};
  limits.cpu_shares = actors::batch_cpu_shares;
  limits.pids = static_cast<std::uint32_t>(spec->pids_limit) + 1;  // the jail's init

  const auto& output = preset_place(output_place);
  plan.places.push_back({.target = output_place, .space = output.size, .inodes = 4096, .writable = true, .files = {}});
  plan.places.push_back(place_for(code_place, std::move(code)));
  plan.places.push_back(place_for(input_place, std::move(input)));
  plan.most_artifact_bytes = output.size;
  return plan;
}

}  // namespace lazaret::http::jobs
