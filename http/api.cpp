#include "http/execute/executions.hpp"
#include "http/jobs/routes.hpp"
#include "http/quartermaster/routes.hpp"
#include "http/router.hpp"
#include "http/routes.hpp"
#include "http/snekbox/routes.hpp"
#include "http/stream/routes.hpp"

#include <array>

namespace lazaret::http {
namespace {

constexpr auto open = access::open;
constexpr auto token = access::token;
constexpr auto local = access::token_unless_local;

/// Order matters in one way only: the most asked route comes first.
const std::array table{
    route{"GET", "/healthz", open, healthz, "liveness"},
    route{"GET", "/health", open, health,
          "every layer of the jail: active, unavailable or broken, as a self-test saw it"},
    route{"GET", "/readyz", open, reading{readyz}, "readiness, with the reason when it is not"},
    route{"GET", "/metrics", open, reading{metrics_text}, "Prometheus text exposition"},
    route{"GET", "/openapi.json", open, openapi_json, "this contract"},
    route{"GET", "/", open, front_page, "a page for people"},
    route{"POST", "/v1/triage", token, submit_triage, "submit a package for triage"},
    route{"GET", "/v1/runs", token, reading{list_runs}, "list runs, newest first"},
    route{"GET", "/v1/runs/{id}", token, reading{show_run}, "one run"},
    route{"DELETE", "/v1/runs/{id}", token, cancel_run, "cancel a queued or running run"},
    route{"GET", "/v1/runs/{id}/events", token, reading{follow_run}, "server-sent events of a run"},
    route{"GET", "/v1/runs/{id}/report.json", token, reading{report_json}, "the report"},
    route{"GET", "/v1/runs/{id}/report.html", token, reading{report_html}, "the report for people"},
    route{"POST", "/v1/execute", token, executing{execute}, "run a program, and answer with what it did, now or later"},
    route{"GET", "/v1/executions/{id}", token, reading{show_execution}, "one that was to be answered later"},
    route{"DELETE", "/v1/executions/{id}", token, cancel_execution, "cancel a queued or running execution"},
    route{"GET", "/v1/execute/stream", token, upgrading{stream::admit},
          "the same over a WebSocket: talk with it meanwhile"},
    route{"POST", "/eval", access::token_unless_local, executing{snekbox::eval}, "run code as snekbox does",
          &snekbox::falcon},
    route{"POST", "/run", access::key, executing{quartermaster::run}, "run code as quartermaster's code runner does",
          &quartermaster::fastapi},
    route{"GET", "/images", open, reading{quartermaster::images}, "the runtimes", &quartermaster::fastapi},
    route{"GET", "/runtimes", open, reading{quartermaster::images}, "the runtimes", &quartermaster::fastapi},
    route{"POST", "/prebuild", access::key, executing{quartermaster::prebuild_now},
          "make an image with what a script installs", &quartermaster::fastapi},
    route{"GET", "/prebuilds", open, reading{quartermaster::list_prebuilds}, "the images that were made",
          &quartermaster::fastapi},
    route{"POST", "/prebuilds/cleanup", access::key, reading{quartermaster::clean_up_prebuilds}, "remove old images",
          &quartermaster::fastapi},
    route{"GET", "/prebuilds/{tag}", open, reading{quartermaster::show_prebuild}, "one of the images that were made",
          &quartermaster::fastapi},
    route{"DELETE", "/prebuilds/{tag}", access::key, reading{quartermaster::delete_prebuild}, "remove an image",
          &quartermaster::fastapi},
    route{"POST", "/jobs", local, executing{jobs::submit}, "queue a job (python-sandbox-executor)", &jobs::fastapi},
    route{"POST", "/jobs/sync", local, executing{jobs::submit_and_wait}, "run a job and wait for it", &jobs::fastapi},
    route{"GET", "/jobs/{id}", local, reading{jobs::show}, "one job", &jobs::fastapi},
    route{"DELETE", "/jobs/{id}", local, jobs::cancel, "cancel a queued or running job", &jobs::fastapi},
    route{"GET", "/jobs/{id}/logs", local, reading{jobs::logs}, "a job's log so far", &jobs::fastapi},
    route{"GET", "/jobs/{id}/logs/stream", local, reading{jobs::stream_logs}, "server-sent events of a job's log",
          &jobs::fastapi},
    route{"GET", "/jobs/{id}/artifacts/{filename}", local, reading{jobs::artifact}, "a file that a job made",
          &jobs::fastapi},
    route{"GET", "/v1/stages", token, list_stages, "queue depth, in flight, concurrency of each stage"},
    route{"PATCH", "/v1/stages/{name}", token, change_stage, "change a stage's concurrency or queue limit now"},
};

}  // namespace

std::span<const route> api() noexcept { return table; }

}  // namespace lazaret::http
