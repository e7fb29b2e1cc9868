#include "tests/http/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>

namespace lazaret::test {
namespace {
constexpr int patience_ms = 10'000;
}

http::config test_config(std::string token) {
  auto loaded = http::load_config(std::nullopt, [](const char*) { return nullptr; });
  auto settings = loaded.value();
  settings.api_token = std::move(token);
  settings.host = "127.0.0.1";
  settings.port = 0;
  return settings;
}

running_server::running_server(http::limits lim, http::config settings) : settings_{std::move(settings)} {
  server_ = std::move(http::server::open(settings_, pipeline, metrics, lim).value());
  port_ = server_->ports().at(0);
  thread_ = std::thread{[this] { server_->run(); }};
}

running_server::~running_server() {
  stop();
  pipeline.answer_late();
  server_.reset();
}

void running_server::stop() {
  server_->drain(std::chrono::seconds{5});
  if (thread_.joinable()) thread_.join();
}

std::string reply::header(std::string_view name) const {
  auto at = head.find("\r\n" + std::string{name} + ": ");
  if (at == head.npos) return {};
  at += name.size() + 4;
  return head.substr(at, head.find("\r\n", at) - at);
}

wire::wire(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error{"connect"};
}

bool wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool wire::read_more() {
  pollfd ready{socket_.get(), POLLIN, 0};
  if (::poll(&ready, 1, patience_ms) <= 0) return false;
  char bytes[65536];
  auto n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(n));
  return true;
}

reply wire::receive(bool head_only) {
  reply r;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos) {
    if (!read_more()) return r;
  }
  r.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  r.status = std::stoi(r.head.substr(9, 3));
  if (head_only || r.status == 204) return r;
  auto length = r.header("Content-Length");
  if (length.empty()) {
    while (read_more()) {
    }
    r.body.swap(buffer_);
    return r;
  }
  while (buffer_.size() < std::stoul(length) && read_more()) {
  }
  r.body = buffer_.substr(0, std::stoul(length));
  buffer_.erase(0, std::stoul(length));
  return r;
}

std::string wire::read_until(std::string_view text) {
  while (buffer_.find(text) == buffer_.npos && read_more()) {
  }
  return buffer_;
}

bool wire::is_closed_within(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{socket_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
    char bytes[65536];
    if (::recv(socket_.get(), bytes, sizeof bytes, 0) <= 0) return true;
  }
}

void wire::half_close() { ::shutdown(socket_.get(), SHUT_WR); }

void wire::reset() {
  linger now{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket_.reset();
}

reply ask(std::uint16_t port, std::string_view method, std::string_view target, std::string_view body,
          std::string_view headers) {
  wire w{port};
  std::string text{method};
  text += " " + std::string{target} + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string{headers};
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  w.send(text + "\r\n" + std::string{body});
  return w.receive(method == "HEAD");
}

bool eventually(const std::function<bool()>& is_so) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

}  // namespace lazaret::test
