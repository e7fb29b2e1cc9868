#include "metrics/instruments.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "metrics/process.hpp"

namespace lazaret::metrics {
namespace {

using names = std::vector<std::string_view>;

// The closed sets of label values. A value that is not listed is counted as `other`, which every set that takes words
// from outside this program ends with.
const names& stage_names() {
  static const names all(stages.begin(), stages.end());
  return all;
}
const names stage_outcomes{"done", "failed", "canceled", "crashed"};
const names frontends{"triage", "snekbox", "quartermaster", "execute", "stream", "jobs", "other"};
const names submission_outcomes{"accepted", "denied",       "rate_limited", "queue_full",
                                "invalid",  "unauthorized", "unavailable",  "other"};
const names ecosystems{"pypi", "npm", "other"};
const names verdicts{"benign", "suspicious", "malicious", "inconclusive"};
const names runtimes{"python", "node", "go", "rust", "deno", "bun", "ruby", "command", "other"};
const names jail_outcomes{"exited",       "signalled",      "wall_timeout", "cpu_timeout", "out_of_memory",
                          "output_limit", "syscall_denied", "canceled",     "failure"};
const names start_paths{"cold", "warm"};
const names download_sources{"index", "cache"};
const names interactive_refusals{"full", "waited", "displaced", "left"};
const names relay_outcomes{"relayed", "refused_address", "refused_port", "refused_name", "over_limit", "unreachable"};
const names relay_directions{"out", "in"};
const names lookup_outcomes{"answered", "refused", "failed"};
const names webhook_outcomes{"delivered", "retried", "failed"};
const names kept_kinds{"run", "job"};
const names forgetting_reasons{"age", "size", "orphan"};
const names routes{"/",
                   "/healthz",
                   "/readyz",
                   "/metrics",
                   "/openapi.json",
                   "/v1/triage",
                   "/v1/runs",
                   "/v1/runs/{id}",
                   "/v1/runs/{id}/events",
                   "/v1/runs/{id}/report.json",
                   "/v1/runs/{id}/report.html",
                   "/v1/stages",
                   "/v1/stages/{name}",
                   "/v1/execute",
                   "/v1/execute/stream",
                   "/eval",
                   "/run",
                   "/images",
                   "/runtimes",
                   "/prebuild",
                   "/prebuilds",
                   "/prebuilds/cleanup",
                   "/prebuilds/{tag}",
                   "/jobs",
                   "/jobs/sync",
                   "/jobs/{id}",
                   "/jobs/{id}/logs",
                   "/jobs/{id}/logs/stream",
                   "/jobs/{id}/artifacts/{filename}",
                   "other"};
// A route with each method that it answers; all else is one pair, so that the exact codes can be labels.
const std::vector<std::pair<std::string_view, std::string_view>> endpoints{{"/", "GET"},
                                                                           {"/healthz", "GET"},
                                                                           {"/readyz", "GET"},
                                                                           {"/metrics", "GET"},
                                                                           {"/openapi.json", "GET"},
                                                                           {"/v1/triage", "POST"},
                                                                           {"/v1/runs", "GET"},
                                                                           {"/v1/runs/{id}", "GET"},
                                                                           {"/v1/runs/{id}", "DELETE"},
                                                                           {"/v1/runs/{id}/events", "GET"},
                                                                           {"/v1/runs/{id}/report.json", "GET"},
                                                                           {"/v1/runs/{id}/report.html", "GET"},
                                                                           {"/v1/stages", "GET"},
                                                                           {"/v1/stages/{name}", "PATCH"},
                                                                           {"/v1/execute", "POST"},
                                                                           {"/v1/execute/stream", "GET"},
                                                                           {"/eval", "POST"},
                                                                           {"/run", "POST"},
                                                                           {"/images", "GET"},
                                                                           {"/runtimes", "GET"},
                                                                           {"/prebuild", "POST"},
                                                                           {"/prebuilds", "GET"},
                                                                           {"/prebuilds/cleanup", "POST"},
                                                                           {"/prebuilds/{tag}", "GET"},
                                                                           {"/prebuilds/{tag}", "DELETE"},
                                                                           {"/jobs", "POST"},
                                                                           {"/jobs/sync", "POST"},
                                                                           {"/jobs/{id}", "GET"},
                                                                           {"/jobs/{id}", "DELETE"},
                                                                           {"/jobs/{id}/logs", "GET"},
                                                                           {"/jobs/{id}/logs/stream", "GET"},
                                                                           {"/jobs/{id}/artifacts/{filename}", "GET"},
                                                                           {"other", "other"}};
const names codes{"101", "200", "202", "204", "206", "304", "400", "401", "403", "404", "405", "408",
                  "409", "413", "415", "416", "422", "426", "429", "431", "500", "503", "504", "other"};

const prometheus::Histogram::BucketBoundaries stage_buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                            1,     2.5,    5,     10,   20,    45,   90,  180};
const prometheus::Histogram::BucketBoundaries jail_buckets{0.0005, 0.001, 0.002, 0.003, 0.005,
                                                           0.0075, 0.01,  0.02,  0.05,  0.1};
const prometheus::Histogram::BucketBoundaries http_buckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                           0.005,  0.01,    0.05,   0.25,  1};

std::size_t place_of(std::string_view value, const names& set) {
  const auto found = std::find(set.begin(), set.end(), value);
  return found == set.end() ? set.size() - 1 : static_cast<std::size_t>(found - set.begin());
}

/// Every series of one family, made at the start and found again by the places of its label values.
template <class Series>
class table {
 public:
  template <class... Extra>
  table(prometheus::Family<Series>& family, std::vector<std::pair<std::string, const names*>> labels,
        const Extra&... extra)
      : labels_{std::move(labels)} {
    std::size_t total = 1;
    for (const auto& [label, set] : labels_) total *= set->size();
    for (std::size_t n = 0; n < total; ++n) {
      std::map<std::string, std::string> values;
      std::size_t rest = n;
      for (auto it = labels_.rbegin(); it != labels_.rend(); ++it) {
        values[it->first] = std::string{(*it->second)[rest % it->second->size()]};
        rest /= it->second->size();
      }
      series_.push_back(&family.Add(values, extra...));
    }
  }

  Series& at(std::initializer_list<std::string_view> values) const {
    std::size_t place = 0;
    auto label = labels_.begin();
    for (const auto value : values) {
      place = place * label->second->size() + place_of(value, *label->second);
      ++label;
    }
    return *series_[place];
  }

 private:
  std::vector<std::pair<std::string, const names*>> labels_;
  std::vector<Series*> series_;
};

}  // namespace

struct instruments::families {
  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<prometheus::Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<prometheus::Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  table<prometheus::Gauge> depth{gauge("lazaret_stage_queue_depth", "Runs that wait for the stage."),
                                 {{"stage", &stage_names()}}};
  table<prometheus::Gauge> in_flight{gauge("lazaret_stage_in_flight", "Runs that the stage's workers hold."),
                                     {{"stage", &stage_names()}}};
  table<prometheus::Gauge> concurrency{gauge("lazaret_stage_concurrency", "Workers that the stage may use."),
                                       {{"stage", &stage_names()}}};
  table<prometheus::Histogram> duration{
      histogram("lazaret_stage_duration_seconds", "Time that a stage's worker held one run."),
      {{"stage", &stage_names()}, {"outcome", &stage_outcomes}},
      stage_buckets};
  table<prometheus::Counter> restarts{
      counter("lazaret_stage_restarts_total",
              "Times that supervision replaced the stage's actor or one of its workers."),
      {{"stage", &stage_names()}}};
  table<prometheus::Counter> poisoned{counter("lazaret_runs_poisoned_total",
                                              "Runs and jobs set aside as poison: they ended their worker three times, "
                                              "or were lost with their node twenty times."),
                                      {{"stage", &stage_names()}}};
  prometheus::Counter& jailer_restarts =
      counter("lazaret_jailer_restarts_total", "Times that the jailer process was started again.").Add({});
  table<prometheus::Counter> forgotten{
      counter("lazaret_forgotten_total", "Runs and jobs that were forgotten after their end, by why."),
      {{"kind", &kept_kinds}, {"reason", &forgetting_reasons}}};
  table<prometheus::Counter> forgotten_bytes{
      counter("lazaret_forgotten_bytes_total", "What their folders took, files rounded up to pages."),
      {{"kind", &kept_kinds}, {"reason", &forgetting_reasons}}};
  table<prometheus::Gauge> kept{
      gauge("lazaret_kept_bytes", "What the folders of runs and jobs that have ended take, as far as measured."),
      {{"kind", &kept_kinds}}};
  prometheus::Counter& janitor_restarts =
      counter("lazaret_janitor_restarts_total", "Times that supervision replaced the actor that forgets.").Add({});
  table<prometheus::Counter> submissions{counter("lazaret_submissions_total", "Submissions, by what became of them."),
                                         {{"frontend", &frontends}, {"outcome", &submission_outcomes}}};
  table<prometheus::Counter> refused_at_once{
      counter("lazaret_interactive_refusals_total", "What was to run at once and did not, by the reason."),
      {{"reason", &interactive_refusals}}};
  table<prometheus::Counter> verdicts_given{counter("lazaret_verdicts_total", "Verdicts given."),
                                            {{"ecosystem", &ecosystems}, {"verdict", &verdicts}}};
  table<prometheus::Counter> jails{counter("lazaret_jail_outcomes_total", "Jails, by how they ended."),
                                   {{"runtime", &runtimes}, {"outcome", &jail_outcomes}}};
  table<prometheus::Histogram> jail_start{
      histogram("lazaret_jail_start_seconds", "Time from asking for a jail to its program's start."),
      {{"path", &start_paths}},
      jail_buckets};
  table<prometheus::Counter> download_bytes{counter("lazaret_download_bytes_total", "Bytes of artefacts taken in."),
                                            {{"ecosystem", &ecosystems}, {"source", &download_sources}}};
  table<prometheus::Counter> webhooks{
      counter("lazaret_webhook_deliveries_total", "Webhook attempts: delivered, to be retried, given up."),
      {{"outcome", &webhook_outcomes}}};
  table<prometheus::Counter> relay_connections{
      counter("lazaret_relay_connections_total", "Connections that jails made outwards, by what became of them."),
      {{"outcome", &relay_outcomes}}};
  table<prometheus::Counter> relay_traffic{
      counter("lazaret_relay_bytes_total", "Bytes carried for jails, out of them and in."),
      {{"direction", &relay_directions}}};
  table<prometheus::Counter> relay_lookups{counter("lazaret_relay_lookups_total", "Names that jails asked for."),
                                           {{"outcome", &lookup_outcomes}}};
  std::vector<std::vector<prometheus::Counter*>> requests = make_requests();
  table<prometheus::Histogram> request_duration{
      histogram("lazaret_http_request_duration_seconds", "Time from a whole request to its answer's start."),
      {{"route", &routes}},
      http_buckets};

  prometheus::Counter& cpu = counter("process_cpu_seconds_total", "User and system CPU time of this process.").Add({});
  prometheus::Gauge& resident = gauge("process_resident_memory_bytes", "Resident memory.").Add({});
  prometheus::Gauge& virtual_memory = gauge("process_virtual_memory_bytes", "Virtual memory.").Add({});
  prometheus::Gauge& open_fds = gauge("process_open_fds", "Open file descriptors.").Add({});
  prometheus::Gauge& max_fds = gauge("process_max_fds", "Limit of open file descriptors.").Add({});
  prometheus::Gauge& start_time =
      gauge("process_start_time_seconds", "Start of this process, since the epoch.").Add({});
  prometheus::Gauge& threads = gauge("process_threads", "Threads of this process.").Add({});

  families() {
    gauge("lazaret_build_info", "Always 1; the version is the label.").Add({{"version", LAZARET_VERSION}}).Set(1);
  }

  std::vector<std::vector<prometheus::Counter*>> make_requests() {
    auto& family = counter("lazaret_http_requests_total", "HTTP requests answered.");
    std::vector<std::vector<prometheus::Counter*>> made;
    for (const auto& [route, method] : endpoints) {
      auto& row = made.emplace_back();
      for (const auto code : codes) {
        row.push_back(
            &family.Add({{"route", std::string{route}}, {"method", std::string{method}}, {"code", std::string{code}}}));
      }
    }
    return made;
  }

  prometheus::Counter& request(std::string_view route, std::string_view method, std::string_view code) {
    const auto found = std::find(endpoints.begin(), endpoints.end(), std::pair{route, method});
    const auto row =
        found == endpoints.end() ? endpoints.size() - 1 : static_cast<std::size_t>(found - endpoints.begin());
    return *requests[row][place_of(code, codes)];
  }

  void refresh_process() {
    const auto now = read_process_figures();
    cpu.Increment(std::max(0.0, now.cpu_seconds - cpu.Value()));
    resident.Set(now.resident_bytes);
    virtual_memory.Set(now.virtual_bytes);
    open_fds.Set(now.open_fds);
    max_fds.Set(now.max_fds);
    start_time.Set(now.start_time_seconds);
    threads.Set(now.threads);
  }
};

instruments::instruments() : families_{std::make_unique<families>()} { families_->refresh_process(); }
instruments::~instruments() = default;

void instruments::stage_queue_depth(std::string_view stage, double depth) { families_->depth.at({stage}).Set(depth); }
void instruments::stage_in_flight(std::string_view stage, double count) { families_->in_flight.at({stage}).Set(count); }
void instruments::stage_concurrency(std::string_view stage, double workers) {
  families_->concurrency.at({stage}).Set(workers);
}
void instruments::stage_finished(std::string_view stage, std::string_view outcome, std::chrono::duration<double> took) {
  families_->duration.at({stage, outcome}).Observe(took.count());
}
void instruments::stage_restarted(std::string_view stage) { families_->restarts.at({stage}).Increment(); }
void instruments::poisoned(std::string_view stage) { families_->poisoned.at({stage}).Increment(); }
void instruments::jailer_restarted() { families_->jailer_restarts.Increment(); }
void instruments::forgotten(std::string_view kind, std::string_view reason, double bytes) {
  families_->forgotten.at({kind, reason}).Increment();
  families_->forgotten_bytes.at({kind, reason}).Increment(bytes);
}
void instruments::kept(std::string_view kind, double bytes) { families_->kept.at({kind}).Set(bytes); }
void instruments::janitor_restarted() { families_->janitor_restarts.Increment(); }
void instruments::submission(std::string_view frontend, std::string_view outcome) {
  families_->submissions.at({frontend, outcome}).Increment();
}
void instruments::interactive_refused(std::string_view reason) { families_->refused_at_once.at({reason}).Increment(); }
void instruments::verdict(std::string_view ecosystem, std::string_view verdict) {
  families_->verdicts_given.at({ecosystem, verdict}).Increment();
}
void instruments::jail_ended(std::string_view runtime, std::string_view outcome) {
  families_->jails.at({runtime, outcome}).Increment();
}
void instruments::jail_started(bool was_prepared, std::chrono::duration<double> took) {
  families_->jail_start.at({was_prepared ? "warm" : "cold"}).Observe(took.count());
}
void instruments::downloaded(std::string_view ecosystem, std::string_view source, double bytes) {
  families_->download_bytes.at({ecosystem, source}).Increment(bytes);
}
void instruments::webhook(std::string_view outcome) { families_->webhooks.at({outcome}).Increment(); }
void instruments::relay_connection(std::string_view outcome) { families_->relay_connections.at({outcome}).Increment(); }
void instruments::relay_bytes(std::string_view direction, double bytes) {
  families_->relay_traffic.at({direction}).Increment(bytes);
}
void instruments::relay_lookup(std::string_view outcome) { families_->relay_lookups.at({outcome}).Increment(); }
void instruments::http_request(std::string_view route, std::string_view method, int code,
                               std::chrono::duration<double> took) {
  families_->request(route, method, std::to_string(code)).Increment();
  families_->request_duration.at({route}).Observe(took.count());
}

std::string instruments::exposition() const {
  families_->refresh_process();
  return prometheus::TextSerializer{}.Serialize(families_->registry.Collect());
}

}  // namespace lazaret::metrics
