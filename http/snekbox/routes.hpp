#pragma once
/// The front end `snekbox` (compat/snekbox.md): POST /eval. Nothing of it is known elsewhere but these names.

#include <span>

#include "http/manners.hpp"
#include "http/router.hpp"
#include "http/site.hpp"

namespace lazaret::http::snekbox {

/// `{"title": "405 Method Not Allowed"}`: how Falcon words what the framework itself refuses.
[[nodiscard]] response fail(unsigned status, std::string_view detail);
inline constexpr manners falcon{fail, 200, false};

/// Runs what the body says and answers with its output.
void eval(const site& s, const request& r, respond answer);

/// The routes of a listener of its own.
[[nodiscard]] std::span<const route> own_port() noexcept;

}  // namespace lazaret::http::snekbox
