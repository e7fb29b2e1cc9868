#include "http/jobs/spec.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>
#include <optional>

#include "actors/json.hpp"
#include "http/jobs/multipart.hpp"
#include "http/json_body.hpp"

namespace lazaret::http::jobs {
namespace {

namespace json = boost::json;

/// execve(2) and the policy's message have limits of their own, which are above this.
constexpr std::size_t most_text_bytes = 512 << 10;
/// Parsed, `[[],[],...` takes twenty times its length.
constexpr std::size_t most_spec_bytes = 4 << 20;
constexpr std::size_t most_files = 1000;  // as the framework of the original has it

std::string_view view(const json::string& s) { return {s.data(), s.size()}; }

/// One entry of the list: {"type", "loc", "msg", "input"}.
class complaints {
 public:
  void add(std::string_view type, json::array where, std::string message, json::value input = nullptr) {
    where.insert(where.begin(), "body");
    list_.push_back(json::object{
        {"type", type}, {"loc", std::move(where)}, {"msg", actors::valid_utf8(message)}, {"input", std::move(input)}});
  }
  [[nodiscard]] bool any() const { return !list_.empty(); }
  json::array take() { return std::move(list_); }

 private:
  json::array list_;
};

/// A number, or text that is one and nothing else.
std::optional<double> number_of(const json::value& value) {
  if (value.is_bool()) return value.get_bool() ? 1 : 0;
  boost::system::error_code bad;
  if (value.is_number()) return value.to_number<double>(bad);
  const auto* text = value.if_string();
  double number = 0;
  if (text == nullptr || text->empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  return error == std::errc{} && end == text->data() + text->size() && std::isfinite(number) ? std::optional{number}
                                                                                             : std::nullopt;
}

/// Those that run the entry file as it is: the code of a job can't be written to, and a compiler would have to.
std::string all_runtimes() {
  std::string names;
  for (const auto& one : sandbox::runtimes()) {
    if (!one.compile.empty()) continue;
    (names += names.empty() ? "" : ", ") += one.name;
    for (const auto* alias : one.aliases) (names += ", ") += alias;
  }
  return names;
}

class spec_reader {
 public:
  explicit spec_reader(const spec_limits& within) : within_{within} {}

  std::variant<job_spec, json::array> read(const json::value& document) {
    const auto* fields = document.if_object();
    if (fields == nullptr) {
      wrong_.add("model_type", {"spec"}, "Input should be an object", document);
      return wrong_.take();
    }
    for (const auto& [key, value] : *fields) read_field({key.data(), key.size()}, value);
    if (text_bytes_ > most_text_bytes)
      wrong_.add("too_long", {"spec", "args"}, "args and env should be at most 512 KiB long together");
    if (wrong_.any()) return wrong_.take();
    return std::move(spec_);
  }

 private:
  void read_field(std::string_view name, const json::value& value) {
    if (name == "runtime") read_runtime(value);
    if (name == "entry") read_entry(value);
    if (name == "args") read_args(value);
    if (name == "timeout_sec") read_integer(name, value, 1, 600, spec_.timeout_sec);
    if (name == "mem_limit_mb") read_integer(name, value, 33, within_.most_memory_mb, spec_.mem_limit_mb);
    if (name == "pids_limit") read_integer(name, value, 1, 32'000, spec_.pids_limit);
    if (name == "cpu_limit") read_cpu(value);
    if (name == "net_policy") read_network(value);
    if (name == "env") read_environment(value);
  }

  bool read_text(json::array where, const json::value& value, std::string& into) {
    const auto* text = value.if_string();
    if (text == nullptr) {
      wrong_.add("string_type", std::move(where), "Input should be a valid string", value);
      return false;
    }
    into = view(*text);
    text_bytes_ += into.size();
    if (into.find('\0') == into.npos) return true;
    wrong_.add("value_error", std::move(where), "Value error, embedded null byte", value);
    return false;
  }

  void read_runtime(const json::value& value) {
    if (!read_text({"spec", "runtime"}, value, spec_.runtime)) return;
    const auto* which = sandbox::find_runtime(spec_.runtime);
    if (which == nullptr || !which->compile.empty())
      wrong_.add("value_error", {"spec", "runtime"},
                 "Value error, there is no such runtime; there are " + all_runtimes(), value);
    else if (within_.runtimes != nullptr && !within_.runtimes->has(*which))
      wrong_.add("value_error", {"spec", "runtime"}, "Value error, " + within_.runtimes->what_is_missing(*which),
                 value);
  }
  void read_entry(const json::value& value) {
    if (read_text({"spec", "entry"}, value, spec_.entry) && spec_.entry.empty())
      wrong_.add("string_too_short", {"spec", "entry"}, "String should have at least 1 character", value);
  }
  void read_args(const json::value& value) {
    const auto* list = value.if_array();
    if (list == nullptr) return wrong_.add("list_type", {"spec", "args"}, "Input should be a valid list", value);
    if (list->size() > 4096) return wrong_.add("too_long", {"spec", "args"}, "List should have at most 4096 items");
    for (const auto& item : *list) read_text({"spec", "args", spec_.args.size()}, item, spec_.args.emplace_back());
  }

  void read_integer(std::string_view name, const json::value& value, std::int64_t least, std::int64_t most,
                    std::int64_t& into) {
    const auto number = number_of(value);
    if (!number) return wrong_.add("int_type", {"spec", name}, "Input should be a valid integer", value);
    if (*number != std::floor(*number))
      return wrong_.add("int_from_float", {"spec", name},
                        "Input should be a valid integer, got a number with a fractional part", value);
    if (*number < static_cast<double>(least))
      return wrong_.add("greater_than_equal", {"spec", name},
                        "Input should be greater than or equal to " + std::to_string(least), value);
    if (*number > static_cast<double>(most))
      return wrong_.add("less_than_equal", {"spec", name},
                        "Input should be less than or equal to " + std::to_string(most), value);
    into = static_cast<std::int64_t>(*number);
  }
  void read_cpu(const json::value& value) {
    const auto number = number_of(value);
    if (!number) return wrong_.add("float_type", {"spec", "cpu_limit"}, "Input should be a valid number", value);
    if (*number <= 0) return wrong_.add("greater_than", {"spec", "cpu_limit"}, "Input should be greater than 0", value);
    if (*number > 64)
      return wrong_.add("less_than_equal", {"spec", "cpu_limit"}, "Input should be less than or equal to 64", value);
    spec_.cpu_limit = *number;
  }

  void read_network(const json::value& value) {
    const auto* text = value.if_string();
    if (text != nullptr && (*text == "none" || (*text == "outbound" && within_.allows_outbound))) {
      spec_.net_policy = view(*text);
      return;
    }
    if (text != nullptr && *text == "outbound")
      return wrong_.add("value_error", {"spec", "net_policy"},
                        "Value error, `outbound` is not allowed here (ALLOW_OUTBOUND)", value);
    wrong_.add("literal_error", {"spec", "net_policy"}, "Input should be 'none' or 'outbound'", value);
  }

  void read_environment(const json::value& value) {
    const auto* object = value.if_object();
    if (object == nullptr) return wrong_.add("dict_type", {"spec", "env"}, "Input should be a valid dictionary", value);
    if (object->size() > 1024)
      return wrong_.add("too_long", {"spec", "env"}, "Dictionary should have at most 1024 items");
    for (const auto& [key, item] : *object) {
      std::string name{key.data(), key.size()}, text;
      if (name.empty() || name.find('=') != name.npos || name.find('\0') != name.npos) {
        wrong_.add("value_error", {"spec", "env", name}, "Value error, not a variable's name", item);
        continue;
      }
      text_bytes_ += name.size() + 2;
      if (read_text({"spec", "env", name}, item, text)) spec_.env.emplace_back(std::move(name), std::move(text));
    }
  }

  const spec_limits& within_;
  job_spec spec_;
  complaints wrong_;
  std::size_t text_bytes_ = 0;
};

response refused(unsigned status, json::value detail) {
  return {.status = status, .body = json::serialize(json::object{{"detail", std::move(detail)}})};
}

std::string name_problem(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return "is not a file's name";
  if (name.find('\0') != name.npos) return "has a null byte in its name";
  if (name.size() > 255) return "has a name of more than 255 bytes";
  return actors::valid_utf8(name) == name ? "" : "has a name that is not UTF-8";
}

/// The uploads, by the name of their field; of one name in one field the last one counts, as when they are saved.
void read_files(const std::vector<part>& parts, std::string_view field, std::string_view role,
                std::vector<batch::incoming_file>& into, complaints& wrong) {
  std::size_t number = 0;
  for (const auto& one : parts) {
    if (one.name != field) continue;
    const auto place = number++;
    if (one.filename && one.filename->empty() && one.content.empty()) continue;  // a form's input that was left empty
    if (!one.filename) {
      wrong.add("value_error", {field, place}, "Value error, Expected UploadFile, received: <class 'str'>");
      continue;
    }
    const auto name = base_name(*one.filename);
    if (const auto problem = name_problem(name); !problem.empty()) {
      wrong.add("value_error", {field, place}, "Value error, the file " + problem,
                json::string{actors::valid_utf8(*one.filename)});
      continue;
    }
    const auto same = std::ranges::find_if(into, [&](const auto& f) { return f.role == role && f.name == name; });
    if (same != into.end())
      same->content = one.content;
    else
      into.push_back({std::string{role}, std::string{name}, one.content});
  }
}

}  // namespace

std::variant<job_spec, json::array> read_spec(const json::value& document, const spec_limits& within) {
  return spec_reader{within}.read(document);
}

json::value to_json(const job_spec& spec) {
  json::object env;
  for (const auto& [name, value] : spec.env) env[name] = value;
  return json::object{{"runtime", spec.runtime},
                      {"entry", spec.entry},
                      {"args", json::array(spec.args.begin(), spec.args.end())},
                      {"timeout_sec", spec.timeout_sec},
                      {"cpu_limit", spec.cpu_limit},
                      {"mem_limit_mb", spec.mem_limit_mb},
                      {"pids_limit", spec.pids_limit},
                      {"net_policy", spec.net_policy},
                      {"env", std::move(env)}};
}

std::variant<job_request, response> read_request(const request& r, const spec_limits& within) {
  complaints wrong;
  std::vector<part> parts;
  if (const auto boundary = form_boundary(r.content_type)) {
    if (boundary->empty()) return failed(400, "Missing boundary in multipart.");
    auto read = read_multipart(*boundary, r.body);
    if (const auto* broken = std::get_if<malformed>(&read))
      return failed(400, "There was an error parsing the body: " + broken->why);
    parts = std::move(std::get<0>(read));
  }
  if (std::ranges::count_if(parts, [](const part& p) { return p.filename.has_value(); }) > std::ptrdiff_t{most_files})
    return failed(400, "Too many files. Maximum number of files is " + std::to_string(most_files) + ".");
  job_request asked;
  const auto spec = std::ranges::find(parts.rbegin(), parts.rend(), "spec", &part::name);
  if (spec == parts.rend()) {
    wrong.add("missing", {"spec"}, "Field required");
  } else if (spec->content.size() > most_spec_bytes) {
    wrong.add("too_long", {"spec"}, "spec should be at most 4 MiB long");
  } else {
    json::error_code bad;
    json::parse_options depth;
    depth.max_depth = json_depth;
    const auto document = json::parse({spec->content.data(), spec->content.size()}, bad, {}, depth);
    if (bad) return failed(400, "spec is not valid JSON: " + bad.message());
    auto read = read_spec(document, within);
    if (auto* list = std::get_if<json::array>(&read)) return refused(422, std::move(*list));
    asked.spec = std::move(std::get<job_spec>(read));
  }
  read_files(parts, "code_files", code_role, asked.files, wrong);
  read_files(parts, "input_files", input_role, asked.files, wrong);
  if (wrong.any()) return refused(422, wrong.take());
  return asked;
}

}  // namespace lazaret::http::jobs
