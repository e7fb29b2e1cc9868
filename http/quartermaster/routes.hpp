#pragma once
/// The front end `quartermaster` (compat/quartermaster.md): POST /run and what belongs to it. Nothing of it is known
/// elsewhere but these names.

#include <span>

#include "http/quartermaster/fastapi.hpp"
#include "http/router.hpp"
#include "http/site.hpp"

namespace lazaret::http::quartermaster {

void run(const site& s, const request& r, respond answer);
response images(const site& s, const request& r);

// prebuild_routes.cpp
void prebuild_now(const site& s, const request& r, respond answer);
response list_prebuilds(const site& s, const request& r);
response show_prebuild(const site& s, const request& r);
response delete_prebuild(const site& s, const request& r);
response clean_up_prebuilds(const site& s, const request& r);

/// The routes of a listener of its own.
[[nodiscard]] std::span<const route> own_port() noexcept;

}  // namespace lazaret::http::quartermaster
