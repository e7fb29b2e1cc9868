#include "tests/store/backend.hpp"

#include "actors/store/sqlite_store.hpp"
#include "tests/store/redis_site.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lazaret::durable::test {
namespace {

class sqlite_site final : public site {
 public:
  std::unique_ptr<store> open() override { return open_sqlite_store(folder_.path() / "store.sqlite").value(); }

 private:
  lazaret::testing::temporary_folder folder_;
};

}  // namespace

std::vector<backend> backends() {
  return {
      {"SQLite", [] { return std::make_unique<sqlite_site>(); }},
      {"Redis", make_redis_site},
  };
}

}  // namespace lazaret::durable::test
