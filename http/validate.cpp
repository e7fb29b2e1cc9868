#include "http/validate.hpp"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <charconv>

#include "actors/json.hpp"
#include "actors/names.hpp"
#include "http/json_body.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
/// Python takes letters of all scripts in identifiers (PEP 3131), so bytes past ASCII pass.
constexpr bool is_name_char(char c) {
  return is_alnum(c) || c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A path inside the installed release: it stays there.
bool is_inner_path(std::string_view text) {
  if (text.front() == '/' || text.front() == '-' || std::any_of(text.begin(), text.end(), is_control)) return false;
  for (std::size_t at = 0; at <= text.size();) {
    auto slash = std::min(text.find('/', at), text.size());
    if (text.substr(at, slash - at) == "..") return false;
    at = slash + 1;
  }
  return true;
}

bool is_module_name(std::string_view text) {
  return text.front() != '.' && std::all_of(text.begin(), text.end(), is_name_char);
}

/// `module:attr.path`, or the name of a console script (which may hold `-`).
bool is_entrypoint(std::string_view text) {
  if (auto colon = text.find(':'); colon != text.npos) {
    auto module = text.substr(0, colon), attribute = text.substr(colon + 1);
    return !module.empty() && !attribute.empty() && is_module_name(module) && is_module_name(attribute);
  }
  return text.front() != '-' && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) || c == '-'; });
}

struct text_field {
  std::string_view name;
  std::size_t most;  ///< characters; the least is 1
  bool (*valid)(std::string_view);
  std::string_view shape;  ///< what it must be, for people
};
constexpr text_field package_name{"package_name", 200, actors::is_package_name, "a package name as PEP 508 defines it"};
constexpr text_field version{"version", 100, is_version, "a version as PEP 440 defines it"};
constexpr text_field file_path{"file_path", 500, is_inner_path, "a relative path without `..` or control characters"};
constexpr text_field entrypoint{"entrypoint", 200, is_entrypoint, "`module:attr.path` or the name of a console script"};
constexpr text_field module_name{"module_name", 200, is_module_name, "a dotted module name"};

/// What is wrong with the field, or nothing. `into` is set only when nothing is.
std::string read_text(const json::value& value, const text_field& field, std::string& into) {
  const std::string name{field.name};
  auto text = value.if_string();
  if (text == nullptr) return name + ": must be a string";
  std::string_view view{text->data(), text->size()};
  if (auto n = characters(view); n < 1 || n > field.most) {
    return name + ": must be 1 to " + std::to_string(field.most) + " characters long";
  }
  if (!field.valid(view)) return name + ": must be " + std::string{field.shape};
  into = view;
  return {};
}

std::string read_optional(const json::value& value, const text_field& field, std::optional<std::string>& into) {
  if (value.is_null()) return {};
  std::string text;
  auto wrong = read_text(value, field, text);
  if (wrong.empty()) into = std::move(text);
  return wrong;
}

std::string read_mode(const json::value& value, actors::mode& into) {
  auto word = value.if_string();
  auto known = word ? actors::parse<actors::mode>({word->data(), word->size()}) : std::nullopt;
  if (!known) return "mode: must be `install`, `execute`, `execute_module` or `full`";
  into = *known;
  return {};
}

std::string read_priority(const json::value& value, int& into) {
  const auto* const number = value.if_int64();
  if (number == nullptr && !value.is_uint64()) return "priority: must be an integer";
  if (number == nullptr || *number < -100 || *number > 100) return "priority: must be from -100 to 100";
  into = static_cast<int>(*number);
  return {};
}

std::string read_field(std::string_view name, const json::value& value, actors::submission& into) {
  if (name == "package_name") return read_text(value, package_name, into.package_name);
  if (name == "version") return read_text(value, version, into.version);
  if (name == "mode") return read_mode(value, into.mode);
  if (name == "file_path") return read_optional(value, file_path, into.file_path);
  if (name == "entrypoint") return read_optional(value, entrypoint, into.entrypoint);
  if (name == "module_name") return read_optional(value, module_name, into.module_name);
  if (name == "priority") return read_priority(value, into.priority);
  if (name == "force") {
    if (!value.is_bool()) return "force: must be true or false";
    into.force = value.get_bool();
    return {};
  }
  if (name == "ecosystem") return value == "pypi" ? "" : "ecosystem: must be `pypi`";
  return "`" + shown(name) + "`: unknown field";
}

std::string read_count(std::string_view name, const json::value& value, std::int64_t most,
                       std::optional<std::int64_t>& into) {
  auto number = value.if_int64();
  if (number == nullptr && !value.is_uint64()) return std::string{name} + ": must be an integer";
  if (number == nullptr || *number < 1 || *number > most) {
    return std::string{name} + ": must be from 1 to " + std::to_string(most);
  }
  into = *number;
  return {};
}

/// application/x-www-form-urlencoded (https://url.spec.whatwg.org/#urlencoded-parsing), but strict: a `%` that is not
/// followed by two hex digits is an error. Boost.URL 1.81 crashes in parse_query() on an empty query.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    char c = text.front();
    std::size_t used = 1;
    if (c == '+') c = ' ';
    if (c == '%') {
      unsigned char byte = 0;
      const auto* digits = text.data() + 1;
      if (text.size() < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return std::nullopt;
      c = static_cast<char>(byte);
      used = 3;
    }
    out += c;
    text.remove_prefix(used);
  }
  return out;
}

template <class Enum>
std::string read_word(std::string_view name, std::string_view text, std::optional<Enum>& into) {
  into = actors::parse<Enum>(text);
  return into ? "" : std::string{name} + ": not one of its words";
}

std::string read_parameter(std::string_view name, const std::string& value, actors::run_filter& into) {
  if (name == "status") return read_word("status", value, into.status);
  if (name == "verdict") return read_word("verdict", value, into.verdict);
  if (name == "package") {
    if (value.size() > 200 || !actors::is_package_name(value))
      return "package: must be a package name as PEP 508 defines it";
    into.package = value;
    return {};
  }
  if (name == "cursor") {
    if (value.size() > 512 || std::any_of(value.begin(), value.end(), is_control))
      return "cursor: not one that a list gave";
    into.cursor = value;
    return {};
  }
  if (name == "limit") {
    auto number = read_event_id(value);
    if (value.empty() || !number || *number < 1 || *number > 200) return "limit: must be an integer from 1 to 200";
    into.limit = static_cast<std::size_t>(*number);
    return {};
  }
  return "`" + shown(name) + "`: unknown parameter";
}

}  // namespace

std::string shown(std::string_view word) { return actors::valid_utf8(word.substr(0, 100)); }

bool is_version(std::string_view text) noexcept {
  static constexpr std::string_view marks = ".!+-_";
  if (text.empty() || !is_alnum(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || marks.find(c) != marks.npos; });
}

bool is_run_id(std::string_view text) noexcept {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx";
  return std::equal(text.begin(), text.end(), shape.begin(), shape.end(), [](char c, char wanted) {
    return wanted == 'x' ? is_digit(c) || (c >= 'a' && c <= 'f') : c == wanted;
  });
}

checked<actors::submission> read_submission(std::string_view body) {
  auto parsed = read_json_object(body);
  if (auto wrong = std::get_if<complaint>(&parsed)) return std::move(*wrong);
  const auto& fields = std::get<json::object>(parsed);
  for (auto required : {"package_name", "version"}) {
    if (!fields.contains(required)) return complaint{std::string{required} + ": missing"};
  }
  actors::submission submitted;
  for (const auto& [key, value] : fields) {
    auto wrong = read_field({key.data(), key.size()}, value, submitted);
    if (!wrong.empty()) return complaint{std::move(wrong)};
  }
  return submitted;
}

checked<actors::stage_change> read_stage_change(std::string_view body) {
  auto parsed = read_json_object(body);
  if (auto wrong = std::get_if<complaint>(&parsed)) return std::move(*wrong);
  actors::stage_change change;
  for (const auto& [key, value] : std::get<json::object>(parsed)) {
    std::string wrong;
    if (key == "concurrency") {
      wrong = read_count("concurrency", value, 64, change.concurrency);
    } else if (key == "queue_limit") {
      wrong = read_count("queue_limit", value, 100000, change.queue_limit);
    } else {
      wrong = "`" + std::string{key.data(), std::min<std::size_t>(key.size(), 100)} + "`: unknown field";
    }
    if (!wrong.empty()) return complaint{std::move(wrong)};
  }
  if (!change.concurrency && !change.queue_limit) return complaint{"body: must hold `concurrency` or `queue_limit`"};
  return change;
}

checked<actors::run_filter> read_run_filter(std::string_view query) {
  actors::run_filter filter;
  std::vector<std::string> seen;
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals));
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return complaint{"query: not a valid query string"};
    if (std::find(seen.begin(), seen.end(), *name) != seen.end())
      return complaint{"`" + shown(*name) + "`: given twice"};
    auto wrong = read_parameter(*name, *value, filter);
    if (!wrong.empty()) return complaint{std::move(wrong)};
    seen.push_back(std::move(*name));
  }
  return filter;
}

std::optional<std::uint64_t> read_event_id(std::string_view text) noexcept {
  std::uint64_t number = 0;
  if (text.empty()) return number;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

}  // namespace lazaret::http
