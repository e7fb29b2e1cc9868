#pragma once
/// What a client of POST /run says (compat/quartermaster.md), checked in the original's order: first everything that a
/// schema can say (422), then no code (400), too much of it (413), names of files (400). Pure; the input is hostile.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/interactive/execution.hpp"
#include "http/config.hpp"
#include "http/message.hpp"

namespace lazaret::http::quartermaster {

/// How a prebuild is made.
struct recipe {
  std::string base_image, setup_script;
};

struct run_request {
  std::string code;
  std::string image = "python";               ///< as written
  std::vector<actors::execution_file> files;  ///< paths normalised; may name the main file, and wins then
  std::vector<std::string> names;             ///< of the files, as the client wrote them
  std::string entrypoint;                     ///< empty: the image's own
  std::chrono::seconds timeout{0};
  sandbox::bytes memory, disk;
  std::uint32_t cpu_shares = 0;
  bool allow_network = false;
  std::vector<std::string> environment;  ///< `NAME=value`
  std::optional<recipe> prebuild;
};

/// Of code and files together, in bytes of UTF-8.
inline constexpr std::size_t longest_code = 1 << 20;

[[nodiscard]] std::variant<run_request, response> read_run(std::string_view body, std::string_view content_type,
                                                           const config& settings);

/// `Invalid filename: NAME`, and why when that isn't plain from the name.
[[nodiscard]] response bad_filename(std::string_view name, std::string_view reason = {});

}  // namespace lazaret::http::quartermaster
