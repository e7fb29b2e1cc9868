#pragma once
/// Host uids for jails: no two live jails share one, so that per-user kernel limits and signals don't cross between
/// them. Single-threaded.

#include <cstdint>
#include <memory>
#include <set>

namespace lazaret::sandbox {

class uid_pool {
 public:
  /// An unprivileged jailer can map its own uid only: then every jail has that one.
  struct options {
    std::uint32_t base = 1'900'000'000;  ///< above systemd's container range (systemd.io/UIDS-GIDS), below 2^31
    bool single = false;
  };
  explicit uid_pool(options o) : state_{std::make_shared<state>(o)} {}

  /// Free again when the last copy of the pointer goes.
  using lease = std::shared_ptr<const std::uint32_t>;

  lease take() {
    auto& s = *state_;
    if (s.what.single) return std::make_shared<const std::uint32_t>(s.what.base);
    // Round robin: a uid rests as long as possible before somebody else is it.
    while (!s.taken.insert(s.next).second) s.next = (s.next + 1) % range;
    const auto slot = s.next;
    s.next = (s.next + 1) % range;
    return {new std::uint32_t{s.what.base + slot}, [state = state_, slot](const std::uint32_t* uid) {
              state->taken.erase(slot);
              delete uid;
            }};
  }

 private:
  static constexpr std::uint32_t range = 65536;  // far above what a jailer holds at once
  struct state {
    explicit state(options o) : what{o} {}
    options what;
    std::set<std::uint32_t> taken;
    std::uint32_t next = 0;
  };
  std::shared_ptr<state> state_;
};

}  // namespace lazaret::sandbox
