#pragma once
/// The interactive stage's work without its actor: one execution in one jail.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "actors/interactive/artifacts.hpp"
#include "actors/interactive/execution.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/jailer.hpp"

namespace lazaret::actors {

/// Why no program ran: the jailer's words, for the log and for those who asked for a program that isn't there.
using performed = std::variant<execution_answer, sandbox::failure>;

/// Serves the registry to a jail of network_mode::gateway, on the socket that listens inside, until the handle goes.
using registry_server = std::function<std::shared_ptr<void>(sandbox::unique_fd listener)>;
/// Carries what goes in and out of a jail with network_mode::outbound, until the handle is destroyed.
using outbound_server =
    std::function<std::shared_ptr<void>(sandbox::outbound_ends ends, const std::vector<std::string>& only_hosts)>;

/// Blocks for up to the wall limits (of both stages) and a few seconds; call from a worker. A stop request kills the
/// jail. `serve`: empty, where the operator wants no outbound jail; a request for one is then a failure.
[[nodiscard]] performed perform(const execution_request& what, sandbox::jailer& jails, artifact_cache& kept,
                                metrics::instruments& meters, std::stop_token stop, const outbound_server& serve = {},
                                const registry_server& registry = {});

}  // namespace lazaret::actors
