#include "http/listener.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <cerrno>
#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/into.hpp"
#include "http/session.hpp"

namespace lazaret::http {
namespace {

namespace asio = boost::asio;
using error_code = boost::system::error_code;
using tcp = asio::ip::tcp;

/// Else the kernel takes megabytes at once and then says nothing until a third of them has gone: a reader that is slow
/// would look like one that does not read (Documentation/networking/ip-sysctl.rst, tcp_notsent_lowat).
constexpr int unsent_bytes = 128 * 1024;

/// The rate limit goes by this text, so a client has one name only: `::ffff:1.2.3.4` is 1.2.3.4.
std::string name_of(const tcp::endpoint& peer) {
  auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

/// Best effort: one write into an empty socket buffer, then goodbye.
void turn_away(session::socket& client) {
  constexpr std::string_view text =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 33\r\nRetry-After: 1\r\n"
      "Connection: close\r\n\r\n{\"detail\":\"too many connections\"}";
  error_code ignored;
  client.non_blocking(true, ignored);
  client.write_some(asio::const_buffer{text.data(), text.size()}, ignored);
  client.shutdown(tcp::socket::shutdown_both, ignored);
}

/// Asio's own accept leaves the socket open across exec(2): a jailer that is started again would inherit every
/// connection, and a client would wait for ever on one that the service has closed.
int accept_from(int listening, tcp::endpoint& peer) {
  auto size = static_cast<socklen_t>(peer.capacity());
  const int fd = ::accept4(listening, peer.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) peer.resize(size);
  return fd;
}

bool is_passing(int error) { return error == EAGAIN || error == EINTR || error == ECONNABORTED || error == EPROTO; }

}  // namespace

sandbox::result<std::shared_ptr<listener>> listener::open(hub& h, asio::io_context& io, const std::string& address,
                                                          std::uint16_t port, const front& stands_for) {
  const auto subject = address + " port " + std::to_string(port);
  error_code ec;
  const auto ip = asio::ip::make_address(address, ec);
  if (ec) return sandbox::failure{"listen", EINVAL, subject, "HOST is a numeric address"};
  const tcp::endpoint where{ip, port};
  asio::basic_socket_acceptor<tcp, strand> acceptor{asio::make_strand(io)};
  auto attempt = [&](auto&& step) {
    if (!ec) step();
  };
  attempt([&] { acceptor.open(where.protocol(), ec); });
  attempt([&] { ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC); });
  attempt([&] { acceptor.non_blocking(true, ec); });
  attempt([&] { acceptor.set_option(asio::socket_base::reuse_address{true}, ec); });
  attempt([&] { acceptor.bind(where, ec); });
  attempt([&] { acceptor.listen(asio::socket_base::max_listen_connections, ec); });
  if (ec) return sandbox::failure{"listen", ec.value(), subject, "is another service on that port?"};
  return std::make_shared<listener>(h, io, std::move(acceptor), stands_for);
}

listener::listener(hub& h, asio::io_context& io, asio::basic_socket_acceptor<tcp, strand> acceptor,
                   const front& stands_for)
    : hub_{h}, io_{io}, acceptor_{std::move(acceptor)}, front_{stands_for} {
  error_code ec;
  port_ = acceptor_.local_endpoint(ec).port();
}

void listener::start() {
  asio::co_spawn(
      acceptor_.get_executor(), [self = shared_from_this()] { return self->accept(); }, asio::detached);
}

void listener::stop() {
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
    self->closed_ = true;
  });
}

asio::awaitable<void, strand> listener::accept() {
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, strand> pause{
      acceptor_.get_executor()};
  error_code ec;
  while (acceptor_.is_open() && !hub_.draining) {
    co_await acceptor_.async_wait(tcp::acceptor::wait_read, into(ec));
    if (ec) break;  // closed, by stop()
    tcp::endpoint peer;
    const int fd = accept_from(acceptor_.native_handle(), peer);
    if (fd < 0 && is_passing(errno)) continue;
    if (fd < 0) {
      // No file descriptors left, mostly. Trying again at once would spin.
      spdlog::warn("accept: {}", std::strerror(errno));
      pause.expires_after(std::chrono::milliseconds{100});
      co_await pause.async_wait(into(ec));
      continue;
    }
    session::socket client{asio::make_strand(io_), peer.protocol(), fd};
    if (hub_.connections() >= hub_.lim.connections) {
      turn_away(client);
      continue;
    }
    client.set_option(tcp::no_delay{true}, ec);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
    std::make_shared<session>(hub_, front_, std::move(client), name_of(peer))->start();
  }
}

}  // namespace lazaret::http
