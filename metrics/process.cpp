#include "metrics/process.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <fstream>
#include <mutex>
#include <sstream>
#include <string>

namespace lazaret::metrics {
namespace {

/// Opened once: a process that gave up its privileges is not dumpable, and then may not open its own /proc/self/fd any
/// more (proc(5)); an open folder goes on being readable.
double count_open_fds() {
  static std::mutex one_at_a_time;
  static DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  const std::scoped_lock lock{one_at_a_time};
  ::rewinddir(folder);
  double count = 0;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

double boot_time() {
  std::ifstream file{"/proc/stat"};
  std::string word;
  double value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

}  // namespace

process_figures read_process_figures() {
  process_figures f;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    f.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) f.max_fds = static_cast<double>(files.rlim_cur);
  f.open_fds = count_open_fds();

  std::ifstream file{"/proc/self/stat"};
  std::string line;
  std::getline(file, line);
  const auto after_name = line.rfind(')');  // the name itself may hold spaces and parentheses
  if (after_name == std::string::npos) return f;
  std::istringstream fields{line.substr(after_name + 2)};
  std::string word;
  for (int field = 3; fields >> word; ++field) {  // numbered as in proc(5)
    if (field == 20) f.threads = std::stod(word);
    if (field == 22) f.start_time_seconds = boot_time() + std::stod(word) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    if (field == 23) f.virtual_bytes = std::stod(word);
    if (field == 24) f.resident_bytes = std::stod(word) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }
  return f;
}

}  // namespace lazaret::metrics
