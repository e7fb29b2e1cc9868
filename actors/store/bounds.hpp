#pragma once
/// The bounds that actors/store/store.hpp states, checked alike by every implementation before it does anything.
/// Pure; any thread. Each gives the first bound that is broken, as a failure `bounds`.

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "actors/store/store.hpp"

namespace lazaret::durable::bounds {

using broken = std::optional<sandbox::failure>;

[[nodiscard]] broken of(const name& what);
[[nodiscard]] broken of(const document& what);
[[nodiscard]] broken of(const place& where);
[[nodiscard]] broken of(const change& what);
[[nodiscard]] broken of(std::span<const event> events);
[[nodiscard]] broken of(const idempotency& key);
[[nodiscard]] broken of(const list_filter& filter);
[[nodiscard]] broken of_kind(std::string_view kind);
[[nodiscard]] broken of_queue(std::string_view queue);
[[nodiscard]] broken of_owner(std::string_view owner);
[[nodiscard]] broken of_lease(std::chrono::milliseconds lease);
[[nodiscard]] broken of_note(std::string_view key, std::string_view value, std::chrono::seconds keep);
[[nodiscard]] broken of_note(std::string_view key);

/// The first that is broken: `if (auto bad = bounds::first({bounds::of(what), bounds::of(first)})) return *bad;`
[[nodiscard]] broken first(std::initializer_list<broken> all);

}  // namespace lazaret::durable::bounds
