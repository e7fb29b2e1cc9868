#pragma once
/// What a jail's own network namespace holds. Runs in the cloned child, as its first root.

#include <cstdint>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// Loopback up, nothing else; a socket that listens on 127.0.0.1:`port`. Whoever holds it serves the jail from outside.
[[nodiscard]] result<unique_fd> open_gateway(std::uint16_t port);

/// A datagram socket bound at `path`: the program may send to it; only the holder of the returned end can receive.
[[nodiscard]] result<unique_fd> open_audit_channel(const char* path);

}  // namespace lazaret::sandbox
