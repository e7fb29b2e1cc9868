#pragma once
/// What FRONTENDS says: which front end gets a port of its own.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/router.hpp"

namespace lazaret::http {

struct frontend_port {
  const front* stands_for = nullptr;
  std::uint16_t port = 0;  ///< 0: a free one, printed
};

/// What a worker's port serves: how it is, for operators; all else is refused with a sentence.
[[nodiscard]] const front& worker_front() noexcept;

/// `name:port`; nothing when it isn't that, or there is no such front end.
[[nodiscard]] std::optional<frontend_port> read_frontend(std::string_view entry) noexcept;
/// What is wrong with one entry, as config_checks.hpp words it.
[[nodiscard]] std::string check_frontend(std::string_view entry);

}  // namespace lazaret::http
