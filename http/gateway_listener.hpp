#pragma once
/// Serves one run's registry gateway on a listening socket that was made inside the jail's network namespace.
///
/// HTTP/1.1 with keep-alive. Who connects is hostile: connections, headers, bodies and every wait are bounded. One
/// thread does the I/O, a few more wait for answers; all of them belong to the object.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>

#include "actors/download/gateway.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::http {

struct gateway_listener_options {
  std::size_t most_connections = 32;  ///< further ones wait in the kernel's backlog
  std::size_t answering = 4;          ///< answers at a time; each may block on a download
  std::size_t largest_header = 16 << 10;
  std::chrono::seconds header_time{15};  ///< for a request to arrive, counted from its first chance
  std::chrono::seconds idle_time{60};    ///< between two requests of a connection
  std::chrono::seconds write_time{30};   ///< for each block of a body to be taken
};

class gateway_listener {
 public:
  /// Called on any of the object's threads, several at a time; ends soon after a stop request.
  using answerer = std::function<download::gateway_response(const download::gateway_request&, std::stop_token)>;

  /// `listener`: a TCP socket that listens. Serving begins at once.
  gateway_listener(sandbox::unique_fd listener, answerer answer, gateway_listener_options options = {});
  /// Closes everything, stops what is being answered, and waits for the threads.
  ~gateway_listener();
  gateway_listener(const gateway_listener&) = delete;
  gateway_listener& operator=(const gateway_listener&) = delete;

 private:
  class server;
  std::unique_ptr<server> server_;
};

}  // namespace lazaret::http
