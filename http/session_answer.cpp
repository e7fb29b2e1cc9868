// The third of a session that gets a request's answer: from a handler, a reader thread or the pipeline.
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "http/exchange.hpp"
#include "http/into.hpp"
#include "http/large_body.hpp"
#include "http/refusal.hpp"

namespace lazaret::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::error_code;

/// A body of at most so much is parsed on the I/O thread that read it.
constexpr std::size_t small_body_bytes = 64 * 1024;

response guarded(const site& shared, auto&& handler) {
  try {
    return handler();
  } catch (const actors::store_unreadable& e) {
    spdlog::error("{}", e.what());
    return refused(shared, {actors::fault::store_away, {}});
  } catch (const std::exception& e) {
    spdlog::error("a handler failed: {}", e.what());
    return failed(500, "internal error");
  }
}

}  // namespace

auto session::answer(const route& to, request asked, std::array<std::string_view, 2> arguments, parser& p,
                     response& given) -> task<> {
  asked.body = p.get().body();
  asked.argument = arguments[0];
  asked.second = arguments[1];
  if (auto at_once = std::get_if<immediate>(&to.handler)) {
    given = guarded(hub_.shared, [&] { return (*at_once)(hub_.shared, asked); });
    co_return;
  }
  // The request has to outlive this frame: another thread may be reading it when the client has long gone.
  auto x = std::make_shared<exchange>();
  const auto old_path = asked.path;
  const auto offset = [&](std::string_view part) { return static_cast<std::size_t>(part.data() - old_path.data()); };
  const std::array offsets{arguments[0].empty() ? 0 : offset(arguments[0]),
                           arguments[1].empty() ? 0 : offset(arguments[1])};
  x->message = p.release();
  x->asked = describe(x->message, client_);
  x->key = asked.key;
  x->asked.key = x->key;
  x->asked.argument = x->asked.path.substr(offsets[0], arguments[0].size());
  x->asked.second = x->asked.path.substr(offsets[1], arguments[1].size());
  x->from = weak_from_this();
  const auto ask = [x, &shared = hub_.shared](asking handler, std::shared_ptr<owed_answer> debt) {
    auto failure = guarded(shared, [&] {
      handler(shared, x->asked, [x, debt](response r) { x->give(std::move(r)); });
      return response{.status = 0};
    });
    if (failure.status != 0) x->give(std::move(failure));
  };
  if (auto blocking = std::get_if<reading>(&to.handler)) {
    asio::post(hub_.readers, [x, &shared = hub_.shared, handler = blocking->answer] {
      x->give(guarded(shared, [&] { return handler(shared, x->asked); }));
    });
    co_await wait_for(*x, hub_.lim.answer_time);
  } else if (!std::holds_alternative<executing>(to.handler)) {
    const auto* opens = std::get_if<upgrading>(&to.handler);
    // The pipeline may keep this past the end of the connection; ~server waits for it.
    ask(opens != nullptr ? opens->admit : std::get<asking>(to.handler), std::make_shared<owed_answer>(hub_));
    co_await wait_for(*x, hub_.lim.answer_time);
    if (opens != nullptr) admitted_ = x;
  } else {
    x->asked.left = x->left.get_token();
    x->ending.emplace(hub_.ending.get_token(), [weak = std::weak_ptr{x}] {
      if (const auto there = weak.lock()) there->left.request_stop();
    });
    auto debt = std::make_shared<owed_answer>(hub_);
    const auto handler = std::get<executing>(to.handler).answer;
    if (x->asked.body.size() <= small_body_bytes)
      ask(handler, std::move(debt));
    else
      asio::post(hub_.readers, [ask, handler, debt = std::move(debt)] { ask(handler, debt); });
    noticing_ = true;
    asio::co_spawn(
        socket_.get_executor(), [self = shared_from_this(), x] { return self->notice_leaving(x); }, asio::detached);
    co_await wait_for(*x, hub_.lim.run_time);
    co_await stop_noticing();
    if (closed_) x->left.request_stop();
  }
  given = x->take();
}

auto session::wait_for(exchange& x, std::chrono::milliseconds most) -> task<> {
  const auto until = clock::now() + most;
  allow(most + hub_.lim.write_time);
  error_code ec;
  while (!closed_ && !x.is_answered() && clock::now() < until) {
    wake_.expires_at(until);
    co_await wake_.async_wait(into(ec));
  }
  if (!x.is_answered()) {
    x.left.request_stop();
    x.give(failed(503, "the service did not answer in time"));
  }
}

auto session::notice_leaving(std::shared_ptr<exchange> x) -> task<> {
  constexpr std::size_t most_ahead = 64 * 1024;
  error_code ec;
  while (!ec && buffer_.size() < most_ahead) {
    const auto n = co_await socket_.async_read_some(buffer_.prepare(4096), into(ec));
    if (!ec) buffer_.commit(n);
  }
  // An end of what the client sends is taken for its leaving, as other servers take it: the two can't be told apart.
  if (ec && ec != asio::error::operation_aborted) {
    x->left.request_stop();
    x->give(failed(503, "the client went away"));
    close();
  }
  noticing_ = false;
  wake_.cancel();
}

auto session::stop_noticing() -> task<> {
  error_code ec;
  if (!closed_) socket_.cancel(ec);
  while (noticing_) {
    wake_.expires_after(std::chrono::seconds{1});
    co_await wake_.async_wait(into(ec));
  }
}

}  // namespace lazaret::http
