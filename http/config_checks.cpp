#include "http/config_checks.hpp"

#include <arpa/inet.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <filesystem>

#include "actors/names.hpp"
#include "actors/store/open_store.hpp"
#include "actors/store/redis_url.hpp"
#include "http/config.hpp"
#include "sandbox/layers.hpp"

namespace lazaret::http {
namespace {

template <std::size_t N>
std::string one_of(std::string_view value, const std::array<std::string_view, N>& words) {
  if (std::find(words.begin(), words.end(), value) != words.end()) return {};
  std::string text = "must be one of";
  for (auto word : words) text += (word == words.front() ? " " : ", ") + std::string{word};
  return text;
}

std::string check_url(std::string_view value, bool plain_only_to_loopback) {
  auto url = boost::urls::parse_uri(boost::core::string_view{value.data(), value.size()});
  if (!url) return "must be an absolute URL";
  if (url->scheme() != "http" && url->scheme() != "https") return "must begin with http:// or https://";
  if (url->host().empty()) return "must name a host";
  if (url->has_userinfo()) return "must not contain credentials";
  if (url->has_fragment()) return "must not contain a fragment";
  auto host = url->host_address();
  if (plain_only_to_loopback && url->scheme() == "http" && host != "localhost" && !is_loopback(host)) {
    return "must begin with https:// (http:// is for loopback only)";
  }
  return {};
}

}  // namespace

std::string check_token(std::string_view value) {
  auto printable = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!printable) return "must be printable ASCII without spaces";
  return value.size() > 4096 ? "must be at most 4096 characters" : "";
}

std::string check_address(std::string_view value) {
  in6_addr ignored{};
  const std::string text{value};
  if (::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1)
    return {};
  return "must be a numeric IPv4 or IPv6 address";
}

std::string check_https_url(std::string_view value) { return check_url(value, true); }
std::string check_http_url(std::string_view value) { return check_url(value, false); }

std::string check_package_name(std::string_view value) {
  return actors::is_package_name(value) ? "" : "must hold package names (letters, digits, `.`, `_`, `-`)";
}

std::string check_store_url(std::string_view value) {
  if (value.starts_with(durable::sqlite_scheme)) return value.find('\0') != value.npos ? "must not contain NUL" : "";
  return check_redis_url(value);
}

std::string check_redis_url(std::string_view value) {
  const auto read = durable::redis::parse_url(value);
  return read ? "" : "must be the URL of a store (sqlite:, redis:, rediss:, unix:): " + read.error().hint;
}

std::string check_role(std::string_view value) {
  return one_of(value, std::array<std::string_view, 3>{"all", "front", "worker"});
}

std::string check_stage(std::string_view value) { return one_of(value, node_stages); }

std::string check_layer(std::string_view value) {
  const auto names = sandbox::parse_layer_names(value);
  return names ? "" : "must hold layers of the jail, of which " + names.error().hint;
}

std::string check_path(std::string_view value) {
  if (value.find('\0') != value.npos) return "must not contain NUL";
  return value.empty() ? "must not be empty" : "";
}

std::string check_optional_path(std::string_view value) { return value.empty() ? std::string{} : check_path(value); }

std::string check_inner_path(std::string_view value) {
  const std::filesystem::path path{value};
  const bool plain = path.is_absolute() && path.lexically_normal() == path && path.has_filename();
  return plain && value.find('\0') == value.npos ? "" : "must be an absolute path without `.`, `..` and empty parts";
}

std::string check_files_pattern(std::string_view value) {
  const auto name = value.substr(value.starts_with("**/") ? 3 : 0);
  return name.empty() || name.find('/') != name.npos ? "must be `**/NAME`, NAME a pattern without `/`" : "";
}

std::string check_user(std::string_view value) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> room{};
  ::getpwnam_r(std::string{value}.c_str(), &entry, room.data(), room.size(), &found);
  return found != nullptr ? "" : "must be the name of an existing user";
}

std::string check_cores(std::string_view value) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), number, std::chars_format::fixed);
  const bool good = error == std::errc{} && end == value.data() + value.size() && number >= 0.1 && number <= 4096;
  return good ? "" : "must be a number from 0.1 to 4096";
}

std::string check_truth(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"true", "false"});
}

std::string check_port_number(std::string_view value) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
  return error == std::errc{} && end == value.data() + value.size() && port != 0 ? "" : "must hold ports, 1 to 65535";
}

std::string check_log_level(std::string_view value) {
  return one_of(value, std::array<std::string_view, 6>{"trace", "debug", "info", "warn", "error", "off"});
}

std::string check_log_format(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"text", "json"});
}

}  // namespace lazaret::http
