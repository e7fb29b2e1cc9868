#pragma once
/// This process's own figures, as https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics names
/// them. Read from /proc/self (proc(5)) at each call; missing values are left at 0.
/// Thread-safe. The first call must come before the process gives up its privileges.

namespace lazaret::metrics {

struct process_figures {
  double cpu_seconds = 0;  ///< user + system
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  ///< since the epoch
  double threads = 0;
};

[[nodiscard]] process_figures read_process_figures();

}  // namespace lazaret::metrics
