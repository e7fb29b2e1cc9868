#pragma once
/// Reads the text that Python's repr() gives for an audit event's arguments: a tuple of str, bytes, int, None, bool,
/// lists, tuples, dicts, and objects (`<...>` or `Name(...)`), which stay opaque. The text is hostile and may be cut
/// anywhere: reading never fails, it keeps what it understood. Depth is at most 16; deeper parts are skipped.
/// Source: the Python Language Reference, 2.4 "Literals"; PyUnicode_Type.tp_repr.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lazaret::analysis {

struct repr_value {
  enum class kind : std::uint8_t { none, text, number, list, opaque };
  kind what = kind::none;
  std::string text;               ///< of str and bytes (raw bytes), or an opaque object's own text
  std::int64_t number = 0;        ///< bool: 0 or 1; out of range: 0
  std::vector<repr_value> items;  ///< of tuple, list, set, dict (keys and values in turn)

  [[nodiscard]] bool is_text() const noexcept { return what == kind::text; }
  /// The item, or a none when there is no such.
  [[nodiscard]] const repr_value& operator[](std::size_t i) const noexcept;
  /// The texts among the items.
  [[nodiscard]] std::vector<std::string> texts() const;
};

[[nodiscard]] repr_value read_repr(std::string_view text);

}  // namespace lazaret::analysis
