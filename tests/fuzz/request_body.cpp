// Bodies, queries and headers of the HTTP interface, before anything else has seen them.
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "actors/names.hpp"
#include "http/execute/body.hpp"
#include "http/json_body.hpp"
#include "http/quartermaster/amount.hpp"
#include "http/quartermaster/body.hpp"
#include "http/quartermaster/prebuild_body.hpp"
#include "http/snekbox/body.hpp"
#include "http/validate.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::http;

namespace {

bool leaves_folder(std::string_view path) {
  return path.starts_with('/') || path == ".." || path.starts_with("../") || path.ends_with("/..") ||
         path.find("/../") != path.npos;
}

void check(const actors::submission& s) {
  fuzz::must(actors::is_package_name(s.package_name) && is_version(s.version),
             "name and version are of their alphabets");
  for (const auto* text : {&s.file_path, &s.entrypoint, &s.module_name}) {
    if (!*text) continue;
    fuzz::must(!(*text)->empty() && (*text)->front() != '-', "no field is taken for an option");
    for (const unsigned char c : **text) fuzz::must(c >= 0x20 && c != 0x7f, "no control characters");
  }
  if (s.file_path) fuzz::must(!leaves_folder(*s.file_path), "a file path stays inside");
}

void check(const complaint& c) {
  fuzz::must(!c.detail.empty() && c.detail.size() < 500, "a refusal says why, and briefly");
  fuzz::must(actors::valid_utf8(c.detail) == c.detail, "a refusal is UTF-8");
}

void check(const std::vector<sandbox::volume_file>& files) {
  for (const auto& file : files) fuzz::must(!leaves_folder(file.path), "a file stays inside its volume");
}

void check_code(std::string_view text) {
  static const auto settings = [] {
    config made;
    made.execute_max_wall_sec = 300, made.execute_max_memory_mb = 2048, made.execute_max_disk_mb = 1024;
    return made;
  }();
  const auto evaluated = snekbox::read_eval(text);
  if (const auto* read = std::get_if<snekbox::eval_request>(&evaluated)) {
    check(read->files);
    fuzz::must(read->files.size() == read->names.size(), "each file has the name that the client gave it");
    fuzz::must(read->arguments.empty() || !read->arguments.front().empty(), "no argument list starts with nothing");
  }
  static const sandbox::installed_runtimes runtimes{"/opt/lazaret/runtimes", false};
  const auto executed = read_execution(text, settings, runtimes);
  if (const auto* read = std::get_if<actors::execution_request>(&executed)) {
    check(read->files);
    fuzz::must(!read->rules.argv.empty(), "a program is named");
    for (const auto& argument : read->rules.argv)
      fuzz::must(argument.find('\0') == argument.npos, "no NUL is passed on");
  } else {
    check(std::get<complaint>(executed));
  }
}

void check_run(std::string_view text) {
  static const auto settings = [] {
    config made;
    made.default_timeout = 30, made.max_timeout = 300, made.default_memory = "256m", made.max_memory_mb = 2048;
    made.default_cpu_shares = 512, made.max_cpu_cores = "4.0", made.default_disk = "512m", made.max_disk_mb = 5000;
    made.default_allow_network = made.allow_outbound = "false";
    return made;
  }();
  const auto asked = quartermaster::read_run(text, {}, settings);
  if (const auto* read = std::get_if<quartermaster::run_request>(&asked)) {
    check(read->files);
    fuzz::must(!read->code.empty() || !read->entrypoint.empty(), "there is something to run");
    fuzz::must(read->entrypoint.find('\0') == std::string::npos, "no NUL is passed on");
    fuzz::must(read->timeout.count() >= 1 && read->timeout.count() <= settings.max_timeout, "the time is in range");
    fuzz::must(read->memory.count >= 1 << 20 && read->memory.count <= 2048ULL << 20, "the memory is in range");
    fuzz::must(read->disk.count >= 1 << 20 && read->disk.count <= 5000ULL << 20, "the disk is in range");
    fuzz::must(read->cpu_shares >= 2 && read->cpu_shares <= 4096, "the CPU is in range");
    for (const auto& one : read->environment)
      fuzz::must(one.find('=') > 0 && one.find('=') != one.npos && one.find('\0') == one.npos, "a variable has a name");
  } else {
    const auto& refused = std::get<response>(asked);
    fuzz::must(refused.status >= 400 && refused.status < 500, "a refusal is the client's fault");
    fuzz::must(refused.body.size() < 32'000 && actors::valid_utf8(refused.body) == refused.body,
               "and is brief, and UTF-8");
  }
  const auto built = quartermaster::read_prebuild(text, {});
  if (const auto* read = std::get_if<quartermaster::prebuild_request>(&built))
    fuzz::must(!read->tag.empty() && read->tag.find('/') == std::string::npos && read->tag.front() != '\0',
               "a tag is a plain name");
  (void)quartermaster::read_age(text);
  (void)read_amount(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto read = read_json_object(text); const auto* object = std::get_if<boost::json::object>(&read)) {
    const auto again = read_json_object(boost::json::serialize(*object));
    fuzz::must(std::holds_alternative<boost::json::object>(again), "what was read can be written and read");
  }
  check_code(text);
  check_run(text);
  const auto submitted = read_submission(text);
  if (const auto* s = std::get_if<actors::submission>(&submitted))
    check(*s);
  else
    check(std::get<complaint>(submitted));
  const auto change = read_stage_change(text);
  if (const auto* c = std::get_if<actors::stage_change>(&change)) {
    fuzz::must(c->concurrency || c->queue_limit, "a change changes something");
    if (c->concurrency) fuzz::must(*c->concurrency >= 1 && *c->concurrency <= 64, "concurrency is in range");
    if (c->queue_limit) fuzz::must(*c->queue_limit >= 1 && *c->queue_limit <= 100'000, "queue limit is in range");
  }
  const auto filter = read_run_filter(text);
  if (const auto* c = std::get_if<complaint>(&filter)) check(*c);
  (void)read_event_id(text);
  (void)is_run_id(text);
  return 0;
}
