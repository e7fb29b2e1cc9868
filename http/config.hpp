#pragma once
/// The settings of the service (DESIGN section 6): read once at start, validated as a whole, constant afterwards.
/// One table (settings()) is the source of parsing, of validation, of `lazaretd --help` and of README's table.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sandbox/failure.hpp"

namespace lazaret::http {

/// Every member is the value of the setting of the same name, in the unit that its name states. Construct it with
/// load_config(); a default-constructed one holds zeros, not the defaults.
struct config {
  std::string api_token;               ///< empty: no token is asked for, and only loopback is bound
  std::string host;                    ///< numeric address to bind, as bind_host() resolved it
  std::int64_t port = 0;               ///< 0: a free one
  std::vector<std::string> frontends;  ///< `name:port`
  std::string discord_webhook_url;
  std::int64_t max_concurrency = 0;
  std::int64_t queue_limit = 0;
  std::int64_t verdict_ttl = 0;     ///< seconds; 0: never
  std::int64_t retention_days = 0;  ///< 0: for ever
  std::int64_t retention_max_bytes = 0;
  std::int64_t per_ip_rate_limit = 0;
  std::int64_t per_ip_rate_window_sec = 0;
  std::int64_t run_timeout_sec = 0;
  std::int64_t rlimit_cpu_sec = 0;
  std::int64_t rlimit_as_mb = 0;
  std::int64_t rlimit_nofile = 0;
  std::int64_t cgroup_pids_max = 0;
  std::int64_t disk_limit_mb = 0;
  std::vector<std::string> jail_require;  ///< names of sandbox::layers(); empty: all that the kernel can have
  std::int64_t max_download_bytes = 0;
  std::int64_t cache_max_bytes = 0;
  std::int64_t download_stall_sec = 0;
  std::vector<std::string> package_denylist;
  std::vector<std::string> dns_resolvers;
  std::string allow_outbound;               ///< `true` or `false`
  std::vector<std::string> outbound_ports;  ///< numbers; empty: all but 25
  std::int64_t outbound_max_connections = 0;
  std::int64_t outbound_max_mb = 0;
  std::string pypi_index_url, npm_registry_url;
  std::filesystem::path data_dir;
  std::string store_url;  ///< never empty; REDIS_URL where STORE_URL leaves it to that
  std::string redis_url;
  std::string role;
  std::vector<std::string> stages;  ///< of this node; what the role stands for when nothing else was said
  std::int64_t lease_sec = 0;
  std::string run_as_user;  ///< empty: stay whoever started the service
  std::int64_t interactive_concurrency = 0;
  std::int64_t interactive_queue_limit = 0;
  std::int64_t interactive_wait_sec = 0;
  std::int64_t interactive_per_client = 0;
  std::int64_t interactive_per_key = 0;
  std::int64_t stream_ping_sec = 0;
  std::int64_t max_body_mb = 0;
  std::int64_t execute_max_wall_sec = 0;
  std::int64_t execute_max_memory_mb = 0;
  std::int64_t execute_max_disk_mb = 0;
  std::int64_t artifact_cache_mb = 0;
  std::filesystem::path runtimes_dir;
  std::int64_t snekbox_wall_sec = 0;
  std::int64_t snekbox_memory_mb = 0;
  std::int64_t snekbox_address_space_mb = 0;
  std::int64_t snekbox_pids = 0;
  std::int64_t snekbox_home_mb = 0;
  std::int64_t snekbox_shm_mb = 0;
  std::int64_t snekbox_output_bytes = 0;
  std::int64_t snekbox_files_limit = 0;
  std::int64_t snekbox_files_timeout_sec = 0;
  std::string snekbox_files_pattern;
  std::string snekbox_executable;
  std::filesystem::path snekbox_bin_dir;
  std::filesystem::path snekbox_user_base;
  std::vector<std::string> code_runner_api_keys;
  std::string auth_token;
  std::int64_t default_timeout = 0;
  std::int64_t max_timeout = 0;
  std::string default_memory;  ///< see quartermaster/amount.hpp; so is default_disk
  std::int64_t max_memory_mb = 0;
  std::int64_t default_cpu_shares = 0;
  std::string max_cpu_cores;  ///< a decimal number
  std::string default_disk;
  std::int64_t max_disk_mb = 0;
  std::int64_t max_output_mb = 0;
  std::int64_t prebuild_timeout = 0;  ///< seconds
  std::int64_t prebuilds_max_mb = 0;
  std::int64_t cleanup_interval_hours = 0;
  std::int64_t cleanup_max_age_days = 0;
  std::string default_allow_network;  ///< `true` or `false`
  std::filesystem::path blob_dir;     ///< never empty: BLOB_DIR, JOB_DATA_DIR, or DATA_DIR/blobs
  std::filesystem::path job_data_dir;
  std::int64_t batch_concurrency = 0;
  std::int64_t batch_queue_limit = 0;
  std::int64_t inline_worker = 0;  ///< 0: jobs are taken and kept, and none is begun
  std::int64_t job_retention_hours = 0;
  std::int64_t job_retention_max_bytes = 0;
  std::int64_t jobs_max_memory_mb = 0;
  std::string log_level;
  std::string log_format;
  std::int64_t drain_sec = 0;

  [[nodiscard]] bool takes_requests() const { return role != "worker"; }
  [[nodiscard]] bool works_at(std::string_view stage) const;
  [[nodiscard]] bool needs_jails() const;

  /// What the operator should be told once, e.g. that only loopback is bound because there is no token.
  std::vector<std::string> notices;
};

/// One row of the table.
struct setting {
  using text = std::string config::*;
  using path = std::filesystem::path config::*;
  using integer = std::int64_t config::*;
  using list = std::vector<std::string> config::*;  ///< written `a,b,c`; in TOML also an array of strings
  /// Says what is wrong with a value (one phrase, `must be ...`); empty when nothing is.
  using check = std::string (*)(std::string_view value);

  std::string_view name;      ///< of the environment variable and of the TOML key
  std::string_view standard;  ///< the default, as one would write it; empty: none
  std::string_view meaning;   ///< one line for people
  std::variant<text, path, integer, list> into;
  std::int64_t least = 0, most = 0;  ///< of an integer, both inclusive
  check valid = nullptr;             ///< of a text or a path, and of each item of a list
  bool secret = false;               ///< never printed
};

[[nodiscard]] std::span<const setting> settings() noexcept;

/// How an environment variable is looked up: getenv in the service, a map in tests. Nullptr when it is not set.
using environment = std::function<const char*(const char* name)>;

/// Environment over file over default; an empty variable counts as unset. Everything that is wrong is in the one
/// failure, a line for each.
[[nodiscard]] sandbox::result<config> load_config(const std::optional<std::filesystem::path>& file,
                                                  const environment& env);

/// The table as `lazaretd --help` prints it: name, default and meaning, with the range of numbers.
[[nodiscard]] std::string settings_help();

/// The same as rows of a Markdown table, which README's must equal (tests/http/config_test.cpp).
[[nodiscard]] std::string settings_markdown();

/// Is this numeric address (IPv4 or IPv6) one of the machine's loopback addresses?
[[nodiscard]] bool is_loopback(std::string_view address);

}  // namespace lazaret::http
