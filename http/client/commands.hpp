#pragma once
/// What each subcommand of `lazaret` does. They print to stdout (results) and stderr (progress, errors) and return the
/// exit code (render.hpp).

#include <cstdint>
#include <optional>
#include <string>

#include "http/client/connection.hpp"

namespace lazaret::client {

struct triage_options {
  std::string name, version, mode = "install";
  std::optional<std::string> file_path, entrypoint, module_name;
  std::int64_t priority = 0;
  bool forces = false;
  bool waits = false;
  bool as_json = false;
};
int triage(connection& service, const triage_options& o);

struct runs_options {
  std::optional<std::string> status, package, verdict, cursor;
  std::int64_t limit = 50;
  bool as_json = false;
};
int runs(connection& service, const runs_options& o);

struct report_options {
  std::string run_id;
  bool html = false;
  std::string output;  ///< file; empty: stdout
};
int report(connection& service, const report_options& o);

int stages(connection& service, bool as_json);

struct stage_options {
  std::string name;
  std::optional<std::int64_t> concurrency, queue_limit;
  bool as_json = false;
};
int set_stage(connection& service, const stage_options& o);

int cancel(connection& service, const std::string& run_id);

}  // namespace lazaret::client
