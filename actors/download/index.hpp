#pragma once
/// A project's page of an index: PEP 503 (HTML) and PEP 691 (JSON), with PEP 592 (yanked), 658/714 (metadata files) and
/// 700 (size). Pure: text in, values out; entries that make no sense are left out, a page that makes none is malformed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/download/error.hpp"

namespace lazaret::download {

struct index_file {
  std::string filename;  ///< one path segment, UTF-8, no control characters, at most 255 bytes
  std::string url;       ///< absolute, http or https, without fragment
  std::string sha256;    ///< lower-case hex; empty: the index gives none
  std::string requires_python;
  std::optional<std::string> yanked;  ///< the reason, which may be empty
  std::optional<std::uint64_t> size;
  bool has_metadata = false;  ///< `url` + ".metadata" exists
  std::string metadata_sha256;
};

struct index_page {
  std::vector<index_file> files;  ///< in the page's order, no two with the same filename, at most 200,000
};

/// What a client of PEP 691 accepts, best first.
inline constexpr std::string_view accepted_pages =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
inline constexpr std::string_view json_page = "application/vnd.pypi.simple.v1+json";
inline constexpr std::string_view html_page = "application/vnd.pypi.simple.v1+html";

/// `content_type` decides between the two; what is neither is read as HTML, as static file servers label pages freely.
/// `final_url`: where the page came from after redirects; links are relative to it, or to the page's <base href>.
[[nodiscard]] result<index_page> parse_page(std::string_view body, std::string_view content_type,
                                            std::string_view final_url);

/// `INDEX/NAME/`, the name normalised. `name` must be a package name.
[[nodiscard]] std::string project_url(std::string_view index_url, std::string_view name);

/// RFC 3986, 5.2, tolerant of characters that should have been escaped; empty when it makes no absolute http(s) URL.
/// The scheme comes out in lower case.
[[nodiscard]] std::string resolve_url(std::string_view base, std::string_view reference);
/// Of an absolute URL, as written in it; empty when there is none.
[[nodiscard]] std::string host_of(std::string_view url);

}  // namespace lazaret::download
