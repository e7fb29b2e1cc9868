#include "http/json_body.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parser.hpp>
#include <cmath>
#include <vector>

namespace lazaret::http {
namespace {

namespace json = boost::json;

/// Listens to the events of one parse for what the DOM forgets: a second field of the same name (RFC 8259, section 4,
/// leaves its meaning open, so two readers may see two different requests).
struct repeated_field_finder {
  static constexpr std::size_t max_object_size = -1, max_array_size = -1, max_key_size = -1, max_string_size = -1;
  int depth = 0;
  std::string partial;
  std::vector<std::string> seen;
  bool repeated = false;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return ++depth, true; }
  bool on_object_end(std::size_t, json::error_code&) { return --depth, true; }
  bool on_array_begin(json::error_code&) { return ++depth, true; }
  bool on_array_end(std::size_t, json::error_code&) { return --depth, true; }
  bool on_key_part(json::string_view s, std::size_t, json::error_code&) { return keep(s), true; }
  bool on_key(json::string_view s, std::size_t, json::error_code& ec) {
    if (depth != 1) return true;
    keep(s);
    repeated = std::find(seen.begin(), seen.end(), partial) != seen.end();
    if (repeated || seen.size() >= 64) {
      ec = json::error::exception;
      return false;
    }
    seen.push_back(std::move(partial));
    partial.clear();
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  /// Boost.JSON reads 1e999 as infinity, which no JSON can say; RFC 8259, section 6, lets a reader refuse it.
  bool on_double(double number, json::string_view, json::error_code& ec) {
    if (!std::isfinite(number)) ec = json::error::exponent_overflow;
    return !ec;
  }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  void keep(json::string_view s) {
    if (depth == 1) partial.append(s.data(), s.size());
  }
};

json::parse_options options() {
  json::parse_options o;
  o.max_depth = json_depth;
  return o;
}

}  // namespace

bool is_json(std::string_view content_type) noexcept {
  auto essence = content_type.substr(0, content_type.find(';'));
  while (!essence.empty() && essence.back() == ' ') essence.remove_suffix(1);
  return essence.empty() || essence == "application/json" || essence.ends_with("+json");
}

checked<json::object> read_json_object(std::string_view body) {
  json::error_code ec;
  json::basic_parser<repeated_field_finder> finder{options()};
  finder.write_some(false, body.data(), body.size(), ec);
  if (ec == json::error::exception) {
    const auto& found = finder.handler();
    return complaint{found.repeated ? "body: the field `" + shown(found.partial) + "` is given twice"
                                    : "body: too many fields"};
  }
  if (ec == json::error::too_deep) return complaint{"body: the JSON is nested too deeply"};
  json::parser parser{{}, options()};
  if (!ec) parser.write(body.data(), body.size(), ec);
  if (ec) return complaint{"body: not valid JSON: " + ec.message()};
  auto value = parser.release();
  if (auto object = value.if_object()) return std::move(*object);
  return complaint{"body: must be a JSON object"};
}

}  // namespace lazaret::http
