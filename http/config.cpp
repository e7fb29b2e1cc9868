#include "http/config.hpp"

#include <fmt/format.h>

#include <array>

#include "http/config_checks.hpp"
#include "http/fronts.hpp"
#include "http/quartermaster/amount.hpp"

namespace lazaret::http {
namespace {

using c = config;
constexpr std::int64_t week_sec = 7 * 24 * 3600;

constexpr std::array table{
    setting{"API_TOKEN", "", "bearer token of the API; without one the service binds loopback only", &c::api_token, 0,
            0, check_token, true},
    setting{"HOST", "0.0.0.0", "numeric address to listen on", &c::host, 0, 0, check_address},
    setting{"PORT", "8080", "port to listen on; 0: a free one, printed", &c::port, 0, 65535},
    setting{"FRONTENDS", "",
            "front ends with a port of their own, `name:port,...`; names: snekbox, quartermaster, jobs", &c::frontends,
            0, 0, check_frontend},
    setting{"DISCORD_WEBHOOK_URL", "", "where verdicts are posted; a request can't override it",
            &c::discord_webhook_url, 0, 0, check_https_url, true},
    setting{"MAX_CONCURRENCY", "2", "execution workers", &c::max_concurrency, 1, 64},
    setting{"QUEUE_LIMIT", "20", "runs waiting before 503", &c::queue_limit, 1, 100000},
    setting{"VERDICT_TTL", "86400",
            "for so many seconds a release's verdict stands for the next who asks the same, unless `force`; 0: never",
            &c::verdict_ttl, 0, 31536000},
    setting{"RETENTION_DAYS", "30", "days that a run that has ended and its report are kept; 0: for ever",
            &c::retention_days, 0, 36500},
    setting{"RETENTION_MAX_BYTES", "10737418240",
            "size of the files of runs that have ended; beyond it the longest ended go; 0: no bound",
            &c::retention_max_bytes, 0, 1000000000000000},
    setting{"PER_IP_RATE_LIMIT", "30", "submissions per window and client address", &c::per_ip_rate_limit, 1, 1000000},
    setting{"PER_IP_RATE_WINDOW_SEC", "60", "length of that window in seconds", &c::per_ip_rate_window_sec, 1, 86400},
    setting{"RUN_TIMEOUT_SEC", "45", "wall time of each phase of a run in seconds", &c::run_timeout_sec, 1, 3600},
    setting{"RLIMIT_CPU_SEC", "30", "CPU time of each phase in seconds", &c::rlimit_cpu_sec, 1, 3600},
    setting{"RLIMIT_AS_MB", "1024", "memory of a jail in MiB", &c::rlimit_as_mb, 64, 1048576},
    setting{"RLIMIT_NOFILE", "1024", "open files of a jailed process", &c::rlimit_nofile, 32, 1048576},
    setting{"CGROUP_PIDS_MAX", "128", "processes and threads of a jail", &c::cgroup_pids_max, 4, 32768},
    setting{"DISK_LIMIT_MB", "512", "size of a run's writable volume in MiB", &c::disk_limit_mb, 16, 1048576},
    setting{"JAIL_REQUIRE", "", "layers without which no jail is made; none: all that this kernel can have",
            &c::jail_require, 0, 0, check_layer},
    setting{"MAX_DOWNLOAD_BYTES", "300000000", "bytes a run may download, enforced while streaming",
            &c::max_download_bytes, 1, 1000000000000},
    setting{"CACHE_MAX_BYTES", "10737418240",
            "size of the download cache; beyond it the files that were not used for longest go", &c::cache_max_bytes, 1,
            1000000000000000},
    setting{"DOWNLOAD_STALL_SEC", "20",
            "seconds below 1 KiB/s after which a registry's answer is given up and asked for again",
            &c::download_stall_sec, 1, 3600},
    setting{"PACKAGE_DENYLIST", "torch,tensorflow,jaxlib", "packages refused, also as `name-*`", &c::package_denylist,
            0, 0, check_package_name},
    setting{"DNS_RESOLVERS", "1.1.1.1,8.8.8.8", "resolvers of the service's own look-ups and of the egress rules",
            &c::dns_resolvers, 0, 0, check_address},
    setting{"ALLOW_OUTBOUND", "false",
            "may requests ask for jails that reach the Internet (public addresses only, through a relay)?",
            &c::allow_outbound, 0, 0, check_truth},
    setting{"OUTBOUND_PORTS", "", "TCP ports that such jails may connect to, `80,443`; empty: all but 25",
            &c::outbound_ports, 0, 0, check_port_number},
    setting{"OUTBOUND_MAX_CONNECTIONS", "32", "connections of one such jail at a time; further ones wait",
            &c::outbound_max_connections, 1, 256},
    setting{"OUTBOUND_MAX_MB", "1024", "what one such jail may send and receive, in MiB", &c::outbound_max_mb, 1,
            1048576},
    setting{"PYPI_INDEX_URL", "https://pypi.org/simple", "PEP 503/691 index that packages come from",
            &c::pypi_index_url, 0, 0, check_http_url},
    setting{"NPM_REGISTRY_URL", "https://registry.npmjs.org", "npm registry that prebuilds' setup scripts reach",
            &c::npm_registry_url, 0, 0, check_http_url},
    setting{"DATA_DIR", "./data", "of this node alone: embedded store, cache, prebuilds", &c::data_dir, 0, 0,
            check_path},
    setting{
        "STORE_URL", "sqlite:",
        "where runs are kept: `sqlite:` (embedded, in DATA_DIR), `sqlite:FILE`, or `redis:`, `rediss:`, `unix:` for "
        "several nodes",
        &c::store_url, 0, 0, check_store_url, true},
    setting{"REDIS_URL", "", "the same, where STORE_URL is `sqlite:` or not set", &c::redis_url, 0, 0, check_redis_url,
            true},
    setting{"ROLE", "all",
            "`all`; `front`: takes requests and leaves the stages to others; `worker`: takes stages and no requests",
            &c::role, 0, 0, check_role},
    setting{"STAGES", "",
            "stages of this node: download, execution, analysis, report, interactive, batch; none: what ROLE says",
            &c::stages, 0, 0, check_stage},
    setting{"LEASE_SEC", "30", "for so many seconds work is a node's own without a sign of life", &c::lease_sec, 1,
            3600},
    setting{"RUN_AS_USER", "nobody", "whom the service becomes when started as root", &c::run_as_user, 0, 0,
            check_user},
    setting{"INTERACTIVE_CONCURRENCY", "4", "people's code that runs at once", &c::interactive_concurrency, 1, 64},
    setting{"INTERACTIVE_QUEUE_LIMIT", "64", "people's code that waits for that before 503",
            &c::interactive_queue_limit, 1, 100000},
    setting{"INTERACTIVE_WAIT_SEC", "10", "seconds that it may wait before 503", &c::interactive_wait_sec, 1, 120},
    setting{"INTERACTIVE_PER_CLIENT", "0", "of one client address at once; 0: all while nobody else waits",
            &c::interactive_per_client, 0, 64},
    setting{"INTERACTIVE_PER_KEY", "0", "of one key at once; 0: all while nobody else waits", &c::interactive_per_key,
            0, 64},
    setting{"STREAM_PING_SEC", "10",
            "a client of /v1/execute/stream that is silent is asked; after twice that it is gone", &c::stream_ping_sec,
            1, 300},
    setting{"MAX_BODY_MB", "72", "largest body of a request that runs code, in MiB", &c::max_body_mb, 1, 1024},
    setting{"EXECUTE_MAX_WALL_SEC", "300", "`/v1/execute`: largest wall time that a request may ask for, in seconds",
            &c::execute_max_wall_sec, 1, 600},
    setting{"EXECUTE_MAX_MEMORY_MB", "1024", "`/v1/execute`: largest memory, in MiB", &c::execute_max_memory_mb, 16,
            1048576},
    setting{"EXECUTE_MAX_DISK_MB", "512", "`/v1/execute`: largest volume, in MiB", &c::execute_max_disk_mb, 1, 65536},
    setting{"ARTIFACT_CACHE_MB", "512", "`/v1/execute`: room for compiled programs that are kept, in MiB",
            &c::artifact_cache_mb, 0, 1048576},
    setting{"RUNTIMES_DIR", "/opt/lazaret/runtimes",
            "where `deploy/deps.sh --runtimes` put Deno, Bun and what makes Go and Rust quick", &c::runtimes_dir, 0, 0,
            check_inner_path},
    setting{"SNEKBOX_WALL_SEC", "6", "`/eval`: wall time in seconds", &c::snekbox_wall_sec, 1, 600},
    setting{"SNEKBOX_MEMORY_MB", "70", "`/eval`: memory in MiB, swap and files included", &c::snekbox_memory_mb, 16,
            1048576},
    setting{"SNEKBOX_ADDRESS_SPACE_MB", "700", "`/eval`: address space of each process in MiB",
            &c::snekbox_address_space_mb, 64, 1048576},
    setting{"SNEKBOX_PIDS", "15", "`/eval`: processes and threads", &c::snekbox_pids, 1, 32768},
    setting{"SNEKBOX_HOME_MB", "48", "`/eval`: size of /home in MiB, and of all files that come back",
            &c::snekbox_home_mb, 1, 65536},
    setting{"SNEKBOX_SHM_MB", "40", "`/eval`: size of /dev/shm in MiB", &c::snekbox_shm_mb, 1, 65536},
    setting{"SNEKBOX_OUTPUT_BYTES", "1000000", "`/eval`: bytes of output before the program is ended",
            &c::snekbox_output_bytes, 1, 100000000},
    setting{"SNEKBOX_FILES_LIMIT", "100", "`/eval`: files that come back", &c::snekbox_files_limit, 0, 10000},
    setting{"SNEKBOX_FILES_TIMEOUT_SEC", "5", "`/eval`: seconds for collecting them", &c::snekbox_files_timeout_sec, 1,
            60},
    setting{"SNEKBOX_FILES_PATTERN", "**/[!_]*", "`/eval`: which files come back", &c::snekbox_files_pattern, 0, 0,
            check_files_pattern},
    setting{"SNEKBOX_EXECUTABLE", "/snekbin/python/default/bin/python",
            "`/eval`: the interpreter, inside the jail; where it is absent, the system's Python",
            &c::snekbox_executable, 0, 0, check_inner_path},
    setting{"SNEKBOX_BIN_DIR", "/snekbin", "`/eval`: the host's folder of interpreters, seen at /snekbin",
            &c::snekbox_bin_dir, 0, 0, check_inner_path},
    setting{"SNEKBOX_USER_BASE", "/snekbox/user_base",
            "`/eval`: the host's folder of packages, seen at /snekbox/user_base", &c::snekbox_user_base, 0, 0,
            check_inner_path},
    setting{"CODE_RUNNER_API_KEYS", "", "`/run`, `/prebuild`: keys of which X-API-Key has to be one, `a,b`",
            &c::code_runner_api_keys, 0, 0, check_token, true},
    setting{"AUTH_TOKEN", "", "`/run`, `/prebuild`: a bearer token that does as well", &c::auth_token, 0, 0,
            check_token, true},
    setting{"DEFAULT_TIMEOUT", "30", "`/run`: wall time in seconds", &c::default_timeout, 1, 600},
    setting{"MAX_TIMEOUT", "300", "`/run`: largest wall time that a request may ask for", &c::max_timeout, 1, 600},
    setting{"DEFAULT_MEMORY", "256m", "`/run`: memory, files included", &c::default_memory, 0, 0, check_amount},
    setting{"MAX_MEMORY_MB", "2048", "`/run`: largest memory, in MiB", &c::max_memory_mb, 16, 1048576},
    setting{"DEFAULT_CPU_SHARES", "512",
            "`/run`: weight of a program's CPU while others want it too; 1024 is an even share", &c::default_cpu_shares,
            2, 65536},
    setting{"MAX_CPU_CORES", "4.0", "`/run`: most cores", &c::max_cpu_cores, 0, 0, check_cores},
    setting{"DEFAULT_DISK", "512m", "`/run`: size of /workspace and of /tmp", &c::default_disk, 0, 0, check_amount},
    setting{"MAX_DISK_MB", "5000", "`/run`: largest of that, in MiB; of a prebuild's layer too", &c::max_disk_mb, 16,
            1048576},
    setting{"MAX_OUTPUT_MB", "10", "`/run`: how much of stdout and of stderr is answered, in MiB", &c::max_output_mb, 1,
            256},
    setting{"PREBUILD_TIMEOUT", "600", "`/prebuild`: wall time of a setup script in seconds", &c::prebuild_timeout, 1,
            800},
    setting{"PREBUILDS_MAX_MB", "20000", "`/prebuild`: size of all layers together, in MiB", &c::prebuilds_max_mb, 1,
            100000000},
    setting{"CLEANUP_INTERVAL_HOURS", "24", "hours between looking for old prebuilds", &c::cleanup_interval_hours, 1,
            8760},
    setting{"CLEANUP_MAX_AGE_DAYS", "7", "prebuilds go when they are so many days old", &c::cleanup_max_age_days, 0,
            36500},
    setting{"DEFAULT_ALLOW_NETWORK", "false", "`/run`: `allow_network` where a request doesn't say",
            &c::default_allow_network, 0, 0, check_truth},
    setting{"BLOB_DIR", "", "files of runs and jobs, shared by all nodes; none: JOB_DATA_DIR, or `blobs` in DATA_DIR",
            &c::blob_dir, 0, 0, check_optional_path},
    setting{"JOB_DATA_DIR", "", "the same, by the name that python-sandbox-executor gives it", &c::job_data_dir, 0, 0,
            check_optional_path},
    setting{"BATCH_CONCURRENCY", "2", "jobs and asynchronous executions that run at once", &c::batch_concurrency, 1,
            64},
    setting{"BATCH_QUEUE_LIMIT", "100", "jobs that wait for that before 503", &c::batch_queue_limit, 1, 100000},
    setting{"INLINE_WORKER", "1", "0: jobs are taken and kept, and wait for another node or a start with 1",
            &c::inline_worker, 0, 1},
    setting{"JOB_RETENTION_HOURS", "168", "how long a job that has ended, its log and its artifacts are kept",
            &c::job_retention_hours, 1, 87600},
    setting{"JOB_RETENTION_MAX_BYTES", "10737418240",
            "size of the files of jobs and executions that have ended; beyond it the longest ended go; 0: no bound",
            &c::job_retention_max_bytes, 0, 1000000000000000},
    setting{"JOBS_MAX_MEMORY_MB", "4096", "`/jobs`: largest `mem_limit_mb` that a spec may ask for",
            &c::jobs_max_memory_mb, 33, 1048576},
    setting{"LOG_LEVEL", "info", "trace, debug, info, warn, error or off", &c::log_level, 0, 0, check_log_level},
    setting{"LOG_FORMAT", "text", "text, or json for machines", &c::log_format, 0, 0, check_log_format},
    setting{"DRAIN_SEC", "30", "seconds that work in hand may take after SIGTERM", &c::drain_sec, 0, week_sec},
};

bool is_integer(const setting& s) { return std::holds_alternative<setting::integer>(s.into); }

std::string shown_default(const setting& s) { return s.standard.empty() ? "none" : std::string{s.standard}; }

std::string shown_meaning(const setting& s) {
  return is_integer(s) ? fmt::format("{} ({} to {})", s.meaning, s.least, s.most) : std::string{s.meaning};
}

}  // namespace

std::span<const setting> settings() noexcept { return table; }

std::string settings_help() {
  std::string text;
  for (const auto& row : table) {
    text += fmt::format("  {:<23} {:<24} {}\n", row.name, shown_default(row), shown_meaning(row));
  }
  return text;
}

std::string settings_markdown() {
  std::string text = "| name | default | meaning |\n|---|---|---|\n";
  for (const auto& row : table) {
    auto standard = row.standard.empty() ? std::string{"none"} : fmt::format("`{}`", row.standard);
    text += fmt::format("| `{}` | {} | {} |\n", row.name, standard, shown_meaning(row));
  }
  return text;
}

}  // namespace lazaret::http
