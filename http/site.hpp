#pragma once
/// What the routes share: settings, pipeline, instruments. Constant while the service runs.

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>

#include "actors/service.hpp"
#include "http/config.hpp"
#include "http/router.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http {

struct site {
  const config& settings;
  actors::service& pipeline;
  metrics::instruments& metrics;
  std::span<const route> table = api();
  /// Does something lengthy (rendering megabytes) on a reader thread. Any thread may ask.
  std::function<void(std::function<void()>)> aside = [](const std::function<void()>& work) { work(); };
  /// Event streams that are open; each holds a subscription. Beyond max_event_streams: 503.
  mutable std::atomic<int> event_streams{0};
  static constexpr int max_event_streams = 256;
  /// The languages that this host has, as of the service's start.
  sandbox::installed_runtimes runtimes{settings.runtimes_dir.string()};
};

/// Whose share of the workers this request takes.
[[nodiscard]] inline actors::claimant claimant_of(const request& r) {
  return {std::string{r.client}, std::string{r.key}};
}

}  // namespace lazaret::http
