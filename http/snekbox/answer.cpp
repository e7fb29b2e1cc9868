#include "http/snekbox/answer.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cerrno>
#include <csignal>

#include "actors/json.hpp"
#include "http/base64.hpp"
#include "http/snekbox/python_text.hpp"

namespace lazaret::http::snekbox {
namespace {

using sandbox::ending;
using sandbox::skipped;

std::string in_quotes(std::string_view text) {
  return boost::json::serialize(boost::json::string{boost::json::string_view{text.data(), text.size()}});
}

/// What is cut at the limit may be cut within a character; that much of it was never printed whole.
std::string_view without_partial_end(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto c = static_cast<unsigned char>(text[text.size() - back]);
    if ((c & 0xC0) == 0x80) continue;
    const std::size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (length > back) text.remove_suffix(back);
    break;
  }
  return text;
}

/// The original gives up over these; all else it just leaves out.
std::string_view trouble_of(const sandbox::gathered& left) {
  if (!left.complete) return "TimeoutError: Exceeded time limit while parsing attachments";
  if (left.left_because(skipped::too_deep) > 0)
    return "FileParsingError: Exceeded directory depth limit while parsing attachments";
  if (left.left_because(skipped::not_utf8) > 0)
    return "FileParsingError: invalid bytes in filename while parsing attachments";
  if (left.left_because(skipped::unreadable) > 0) return "FileParsingError: Unknown error while parsing attachments";
  return {};
}

}  // namespace

int return_code(const sandbox::outcome& how) {
  switch (how.reason) {
    case ending::wall_timeout:
    case ending::cpu_timeout:
    case ending::canceled:
      return 128 + SIGKILL;
    case ending::output_limit:
      return 128 + SIGTERM;
    case ending::exited:
    case ending::signalled:
    case ending::out_of_memory:  // of a child, and the program itself ended with a code
    case ending::syscall_denied:
      break;
  }
  return how.signal != 0 ? 128 + how.signal : how.code;
}

response no_result(std::string_view reason) {
  return {.body = "{\"stdout\":" + in_quotes(actors::valid_utf8(reason)) + R"(,"returncode":null,"files":[]})"};
}

response render(const actors::execution_answer& done, const std::vector<std::string>& names,
                const std::vector<std::string>& paths) {
  if (done.misplaced) {
    const auto which = std::ranges::find(paths, done.misplaced->path) - paths.begin();
    const auto& name =
        static_cast<std::size_t>(which) < names.size() ? names[static_cast<std::size_t>(which)] : done.misplaced->path;
    return no_result(std::string{python_error_name(done.misplaced->error)} + ": Failed to create file '" + name + "'.");
  }
  if (done.not_started == E2BIG) return no_result("OSError: Argument list too long");
  // The kernel would not run it; the original's jail ends with this code then.
  if (done.not_started != 0) return {.body = R"({"stdout":"","returncode":255,"files":[]})"};
  const std::string_view output = done.truncated ? without_partial_end(done.out) : done.out;
  if (actors::valid_utf8(output) != output) return no_result("UnicodeDecodeError: invalid Unicode in output pipe");
  if (const auto why = trouble_of(done.left); !why.empty()) return no_result(why);
  response made;
  auto& text = made.body;
  text =
      "{\"stdout\":" + in_quotes(output) + ",\"returncode\":" + std::to_string(return_code(done.how)) + ",\"files\":[";
  for (const auto& file : done.left.files) {
    if (text.back() != '[') text += ',';
    text +=
        "{\"path\":" + in_quotes(file.path) + ",\"size\":" + std::to_string(file.content.size()) + ",\"content\":\"";
    text += encode_base64(file.content);
    text += "\"}";
  }
  text += "]}";
  return made;
}

}  // namespace lazaret::http::snekbox
