#pragma once
/// A real server on a free port of loopback, and a client that sends bytes exactly as told.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "http/server.hpp"
#include "sandbox/unique_fd.hpp"
#include "tests/http/pipeline_double.hpp"

namespace lazaret::test {

/// The defaults of the settings table with a token, on a free port.
http::config test_config(std::string token = "sesame");

class running_server {
 public:
  explicit running_server(http::limits lim = {}, http::config settings = test_config());
  ~running_server();

  pipeline_double pipeline;
  metrics::instruments metrics;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  http::server& server() { return *server_; }
  /// Drains and waits for run() to return.
  void stop();

 private:
  http::config settings_;
  std::unique_ptr<http::server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

struct reply {
  int status = 0;  ///< 0: the server closed without a response
  std::string head, body;
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// Blocking, with a time-out of 10 s for each read (then it behaves as if the server had closed).
class wire {
 public:
  explicit wire(std::uint16_t port);
  /// False when the server closed meanwhile.
  bool send(std::string_view bytes);
  /// One response, by Content-Length or to the end of the connection.
  reply receive(bool head_only = false);
  /// Until the text was seen, or the server closed. Everything read so far.
  std::string read_until(std::string_view text);
  /// True when the server closes within the time.
  bool is_closed_within(std::chrono::milliseconds time);
  void half_close();
  void reset();  ///< closes with RST
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  bool read_more();
  sandbox::unique_fd socket_;
  std::string buffer_;
};

/// One request over a connection of its own.
reply ask(std::uint16_t port, std::string_view method, std::string_view target, std::string_view body = {},
          std::string_view headers = "Authorization: Bearer sesame\r\n");

/// Polls until it is so; fails the test's CHECK by returning false after 10 s.
bool eventually(const std::function<bool()>& is_so);

}  // namespace lazaret::test
