#pragma once
/// What jails could leave on their host, as numbers to be compared before and after. Reads /proc and /sys/fs/cgroup.

#include <sys/types.h>

#include <map>
#include <string>

namespace lazaret::sandbox::testing {

class started_jailer;

struct host_state {
  /// What belongs to one jailer, by its pid and its range of uids, and to this process: must be equal.
  std::map<std::string, std::string> own;
  /// Of the whole host, on which others work at the same time: may grow a little, but not with the number of jails.
  /// Objects of a kind; for `shmem` KiB.
  std::map<std::string, long> shared;
};

[[nodiscard]] host_state look_at_host(const started_jailer& jailer, std::uint32_t uid_base);

}  // namespace lazaret::sandbox::testing
