#include "actors/store/open_store.hpp"

#include "actors/store/redis_store.hpp"
#include "actors/store/sqlite_store.hpp"

namespace lazaret::durable {

result<std::shared_ptr<store>> open_store(std::string_view url, const std::filesystem::path& data_dir) {
  const auto open = [&] {
    if (!url.starts_with(sqlite_scheme)) return open_redis_store(url);
    const auto file = url.substr(sqlite_scheme.size());
    return open_sqlite_store(file.empty() ? data_dir / "lazaret.sqlite" : std::filesystem::path{file});
  };
  auto opened = open();
  if (!opened) return opened.error();
  return std::shared_ptr<store>{std::move(*opened)};
}

}  // namespace lazaret::durable
