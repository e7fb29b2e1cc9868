#include "tests/store/backend.hpp"
#include "tests/store/redis_site.hpp"

namespace lazaret::durable::test {

std::vector<backend> backends() {
  return {
      {"Redis", make_redis_site},
  };
}

}  // namespace lazaret::durable::test
