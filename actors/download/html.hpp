#pragma once
/// The few things of HTML that a PEP 503 page needs, taken from text that may be anything. Pure; time and memory are
/// linear in the input.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lazaret::download {

struct html_tag {
  std::string name;                                             ///< lower case
  std::vector<std::pair<std::string, std::string>> attributes;  ///< names in lower case, values with entities decoded

  /// The first attribute of that name; null when there is none.
  [[nodiscard]] const std::string* find(std::string_view attribute) const noexcept;
};

/// Calls `seen` for each start tag, in order, until it returns false. Comments, declarations, end tags and the content
/// of script and style are passed over; what is not understood is text. Tags beyond 64 KiB are passed over.
void each_start_tag(std::string_view html, const std::function<bool(const html_tag&)>& seen);

/// `&lt;`, `&#60;`, `&#x3c;`, ...: the five names of XML and all numbers; anything else stays as it is.
[[nodiscard]] std::string decode_entities(std::string_view text);

}  // namespace lazaret::download
