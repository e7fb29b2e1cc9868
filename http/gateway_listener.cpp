#include "http/gateway_listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <thread>
#include <vector>

#include "actors/at_work.hpp"

namespace lazaret::http {
namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using download::gateway_request;
using download::gateway_response;

namespace {

auto into(error_code& ec) { return asio::redirect_error(asio::use_awaitable, ec); }

/// The status line and headers; the body follows by hand, so that a file is streamed whatever its offset is.
beast::http::response<beast::http::empty_body> head_of(const gateway_response& r, unsigned version, bool keep_alive) {
  beast::http::response<beast::http::empty_body> head{static_cast<beast::http::status>(r.status), version};
  if (!r.reason.empty()) head.reason(r.reason);
  head.set(beast::http::field::content_type, r.content_type);
  head.set(beast::http::field::cache_control, "no-store");
  head.content_length(r.file ? r.file_size : r.body.size());
  head.keep_alive(keep_alive);
  return head;
}

}  // namespace

class gateway_listener::server {
 public:
  server(sandbox::unique_fd listener, answerer answer, gateway_listener_options options)
      : options_{options}, answer_{std::move(answer)}, acceptor_{io_}, room_{io_}, workers_{options.answering} {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    error_code ec;
    acceptor_.assign(bound.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), listener.get(), ec);
    if (!ec) (void)listener.release();
    asio::co_spawn(io_, accept(), asio::detached);
    // Its jail's program talks to this thread alone: what that makes of it is the deed of who made the listener.
    thread_ = std::thread{[this, deed = actors::at_work::here()] {
      const actors::at_work here{deed};
      io_.run();
    }};
  }

  ~server() {
    stop_.request_stop();
    io_.stop();
    thread_.join();
    workers_.stop();
    workers_.join();
    // The frames of sessions that were suspended go with io_, which is destroyed last.
  }

 private:
  asio::awaitable<void> accept() {
    for (;;) {
      while (open_ >= options_.most_connections) {
        error_code woken;
        room_.expires_at(asio::steady_timer::time_point::max());
        co_await room_.async_wait(into(woken));
      }
      error_code ec;
      tcp::socket socket{io_};
      co_await acceptor_.async_accept(socket, into(ec));
      if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) co_return;
      if (ec) {  // EMFILE and the like: a pause, not a spin
        room_.expires_after(std::chrono::milliseconds{100});
        co_await room_.async_wait(into(ec));
        continue;
      }
      ++open_;
      asio::co_spawn(io_, serve(beast::tcp_stream{std::move(socket)}), [this](std::exception_ptr) {
        --open_;
        room_.cancel();
      });
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    beast::flat_buffer buffer{options_.largest_header + (8 << 10)};
    error_code ec;
    for (bool first = true, keep = true; keep; first = false) {
      if (!first && buffer.size() == 0) {
        // Waits for the first byte of a further request, then gives it its time.
        stream.expires_after(options_.idle_time);
        const auto n = co_await stream.async_read_some(buffer.prepare(4096), into(ec));
        buffer.commit(n);
        if (ec) break;
      }
      beast::http::request_parser<beast::http::empty_body> parser;
      parser.header_limit(static_cast<std::uint32_t>(options_.largest_header));
      parser.body_limit(0);
      stream.expires_after(options_.header_time);
      co_await beast::http::async_read(stream, buffer, parser, into(ec));
      gateway_response r;
      if (ec == beast::http::error::header_limit || ec == beast::http::error::buffer_overflow) {
        r.status = 431;
      } else if (ec == beast::http::error::body_limit || ec == beast::http::error::unexpected_body) {
        r.status = 413;
      } else if (ec && ec.category() == beast::http::make_error_code(beast::http::error::bad_method).category() &&
                 ec != beast::http::error::end_of_stream && ec != beast::http::error::partial_message) {
        r.status = 400;
      } else if (ec) {
        break;
      } else {
        const auto& request = parser.get();
        keep = request.keep_alive();
        const gateway_request asked{std::string{request.method_string()}, std::string{request.target()},
                                    std::string{request[beast::http::field::accept]}};
        co_await asio::co_spawn(workers_, answer_on_worker(&asked, &r), asio::use_awaitable);
      }
      const bool malformed = static_cast<bool>(ec);
      keep = keep && !malformed;
      const bool bodiless = !malformed && parser.get().method() == beast::http::verb::head;
      const unsigned version = malformed ? 11 : parser.get().version();
      if (!co_await send(stream, r, version, keep, bodiless)) break;
    }
    stream.socket().shutdown(tcp::socket::shutdown_send, ec);
  }

  /// Runs on a worker; whoever awaits it comes back to the I/O thread. By pointer: g++ 12 destroys temporaries of a
  /// co_await expression twice.
  asio::awaitable<void> answer_on_worker(const gateway_request* request, gateway_response* into_response) {
    try {
      *into_response = answer_(*request, stop_.get_token());
    } catch (const std::exception&) {  // out of memory; what was being answered is lost, the run is not
      into_response->status = 500;
    }
    co_return;
  }

  asio::awaitable<bool> send(beast::tcp_stream& stream, const gateway_response& r, unsigned version, bool keep,
                             bool bodiless) {
    error_code ec;
    auto head = head_of(r, version, keep);
    beast::http::response_serializer<beast::http::empty_body> serializer{head};
    stream.expires_after(options_.write_time);
    co_await beast::http::async_write_header(stream, serializer, into(ec));
    if (ec || bodiless) co_return !ec;
    if (!r.file) {
      stream.expires_after(options_.write_time);
      co_await asio::async_write(stream, asio::buffer(r.body), into(ec));
      co_return !ec;
    }
    std::vector<char> block(64 << 10);
    for (std::uint64_t at = 0; at < r.file_size;) {
      const auto n = ::pread(r.file->get(), block.data(), block.size(), static_cast<off_t>(at));
      if (n <= 0) co_return false;  // the connection ends short of its Content-Length, which the client sees
      at += static_cast<std::uint64_t>(n);
      stream.expires_after(options_.write_time);
      co_await asio::async_write(stream, asio::buffer(block.data(), static_cast<std::size_t>(n)), into(ec));
      if (ec) co_return false;
    }
    co_return true;
  }

  const gateway_listener_options options_;
  const answerer answer_;
  std::stop_source stop_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer room_;  // cancelled when a connection ends
  std::size_t open_ = 0;     // of the I/O thread
  asio::thread_pool workers_;
  std::thread thread_;
};

gateway_listener::gateway_listener(sandbox::unique_fd listener, answerer answer, gateway_listener_options options)
    : server_{std::make_unique<server>(std::move(listener), std::move(answer), options)} {}

gateway_listener::~gateway_listener() = default;

}  // namespace lazaret::http
