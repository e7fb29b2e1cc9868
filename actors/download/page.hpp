#pragma once
/// Writes a project's page as the gateway serves it. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "actors/download/index.hpp"

namespace lazaret::download {

/// `files`' URLs are written as they are; everything that came from the index is escaped.
[[nodiscard]] std::string write_html(std::string_view project, const std::vector<index_file>& files);
[[nodiscard]] std::string write_json(std::string_view project, const std::vector<index_file>& files);

/// Whether an Accept header prefers PEP 691's JSON to HTML (RFC 9110, 12.5.1: the greater q wins; JSON on a tie).
[[nodiscard]] bool prefers_json(std::string_view accept);

}  // namespace lazaret::download
