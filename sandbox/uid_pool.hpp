#pragma once
/// Host uids for jails: no two live jails of this machine share one, so that per-user kernel limits and signals don't
/// cross between them. Single-threaded.

#include <cstdint>
#include <memory>

#include "sandbox/failure.hpp"

namespace lazaret::sandbox {

class uid_pool {
 public:
  struct options {
    std::uint32_t base = 1'900'000'000;  ///< above systemd's container range (systemd.io/UIDS-GIDS), below 2^31
    std::uint32_t count = 65536;         ///< far above what a jailer holds at once
    /// Only this process' own uid can be mapped: every jail has that one. What that costs: see own_namespace.hpp.
    bool single = false;
    std::int64_t outside = 0;  ///< added to a uid, gives what the namespace above calls it
  };
  explicit uid_pool(options o);

  /// Free again when the last copy of the pointer goes. While it is held, an abstract socket `lazaret-uid-N` is bound:
  /// another jailer of this network namespace that was given the same range leaves N out. Jailers of different network
  /// namespaces don't see that; they start at random places of the range.
  using lease = std::shared_ptr<const std::uint32_t>;

  /// Round robin: a uid rests as long as possible before somebody else is it. Fails when none is free.
  [[nodiscard]] result<lease> take();

 private:
  options what_;
  std::uint32_t next_;
};

/// What this process can give to jails: `wanted` (options::base) and what follows where /proc/self/uid_map and gid_map
/// have that, as the host's root has; else a part of what they have; else the own uid alone.
[[nodiscard]] result<uid_pool::options> choose_uids(std::uint32_t wanted);

}  // namespace lazaret::sandbox
