#pragma once
/// What one run may still download: MAX_DOWNLOAD_BYTES, shared by all downloads of the run. All members are
/// thread-safe.
///
/// Everything that a run is handed counts, once: index pages and files, streamed or from the cache. So a run ends the
/// same way whether or not another one filled the cache before it. The bytes of an attempt that failed stay counted.

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "sandbox/units.hpp"

namespace lazaret::download {

class download_budget {
 public:
  /// `used`: what the run has downloaded already, when it goes on after a restart or in another stage.
  explicit download_budget(sandbox::bytes limit, sandbox::bytes used = {})
      : limit_{limit.count}, used_{std::min(used.count, limit.count)} {}
  download_budget(const download_budget&) = delete;
  download_budget& operator=(const download_budget&) = delete;

  /// False, and nothing is taken, when `count` bytes no longer fit; from then on exceeded() is true.
  [[nodiscard]] bool take(std::uint64_t count) noexcept {
    auto used = used_.load(std::memory_order_relaxed);
    do {
      if (count > limit_ - used) {
        exceeded_.store(true, std::memory_order_relaxed);
        return false;
      }
    } while (!used_.compare_exchange_weak(used, used + count, std::memory_order_relaxed));
    return true;
  }

  /// False when `count` more bytes would not fit; asks before a download whose size was announced.
  [[nodiscard]] bool has_room_for(std::uint64_t count) noexcept {
    if (count <= limit_ - used_.load(std::memory_order_relaxed)) return true;
    exceeded_.store(true, std::memory_order_relaxed);
    return false;
  }

  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] bool exceeded() const noexcept { return exceeded_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_;
  std::atomic<bool> exceeded_{false};
};

}  // namespace lazaret::download
