#pragma once
/// Patterns of relative paths, as shells and .gitignore have them: `*` and `?` stand for anything but `/`, `[a-z]` and
/// `[!_]` for one such byte, `**` for anything, `**/` at the beginning or after a `/` for any number of directories,
/// also none. All else, and a `[` that nothing closes, stands for itself. Bytes, not characters.

#include <bitset>
#include <string_view>
#include <vector>

namespace lazaret::sandbox {

class path_pattern {
 public:
  explicit path_pattern(std::string_view text);

  /// Takes time in proportion to the product of both lengths, whatever they are.
  [[nodiscard]] bool matches(std::string_view path) const;
  /// Can anything below this directory match? `directory`: without a `/` at its end.
  [[nodiscard]] bool may_match_below(std::string_view directory) const;

 private:
  enum class kind : std::uint8_t { one, within, across, directories };
  struct step {
    kind what = kind::one;
    std::bitset<256> set;  ///< of `one`
  };
  /// Which steps may come next, the last one's end included; by index.
  using places = std::vector<char>;

  void spread(places& at, bool component_starts) const;
  [[nodiscard]] places read(std::string_view path) const;

  std::vector<step> steps_;
};

}  // namespace lazaret::sandbox
