#pragma once
/// What clients of the prebuild routes say (compat/quartermaster.md). Pure; the input is hostile.

#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "http/message.hpp"
#include "http/quartermaster/body.hpp"

namespace lazaret::http::quartermaster {

struct prebuild_request {
  std::string tag;  ///< without `prebuilt-`
  recipe how;       ///< base_image names a runtime
};
[[nodiscard]] std::variant<prebuild_request, response> read_prebuild(std::string_view body,
                                                                     std::string_view content_type);

/// `?max_age_days=N`, 7 when it isn't given.
[[nodiscard]] std::variant<std::chrono::hours, response> read_age(std::string_view query);

/// Of a path's or a request's name for a prebuild, without its prefix.
[[nodiscard]] std::string_view bare_tag(std::string_view name) noexcept;
[[nodiscard]] std::string full_tag(std::string_view bare);

/// A setup script may be so long.
inline constexpr std::size_t longest_script = 1 << 20;

}  // namespace lazaret::http::quartermaster
