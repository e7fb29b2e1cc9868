#pragma once
/// How a service written with FastAPI words what is wrong with a request: its clients read `detail` as a list of
/// `{"type", "loc", "msg"}` (pydantic.dev, "Error Handling"; fastapi.tiangolo.com, "Handling Errors"). Pure.

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "http/manners.hpp"
#include "http/message.hpp"

namespace lazaret::http::quartermaster {

/// `{"detail": ...}` in Starlette's standard phrases where the framework itself would answer.
[[nodiscard]] response fail(unsigned status, std::string_view detail);
inline constexpr manners fastapi{fail, 405, false};

/// Everything that is wrong with one request, in the order of its fields.
class complaints {
 public:
  /// `path`: the names within the body; empty: the body itself. `given` is repeated when it is short.
  void add(std::string_view type, const std::vector<std::string_view>& path, std::string_view message,
           const boost::json::value& given);
  /// Of a parameter of the query.
  void add_query(std::string_view type, std::string_view name, std::string_view message, std::string_view given);
  /// Not JSON at all, `at` bytes from its beginning.
  void add_json(std::size_t at, std::string_view why);
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  [[nodiscard]] std::size_t count() const noexcept { return list_.size(); }
  /// 422 with the list.
  [[nodiscard]] response answer() const;

 private:
  void put(std::string_view type, boost::json::array loc, std::string_view message, boost::json::value given);
  boost::json::array list_;
};

}  // namespace lazaret::http::quartermaster
