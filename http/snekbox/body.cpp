#include "http/snekbox/body.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/string.hpp>
#include <optional>

#include "http/base64.hpp"
#include "http/snekbox/python_text.hpp"

namespace lazaret::http::snekbox {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 32;
/// Of a message that repeats what the client sent; the original has no limit.
constexpr std::size_t longest_message = 16 << 10;

/// The pattern of `path`, as repr() shows it within a message.
constexpr std::string_view path_pattern = R"('^(?!/)(?!.*\\\\0).*$')";

std::string_view view(const json::string& s) { return {s.data(), s.size()}; }

std::string of_type(const json::value& value, std::string_view type) {
  return python_repr(value) + " is not of type '" + std::string{type} + "'";
}

/// `^(?!/)(?!.*\\0).*$` by re.search: neither `/` at the start nor `\0` in the first line, which is the only one but
/// for a line break at the very end.
bool fits_path_pattern(std::string_view path) {
  const auto line = path.substr(0, path.find('\n'));
  return !path.starts_with('/') && line.find("\\0") == line.npos && line.size() + 1 >= path.size();
}

using wrong = std::optional<std::string>;

wrong check_file(const json::value& file) {
  const auto* object = file.if_object();
  if (object == nullptr) return of_type(file, "object");
  const auto* path = object->if_contains("path");
  if (path == nullptr) return "'path' is a required property";
  if (!path->is_string()) return of_type(*path, "string");
  if (!fits_path_pattern(view(path->get_string())))
    return python_repr(*path) + " does not match " + std::string{path_pattern};
  const auto* content = object->if_contains("content");
  if (content != nullptr && !content->is_string()) return of_type(*content, "string");
  return std::nullopt;
}

template <class Check>
wrong check_items(const json::value* list, const Check& check) {
  if (list == nullptr) return std::nullopt;
  if (!list->is_array()) return of_type(*list, "array");
  for (const auto& item : list->get_array())
    if (auto problem = check(item)) return problem;
  return std::nullopt;
}

/// What jsonschema.best_match() would pick: the error that lies least deep, the first of those.
wrong check_schema(const json::value& body) {
  const auto* object = body.if_object();
  if (object == nullptr) return of_type(body, "object");
  const auto text = [&](const char* name) -> wrong {
    const auto* value = object->if_contains(name);
    return value == nullptr || value->is_string() ? wrong{} : of_type(*value, "string");
  };
  if (!object->contains("input") && !object->contains("args"))
    return python_repr(body) + " is not valid under any of the given schemas";
  if (auto problem = text("input")) return problem;
  for (const char* name : {"args", "files"}) {
    const auto* list = object->if_contains(name);
    if (list != nullptr && !list->is_array()) return of_type(*list, "array");
  }
  if (auto problem = text("executable_path")) return problem;
  auto problem = check_items(object->if_contains("args"), [](const json::value& item) -> wrong {
    return item.is_string() ? wrong{} : of_type(item, "string");
  });
  return problem ? problem : check_items(object->if_contains("files"), check_file);
}

/// Nothing when it leaves the root.
std::optional<std::string> normalised(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (parts.empty())
      return std::nullopt;
    else
      parts.pop_back();
  }
  std::string joined;
  for (const auto part : parts) (joined += joined.empty() ? "" : "/") += part;
  return joined;
}

eval_problem bad_file(std::string description) { return {"Request file is invalid", std::move(description)}; }

std::optional<eval_problem> read_file(const json::object& file, eval_request& into) {
  const std::string name{view(file.at("path").get_string())};
  if (name.find('\0') != name.npos) return bad_file("File path " + python_repr(name) + " may not contain null bytes");
  auto path = normalised(name);
  if (!path) return bad_file("File path '" + name + "' may not traverse beyond root");
  actors::execution_file read{std::move(*path), {}};
  const auto* content = file.if_contains("content");
  if (content != nullptr && !decode_base64(view(content->get_string()), read.content))
    return bad_file("Invalid base64 encoding for file '" + name + "'");
  into.files.push_back(std::move(read));
  into.names.push_back(name);
  return std::nullopt;
}

}  // namespace

std::variant<eval_request, eval_problem> read_eval(std::string_view body) {
  json::parse_options options;
  options.max_depth = deepest;
  json::parser parser{{}, options};
  json::error_code ec;
  parser.write(body.data(), body.size(), ec);
  if (ec) return eval_problem{"Invalid JSON", "Could not parse JSON body - " + ec.message()};
  const auto document = parser.release();
  if (auto problem = check_schema(document)) {
    if (problem->size() > longest_message) problem->resize(longest_message);
    return eval_problem{"Request data failed validation", std::move(*problem)};
  }
  const auto& object = document.get_object();
  eval_request read;
  const auto* arguments = object.if_contains("args");
  const auto* input = object.if_contains("input");
  if (arguments != nullptr)
    for (const auto& item : arguments->get_array()) read.arguments.emplace_back(view(item.get_string()));
  else
    read.arguments.emplace_back("-c");
  if (input != nullptr) read.arguments.emplace_back(view(input->get_string()));
  const auto first = std::ranges::find_if(read.arguments, [](const std::string& a) { return !a.empty(); });
  read.arguments.erase(read.arguments.begin(), first);
  if (const auto* path = object.if_contains("executable_path")) read.executable = view(path->get_string());
  if (const auto* files = object.if_contains("files"))
    for (const auto& file : files->get_array())
      if (auto problem = read_file(file.get_object(), read)) return std::move(*problem);
  return read;
}

}  // namespace lazaret::http::snekbox
