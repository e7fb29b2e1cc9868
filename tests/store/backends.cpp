#include "tests/store/backend.hpp"

namespace lazaret::durable::test {

std::vector<backend> backends() { return {}; }

}  // namespace lazaret::durable::test
