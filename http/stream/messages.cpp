#include "http/stream/messages.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <csignal>

#include "actors/json.hpp"
#include "http/base64.hpp"
#include "http/execute/answer.hpp"
#include "http/execute/body.hpp"
#include "http/json_body.hpp"
#include "http/listed.hpp"

namespace lazaret::http::stream {
namespace {

namespace json = boost::json;

constexpr std::string_view bearer_prefix = "lazaret.bearer.";
constexpr std::int64_t largest_window = 4096;

struct named_signal {
  std::string_view name;
  int number;
};
constexpr std::array signals{
    named_signal{"HUP", SIGHUP},    named_signal{"INT", SIGINT},   named_signal{"QUIT", SIGQUIT},
    named_signal{"ABRT", SIGABRT},  named_signal{"KILL", SIGKILL}, named_signal{"USR1", SIGUSR1},
    named_signal{"USR2", SIGUSR2},  named_signal{"ALRM", SIGALRM}, named_signal{"TERM", SIGTERM},
    named_signal{"CONT", SIGCONT},  named_signal{"STOP", SIGSTOP}, named_signal{"TSTP", SIGTSTP},
    named_signal{"WINCH", SIGWINCH}};

/// The fields are there, each once, and no other is.
std::string only(const json::object& message, std::string_view type, std::initializer_list<std::string_view> fields) {
  for (const auto& [key, value] : message) {
    const std::string_view name{key.data(), key.size()};
    if (name != "type" && std::ranges::find(fields, name) == fields.end())
      return std::string{type} + ": `" + shown(name) + "`: unknown field";
  }
  return {};
}

std::string read_side(const json::object& from, const char* key, const std::string& field, std::uint16_t& into) {
  const auto* value = from.if_contains(key);
  if (value == nullptr) return field + "." + key + ": is missing";
  const auto* number = value->if_int64();
  if (number == nullptr || *number < 1 || *number > largest_window)
    return field + "." + key + ": must be an integer from 1 to " + std::to_string(largest_window);
  into = static_cast<std::uint16_t>(*number);
  return {};
}

std::string read_window(const json::object& from, const std::string& field, sandbox::window& into) {
  auto wrong = read_side(from, "rows", field, into.rows);
  return wrong.empty() ? read_side(from, "cols", field, into.columns) : wrong;
}

checked<saying> read_input(const json::object& message) {
  if (auto wrong = only(message, "stdin", {"text", "base64"}); !wrong.empty()) return complaint{std::move(wrong)};
  const auto* text = message.if_contains("text");
  const auto* base64 = message.if_contains("base64");
  if ((text == nullptr) == (base64 == nullptr)) return complaint{"stdin: must have one of `text` and `base64`"};
  const auto* content = (text != nullptr ? text : base64)->if_string();
  if (content == nullptr)
    return complaint{std::string{text != nullptr ? "stdin.text" : "stdin.base64"} + ": must be a string"};
  const std::string_view given{content->data(), content->size()};
  input read;
  if (text != nullptr)
    read.bytes = given;
  else if (!decode_base64(given, read.bytes))
    return complaint{"stdin.base64: must be base64 (RFC 4648, section 4)"};
  return read;
}

checked<saying> read_signal(const json::object& message) {
  if (auto wrong = only(message, "signal", {"signal"}); !wrong.empty()) return complaint{std::move(wrong)};
  const auto* value = message.if_contains("signal");
  const auto* name = value != nullptr ? value->if_string() : nullptr;
  if (name == nullptr) return complaint{"signal.signal: must be a signal's name"};
  std::string_view wanted{name->data(), name->size()};
  if (wanted.starts_with("SIG")) wanted.remove_prefix(3);
  const auto found = std::ranges::find(signals, wanted, &named_signal::name);
  if (found != signals.end()) return send_signal{found->number};
  std::string names;
  for (const auto& s : signals) names += (names.empty() ? "" : ", ") + std::string{s.name};
  return complaint{"signal.signal: must be one of " + names};
}

checked<saying> read_resize(const json::object& message, bool has_terminal) {
  if (!has_terminal) return complaint{"resize: the program has no terminal; `start` had no `pty`"};
  if (auto wrong = only(message, "resize", {"rows", "cols"}); !wrong.empty()) return complaint{std::move(wrong)};
  resize read;
  if (auto wrong = read_window(message, "resize", read.to); !wrong.empty()) return complaint{std::move(wrong)};
  return read;
}

/// The message, without its type, and that.
struct typed {
  json::object message;
  std::string type;
};
checked<typed> read_typed(std::string_view text) {
  auto read = read_json_object(text);
  if (auto* wrong = std::get_if<complaint>(&read)) {
    constexpr std::string_view http = "body: ";  // the reader's word for what HTTP carries
    if (wrong->detail.starts_with(http)) wrong->detail.replace(0, http.size(), "message: ");
    return std::move(*wrong);
  }
  typed found{std::move(std::get<json::object>(read)), {}};
  const auto* type = found.message.if_contains("type");
  if (type == nullptr || !type->is_string()) return complaint{"type: is missing, or no string"};
  found.type = std::string{type->get_string().data(), type->get_string().size()};
  found.message.erase("type");
  return found;
}

std::string serialized(json::object message, const char* type) {
  message["type"] = type;
  return json::serialize(message);
}

}  // namespace

checked<actors::execution_request> read_start(std::string_view text, const config& settings,
                                              const sandbox::installed_runtimes& runtimes) {
  auto read = read_typed(text);
  if (auto* wrong = std::get_if<complaint>(&read)) return std::move(*wrong);
  auto& [message, type] = std::get<typed>(read);
  if (type != "start") return complaint{"type: the first message must be `start`"};
  sandbox::window size;
  if (const auto* pty = message.if_contains("pty"); pty != nullptr && !pty->is_null()) {
    if (!pty->is_object()) return complaint{"pty: must be an object with `rows` and `cols`"};
    for (const auto& [key, value] : pty->get_object())
      if (key != "rows" && key != "cols")
        return complaint{"pty: `" + shown({key.data(), key.size()}) + "`: unknown field"};
    if (auto wrong = read_window(pty->get_object(), "pty", size); !wrong.empty()) return complaint{std::move(wrong)};
  }
  message.erase("pty");
  auto request = read_execution(message, settings, runtimes);
  if (auto* what = std::get_if<actors::execution_request>(&request)) {
    what->rules.terminal = size;
    auto& environment = what->rules.environment;
    const bool names_terminal = std::ranges::any_of(environment, [](const auto& e) { return e.starts_with("TERM="); });
    if (size.rows != 0 && !names_terminal) environment.emplace_back("TERM=xterm-256color");
  }
  return request;
}

checked<saying> read_saying(std::string_view text, bool has_terminal) {
  auto read = read_typed(text);
  if (auto* wrong = std::get_if<complaint>(&read)) return std::move(*wrong);
  const auto& [message, type] = std::get<typed>(read);
  if (type == "stdin") return read_input(message);
  if (type == "signal") return read_signal(message);
  if (type == "resize") return read_resize(message, has_terminal);
  if (type == "start") return complaint{"start: was sent already"};
  if (type != "stdin_end") return complaint{"type: `" + shown(type) + "` is none of stdin, stdin_end, signal, resize"};
  if (auto wrong = only(message, "stdin_end", {}); !wrong.empty()) return complaint{std::move(wrong)};
  return end_of_input{};
}

std::string say_started() { return R"({"type":"started"})"; }

std::string say_output(bool is_error, std::string_view bytes) {
  json::object message;
  if (const auto text = actors::valid_utf8(bytes); text == bytes)
    message["text"] = text;
  else
    message["base64"] = encode_base64(bytes);
  return serialized(std::move(message), is_error ? "stderr" : "stdout");
}

std::string say_exit(const actors::execution_answer& done) {
  auto message = describe_execution(done);
  for (const auto* streamed : {"stdout", "stderr"}) message.erase(streamed);
  return serialized(std::move(message), "exit");
}

std::string say_error(unsigned status, std::string_view detail) {
  return serialized({{"status", status}, {"detail", actors::valid_utf8(detail)}}, "error");
}

std::size_t whole_characters(std::string_view bytes) noexcept {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;  // goes on what began further in front
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

std::string offered_token(std::string_view protocols) {
  std::string token;
  for_each_listed(protocols, [&](std::string_view one) {
    if (!one.starts_with(bearer_prefix)) return false;
    std::string text{one.substr(bearer_prefix.size())};
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    if (!decode_base64(text, token)) token.clear();
    return true;
  });
  return token;
}

bool offers_protocol(std::string_view protocols) {
  bool found = false;
  for_each_listed(protocols, [&](std::string_view one) { return found = one == protocol_name; });
  return found;
}

}  // namespace lazaret::http::stream
