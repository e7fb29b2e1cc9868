#include "http/quartermaster/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>

#include "actors/json.hpp"
#include "http/json_body.hpp"
#include "http/quartermaster/body.hpp"

namespace lazaret::http::quartermaster {
namespace {

namespace json = boost::json;
using sandbox::ending;

std::string in_quotes(std::string_view text) { return json::serialize(json::string{actors::valid_utf8(text)}); }

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>{time}.count(); }

/// What the program left, as long as it is JSON: its bytes are the program's, so they are read and written anew.
std::optional<std::string> metadata(const sandbox::gathered& left) {
  if (left.files.empty()) return std::nullopt;
  const auto& text = left.files.front().content;
  json::parse_options options;
  options.max_depth = json_depth;
  json::parser parser{{}, options};
  json::error_code ec;
  parser.write(text.data(), text.size(), ec);
  if (ec) return std::nullopt;
  const auto value = parser.release();
  return value.is_null() ? std::nullopt : std::optional{json::serialize(value)};
}

std::string usage(const sandbox::outcome& how) {
  return json::serialize(json::object{{"wall_seconds", seconds(how.wall)},
                                      {"cpu_seconds", seconds(how.cpu)},
                                      {"peak_memory_bytes", how.peak_memory.count},
                                      {"peak_pids", how.peak_pids},
                                      {"processes", how.processes},
                                      {"bytes_written", how.bytes_written.count}});
}

response misplaced(const actors::misplaced_file& file, const std::vector<std::string>& names,
                   const std::vector<std::string>& paths) {
  const auto which = static_cast<std::size_t>(std::ranges::find(paths, file.path) - paths.begin());
  if (file.error == ENOSPC || file.error == EFBIG || which >= names.size())
    return failed(400,
                  "The files do not fit: " + std::generic_category().message(file.error) + " (disk_limit, mem_limit)");
  return bad_filename(names[which], std::generic_category().message(file.error));
}

}  // namespace

int exit_code(const sandbox::outcome& how) {
  switch (how.reason) {
    case ending::wall_timeout:
    case ending::cpu_timeout:
    case ending::canceled:
      return -1;
    case ending::out_of_memory:
      return 128 + SIGKILL;
    case ending::output_limit:
    case ending::exited:
    case ending::signalled:
    case ending::syscall_denied:
      break;
  }
  return how.signal != 0 ? 128 + how.signal : how.code;
}

response render(const actors::execution_answer& done, const std::vector<std::string>& names,
                const std::vector<std::string>& paths) {
  if (done.misplaced) return misplaced(*done.misplaced, names, paths);
  // As a shell has it: 126 found but can't be run, 127 not found.
  if (done.not_started != 0)
    return {.body = fmt::format(
                R"({{"stdout":"","stderr":{},"exit_code":{},"execution_time":0.0,"reason":"not_started"}})",
                in_quotes(std::generic_category().message(done.not_started)), done.not_started == ENOENT ? 127 : 126)};
  const auto& how = done.how;
  response made;
  made.body = fmt::format(
      R"({{"stdout":{},"stderr":{},"exit_code":{},"execution_time":{:.4f},"reason":"{}","output_truncated":{},"usage":{})",
      in_quotes(done.out), in_quotes(done.err), exit_code(how), seconds(how.wall), sandbox::name(how.reason),
      done.truncated, usage(how));
  if (const auto left = metadata(done.left)) made.body += ",\"metadata\":" + *left;
  made.body += '}';
  return made;
}

}  // namespace lazaret::http::quartermaster
