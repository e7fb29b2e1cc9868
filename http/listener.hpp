#pragma once
/// Accepts connections on one port and makes sessions of them.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "http/hub.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::http {

class listener : public std::enable_shared_from_this<listener> {
 public:
  using tcp = boost::asio::ip::tcp;

  /// Binds and listens. `address` is numeric.
  [[nodiscard]] static sandbox::result<std::shared_ptr<listener>> open(hub& h, boost::asio::io_context& io,
                                                                       const std::string& address, std::uint16_t port,
                                                                       const front& stands_for);
  listener(hub& h, boost::asio::io_context& io, boost::asio::basic_socket_acceptor<tcp, strand> acceptor,
           const front& stands_for);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  void start();
  /// From any thread. Once it is_closed(), the port is free.
  void stop();
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }

 private:
  boost::asio::awaitable<void, strand> accept();

  hub& hub_;
  boost::asio::io_context& io_;
  boost::asio::basic_socket_acceptor<tcp, strand> acceptor_;
  const front& front_;
  std::uint16_t port_ = 0;
  std::atomic<bool> closed_{false};
};

}  // namespace lazaret::http
