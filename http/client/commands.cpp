#include "http/client/commands.hpp"

#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

#include "http/client/render.hpp"
#include "http/client/terminal.hpp"

namespace lazaret::client {
namespace {

namespace json = boost::json;

constexpr int trouble = 2;

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int fail(const std::string& why) {
  std::fprintf(stderr, "lazaret: %s\n", neutral(why).c_str());
  return trouble;
}

/// The service's answer as JSON, when it is a success; else the complaint was printed.
std::optional<json::value> answer_of(connection& service, std::string_view method, std::string_view target,
                                     std::string_view body = {}) {
  auto answered = service.ask(method, target, body);
  if (!answered) return fail(answered.error().describe()), std::nullopt;
  if (answered->status >= 300) return fail(error_text(*answered)), std::nullopt;
  boost::system::error_code ec;
  auto value = json::parse(answered->body, ec);
  if (ec) return fail("the service answered with something that is not JSON"), std::nullopt;
  return value;
}

/// What may stand in a query or a path of ours as it is; everything else is percent-encoded.
std::string encoded(std::string_view text) {
  constexpr char figures[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (plain) {
      out += c;
    } else {
      out += {'%', figures[byte >> 4], figures[byte & 15]};
    }
  }
  return out;
}

/// The stages as they pass: one line that changes on a terminal, a line each elsewhere. On stderr, so that stdout holds
/// the result only.
class progress {
 public:
  void show(const std::string& line) {
    if (line.empty() || line == last_) return;
    last_ = line;
    std::fprintf(stderr, is_terminal_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
    std::fflush(stderr);
  }
  ~progress() {
    if (is_terminal_ && !last_.empty()) std::fputs("\r\x1b[K", stderr);
  }

 private:
  const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::string last_;
};

/// Follows the run to its end; a stream that is lost is taken up again where it was. False: the complaint was printed.
bool follow_to_the_end(connection& service, const std::string& id) {
  constexpr int most_failures = 10;
  progress shown;
  std::uint64_t last = 0;
  bool ended = false;
  for (int failures = 0; !ended;) {
    const auto before = last;
    auto followed = service.follow("/v1/runs/" + encoded(id) + "/events", last, [&](const event& e) {
      shown.show(event_line(e));
      ended = ended || e.type == "end";
    });
    if (ended || (followed && followed->status == 204)) return true;
    if (followed && followed->status != 200 && followed->status != 503) return fail(error_text(*followed)), false;
    failures = last > before ? 0 : failures + 1;
    if (failures == most_failures) {
      fail(followed ? "the event stream ends again and again before the run does" : followed.error().describe());
      return false;
    }
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
  return true;
}

}  // namespace

int triage(connection& service, const triage_options& o) {
  json::object submission{{"package_name", o.name}, {"version", o.version}, {"mode", o.mode}};
  if (o.file_path) submission["file_path"] = *o.file_path;
  if (o.entrypoint) submission["entrypoint"] = *o.entrypoint;
  if (o.module_name) submission["module_name"] = *o.module_name;
  if (o.priority != 0) submission["priority"] = o.priority;
  if (o.forces) submission["force"] = true;
  const auto accepted = answer_of(service, "POST", "/v1/triage", json::serialize(submission));
  if (!accepted) return trouble;
  const auto id = text_of(*accepted, "run_id");
  if (!o.waits) {
    print(o.as_json ? json::serialize(*accepted) + "\n" : id + "\n");
    return 0;
  }
  if (!follow_to_the_end(service, id)) return trouble;
  const auto run = answer_of(service, "GET", "/v1/runs/" + encoded(id));
  if (!run) return trouble;
  print(o.as_json ? json::serialize(*run) + "\n" : run_summary(*run, service.server()));
  return exit_code(*run);
}

int runs(connection& service, const runs_options& o) {
  std::string target = "/v1/runs?limit=" + std::to_string(o.limit);
  auto add = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) target += "&" + std::string{name} + "=" + encoded(*value);
  };
  add("status", o.status);
  add("package", o.package);
  add("verdict", o.verdict);
  add("cursor", o.cursor);
  const auto list = answer_of(service, "GET", target);
  if (!list) return trouble;
  if (o.as_json) return print(json::serialize(*list) + "\n"), 0;
  print(run_table(*list));
  if (const auto next = text_of(*list, "next_cursor"); !next.empty()) {
    std::fprintf(stderr, "more: --cursor %s\n", next.c_str());
  }
  return 0;
}

int report(connection& service, const report_options& o) {
  const auto file = o.html ? "/report.html" : "/report.json";
  auto answered = service.ask("GET", "/v1/runs/" + encoded(o.run_id) + file);
  if (!answered) return fail(answered.error().describe());
  if (answered->status != 200) return fail(error_text(*answered));
  if (o.output.empty()) {
    // A report quotes what a package printed: a terminal gets it neutral, a pipe or a file as it is.
    print(::isatty(STDOUT_FILENO) == 1 ? neutral(answered->body, true) : answered->body);
    return 0;
  }
  std::ofstream out{o.output, std::ios::binary | std::ios::trunc};
  out << answered->body << std::flush;
  return out ? 0 : fail(o.output + ": can't be written");
}

int stages(connection& service, bool as_json) {
  const auto list = answer_of(service, "GET", "/v1/stages");
  if (!list) return trouble;
  print(as_json ? json::serialize(*list) + "\n" : stage_table(*list));
  return 0;
}

int set_stage(connection& service, const stage_options& o) {
  json::object change;
  if (o.concurrency) change["concurrency"] = *o.concurrency;
  if (o.queue_limit) change["queue_limit"] = *o.queue_limit;
  if (change.empty()) return fail("say what to set: --concurrency or --queue-limit");
  const auto stage = answer_of(service, "PATCH", "/v1/stages/" + encoded(o.name), json::serialize(change));
  if (!stage) return trouble;
  print(o.as_json ? json::serialize(*stage) + "\n" : stage_table(json::object{{"stages", json::array{*stage}}}));
  return 0;
}

int cancel(connection& service, const std::string& run_id) {
  const auto run = answer_of(service, "DELETE", "/v1/runs/" + encoded(run_id));
  if (!run) return trouble;
  print(text_of(*run, "run_id") + " " + text_of(*run, "status") + "\n");
  return 0;
}

}  // namespace lazaret::client
