#pragma once
/// The shared suite's row for Redis: one server for all cases, a prefix for each.

#include "tests/store/backend.hpp"

namespace lazaret::durable::test {

[[nodiscard]] std::unique_ptr<site> make_redis_site();

}  // namespace lazaret::durable::test
