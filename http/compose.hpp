#pragma once
/// Puts the service together out of its rooms, as the settings say. Used by lazaretd and by the tests that need a whole
/// pipeline in their own process.

#include <chrono>
#include <memory>

#include "actors/execution/site.hpp"
#include "actors/pipeline.hpp"
#include "http/config.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::http {

/// What has to be done as whoever started the service, before it becomes RUN_AS_USER.
struct groundwork {
  sandbox::unique_fd keeper;  ///< of `lazaret-jailer` from beside this program; empty where no stage has jails
  actors::python_site site;   ///< what the jails' Python sees
};

/// Finds the jail's Python site and forks the keeper. Single-threaded callers only.
[[nodiscard]] sandbox::result<groundwork> lay_groundwork(const config& settings);

/// Everything behind the HTTP server. Members end in the reverse order of their making.
class composition {
 public:
  virtual ~composition() = default;
  [[nodiscard]] virtual actors::pipeline& service() = 0;
  /// Takes nothing new; waits for what is in hand, at most so long.
  virtual void drain(std::chrono::milliseconds patience) = 0;
};

/// Fails when the store or the cache can't be used. `meters` must outlive the composition.
[[nodiscard]] sandbox::result<std::unique_ptr<composition>> compose(const config& settings, groundwork ground,
                                                                    metrics::instruments& meters);

}  // namespace lazaret::http
