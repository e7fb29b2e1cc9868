#pragma once
/// The HTTP server: a listener for the API and one for each of FRONTENDS, two I/O threads, a session per connection. It
/// prints nothing.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "actors/service.hpp"
#include "http/config.hpp"
#include "metrics/instruments.hpp"
#include "sandbox/failure.hpp"

namespace lazaret::http {

/// What one client may take of the server. The defaults are for production; tests shorten the times.
struct limits {
  std::size_t header_bytes = 16 * 1024;           ///< 431 beyond
  std::size_t body_bytes = 1024 * 1024;           ///< 413 beyond; of routes that run code, see MAX_BODY_MB
  std::size_t all_large_bodies = 512 << 20;       ///< of all clients, what is over body_bytes; 503 beyond
  std::size_t connections = 1024;                 ///< at a time; beyond: 503 and closed
  std::chrono::milliseconds header_time{10'000};  ///< from a request's first byte to the end of its head
  std::chrono::milliseconds body_time{30'000};    ///< from there to the end of its body
  std::chrono::milliseconds idle_time{60'000};    ///< between requests
  std::chrono::milliseconds write_time{30'000};   ///< for each 64 KiB that the client has to take
  std::chrono::milliseconds answer_time{15'000};  ///< for the pipeline; beyond: 503
  std::chrono::milliseconds run_time{900'000};    ///< the same for a run, whose own limits are far below
  std::chrono::milliseconds heartbeat{15'000};    ///< between signs of life on a silent event stream
};

class server {
 public:
  /// Binds and listens (settings.host, settings.port) but accepts nothing before run(). The three references must
  /// outlive the server. Raises the process's soft limit of open files to what the connections need.
  [[nodiscard]] static sandbox::result<std::unique_ptr<server>> open(const config& settings, actors::service& pipeline,
                                                                     metrics::instruments& metrics, limits lim = {});
  /// Waits for callbacks that the pipeline still owes (at most 12 s after the last request).
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Ports that are listened on; never 0. The main one first, then those of FRONTENDS in their order.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;

  /// Serves on the calling thread and one more. Returns when a drain is over. Call once.
  void run();

  /// Stops accepting, closes idle connections and event streams, lets requests in hand finish for at most that long;
  /// then run() returns. Any thread, any time; what is said first counts.
  void drain(std::chrono::milliseconds patience);

 private:
  struct parts;
  explicit server(std::unique_ptr<parts> p);
  std::unique_ptr<parts> parts_;
};

}  // namespace lazaret::http
