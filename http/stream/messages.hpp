#pragma once
/// What client and service say to each other over /v1/execute/stream. Pure; the input is hostile.
///
/// From the client, each a JSON object with a `type`, as a text message; a binary message is standard input:
///   start       the fields of POST /v1/execute, and `pty`: {rows, cols}; once, and first. `stdin` is its first input
///   stdin       `text` or `base64`
///   stdin_end   nothing follows
///   signal      `signal`: INT, TERM, ...
///   resize      `rows`, `cols`
/// From the service, each a text message:
///   started     the program runs
///   stdout, stderr   `text`, or `base64` where it is none
///   exit        the answer of POST /v1/execute without what was streamed
///   error       `detail`, and `status` as HTTP would have it; the connection then closes

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "http/validate.hpp"
#include "sandbox/runtimes/installed.hpp"

namespace lazaret::http::stream {

struct input {
  std::string bytes;
};
struct end_of_input {};
struct send_signal {
  int number = 0;  ///< signal(7)
};
struct resize {
  sandbox::window to;
};
using saying = std::variant<input, end_of_input, send_signal, resize>;

/// The first message.
[[nodiscard]] checked<actors::execution_request> read_start(std::string_view text, const config& settings,
                                                            const sandbox::installed_runtimes& runtimes);
/// A later one. `has_terminal`: only then there is something to resize.
[[nodiscard]] checked<saying> read_saying(std::string_view text, bool has_terminal);

[[nodiscard]] std::string say_started();
[[nodiscard]] std::string say_output(bool is_error, std::string_view bytes);
[[nodiscard]] std::string say_exit(const actors::execution_answer& done);
[[nodiscard]] std::string say_error(unsigned status, std::string_view detail);

/// How much of it, from the start, is not the beginning of a character of UTF-8 whose rest may still come: all but at
/// most three bytes.
[[nodiscard]] std::size_t whole_characters(std::string_view bytes) noexcept;

/// The token in a `Sec-WebSocket-Protocol: lazaret.stream, lazaret.bearer.BASE64URL`, the one header that a browser
/// lets a page choose; empty when there is none.
[[nodiscard]] std::string offered_token(std::string_view protocols);
/// Does the client offer the protocol `lazaret.stream`?
[[nodiscard]] bool offers_protocol(std::string_view protocols);
inline constexpr std::string_view protocol_name = "lazaret.stream";

}  // namespace lazaret::http::stream
