#include "actors/execution/recorder.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "actors/execution/summary.hpp"

namespace lazaret::actors {

namespace {

namespace json = boost::json;

constexpr std::size_t tail_bytes = 16'384;
constexpr std::size_t most_line = 8192;  // the hook's own limit
constexpr std::uint64_t most_shown = 200;

void keep_tail(std::string& tail, std::string_view data) {
  tail += data;
  if (tail.size() > 2 * tail_bytes) tail.erase(0, tail.size() - tail_bytes);
}

/// A datagram from inside must not be able to make two lines of one, or a huge one. What the hook itself writes has no
/// control characters; a forged line that had some is no JSON any more, and analysis counts it.
std::string one_line(std::string_view datagram) {
  std::string line{datagram.substr(0, most_line)};
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '\x7f');
  return line.empty() ? "\x7f" : line;
}

std::string_view word(const json::object& o, std::string_view key) {
  const json::value* found = o.if_contains(key);
  return found != nullptr && found->is_string() ? std::string_view{found->get_string()} : std::string_view{};
}

std::int64_t number(const json::object& o, std::string_view key) {
  const json::value* found = o.if_contains(key);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

std::string command_of(const json::object& o) {
  std::string command;
  if (const json::value* argv = o.if_contains("argv"); argv != nullptr && argv->is_array()) {
    for (const json::value& each : argv->get_array()) {
      if (each.is_string()) command += (command.empty() ? "" : " ") + std::string{each.get_string()};
    }
  }
  return command.empty() ? std::string{word(o, "path")} : command;
}

/// Audit events that a reader of the live view would want; the observer's lines are all shown.
bool is_highlight(std::string_view line) {
  static constexpr std::string_view wanted[] = {
      "\"event\":\"socket.connect\"",   "\"event\":\"socket.getaddrinfo\"", "\"event\":\"socket.sendto\"",
      "\"event\":\"subprocess.Popen\"", "\"event\":\"os.system\"",          "\"event\":\"os.exec\"",
      "\"event\":\"os.posix_spawn\"",   "\"event\":\"ctypes.dlopen\"",      "\"event\":\"socket.gethostbyname\""};
  return std::ranges::any_of(wanted, [&](std::string_view w) { return line.find(w) != std::string_view::npos; });
}

std::ofstream make(const std::filesystem::path& path) {
  return std::ofstream{path, std::ios::binary | std::ios::trunc};
}

}  // namespace

recorder::recorder(std::string phase_name, const std::filesystem::path& folder, live_events live)
    : name_{std::move(phase_name)},
      live_{std::move(live)},
      stdout_{make(folder / (name_ + ".stdout"))},
      stderr_{make(folder / (name_ + ".stderr"))},
      audit_{make(folder / (name_ + ".audit.jsonl"))},
      observations_{make(folder / (name_ + ".observations.jsonl"))} {}

sandbox::jail_sinks recorder::sinks() {
  return {.on_stdout =
              [this](std::string_view data) {
                stdout_ << data;
                keep_tail(stdout_tail_, data);
              },
          .on_stderr =
              [this](std::string_view data) {
                stderr_ << data;
                keep_tail(stderr_tail_, data);
              },
          .on_audit = [this](std::string_view line) { audit(line); },
          .on_observation = [this](std::string_view line) { observation(line); }};
}

void recorder::audit(std::string_view datagram) {
  const std::string line = one_line(datagram);
  if (line.find("\"event\":\"lazaret.start\"") != std::string_view::npos) {
    boost::system::error_code bad;
    const json::value parsed = json::parse(line, bad);
    if (!bad && parsed.is_object()) coverage_.reported(number(parsed.get_object(), "pid"));
  }
  if (!ready_) {
    ready_ = line.find("\"event\":\"lazaret.ready\"") != std::string_view::npos;
    return;
  }
  if (is_highlight(line)) show("hook", line);
  ++audit_events_;
  if (audit_bytes_ + line.size() + 1 > most_bytes) {
    audit_truncated_ = true;
    return;
  }
  audit_bytes_ += line.size() + 1;
  audit_ << line << '\n';
}

void recorder::observation(std::string_view line) {
  boost::system::error_code bad;
  const json::value parsed = json::parse(line, bad);
  if (bad || !parsed.is_object()) return;
  const json::object& seen = parsed.get_object();
  const std::string_view event = word(seen, "event");
  if (event == "exec") {
    const json::value* python = seen.if_contains("python");
    coverage_.started(number(seen, "pid"), word(seen, "path"), command_of(seen),
                      python != nullptr && python->is_bool() && python->get_bool());
  } else if (event == "end") {
    saw_end_ = true;
    lost_ = lost_ || number(seen, "dropped") > 0;
  }
  if (event != "end") show("observer", line);
  if (observation_bytes_ + line.size() + 1 > most_bytes) {
    lost_ = true;
    return;
  }
  observation_bytes_ += line.size() + 1;
  observations_ << line << '\n';
}

void recorder::show(std::string_view seen_by, std::string_view line) {
  if (!live_ || shown_ == most_shown) return;
  boost::system::error_code bad;
  json::value observation = json::parse(line, bad);
  if (bad) return;
  ++shown_;
  live_(json::serialize(json::object{{"phase", name_}, {"seen_by", seen_by}, {"observation", std::move(observation)}}));
}

bool recorder::finish(phase& p) {
  p.stdout_file = name_ + ".stdout";
  p.stderr_file = name_ + ".stderr";
  p.audit_file = name_ + ".audit.jsonl";
  p.observations_file = name_ + ".observations.jsonl";
  p.audit_events = audit_events_;
  p.audit_truncated = audit_truncated_;
  p.uncovered = coverage_.uncovered();
  // The driver reports in before anything of the package runs: silence means that the channel was lost.
  p.watched = saw_end_ && !lost_ && ready_;
  bool taken = true;
  for (std::ofstream* file : {&stdout_, &stderr_, &audit_, &observations_}) {
    file->close();
    taken = taken && !file->fail();
  }
  return taken;
}

}  // namespace lazaret::actors
