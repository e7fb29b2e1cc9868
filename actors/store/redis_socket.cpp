#include "actors/store/redis_socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lazaret::durable::redis {

namespace {

using sandbox::failure;
using sandbox::os_failure;

constexpr const char* nobody_there = "is Redis running there?";
constexpr const char* closed = "Redis closed the connection";

bool wait_for(int fd, short events, milliseconds patience) {
  pollfd one{fd, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&one, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

class plain final : public socket {
 public:
  explicit plain(int fd) : fd_{fd} {}
  plain(const plain&) = delete;
  plain& operator=(const plain&) = delete;
  ~plain() override { ::close(fd_); }

  result<void> send(std::string_view bytes, milliseconds patience) override {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        if (!wait_for(fd_, POLLOUT, patience)) return failure{"redis_send", ETIMEDOUT, "send", "Redis does not read"};
      } else if (errno != EINTR) {
        return os_failure("redis_send", "send", closed);
      }
    }
    return {};
  }

  result<std::size_t> receive(std::span<char> into, milliseconds patience) override {
    while (true) {
      const auto got = ::recv(fd_, into.data(), into.size(), 0);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return failure{"redis_receive", ECONNRESET, "recv", closed};
      if (errno == EAGAIN) {
        if (!wait_for(fd_, POLLIN, patience)) return std::size_t{0};
      } else if (errno != EINTR) {
        return os_failure("redis_receive", "recv", closed);
      }
    }
  }

  [[nodiscard]] bool has_news() const override { return wait_for(fd_, POLLIN, milliseconds{0}); }
  [[nodiscard]] int descriptor() const noexcept override { return fd_; }

 private:
  int fd_;
};

struct ssl_closer {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};

failure tls_failure(const char* call, const SSL* ssl) {
  std::string why;
  if (const long verified = ssl == nullptr ? X509_V_OK : ::SSL_get_verify_result(ssl); verified != X509_V_OK) {
    why = std::string{"certificate: "} + ::X509_verify_cert_error_string(verified);
  } else if (const auto code = ::ERR_get_error(); code != 0) {
    std::array<char, 256> text{};
    ::ERR_error_string_n(code, text.data(), text.size());
    why = text.data();
  } else {
    why = "does Redis speak TLS on that port?";
  }
  ::ERR_clear_error();
  return {"redis_tls", 0, call, std::move(why)};
}

/// TLS between two buffers in memory, so that every byte goes through `plain`: its time-outs, and no SIGPIPE.
class tls final : public socket {
 public:
  tls(std::unique_ptr<socket> under, SSL_CTX* context) : under_{std::move(under)}, ssl_{::SSL_new(context)} {
    if (!ssl_) throw std::bad_alloc{};
    in_ = ::BIO_new(::BIO_s_mem());
    out_ = ::BIO_new(::BIO_s_mem());
    ::SSL_set_bio(ssl_.get(), in_, out_);
  }

  result<void> shake_hands(const std::string& host, milliseconds patience) {
    std::array<unsigned char, 16> ip{};
    const bool is_ip =
        ::inet_pton(AF_INET, host.c_str(), ip.data()) == 1 || ::inet_pton(AF_INET6, host.c_str(), ip.data()) == 1;
    const int named = is_ip ? ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl_.get()), host.c_str())
                            : ::SSL_set1_host(ssl_.get(), host.c_str());
    if (named != 1) return tls_failure("SSL_set1_host", nullptr);
    // RFC 6066 3: no server name for a literal address.
    if (!is_ip) ::SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    auto done = drive("SSL_connect", patience, [this] { return ::SSL_connect(ssl_.get()); });
    if (done && *done == 0) return failure{"redis_tls", ETIMEDOUT, "SSL_connect", "does Redis speak TLS on that port?"};
    if (!done) return done.error();
    return {};
  }

  result<void> send(std::string_view bytes, milliseconds patience) override {
    while (!bytes.empty()) {
      // A record at a time (RFC 8446 5.1), so that the memory between holds no more than that.
      const auto part = bytes.substr(0, 16384);
      auto done = drive("SSL_write", patience,
                        [&] { return ::SSL_write(ssl_.get(), part.data(), static_cast<int>(part.size())); });
      if (!done) return done.error();
      if (*done == 0) return failure{"redis_send", ETIMEDOUT, "send", "Redis does not read"};
      bytes.remove_prefix(*done);
    }
    return {};
  }

  result<std::size_t> receive(std::span<char> into, milliseconds patience) override {
    return drive("SSL_read", patience,
                 [&] { return ::SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())); });
  }

  [[nodiscard]] bool has_news() const override { return under_->has_news(); }
  [[nodiscard]] int descriptor() const noexcept override { return under_->descriptor(); }

 private:
  /// Calls until it has what it wants, moving bytes meanwhile; 0 when none came in time.
  template <class Call>
  result<std::size_t> drive(const char* name, milliseconds patience, Call call) {
    std::array<char, 16384> buffer;
    while (true) {
      ::ERR_clear_error();
      const int done = call();
      const int error = done > 0 ? SSL_ERROR_NONE : ::SSL_get_error(ssl_.get(), done);
      // Before anything else: a fatal alert tells the other side why.
      while (::BIO_ctrl_pending(out_) > 0) {
        const int size = ::BIO_read(out_, buffer.data(), static_cast<int>(buffer.size()));
        if (size <= 0) break;
        if (auto sent = under_->send({buffer.data(), static_cast<std::size_t>(size)}, patience); !sent) {
          return sent.error();
        }
      }
      if (done > 0) return static_cast<std::size_t>(done);
      if (error == SSL_ERROR_ZERO_RETURN) return failure{"redis_receive", ECONNRESET, name, closed};
      if (error != SSL_ERROR_WANT_READ) return tls_failure(name, ssl_.get());
      auto got = under_->receive(buffer, patience);
      if (!got) return got.error();
      if (*got == 0) return std::size_t{0};
      if (::BIO_write(in_, buffer.data(), static_cast<int>(*got)) != static_cast<int>(*got)) throw std::bad_alloc{};
    }
  }

  std::unique_ptr<socket> under_;
  std::unique_ptr<SSL, ssl_closer> ssl_;
  BIO* in_ = nullptr;   // the SSL's
  BIO* out_ = nullptr;  // the SSL's
};

result<std::unique_ptr<socket>> connect_to(int family, const sockaddr* where, socklen_t size, const std::string& shown,
                                           milliseconds patience) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return os_failure("redis_connect", "socket");
  auto made = std::make_unique<plain>(fd);
  // EAGAIN: a unix socket whose backlog is full (connect(2)).
  if (::connect(fd, where, size) != 0) {
    if (errno != EINPROGRESS) return os_failure("redis_connect", "connect " + shown, nobody_there);
    if (!wait_for(fd, POLLOUT, patience)) return failure{"redis_connect", ETIMEDOUT, "connect " + shown, nobody_there};
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return failure{"redis_connect", error, "connect " + shown, nobody_there};
  }
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  return std::unique_ptr<socket>{std::move(made)};
}

result<std::unique_ptr<socket>> connect_host(const address& to, milliseconds patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found); error != 0) {
    return failure{"redis_connect", 0, "getaddrinfo " + to.host, ::gai_strerror(error)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
  failure last{"redis_connect", 0, "connect " + to.shown(), nobody_there};
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    auto made = connect_to(one->ai_family, one->ai_addr, one->ai_addrlen, to.shown(), patience);
    if (made) return made;
    last = made.error();
  }
  return last;
}

}  // namespace

result<dialer> dialer::make(address to) {
  dialer made{std::move(to)};
  const auto& a = made.to_;
  if (a.via != address::transport::tls) return made;
  std::shared_ptr<SSL_CTX> context{::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free};
  if (!context) throw std::bad_alloc{};
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const auto unreadable = [](const std::string& file) {
    auto f = tls_failure(file.c_str(), nullptr);
    f.hint = "no certificate or key in PEM could be read there (" + f.hint + ")";
    return f;
  };
  if (!a.ca_file.empty() && ::SSL_CTX_load_verify_file(context.get(), a.ca_file.c_str()) != 1)
    return unreadable(a.ca_file);
  // OpenSSL opens a folder only when it looks for a certificate, and takes one that isn't there.
  if (!a.ca_dir.empty() && (::access((a.ca_dir + "/.").c_str(), R_OK | X_OK) != 0 ||
                            ::SSL_CTX_load_verify_dir(context.get(), a.ca_dir.c_str()) != 1)) {
    return unreadable(a.ca_dir);
  }
  if (a.ca_file.empty() && a.ca_dir.empty()) ::SSL_CTX_set_default_verify_paths(context.get());
  if (!a.certificate.empty()) {
    if (::SSL_CTX_use_certificate_chain_file(context.get(), a.certificate.c_str()) != 1)
      return unreadable(a.certificate);
    if (::SSL_CTX_use_PrivateKey_file(context.get(), a.private_key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        ::SSL_CTX_check_private_key(context.get()) != 1) {
      return unreadable(a.private_key);
    }
  }
  made.tls_ = std::move(context);
  return made;
}

result<std::unique_ptr<socket>> dialer::dial(milliseconds patience) const {
  if (to_.via == address::transport::unix_socket) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, to_.path.data(), to_.path.size());
    return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&where), sizeof where, to_.shown(), patience);
  }
  auto made = connect_host(to_, patience);
  if (!made || !tls_) return made;
  auto secured = std::make_unique<tls>(std::move(*made), static_cast<SSL_CTX*>(tls_.get()));
  if (auto shaken = secured->shake_hands(to_.host, patience); !shaken) return shaken.error();
  return std::unique_ptr<socket>{std::move(secured)};
}

}  // namespace lazaret::durable::redis
