#pragma once
/// POST /v1/execute, once it is read: the jails that a request gets. Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "actors/interactive/execution.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http {

struct asked_limits {
  std::int64_t wall_ms = 10'000, cpu_ms = 0, memory_mb = 256, pids = 64, disk_mb = 64, output_bytes = 1 << 20;
};

/// The fields as they come, before they are looked at together.
struct asked {
  std::string runtime, source, artifact, standard_input, network = "none", output = "separate";
  bool has_source = false, keep = false, limits_compile = false;
  std::vector<std::string> argv, args, environment, hosts;
  std::vector<sandbox::volume_file> files;
  asked_limits limits;
  asked_limits compile_limits{.wall_ms = 60'000, .memory_mb = 1024, .pids = 256, .disk_mb = 512};
  sandbox::gather_options wanted{.most_files = 100, .most_bytes = {16 << 20}};
};

/// Any program that the jail sees.
[[nodiscard]] actors::execution_request stage_command(asked&& what);
/// A program in a language that is installed: what is compiled gets a stage of its own before.
[[nodiscard]] actors::execution_request stage_runtime(asked&& what, const sandbox::runtime& which,
                                                      const sandbox::installed_runtimes& runtimes);

}  // namespace lazaret::http
