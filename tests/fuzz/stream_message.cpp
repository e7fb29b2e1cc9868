// What a client of /v1/execute/stream may send: its messages, binary ones too, and the header that comes before them.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "actors/json.hpp"
#include "http/base64.hpp"
#include "http/execute/manner.hpp"
#include "http/stream/messages.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::http;

namespace {

void check(const complaint& c) {
  fuzz::must(!c.detail.empty() && c.detail.size() < 500, "a refusal says why, and briefly");
  fuzz::must(actors::valid_utf8(c.detail) == c.detail, "a refusal is UTF-8");
  fuzz::must(c.status == 404 || c.status == 422, "a refusal is the client's fault");
}

bool is_window(const sandbox::window& w) {
  return w.rows >= 1 && w.rows <= 4096 && w.columns >= 1 && w.columns <= 4096;
}

/// True when it is one.
bool check_start(std::string_view text) {
  static const auto settings = [] {
    config made;
    made.execute_max_wall_sec = 300, made.execute_max_memory_mb = 2048, made.execute_max_disk_mb = 1024;
    made.allow_outbound = "true";
    return made;
  }();
  static const sandbox::installed_runtimes runtimes{"/opt/lazaret/runtimes", false};
  const auto read = stream::read_start(text, settings, runtimes);
  const auto* start = std::get_if<actors::execution_request>(&read);
  if (start == nullptr) return check(std::get<complaint>(read)), false;
  const auto& rules = start->rules;
  fuzz::must(!rules.argv.empty() && !rules.argv.front().empty(), "a program is named");
  for (const auto* list : {&rules.argv, &rules.environment})
    for (const auto& one : *list) fuzz::must(one.find('\0') == one.npos, "no NUL is passed on");
  for (const auto& one : rules.environment) fuzz::must(one.find('=') - 1 < one.size(), "a variable has a name");
  for (const auto& file : start->files)
    fuzz::must(!file.path.starts_with('/') && ("/" + file.path + "/").find("/../") == std::string::npos,
               "a file stays inside its volume");
  const bool has_terminal = rules.terminal.rows != 0 || rules.terminal.columns != 0;
  fuzz::must(!has_terminal || is_window(rules.terminal), "a terminal has a size in range");
  const auto names_terminal = [](const std::string& e) { return e.starts_with("TERM="); };
  fuzz::must(!has_terminal || std::ranges::count_if(rules.environment, names_terminal) == 1, "which has one name");
  return true;
}

struct check_saying {
  std::string_view text;
  bool has_terminal;
  void operator()(const stream::input& said) const {
    fuzz::must(said.bytes.size() <= text.size(), "input is no longer than the message that it came in");
  }
  void operator()(const stream::end_of_input&) const {}
  void operator()(const stream::send_signal& said) const {
    fuzz::must(said.number >= 1 && said.number <= 31, "a signal is one of signal(7)");
  }
  void operator()(const stream::resize& said) const {
    fuzz::must(has_terminal, "only a terminal is resized");
    fuzz::must(is_window(said.to), "to a size in range");
  }
};

/// Whatever a program prints arrives as it was.
void check_output(std::string_view bytes) {
  const auto message = stream::say_output(false, bytes);
  fuzz::must(actors::valid_utf8(message) == message, "a text message is UTF-8 (RFC 6455, section 5.6)");
  const auto value = boost::json::parse(message);
  std::string back;
  if (const auto* text = value.at("type") == "stdout" ? value.get_object().if_contains("text") : nullptr)
    back = std::string{text->get_string().data(), text->get_string().size()};
  else
    fuzz::must(decode_base64(value.at("base64").get_string(), back), "what is no text is base64");
  fuzz::must(back == bytes, "output arrives as it was printed");
  boost::json::parse(stream::say_error(422, bytes));
}

/// Cut anywhere, text goes out in pieces that are text.
void check_cuts(std::string_view bytes) {
  const bool is_text = actors::valid_utf8(bytes) == bytes;
  for (std::size_t cut = 0; cut <= std::min<std::size_t>(bytes.size(), 64); ++cut) {
    const auto whole = stream::whole_characters(bytes.substr(0, cut));
    fuzz::must(whole <= cut && cut - whole <= 3, "at most three bytes wait for the rest");
    if (!is_text) continue;
    for (const auto piece : {bytes.substr(0, whole), bytes.substr(whole)})
      fuzz::must(actors::valid_utf8(piece) == piece, "no character is cut");
  }
}

void check_header(std::string_view bytes) {
  (void)stream::offered_token(bytes);
  (void)stream::offers_protocol(bytes);
  auto token = encode_base64(bytes);
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  token.erase(std::min(token.find('='), token.size()));
  fuzz::must(stream::offered_token("x, lazaret.bearer." + token + ",y") == bytes, "a token is read as it was offered");
  boost::json::object nothing;
  const auto manner = std::get<execution_manner>(take_manner(nothing, bytes));
  fuzz::must(manner.later == manner.preferred, "a header prefers nothing but an answer that comes later");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const bool is_start = check_start(text);
  for (const bool has_terminal : {false, true}) {
    const auto said = stream::read_saying(text, has_terminal);
    if (const auto* one = std::get_if<stream::saying>(&said)) {
      std::visit(check_saying{text, has_terminal}, *one);
      fuzz::must(!is_start, "nothing is a beginning and what follows it");
    } else {
      check(std::get<complaint>(said));
    }
  }
  check_output(text);
  check_cuts(text);
  check_header(text);
  return 0;
}
