#include "http/quartermaster/prebuild_body.hpp"

#include <algorithm>
#include <charconv>

#include "actors/prebuild/shelf.hpp"
#include "http/quartermaster/fields.hpp"
#include "http/validate.hpp"
#include "sandbox/runtimes/runtimes.hpp"

namespace lazaret::http::quartermaster {
namespace {

constexpr std::string_view prefix = "prebuilt-";

std::string supported() {
  std::string names;
  for (const auto& one : sandbox::runtimes()) (names += names.empty() ? "" : ", ") += one.name;
  return names;
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace

std::string_view bare_tag(std::string_view name) noexcept {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

std::string full_tag(std::string_view bare) { return std::string{prefix} + std::string{bare}; }

std::variant<prebuild_request, response> read_prebuild(std::string_view body, std::string_view content_type) {
  complaints wrong;
  const auto object = read_body(body, content_type, wrong);
  if (!object) return wrong.answer();
  fields from{*object, wrong};
  prebuild_request read{.tag = {}, .how = {"python", {}}};
  const auto refuse = [&](std::string_view name, const std::string& why) {
    from.refuse("value_error", name, "Value error, " + why);
  };
  const auto before = [&] { return wrong.count(); };
  auto known = before();
  from.text("tag", read.tag, true);
  if (wrong.count() == known) {
    read.tag = bare_tag(trimmed(read.tag));
    if (read.tag.empty())
      refuse("tag", "Tag cannot be empty.");
    else if (!prebuild::is_tag(read.tag))
      refuse("tag", read.tag.size() > 128
                        ? "Tag must have at most 128 characters."
                        : "Tag must contain only alphanumeric characters, hyphens, underscores, or dots.");
  }
  known = before();
  from.text("base_image", read.how.base_image);
  if (wrong.count() == known && sandbox::find_runtime(read.how.base_image) == nullptr)
    refuse("base_image", "Unsupported base image '" + shown(read.how.base_image) + "'. Supported: " + supported());
  from.text("setup_script", read.how.setup_script, true);
  if (read.how.setup_script.find('\0') != std::string::npos) refuse("setup_script", "must not contain NUL");
  if (read.how.setup_script.size() > longest_script)
    from.refuse("string_too_long", "setup_script",
                "String should have at most " + std::to_string(longest_script) + " characters");
  if (!wrong.empty()) return wrong.answer();
  return read;
}

std::variant<std::chrono::hours, response> read_age(std::string_view query) {
  constexpr std::string_view name = "max_age_days";
  constexpr std::int64_t most = 36500;
  std::int64_t days = 7;
  complaints wrong;
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (!pair.starts_with(name) || pair.substr(name.size()).empty() || pair[name.size()] != '=') continue;
    const auto text = pair.substr(name.size() + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
    if (error == std::errc::invalid_argument || end != text.data() + text.size())
      wrong.add_query("int_parsing", name, "Input should be a valid integer, unable to parse string as an integer",
                      text);
    else if (text.starts_with('-') && (days < 0 || error != std::errc{}))
      wrong.add_query("greater_than_equal", name, "Input should be greater than or equal to 0", text);
    else
      days = error == std::errc{} ? std::min(days, most) : most;
  }
  if (!wrong.empty()) return wrong.answer();
  return std::chrono::hours{24 * days};
}

}  // namespace lazaret::http::quartermaster
