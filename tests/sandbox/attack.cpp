#include "tests/sandbox/attack.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "tests/sandbox/started_jailer.hpp"

namespace lazaret::sandbox::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string_view trim(std::string_view text) {
  constexpr auto blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(by, at), text.size());
    parts.emplace_back(trim(text.substr(at, end - at)));
    at = end + 1;
  }
  return parts;
}

/// A number with a unit: `64M`, `3s`, `500ms`, `20`.
struct quantity {
  std::uint64_t number;
  std::string_view unit;
};

quantity read_quantity(std::string_view text) {
  quantity q{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), q.number);
  if (error != std::errc{}) throw std::runtime_error{"not a number: " + std::string{text}};
  q.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return q;
}

bytes read_size(std::string_view text) {
  const auto [number, unit] = read_quantity(text);
  if (unit.empty()) return {number};
  if (unit == "k" || unit == "K") return {number << 10};
  if (unit == "M") return {number << 20};
  if (unit == "G") return {number << 30};
  throw std::runtime_error{"not a size: " + std::string{text}};
}

std::chrono::milliseconds read_time(std::string_view text) {
  const auto [number, unit] = read_quantity(text);
  if (unit == "ms") return std::chrono::milliseconds{number};
  if (unit == "s") return std::chrono::seconds{number};
  throw std::runtime_error{"not a time: " + std::string{text}};
}

std::uint32_t read_count(std::string_view text) {
  const auto [number, unit] = read_quantity(text);
  if (!unit.empty()) throw std::runtime_error{"not a count: " + std::string{text}};
  return static_cast<std::uint32_t>(number);
}

void take_option(attack& to, std::string_view option) {
  const auto equals = option.find('=');
  const auto name = option.substr(0, equals);
  const auto value = equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1);
  auto& limits = to.jail.limits;
  if (option == "proc")
    to.jail.mount_proc = true;
  else if (option == "volume")
    to.wants_volume = true, to.jail.volumes.push_back({.index = 0, .target = "/volume"});
  else if (option == "audit")
    to.jail.audit_channel = true;
  else if (option == "observe")
    to.jail.observe = true;
  else if (option == "network=gateway")
    to.jail.network = network_mode::gateway;
  else if (option == "network=outbound")
    allow_outbound(to.jail);
  else if (name == "memory")
    limits.memory = read_size(value);
  else if (name == "pids")
    limits.pids = read_count(value);
  else if (name == "files")
    limits.open_files = read_count(value);
  else if (name == "wall")
    limits.wall = read_time(value);
  else if (name == "cpu")
    limits.cpu = read_time(value);
  else if (name == "output")
    limits.output = read_size(value), limits.when_output_exceeds = on_output_limit::kill;
  else if (name == "tmp")
    to.jail.tmpfs.push_back({.target = "/tmp", .size = read_size(value)});
  else
    throw std::runtime_error{"unknown option: " + std::string{option}};
}

void check_expectation(const std::string& wanted) {
  const auto words = split(wanted, ' ');
  const auto& first = words.front();
  const bool numbered = first == "exited" || first == "signalled";
  constexpr auto last = static_cast<int>(ending::canceled);
  bool known = false;
  for (int e = 0; e <= last; ++e) known = known || name(static_cast<ending>(e)) == first;
  if (!known || (numbered ? words.size() != 2 : words.size() > (first == "syscall_denied" ? 2 : 1)))
    throw std::runtime_error{"not an outcome: " + wanted};
  if (numbered) (void)read_count(words[1]);
}

void take_line(attack& into, std::string_view line) {
  if (line.starts_with("  ")) {  // goes on from the line above
    into.what += " " + std::string{trim(line)};
    return;
  }
  const auto colon = line.find(':');
  const auto key = trim(line.substr(0, colon));
  const auto value = colon == std::string_view::npos ? std::string_view{} : trim(line.substr(colon + 1));
  if (key == "what") {
    into.what = value;
  } else if (key == "expect") {
    into.expect = split(value, '|');
    for (const auto& wanted : into.expect) check_expectation(wanted);
  } else if (key == "stdout") {
    into.printed.emplace_back(value);
  } else if (key == "control" && (value == "host" || value == "own file")) {
    into.control = value;
  } else if (key == "with") {
    for (const auto& option : split(value, ',')) take_option(into, option);
  } else if (!key.empty() && !into.what.empty()) {
    throw std::runtime_error{"not a header line: " + std::string{line}};
  }
}

std::vector<std::string> command_of(const attack& what) {
  const auto kind = what.source.extension();
  if (kind == ".c") return {"/inmates/attacks/" + what.folder + "/" + what.name};
  if (kind == ".py") return {"/usr/bin/python3", "/attack.py"};
  return {"/bin/sh", "/attack.sh"};
}

}  // namespace

attack read_attack(const fs::path& source) try {
  attack made;
  made.source = source;
  made.folder = source.parent_path().filename();
  made.name = source.stem();
  made.jail = inmate(command_of(made));
  made.jail.environment = {"PATH=/usr/bin:/bin", "HOME=/"};
  std::ifstream file{source};
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error{"can't be read"};
  const std::string comment = source.extension() == ".c" ? "//" : "#";
  for (std::string line; std::getline(text, line) && line.starts_with(comment);)
    if (!line.starts_with("#!")) take_line(made, std::string_view{line}.substr(comment.size()));
  if (made.what.empty() || made.expect.empty()) throw std::runtime_error{"needs `what:` and `expect:` in its header"};
  // A machine that is slower by so much needs more time for what is not to be cut off.
  if (const char* slowness = std::getenv("LAZARET_TEST_SLOWNESS"); slowness != nullptr) {
    const auto expects = [&](std::string_view what) {
      return std::ranges::find(made.expect, what) != made.expect.end();
    };
    const int times = std::clamp(std::atoi(slowness), 1, 100);
    if (!expects("wall_timeout")) made.jail.limits.wall *= times;
    if (!expects("cpu_timeout")) made.jail.limits.cpu *= times;
  }
  if (source.extension() != ".c") made.jail.files.push_back({"/attack" + source.extension().string(), text.str()});
  return made;
} catch (const std::runtime_error& e) {
  throw std::runtime_error{source.string() + ": " + e.what()};
}

std::vector<fs::path> attacks_in(const std::string& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator{fs::path{LAZARET_SOURCE_DIR "/tests/inmates/attacks"} / folder}) {
    const auto kind = entry.path().extension();
    if (kind == ".c" || kind == ".py" || kind == ".sh") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string verdict(const outcome& o) {
  std::string text{name(o.reason)};
  if (o.reason == ending::exited) text += " " + std::to_string(o.code);
  if (o.reason == ending::signalled) text += " " + std::to_string(o.signal);
  if (o.reason == ending::syscall_denied && !o.syscall.empty()) text += " " + o.syscall;
  return text;
}

bool meets(const attack& expected, const outcome& o) {
  const auto said = verdict(o);
  return std::any_of(expected.expect.begin(), expected.expect.end(), [&](const auto& wanted) {
    return said == wanted || (wanted == "syscall_denied" && o.reason == ending::syscall_denied);
  });
}

}  // namespace lazaret::sandbox::testing
