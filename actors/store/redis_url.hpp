#pragma once
/// Where a Redis is and how it is spoken to, from one URL. Pure; no text made here carries the password.

#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/failure.hpp"

namespace lazaret::durable::redis {

using sandbox::result;

struct address {
  enum class transport : std::uint8_t { tcp, tls, unix_socket } via = transport::tcp;
  std::string host;
  std::uint16_t port = 6379;
  std::string path;  ///< of the unix socket
  std::string user, password;
  unsigned database = 0;  ///< 0..1023
  std::string prefix = "lazaret:";
  std::string ca_file, ca_dir;           ///< whom TLS trusts; both empty: whom the system trusts
  std::string certificate, private_key;  ///< what TLS shows of us (Redis asks unless `tls-auth-clients no`)

  /// For people: without user, password and files.
  [[nodiscard]] std::string shown() const;
};

/// `redis://[user:password@]host[:port][/db]`, the same with `rediss:` for TLS, `unix://[user:password@]/path?db=N`.
/// Parameters: `prefix` ([A-Za-z0-9_.:-]{1,64}), and for TLS `cacert`, `cacertdir`, `cert`, `key` (files, PEM). What is
/// special in a user or password is percent-encoded. The scheme is that of redis-cli -u
/// (https://www.iana.org/assignments/uri-schemes/prov/redis) and of redis-py (unix:).
[[nodiscard]] result<address> parse_url(std::string_view url);

}  // namespace lazaret::durable::redis
