#include "actors/report/work.hpp"

#include "actors/report/document.hpp"
#include "actors/report/webhook.hpp"
#include "actors/report/webhook_client.hpp"

namespace lazaret::actors {

work_function report_work(run_places places) {
  return [places = std::move(places)](const job& j) -> stage_result {
    run ended = *j.what;  // as it will be once this is on disk
    ended.status = ended.analysis ? status::completed : status::failed;
    ended.finished_at = std::chrono::system_clock::now();
    // What the phases wrote lies with the run whose phases they were.
    const auto folder = run_folder(places, ended.reused_from.empty() ? ended.run_id : ended.reused_from);
    const auto into = run_folder(places, ended.run_id) / attempt_folder(j.ticket);
    std::error_code bad;
    std::filesystem::create_directories(into, bad);
    if (bad) return stage_failure{"run folder: " + bad.message(), true};
    if (auto merged = report::write_audit_log(ended, folder, into); !merged) {
      return stage_failure{merged.error().describe(), true};
    }
    if (auto written = report::write_report(ended, folder, into); !written) {
      return stage_failure{written.error().describe(), true};
    }
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
