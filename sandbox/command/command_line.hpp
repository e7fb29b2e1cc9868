#pragma once
/// What the words after `lazaret jail` mean. Pure: looks at nothing but the words.

#include <span>
#include <string>
#include <vector>

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::sandbox::command {

enum class deed : std::uint8_t { run, explain, self_test, help };

struct command_line {
  deed what = deed::run;
  const preset* from = nullptr;
  sandbox::policy policy;                ///< the preset's, as the options changed it; argv is CMD
  std::vector<std::string> shown, lent;  ///< host paths that --bind named, read-only and writable
  bool json = false;
};

/// `words`: what follows `jail`. The failure's subject names the word that is wrong.
[[nodiscard]] result<command_line> parse(std::span<char* const> words);

/// An option, as the help knows it. The help's text and the parser are tested against each other through this.
struct option {
  const char* name;      ///< with its dashes
  const char* argument;  ///< null: a flag
  const char* meaning;
};
[[nodiscard]] std::span<const option> options();

/// `64M`, `1.5G`, `4096`: bytes, binary multiples (K, M, G, T, also KiB).
[[nodiscard]] result<bytes> parse_size(std::string_view text);
/// `2.5`: seconds; also `100ms`, `5m`, `1h`.
[[nodiscard]] result<std::chrono::milliseconds> parse_time(std::string_view text);

}  // namespace lazaret::sandbox::command
