#include "http/quartermaster/body.hpp"

#include <algorithm>
#include <array>

#include "http/quartermaster/amount.hpp"
#include "http/quartermaster/fields.hpp"
#include "http/validate.hpp"

namespace lazaret::http::quartermaster {
namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::array<std::string_view, 3> reserved{"ENCODED_CODE", "ENCODED_FILES", "CUSTOM_ENTRYPOINT"};
constexpr std::size_t most_files = 10'000;
/// execve(2): what a program gets of arguments and environment, well below a quarter of the usual stack; each string
/// fits in 32 pages.
constexpr std::size_t most_environment = 512 << 10, longest_variable = 32 * 4096 - 1;
/// In bytes; Docker's own least (6 MiB) for memory, some room for the main file for the disk.
constexpr std::uint64_t least_memory = 6 << 20, least_disk = 1 << 20;
/// The kernel's own least weight; docker run --cpu-shares.
constexpr std::int64_t least_shares = 2, shares_of_a_core = 1024;

bool has_nul(std::string_view text) { return text.find('\0') != text.npos; }

std::string at_most(std::int64_t most, std::string_view setting) {
  return "Input should be less than or equal to " + std::to_string(most) + " (" + std::string{setting} + ")";
}

std::int64_t read_number(fields& from, std::string_view name, std::int64_t standard, std::int64_t least,
                         std::int64_t most, std::string_view setting) {
  std::optional<std::int64_t> given;
  from.integer(name, given);
  if (!given) return std::min(standard, most);
  if (*given < least)
    from.refuse("greater_than_equal", name, "Input should be greater than or equal to " + std::to_string(least));
  if (*given > most) from.refuse("less_than_equal", name, at_most(most, setting));
  return std::clamp(*given, least, most);
}

sandbox::bytes read_size(fields& from, std::string_view name, const std::string& standard, std::uint64_t least,
                         std::int64_t most_mb, std::string_view setting) {
  const auto most = static_cast<std::uint64_t>(most_mb) << 20;
  std::optional<std::string> given;
  from.text(name, given);
  if (!given) return {std::clamp(read_amount(standard).value_or(most), least, most)};
  const auto amount = read_amount(*given);
  if (!amount)
    from.refuse("value_error", name, "Value error, must be an amount of memory, like 256m or 1g");
  else if (*amount < least)
    from.refuse("value_error", name, "Value error, must be at least " + std::to_string(least >> 20) + "m");
  else if (*amount > most)
    from.refuse("value_error", name,
                "Value error, must be at most " + std::to_string(most_mb) + "m (" + std::string{setting} + ")");
  return {amount.value_or(0)};
}

std::vector<std::string> read_environment(fields& from) {
  constexpr std::string_view name = "environment";
  const auto refuse = [&](const std::string& why) { from.refuse("value_error", name, "Value error, " + why); };
  pairs given;
  from.texts(name, given);
  std::vector<std::string> read;
  std::size_t size = 0;
  for (const auto& [key, value] : given) {
    if (std::ranges::find(reserved, key) != reserved.end())
      refuse("Environment variable '" + key + "' is reserved and cannot be set.");
    else if (key.empty() || key.find('=') != key.npos || has_nul(key))
      refuse("'" + shown(key) + "' is not a variable's name.");
    else if (has_nul(value))
      refuse("Environment variable '" + shown(key) + "' must not contain NUL.");
    else if (key.size() + value.size() >= longest_variable)
      refuse("Environment variable '" + shown(key) + "' is too long.");
    else
      size += read.emplace_back(key + "=" + value).size() + sizeof(char*);
  }
  if (size > most_environment) refuse("The variables are longer than 512 KiB together.");
  return read;
}

std::string read_entrypoint(fields& from) {
  std::optional<std::string> given;
  from.text("entrypoint", given);
  if (!given) return {};
  if (has_nul(*given)) from.refuse("value_error", "entrypoint", "Value error, must not contain NUL");
  if (given->size() > longest_code)
    from.refuse("string_too_long", "entrypoint",
                "String should have at most " + std::to_string(longest_code) + " characters");
  return std::move(*given);
}

pairs read_files(fields& from) {
  pairs given;
  from.texts("files", given);
  if (given.size() > most_files)
    from.refuse("too_long", "files",
                "Dictionary should have at most " + std::to_string(most_files) + " items after validation, not " +
                    std::to_string(given.size()));
  return given;
}

std::optional<recipe> read_recipe(fields& from, complaints& wrong) {
  const auto* object = from.object("prebuild_spec");
  if (object == nullptr) return std::nullopt;
  fields inner{*object, wrong, "prebuild_spec"};
  recipe read;
  inner.text("base_image", read.base_image, true);
  inner.text("setup_script", read.setup_script, true);
  return read;
}

/// Without `.` and empty parts; nothing when no file can have that name.
std::optional<std::string> file_path(std::string_view name) {
  if (name.starts_with('/') || name.ends_with('/') || name.find("..") != name.npos || has_nul(name) ||
      name.size() > 4000)
    return std::nullopt;
  std::string path;
  while (!name.empty()) {
    const auto part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(part.size() + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part.size() > 255) return std::nullopt;
    (path += path.empty() ? "" : "/") += part;
  }
  return path.empty() ? std::nullopt : std::optional{path};
}

}  // namespace

response bad_filename(std::string_view name, std::string_view reason) {
  std::string text = "Invalid filename: " + std::string{name.substr(0, 4096)};
  if (!reason.empty()) text += " (" + std::string{reason} + ")";
  return failed(400, text);
}

std::variant<run_request, response> read_run(std::string_view body, std::string_view content_type,
                                             const config& settings) {
  complaints wrong;
  const auto object = read_body(body, content_type, wrong);
  if (!object) return wrong.answer();
  fields from{*object, wrong};
  run_request read;
  read.allow_network = settings.default_allow_network == "true";
  from.text("code", read.code, true);
  from.text("image", read.image);
  auto files = read_files(from);
  read.entrypoint = read_entrypoint(from);
  read.timeout = std::chrono::seconds{
      read_number(from, "timeout", settings.default_timeout, 1, settings.max_timeout, "MAX_TIMEOUT")};
  read.memory =
      read_size(from, "mem_limit", settings.default_memory, least_memory, settings.max_memory_mb, "MAX_MEMORY_MB");
  const auto most_shares = static_cast<std::int64_t>(std::stod(settings.max_cpu_cores) * shares_of_a_core);
  read.cpu_shares = static_cast<std::uint32_t>(
      read_number(from, "cpu_shares", settings.default_cpu_shares, least_shares, most_shares, "MAX_CPU_CORES"));
  read.disk = read_size(from, "disk_limit", settings.default_disk, least_disk, settings.max_disk_mb, "MAX_DISK_MB");
  from.truth("allow_network", read.allow_network);
  if (read.allow_network && settings.allow_outbound != "true")
    from.refuse("value_error", "allow_network", "Value error, the network is switched off here (ALLOW_OUTBOUND)");
  read.environment = read_environment(from);
  read.prebuild = read_recipe(from, wrong);
  if (!wrong.empty()) return wrong.answer();

  if (read.code.empty() && read.entrypoint.empty()) return failed(400, "Either code or entrypoint must be provided.");
  std::size_t size = read.code.size();
  for (const auto& [name, content] : files) size += content.size();
  if (size > longest_code) return failed(413, "Code size exceeds the limit.");
  for (auto& [name, content] : files) {
    auto path = file_path(name);
    if (!path) return bad_filename(name);
    read.files.push_back({std::move(*path), std::move(content)});
    read.names.push_back(std::move(name));
  }
  return read;
}

}  // namespace lazaret::http::quartermaster
