#pragma once
/// Puts the service together out of its rooms, as the settings say. Used by lazaretd and by the tests that need a whole
/// pipeline in their own process.

#include <chrono>
#include <memory>

#include "actors/pipeline.hpp"
#include "http/config.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::http {

/// Forks the keeper, which starts `lazaret-jailer` from beside this program. Single-threaded callers only.
[[nodiscard]] sandbox::result<sandbox::unique_fd> start_jailer(const config& settings);

/// Everything behind the HTTP server. Members end in the reverse order of their making.
class composition {
 public:
  virtual ~composition() = default;
  [[nodiscard]] virtual actors::pipeline& service() = 0;
  /// Takes nothing new; waits for what is in hand, at most so long.
  virtual void drain(std::chrono::milliseconds patience) = 0;
};

/// `keeper`: what start_jailer gave. Fails when the store, the cache or the jail's Python site can't be used.
[[nodiscard]] sandbox::result<std::unique_ptr<composition>> compose(const config& settings, sandbox::unique_fd keeper,
                                                                    metrics::instruments& meters);

}  // namespace lazaret::http
