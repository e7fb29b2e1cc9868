/// The least that Beast can do: reads a request, writes a fixed answer, keeps the connection. The baseline of
/// `deploy/bench.sh healthz`. Prints its port; ends with its standard input.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <thread>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

asio::awaitable<void> serve(boost::beast::tcp_stream stream) {
  try {
    boost::beast::flat_buffer buffer;
    for (;;) {
      http::request<http::string_body> request;
      co_await http::async_read(stream, buffer, request, asio::use_awaitable);
      http::response<http::string_body> answer{http::status::ok, request.version()};
      answer.set(http::field::content_type, "application/json");
      answer.body() = R"({"status":"ok"})";
      answer.keep_alive(request.keep_alive());
      answer.prepare_payload();
      co_await http::async_write(stream, answer, asio::use_awaitable);
    }
  } catch (const std::exception&) {
    // The peer is gone.
  }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::make_strand(acceptor.get_executor()), asio::use_awaitable);
    auto stream = boost::beast::tcp_stream{std::move(socket)};
    auto executor = stream.get_executor();
    asio::co_spawn(executor, serve(std::move(stream)), asio::detached);
  }
}

}  // namespace

int main() {
  asio::io_context context{2};
  tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
  std::printf("%u\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, accept(acceptor), asio::detached);
  std::jthread other{[&] { context.run(); }};
  std::jthread watcher{[&] {
    while (std::getchar() != EOF) {
    }
    context.stop();
  }};
  context.run();
}
