#include "http/execute/body.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <set>

#include "http/base64.hpp"
#include "http/execute/stages.hpp"
#include "http/json_body.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

constexpr std::size_t most_arguments_bytes = 512 << 10;
constexpr std::size_t most_files = 10'000;

/// Says what is wrong with a field's value; empty when nothing is.
using problem = std::string;

std::string_view view(const json::string& s) { return {s.data(), s.size()}; }

problem read_text(const json::value& value, std::string_view field, std::string& into) {
  const auto* text = value.if_string();
  if (text == nullptr) return std::string{field} + ": must be a string";
  into = view(*text);
  return {};
}

problem read_argument(const json::value& value, const std::string& field, std::string& into) {
  if (auto wrong = read_text(value, field, into); !wrong.empty()) return wrong;
  return into.find('\0') == into.npos ? "" : field + ": must not contain NUL";
}

problem read_arguments(const json::value& value, const std::string& field, std::vector<std::string>& into) {
  const auto* list = value.if_array();
  if (list == nullptr) return field + ": must be an array of strings";
  if (list->size() > 4096) return field + ": must have at most 4096 items";
  for (const auto& item : *list) {
    const auto name = field + "[" + std::to_string(into.size()) + "]";
    if (auto wrong = read_argument(item, name, into.emplace_back()); !wrong.empty()) return wrong;
  }
  return {};
}

bool is_variable(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

problem read_environment(const json::value& value, std::vector<std::string>& into) {
  const auto* object = value.if_object();
  if (object == nullptr) return "env: must be an object of strings";
  if (object->size() > 1024) return "env: must have at most 1024 entries";
  for (const auto& [key, item] : *object) {
    const std::string name{key.data(), key.size()};
    if (!is_variable(name)) return "env: `" + shown(name) + "` is not a variable's name";
    std::string text;
    if (auto wrong = read_argument(item, "env." + name, text); !wrong.empty()) return wrong;
    std::erase_if(into, [&](const std::string& own) { return own.starts_with(name + "="); });
    into.push_back(name + "=" + text);
  }
  return {};
}

/// A relative path that is written in the one way.
bool is_inner_path(std::string_view path) {
  if (path.empty() || path.size() > 4000 || path.find('\0') != path.npos) return false;
  for (;;) {
    const auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (part.size() == path.size()) return true;
    path.remove_prefix(part.size() + 1);
  }
}

problem read_file(const json::value& value, const std::string& field, sandbox::volume_file& into) {
  const auto* object = value.if_object();
  if (object == nullptr) return field + ": must be an object";
  bool has_path = false, has_content = false;
  for (const auto& [key, item] : *object) {
    const std::string name{key.data(), key.size()};
    std::string text;
    if (name != "path" && name != "text" && name != "base64") return field + ": `" + shown(name) + "`: unknown field";
    if (auto wrong = read_text(item, field + "." + name, text); !wrong.empty()) return wrong;
    if (name == "path") {
      if (!is_inner_path(text)) return field + ".path: must be relative, without `.`, `..`, empty parts and NUL";
      into.path = std::move(text);
      has_path = true;
      continue;
    }
    if (has_content) return field + ": must have one of `text` and `base64`";
    has_content = true;
    if (name == "text")
      into.content = std::move(text);
    else if (!decode_base64(text, into.content))
      return field + ".base64: must be base64 (RFC 4648, section 4)";
  }
  return has_path ? "" : field + ".path: is missing";
}

problem read_files(const json::value& value, std::vector<sandbox::volume_file>& into) {
  const auto* list = value.if_array();
  if (list == nullptr) return "files: must be an array";
  if (list->size() > most_files) return "files: must have at most " + std::to_string(most_files) + " items";
  std::set<std::string> paths;
  for (const auto& item : *list) {
    const auto name = "files[" + std::to_string(into.size()) + "]";
    if (auto wrong = read_file(item, name, into.emplace_back()); !wrong.empty()) return wrong;
    if (!paths.insert(into.back().path).second) return name + ".path: is the path of an earlier one too";
  }
  return {};
}

problem read_number(const json::value& value, const std::string& field, std::int64_t least, std::int64_t most,
                    std::int64_t& into) {
  const auto* number = value.if_int64();
  if (number == nullptr || *number < least || *number > most)
    return field + ": must be an integer from " + std::to_string(least) + " to " + std::to_string(most);
  into = *number;
  return {};
}

problem read_limits(const json::value& value, const std::string& field, const config& settings, asked_limits& into) {
  const auto* object = value.if_object();
  if (object == nullptr) return field + ": must be an object";
  struct row {
    std::string_view name;
    std::int64_t least, most;
    std::int64_t asked_limits::*member;
  };
  const row rows[] = {{"wall_ms", 1, settings.execute_max_wall_sec * 1000, &asked_limits::wall_ms},
                      {"cpu_ms", 1, settings.execute_max_wall_sec * 1000 * 64, &asked_limits::cpu_ms},
                      {"memory_mb", 16, settings.execute_max_memory_mb, &asked_limits::memory_mb},
                      {"pids", 1, 4096, &asked_limits::pids},
                      {"disk_mb", 1, settings.execute_max_disk_mb, &asked_limits::disk_mb},
                      {"output_bytes", 0, 16 << 20, &asked_limits::output_bytes}};
  for (const auto& [key, item] : *object) {
    const std::string name{key.data(), key.size()};
    const auto found = std::ranges::find(rows, name, &row::name);
    if (found == std::end(rows)) return field + ": `" + shown(name) + "`: unknown field";
    if (auto wrong = read_number(item, field + "." + name, found->least, found->most, into.*found->member);
        !wrong.empty())
      return wrong;
  }
  return {};
}

problem read_flag(const json::value& value, std::string_view field, bool& into) {
  const auto* flag = value.if_bool();
  if (flag == nullptr) return std::string{field} + ": must be true or false";
  into = *flag;
  return {};
}

problem read_wanted(const json::value& value, sandbox::gather_options& into) {
  const auto* object = value.if_object();
  if (object == nullptr) return "return_files: must be an object";
  for (const auto& [key, item] : *object) {
    const std::string name{key.data(), key.size()};
    std::int64_t number = 0;
    problem wrong;
    if (name == "pattern") {
      wrong = read_argument(item, "return_files.pattern", into.select.emplace_back());
      const auto& pattern = into.select.back();
      if (wrong.empty() && (pattern.empty() || pattern.size() > 255 || pattern.front() == '/'))
        wrong = "return_files.pattern: must be a pattern of relative paths, 1 to 255 bytes";
    } else if (name == "hidden") {
      if (!item.is_bool()) return "return_files.hidden: must be true or false";
      into.hidden = item.get_bool();
    } else if (name == "max_files") {
      wrong = read_number(item, "return_files.max_files", 0, 10'000, number);
      into.most_files = static_cast<std::size_t>(number);
    } else if (name == "max_bytes") {
      wrong = read_number(item, "return_files.max_bytes", 0, 64 << 20, number);
      into.most_bytes = {static_cast<std::uint64_t>(number)};
    } else {
      wrong = "return_files: `" + shown(name) + "`: unknown field";
    }
    if (!wrong.empty()) return wrong;
  }
  return {};
}

problem read_hosts(const json::value& value, std::vector<std::string>& into) {
  if (auto wrong = read_arguments(value, "hosts", into); !wrong.empty()) return wrong;
  if (into.empty() || into.size() > 64) return "hosts: must have 1 to 64 items";
  for (auto& name : into) {
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
    if (!plain || name.empty() || name.size() > 253) return "hosts: must hold names of hosts, such as `pypi.org`";
  }
  return {};
}

problem read_field(std::string_view name, const json::value& value, const config& settings, asked& into) {
  if (name == "runtime") return read_text(value, name, into.runtime);
  if (name == "source") return into.has_source = true, read_text(value, name, into.source);
  if (name == "argv") return read_arguments(value, "argv", into.argv);
  if (name == "args") return read_arguments(value, "args", into.args);
  if (name == "stdin") return read_text(value, name, into.standard_input);
  if (name == "env") return read_environment(value, into.environment);
  if (name == "files") return read_files(value, into.files);
  if (name == "limits") return read_limits(value, "limits", settings, into.limits);
  if (name == "compile_limits")
    return into.limits_compile = true, read_limits(value, "compile_limits", settings, into.compile_limits);
  if (name == "artifact") return read_text(value, name, into.artifact);
  if (name == "keep") return read_flag(value, name, into.keep);
  if (name == "network") return read_text(value, name, into.network);
  if (name == "hosts") return read_hosts(value, into.hosts);
  if (name == "output") return read_text(value, name, into.output);
  if (name == "return_files") return read_wanted(value, into.wanted);
  return "`" + shown(name) + "`: unknown field";
}

problem check_together(const asked& f) {
  if (f.runtime.empty() == f.argv.empty()) return "runtime: one of `runtime` and `argv` is needed";
  if (!f.runtime.empty() && f.has_source != f.artifact.empty())
    return "source: one of `source` and `artifact` is needed";
  if (!f.artifact.empty() && !actors::is_artifact_name(f.artifact))
    return "artifact: must be `sha256:` and 64 hex digits";
  if (!f.artifact.empty() && f.limits_compile) return "compile_limits: nothing is compiled for an `artifact`";
  if (!f.artifact.empty() && f.keep) return "keep: an `artifact` is kept already";
  const std::pair<const char*, bool> with_runtime[] = {{"source", f.has_source},
                                                       {"artifact", !f.artifact.empty()},
                                                       {"keep", f.keep},
                                                       {"compile_limits", f.limits_compile}};
  for (const auto& [field, given] : with_runtime)
    if (given && f.runtime.empty()) return std::string{field} + ": needs a `runtime`";
  if (f.runtime.empty() && !f.args.empty()) return "args: need a `runtime`; `argv` holds its own";
  if (!f.argv.empty() && f.argv.front().empty()) return "argv[0]: must name a program";
  std::size_t size = 0;
  for (const auto* list : {&f.argv, &f.args, &f.environment})
    for (const auto& item : *list) size += item.size();
  if (size > most_arguments_bytes) return "argv: arguments and environment must be at most 512 KiB long together";
  if (f.network != "none" && f.network != "outbound") return "network: must be `none` or `outbound`";
  if (!f.hosts.empty() && f.network != "outbound") return "hosts: needs `network`: `outbound`";
  if (f.output != "separate" && f.output != "merged") return "output: must be `separate` or `merged`";
  return {};
}

problem check_runtime(const sandbox::runtime& which, const asked& f) {
  const auto name = std::string{which.name};
  if (which.compile.empty() && f.keep) return "keep: " + name + " has no compile stage";
  if (which.compile.empty() && !f.artifact.empty()) return "artifact: " + name + " has no compile stage";
  if (which.compile.empty() && f.limits_compile) return "compile_limits: " + name + " has no compile stage";
  if (!f.has_source) return {};
  for (std::size_t n = 0; n < f.files.size(); ++n)
    if (f.files[n].path == which.main_file) return "files[" + std::to_string(n) + "].path: is where `source` goes";
  return {};
}

std::string known_runtimes() {
  std::string list;
  for (const auto& row : sandbox::runtimes()) list += (list.empty() ? "`" : ", `") + std::string{row.name} + "`";
  return list;
}

}  // namespace

checked<actors::execution_request> read_execution(std::string_view body, const config& settings,
                                                  const sandbox::installed_runtimes& runtimes) {
  auto read = read_json_object(body);
  if (auto* wrong = std::get_if<complaint>(&read)) return std::move(*wrong);
  return read_execution(std::get<json::object>(read), settings, runtimes);
}

checked<actors::execution_request> read_execution(const json::object& body, const config& settings,
                                                  const sandbox::installed_runtimes& runtimes) {
  asked all;
  auto& compile = all.compile_limits;
  compile.wall_ms = std::min(compile.wall_ms, settings.execute_max_wall_sec * 1000);
  compile.memory_mb = std::min(compile.memory_mb, settings.execute_max_memory_mb);
  compile.disk_mb = std::min(compile.disk_mb, settings.execute_max_disk_mb);
  for (const auto& [key, value] : body)
    if (auto wrong = read_field({key.data(), key.size()}, value, settings, all); !wrong.empty())
      return complaint{std::move(wrong)};
  if (auto wrong = check_together(all); !wrong.empty()) return complaint{std::move(wrong)};
  if (all.network == "outbound" && settings.allow_outbound != "true")
    return complaint{"network: `outbound` is switched off here (ALLOW_OUTBOUND)"};
  if (all.runtime.empty()) return stage_command(std::move(all));
  const auto* which = sandbox::find_runtime(all.runtime);
  if (which == nullptr) return complaint{"runtime: must be one of " + known_runtimes()};
  if (!runtimes.has(*which)) return complaint{"runtime: " + runtimes.what_is_missing(*which), 404};
  if (auto wrong = check_runtime(*which, all); !wrong.empty()) return complaint{std::move(wrong)};
  return stage_runtime(std::move(all), *which, runtimes);
}

}  // namespace lazaret::http
