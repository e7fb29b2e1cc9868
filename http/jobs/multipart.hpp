#pragma once
/// multipart/form-data (RFC 7578 in the grammar of RFC 2046, section 5.1) out of a body that is in memory. Pure; the
/// parts' contents are views into the body. Written here because Debian 12 has no C++ library that does it apart from a
/// server or a mail client of its own (libmicrohttpd, cgicc, Poco, GMime, cpp-httplib).

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lazaret::http::jobs {

struct part {
  std::string name;                     ///< of the field
  std::optional<std::string> filename;  ///< as sent: a path, perhaps, and any bytes
  std::string_view content;
};

struct multipart_limits {
  std::size_t parts = 2'000;
  std::size_t header_bytes = 8 * 1024;  ///< of one part
};

/// Why a body can't be read, for people.
struct malformed {
  std::string why;
};

/// Is it form data at all? Then the boundary, which is empty when there is none that RFC 2046 allows.
[[nodiscard]] std::optional<std::string> form_boundary(std::string_view content_type);

[[nodiscard]] std::variant<std::vector<part>, malformed> read_multipart(std::string_view boundary,
                                                                        std::string_view body,
                                                                        const multipart_limits& within = {});

/// The last component of a path as clients send it: after the last `/`, or the last `\` of `C:\...`.
[[nodiscard]] std::string_view base_name(std::string_view filename);

}  // namespace lazaret::http::jobs
