#include "http/quartermaster/fastapi.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "http/validate.hpp"

namespace lazaret::http::quartermaster {
namespace {

namespace json = boost::json;

/// A body may be wrong in ten thousand places, and megabytes long.
constexpr std::size_t most = 32, longest_text = 100;

json::value repeated(const json::value& given) {
  if (const auto* text = given.if_string(); text != nullptr && text->size() > longest_text) return nullptr;
  return given.is_structured() ? json::value(nullptr) : given;
}

}  // namespace

response fail(unsigned status, std::string_view detail) {
  switch (status) {
    case 404:
      return failed(404, "Not Found");
    case 405:
      return failed(405, "Method Not Allowed");
    case 413:
      return failed(413, "Code size exceeds the limit.");
    default:
      return failed(status, detail);
  }
}

void complaints::put(std::string_view type, json::array loc, std::string_view message, json::value given) {
  if (list_.size() >= most) return;
  list_.push_back(json::object{
      {"type", type}, {"loc", std::move(loc)}, {"msg", actors::valid_utf8(message)}, {"input", std::move(given)}});
}

void complaints::add(std::string_view type, const std::vector<std::string_view>& path, std::string_view message,
                     const json::value& given) {
  json::array loc{"body"};
  for (const auto part : path) loc.emplace_back(shown(part));
  put(type, std::move(loc), message, repeated(given));
}

void complaints::add_query(std::string_view type, std::string_view name, std::string_view message,
                           std::string_view given) {
  put(type, {"query", name}, message, json::string{shown(given)});
}

void complaints::add_json(std::size_t at, std::string_view why) {
  list_.push_back(json::object{{"type", "json_invalid"},
                               {"loc", json::array{"body", at}},
                               {"msg", "JSON decode error"},
                               {"input", json::object{}},
                               {"ctx", json::object{{"error", why}}}});
}

response complaints::answer() const {
  return {.status = 422, .body = json::serialize(json::object{{"detail", list_}})};
}

}  // namespace lazaret::http::quartermaster
