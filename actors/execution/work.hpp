#pragma once
/// The execution stage's work as the pipeline calls it: a jail for each phase, the gateway for the install.

#include <filesystem>
#include <functional>
#include <memory>

#include "actors/download/gateway.hpp"
#include "actors/execution/phases.hpp"
#include "actors/store.hpp"
#include "actors/work.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/jailer.hpp"

namespace lazaret::actors {

/// Called on threads of the server's; should end soon after a stop request.
using gateway_answer = std::function<download::gateway_response(const download::gateway_request&, std::stop_token)>;
/// Serves HTTP on a listening socket until the handle is destroyed, which stops answers under way.
using gateway_server = std::function<std::shared_ptr<void>(sandbox::unique_fd listener, gateway_answer answer)>;

/// All references must outlive the work function.
struct execution_parts {
  sandbox::jailer& jails;
  download::registry& registry;
  store& runs;  ///< where live observations go
  metrics::instruments& meters;
  gateway_server serve;
  execution_options limits;
  std::uint64_t max_download_bytes = 300'000'000;
  run_places places;
};

[[nodiscard]] work_function execution_work(execution_parts parts);

}  // namespace lazaret::actors
