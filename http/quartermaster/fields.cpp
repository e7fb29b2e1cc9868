#include "http/quartermaster/fields.hpp"

#include <algorithm>
#include <array>
#include <boost/json/stream_parser.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <cmath>

#include "http/json_body.hpp"

namespace lazaret::http::quartermaster {
namespace {

namespace json = boost::json;

std::string_view view(const json::string& s) { return {s.data(), s.size()}; }

struct problem {
  std::string_view type, message;
};
constexpr problem not_a_text{"string_type", "Input should be a valid string"};
constexpr problem not_an_object{"dict_type", "Input should be a valid dictionary"};
constexpr problem not_an_integer{"int_type", "Input should be a valid integer"};
constexpr problem not_digits{"int_parsing", "Input should be a valid integer, unable to parse string as an integer"};
constexpr problem not_whole{"int_from_float", "Input should be a valid integer, got a number with a fractional part"};
constexpr problem not_a_truth{"bool_type", "Input should be a valid boolean"};
constexpr problem no_known_truth{"bool_parsing", "Input should be a valid boolean, unable to interpret input"};
constexpr problem not_a_model{"model_attributes_type",
                              "Input should be a valid dictionary or object to extract fields from"};
constexpr problem missing{"missing", "Field required"};

std::string_view trimmed(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

/// No limit that is compared with lies near the ends, so what is beyond them is as good as they are.
std::int64_t saturated(double number) { return static_cast<std::int64_t>(std::clamp(number, -9e18, 9e18)); }

std::optional<problem> read_integer(const json::value& value, std::int64_t& into) {
  if (const auto* number = value.if_int64()) return into = *number, std::nullopt;
  if (value.is_uint64()) return into = INT64_MAX, std::nullopt;
  if (const auto* truth = value.if_bool()) return into = *truth ? 1 : 0, std::nullopt;
  if (const auto* number = value.if_double()) {
    if (std::isfinite(*number) && *number != std::floor(*number)) return not_whole;
    return into = saturated(*number), std::nullopt;
  }
  const auto* text = value.if_string();
  if (text == nullptr) return not_an_integer;
  auto digits = trimmed(view(*text));
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
  if (error == std::errc::result_out_of_range) into = digits.starts_with('-') ? INT64_MIN : INT64_MAX;
  const bool is_whole = end == digits.data() + digits.size() && error != std::errc::invalid_argument;
  return is_whole ? std::nullopt : std::optional{not_digits};
}

std::optional<problem> read_truth(const json::value& value, bool& into) {
  constexpr std::array<std::string_view, 6> yes{"1", "true", "t", "yes", "y", "on"},
      no{"0", "false", "f", "no", "n", "off"};
  if (const auto* truth = value.if_bool()) return into = *truth, std::nullopt;
  if (value.is_structured() || value.is_null()) return not_a_truth;
  std::string word;
  std::int64_t number = 0;
  if (const auto* text = value.if_string()) {
    word = view(*text);
    std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  } else if (!read_integer(value, number)) {
    word = std::to_string(number);
  }
  into = std::ranges::find(yes, word) != yes.end();
  return into || std::ranges::find(no, word) != no.end() ? std::nullopt : std::optional{no_known_truth};
}

}  // namespace

std::optional<json::object> read_body(std::string_view body, std::string_view content_type, complaints& wrong) {
  if (!is_json(content_type)) return wrong.add(not_a_model.type, {}, not_a_model.message, nullptr), std::nullopt;
  if (body.empty()) return wrong.add(missing.type, {}, missing.message, nullptr), std::nullopt;
  json::parse_options options;
  options.max_depth = json_depth;
  json::stream_parser parser{{}, options};
  json::error_code ec;
  const auto read = parser.write_some(body.data(), body.size(), ec);
  if (!ec && read < body.size() && !trimmed(body.substr(read)).empty()) ec = json::error::extra_data;
  if (!ec) parser.finish(ec);
  if (ec) return wrong.add_json(read, ec.message()), std::nullopt;
  auto value = parser.release();
  if (auto* object = value.if_object()) return std::move(*object);
  wrong.add(not_a_model.type, {}, not_a_model.message, value);
  return std::nullopt;
}

const json::value* fields::find(std::string_view name) const { return from_.if_contains({name.data(), name.size()}); }

std::vector<std::string_view> fields::path(std::string_view name) const {
  return within_.empty() ? std::vector{name} : std::vector{within_, name};
}

void fields::text(std::string_view name, std::string& into, bool required) {
  const auto* value = find(name);
  if (value == nullptr) {
    if (required) wrong_.add(missing.type, path(name), missing.message, from_);
  } else if (const auto* text = value->if_string()) {
    into = view(*text);
  } else {
    wrong_.add(not_a_text.type, path(name), not_a_text.message, *value);
  }
}

void fields::text(std::string_view name, std::optional<std::string>& into) {
  const auto* value = find(name);
  if (value == nullptr || value->is_null()) return;
  std::string read;
  text(name, read);
  if (value->is_string()) into = std::move(read);
}

void fields::integer(std::string_view name, std::optional<std::int64_t>& into) {
  const auto* value = find(name);
  if (value == nullptr || value->is_null()) return;
  std::int64_t read = 0;
  if (const auto why = read_integer(*value, read))
    wrong_.add(why->type, path(name), why->message, *value);
  else
    into = read;
}

void fields::truth(std::string_view name, bool& into) {
  const auto* value = find(name);
  bool read = false;
  if (value == nullptr) return;
  if (const auto why = read_truth(*value, read))
    wrong_.add(why->type, path(name), why->message, *value);
  else
    into = read;
}

void fields::texts(std::string_view name, std::vector<std::pair<std::string, std::string>>& into) {
  const auto* value = find(name);
  if (value == nullptr || value->is_null()) return;
  const auto* object = value->if_object();
  if (object == nullptr) return wrong_.add(not_an_object.type, path(name), not_an_object.message, *value);
  for (const auto& [key, item] : *object) {
    const std::string_view key_text{key.data(), key.size()};
    if (const auto* text = item.if_string())
      into.emplace_back(key_text, view(*text));
    else
      wrong_.add(not_a_text.type, {name, key_text}, not_a_text.message, item);
  }
}

const json::object* fields::object(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (!value->is_object()) wrong_.add(not_a_model.type, path(name), not_a_model.message, *value);
  return value->if_object();
}

void fields::refuse(std::string_view type, std::string_view name, std::string_view message) {
  const auto* value = find(name);
  wrong_.add(type, path(name), message, value == nullptr ? json::value(nullptr) : *value);
}

}  // namespace lazaret::http::quartermaster
