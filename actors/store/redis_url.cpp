#include "actors/store/redis_url.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>

namespace lazaret::durable::redis {

namespace {

using transport = address::transport;

sandbox::failure wrong(std::string hint) { return {"redis_url", 0, "the store's URL", std::move(hint)}; }

template <class Number>
std::optional<Number> number(std::string_view text, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

bool is_prefix(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':' || c == '-';
  });
}

bool has_nul(const address& a) {
  const auto nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  return nul(a.host) || nul(a.path) || nul(a.ca_file) || nul(a.ca_dir) || nul(a.certificate) || nul(a.private_key);
}

/// Sets what a parameter says; a sentence when it may not be there.
std::optional<std::string> apply(address& a, const std::string& key, const std::string& value) {
  if (key == "prefix") {
    if (!is_prefix(value)) return "prefix is 1..64 of A-Z a-z 0-9 _ . : -";
    a.prefix = value;
  } else if (key == "db" && a.via == transport::unix_socket) {
    const auto db = number<unsigned>(value, 1023);
    if (!db) return "db is a number, 0..1023";
    a.database = *db;
  } else if (a.via == transport::tls && (key == "cacert" || key == "cacertdir" || key == "cert" || key == "key")) {
    if (value.empty()) return key + " names a file or folder";
    (key == "cacert"      ? a.ca_file
     : key == "cacertdir" ? a.ca_dir
     : key == "cert"      ? a.certificate
                          : a.private_key) = value;
  } else {
    return "it has a parameter that is none of prefix, db (unix:), cacert, cacertdir, cert, key (rediss:)";
  }
  return std::nullopt;
}

}  // namespace

std::string address::shown() const {
  const auto db = std::to_string(database);
  if (via == transport::unix_socket) return "unix://" + path + "?db=" + db;
  const auto shown_host = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return (via == transport::tls ? "rediss://" : "redis://") + shown_host + ":" + std::to_string(port) + "/" + db;
}

result<address> parse_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(text);
  // Not the parser's own words: they are about the syntax, and the text may hold a password.
  if (!parsed) {
    return wrong("redis://[user:password@]host:port/db, percent-encode what is special in a password (/ is %2F)");
  }
  const boost::urls::url_view url = *parsed;
  address a;
  if (url.scheme() == "redis") {
    a.via = transport::tcp;
  } else if (url.scheme() == "rediss") {
    a.via = transport::tls;
  } else if (url.scheme() == "unix") {
    a.via = transport::unix_socket;
  } else {
    return wrong("it begins with redis:, rediss: or unix:");
  }
  a.user = url.user();
  a.password = url.password();
  if (!a.user.empty() && !url.has_password()) return wrong("a user without a password (:password@ for none but that)");
  if (url.has_fragment()) return wrong("it has a #, which belongs percent-encoded (%23)");

  const std::string path = url.path();
  if (a.via == transport::unix_socket) {
    if (!url.host().empty() || path.size() < 2 || path[0] != '/') return wrong("unix:///path/of/the.sock");
    // unix(7): sun_path has 108 bytes with its end.
    if (path.size() > 107) return wrong("a socket's path has at most 107 bytes");
    a.path = path;
  } else {
    a.host =
        url.host_type() == boost::urls::host_type::ipv6 ? std::string{url.host_address()} : std::string{url.host()};
    if (a.host.empty() || a.host.size() > 253) return wrong("it has no host");
    if (url.has_port()) {
      const auto port = number<std::uint16_t>(url.port(), 65535);
      if (!port || *port == 0) return wrong("the port is 1..65535");
      a.port = *port;
    }
    // Boost.URL 1.81 takes h:1x for port 1 and path x.
    if (!path.empty() && path[0] != '/') return wrong("the port is 1..65535");
    if (path.size() > 1) {
      const auto db = number<unsigned>(std::string_view{path}.substr(1), 1023);
      if (!db) return wrong("the path is the number of the database, 0..1023");
      a.database = *db;
    }
  }
  for (const auto parameter : url.params()) {
    if (auto sentence = apply(a, std::string{parameter.key}, std::string{parameter.value})) return wrong(*sentence);
  }
  if (a.certificate.empty() != a.private_key.empty()) return wrong("cert and key belong together");
  if (has_nul(a)) return wrong("it has a NUL");
  return a;
}

}  // namespace lazaret::durable::redis
