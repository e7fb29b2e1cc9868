#pragma once
/// Reads the fields of a JSON body as pydantic's lax mode does (pydantic.dev, "Conversion Table"): a number may be
/// written as text, a truth as 0 or "no", null is nothing where that is allowed. What can't be read is complained of,
/// and the default stays. Pure; the input is hostile.

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/quartermaster/fastapi.hpp"

namespace lazaret::http::quartermaster {

/// The body's object, or nothing, complained of. `content_type`: none counts as JSON, a form doesn't, as curl's -d
/// sends it unasked.
[[nodiscard]] std::optional<boost::json::object> read_body(std::string_view body, std::string_view content_type,
                                                           complaints& wrong);

class fields {
 public:
  /// Both must outlive it. `within`: the object's own name, empty for the body.
  fields(const boost::json::object& from, complaints& wrong, std::string_view within = {})
      : from_{from}, wrong_{wrong}, within_{within} {}

  void text(std::string_view name, std::string& into, bool required = false);
  void text(std::string_view name, std::optional<std::string>& into);
  void integer(std::string_view name, std::optional<std::int64_t>& into);
  void truth(std::string_view name, bool& into);
  /// In the order of the body; of one name the last counts.
  void texts(std::string_view name, std::vector<std::pair<std::string, std::string>>& into);
  /// An object, to be read by fields of its own; null is none.
  [[nodiscard]] const boost::json::object* object(std::string_view name);

  /// Complains of a field that could be read but won't do.
  void refuse(std::string_view type, std::string_view name, std::string_view message);

 private:
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> path(std::string_view name) const;

  const boost::json::object& from_;
  complaints& wrong_;
  std::string_view within_;
};

}  // namespace lazaret::http::quartermaster
