// The half of a conversation that hears: the start, then what is typed, as fast as the program reads it.
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>

#include "http/into.hpp"
#include "http/stream/messages.hpp"
#include "http/stream/stream.hpp"

namespace lazaret::http::stream {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

/// Of one message after the first.
constexpr std::size_t most_message = 1 << 20;
/// What the program has not read of its input; beyond, nothing more is read of the connection.
constexpr std::size_t most_input = 256 << 10;
/// Read of the connection at a time.
constexpr std::size_t piece_bytes = 64 << 10;
/// A first message of at most so much is parsed on the I/O thread that read it.
constexpr std::size_t small_message = 64 << 10;

}  // namespace

// GCC 12 lays out the frame of a coroutine wrongly that awaits in the condition of a loop with a body that awaits too
// (its resume function is then not where coroutine_handle looks for it): hence the `for (;;)`.
auto conversation::read() -> task<> {
  co_await hear_first();
  for (;;) {
    const bool came = co_await read_message(most_message);
    if (!came) break;
    hear();
    co_await wait_for_room();
  }
  leave();
}

auto conversation::read_message(std::size_t most) -> task<bool> {
  error_code ec;
  buffer_.clear();
  if (gone_) co_return false;
  do {
    // Not into a dynamic buffer: what Beast then guesses of its size rests on an assertion that a stranger can reach.
    const auto n = co_await web_.async_read_some(buffer_.prepare(piece_bytes), into(ec));
    buffer_.commit(n);
    heard_ = clock::now();
    if (ec) gone_ = true;
    if (gone_) co_return false;
    if (done_) {  // nobody listens any more, but for the close that is somewhere behind it
      buffer_.clear();
    } else if (buffer_.size() > most) {
      object(close_code::too_big, 413, "message: must be at most " + std::to_string(most) + " bytes long");
    } else if (!is_begun_ && !request_bytes_.cover(buffer_.size())) {
      object(close_code::try_again_later, 503, "start: too many large requests at once");
    } else if (!is_begun_ && buffer_.size() / hub_.lim.body_bytes > extended_) {
      ++extended_;  // each further mebibyte has the time that the first had
      must_start_by_ = heard_ + hub_.lim.body_time;
    }
  } while (!web_.is_message_done());
  co_return true;
}

auto conversation::hear_first() -> task<> {
  const auto most = static_cast<std::size_t>(hub_.shared.settings.max_body_mb) << 20;
  const bool came = co_await read_message(most);
  if (!came || done_) co_return;
  must_start_by_ = clock::time_point::max();
  parse_first();
  while (!first_ && !done_ && !gone_) co_await pause(room_, std::chrono::seconds{1});
  if (first_ && !done_ && !gone_) begin_with(std::exchange(first_, std::nullopt).value());
}

/// Into `first_`, sooner or later.
void conversation::parse_first() {
  if (!web_.got_text()) return object(close_code::policy_error, 422, "start: must be the first message, as text");
  auto text = beast::buffers_to_string(buffer_.data());
  buffer_ = {};
  if (text.size() <= small_message)
    return void(first_.emplace(read_start(text, hub_.shared.settings, hub_.shared.runtimes)));
  hub_.shared.aside([text = std::move(text), &shared = hub_.shared, self = shared_from_this()] {
    auto read = std::make_shared<checked<actors::execution_request>>(complaint{"start: could not be read"});
    try {
      *read = read_start(text, shared.settings, shared.runtimes);
    } catch (const std::exception& e) {
      spdlog::error("a message could not be read: {}", e.what());
    }
    asio::post(self->socket_.get_executor(), [read, self] {
      self->first_.emplace(std::move(*read));
      self->wake();
    });
  });
}

void conversation::begin_with(checked<actors::execution_request> read) {
  if (auto* what = std::get_if<actors::execution_request>(&read)) return begin(std::move(*what));
  hub_.shared.metrics.submission("stream", "invalid");
  const auto& wrong = std::get<complaint>(read);
  object(close_code::policy_error, static_cast<unsigned>(wrong.status), wrong.detail);
}

void conversation::hear() {
  if (done_) return;
  const std::string_view bytes{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  if (!web_.got_text()) return talk_->give(bytes);
  auto read = read_saying(bytes, has_terminal_);
  if (const auto* wrong = std::get_if<complaint>(&read)) return object(close_code::policy_error, 422, wrong->detail);
  const auto& said = std::get<saying>(read);
  if (const auto* some = std::get_if<input>(&said)) talk_->give(some->bytes);
  if (std::holds_alternative<end_of_input>(said)) talk_->end_input();
  if (const auto* one = std::get_if<send_signal>(&said)) talk_->signal(one->number);
  if (const auto* size = std::get_if<resize>(&said)) talk_->resize(size->to);
}

auto conversation::wait_for_room() -> task<> {
  while (talk_->waiting() > most_input && !done_ && !gone_) {
    paused_ = true;
    co_await pause(room_, std::chrono::hours{1});
  }
  if (std::exchange(paused_, false)) heard_ = clock::now();
}

}  // namespace lazaret::http::stream
