#include "tests/store/redis_site.hpp"

#include "actors/store/redis_store.hpp"
#include "tests/store/redis_process.hpp"

namespace lazaret::durable::test {
namespace {

class redis_site final : public site {
 public:
  std::unique_ptr<store> open() override { return open_redis_store(server().url(prefix_)).value(); }

 private:
  static redis_process& server() {
    static redis_process one;
    return one;
  }
  static std::string next_prefix() {
    static int count = 0;
    return "t" + std::to_string(++count) + ":";
  }
  std::string prefix_ = next_prefix();
};

}  // namespace

std::unique_ptr<site> make_redis_site() { return std::make_unique<redis_site>(); }

}  // namespace lazaret::durable::test
