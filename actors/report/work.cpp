#include "actors/report/work.hpp"

#include <charconv>
#include <vector>

#include "actors/fault_point.hpp"
#include "actors/on_disk.hpp"
#include "actors/report/document.hpp"
#include "actors/report/webhook.hpp"
#include "actors/report/webhook_client.hpp"

namespace lazaret::actors {
namespace {

/// What earlier attempts left that nobody names any more: one that died may have written half of something. Only
/// earlier ones: this may itself be late, and whoever came after it has written the report that holds.
void sweep(const std::filesystem::path& folder, const job& j) {
  std::string named;
  if (j.what->execution && !j.what->execution->phases.empty())
    named = std::filesystem::path{j.what->execution->phases.front().audit_file}.parent_path().string();
  std::error_code bad;
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator{folder, bad}) {
    const auto name = entry.path().filename().string();
    const auto dot = name.rfind('.');
    if (dot == std::string::npos || name == named || !parse<work_stage>(name.substr(0, dot))) continue;
    int attempt = 0;
    const auto [end, error] = std::from_chars(name.data() + dot + 1, name.data() + name.size(), attempt);
    if (error == std::errc{} && end == name.data() + name.size() && attempt < j.ticket.attempt)
      left.push_back(entry.path());
  }
  for (const auto& one : left) std::filesystem::remove_all(one, bad);
}

}  // namespace

work_function report_work(run_places places) {
  return [places = std::move(places)](const job& j) -> stage_result {
    run ended = *j.what;  // as it will be once this is on disk
    ended.status = ended.analysis ? status::completed : status::failed;
    ended.finished_at = std::chrono::system_clock::now();
    // What the phases wrote lies with the run whose phases they were.
    const auto own = run_folder(places, ended.run_id);
    const auto folder = ended.reused_from.empty() ? own : run_folder(places, ended.reused_from);
    const auto into = own / attempt_folder(j.ticket);
    std::error_code bad;
    std::filesystem::create_directories(into, bad);
    if (bad) return stage_failure{"run folder: " + bad.message(), true};
    LAZARET_FAULT_POINT("report.begin");
    if (auto merged = report::write_audit_log(ended, folder, into); !merged) {
      return stage_failure{merged.error().describe(), true};
    }
    if (auto written = report::write_report(ended, folder, into); !written) {
      return stage_failure{written.error().describe(), true};
    }
    if (auto kept = sync_tree(into, place_of(into)); !kept) return stage_failure{kept.error().describe(), true};
    LAZARET_FAULT_POINT("report.done");
    sweep(own, j);
    return report_rendered{attempt_folder(j.ticket)};
  };
}

delivery_function discord_delivery(std::string url, run_places places) {
  return [url = std::move(url), places = std::move(places)](const run& ended) -> delivery_attempt {
    report::delivery_options options;
    options.attempts = 1;  // the courier waits between attempts, and remembers them over a restart
    options.idempotency_key = ended.run_id;
    const auto message = report::compose_webhook(ended, run_folder(places, ended.run_id) / ended.report_folder);
    auto done = report::deliver(url, message, options);
    if (done.delivered) return {};
    const auto what = done.may_succeed_later ? delivery_attempt::verdict::retry : delivery_attempt::verdict::give_up;
    return {what, std::move(done.error), done.asked};
  };
}

}  // namespace lazaret::actors
