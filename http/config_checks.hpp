#pragma once
/// What makes the text of a setting valid. Each returns one phrase that says what is wrong, or nothing.

#include <array>
#include <string>
#include <string_view>

namespace lazaret::http {

/// Those that a node may have or leave to others.
inline constexpr std::array<std::string_view, 6> node_stages{"download", "execution",   "analysis",
                                                             "report",   "interactive", "batch"};

[[nodiscard]] std::string check_token(
    std::string_view value);  ///< printable ASCII without spaces (RFC 6750 b64token and more)
[[nodiscard]] std::string check_address(std::string_view value);       ///< numeric IPv4 or IPv6
[[nodiscard]] std::string check_https_url(std::string_view value);     ///< https, or http to loopback (tests, mirrors)
[[nodiscard]] std::string check_http_url(std::string_view value);      ///< http or https, no credentials, no fragment
[[nodiscard]] std::string check_package_name(std::string_view value);  ///< PEP 508
[[nodiscard]] std::string check_store_url(std::string_view value);     ///< sqlite:, or as check_redis_url()
[[nodiscard]] std::string check_redis_url(std::string_view value);     ///< actors/store/redis_url.hpp
[[nodiscard]] std::string check_role(std::string_view value);
[[nodiscard]] std::string check_stage(std::string_view value);  ///< of node_stages
[[nodiscard]] std::string check_layer(std::string_view value);  ///< of sandbox::layers()
[[nodiscard]] std::string check_path(std::string_view value);
[[nodiscard]] std::string check_optional_path(std::string_view value);  ///< the same, or nothing
[[nodiscard]] std::string check_inner_path(std::string_view value);     ///< absolute, without `.`, `..` or empty parts
/// `[**/]NAME` where NAME is fnmatch(3)'s kind: the pattern is about names, not about directories.
[[nodiscard]] std::string check_files_pattern(std::string_view value);
[[nodiscard]] std::string check_user(std::string_view value);   ///< exists in the user database
[[nodiscard]] std::string check_cores(std::string_view value);  ///< a decimal number, 0.1 to 4096
[[nodiscard]] std::string check_truth(std::string_view value);
[[nodiscard]] std::string check_port_number(std::string_view value);
[[nodiscard]] std::string check_log_level(std::string_view value);
[[nodiscard]] std::string check_log_format(std::string_view value);

}  // namespace lazaret::http
