#include "actors/analysis/repr.hpp"

#include <charconv>

namespace lazaret::analysis {
namespace {

constexpr int max_depth = 16;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) return byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F));
  if (code < 0x10000) return byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F));
  if (code < 0x110000) {
    byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)), byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

class repr_reader {
 public:
  explicit repr_reader(std::string_view text) : text_{text} {}

  repr_value value(int depth = 0) {
    skip_blanks();
    const char c = peek();
    if (c == '(' || c == '[' || c == '{') return list(depth);
    if (c == '\'' || c == '"') return string(false);
    if ((c == 'b' || c == 'u') && (peek(1) == '\'' || peek(1) == '"')) return ++at_, string(c == 'b');
    return word();
  }

 private:
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void skip_blanks() {
    while (!done() && (peek() == ' ' || peek() == '\n' || peek() == '\t')) ++at_;
  }

  repr_value list(int depth) {
    repr_value out;
    out.what = repr_value::kind::list;
    ++at_;
    while (!done()) {
      skip_blanks();
      const char c = peek();
      if (c == ')' || c == ']' || c == '}') return ++at_, out;
      if (c == ',' || c == ':') {
        ++at_;
      } else if (depth < max_depth) {
        out.items.push_back(value(depth + 1));
      } else {
        skip_bracketed();
      }
    }
    return out;
  }

  /// Steps over one value of any depth without recursion.
  void skip_bracketed() {
    int open = 0;
    while (!done()) {
      const char c = peek();
      if (c == '\'' || c == '"') {
        static_cast<void>(string(true));
        continue;
      }
      if (c == '(' || c == '[' || c == '{') ++open;
      if ((c == ')' || c == ']' || c == '}') && open-- == 0) return;
      ++at_;
      if (open == 0 && c == ',') return;
    }
  }

  repr_value string(bool bytes) {
    repr_value out;
    out.what = repr_value::kind::text;
    const char quote = peek();
    for (++at_; !done() && peek() != quote; ++at_) {
      if (peek() != '\\')
        out.text += peek();
      else
        escape(out.text, bytes);
    }
    if (!done()) ++at_;
    return out;
  }

  /// At a backslash; leaves the position on the escape's last character.
  void escape(std::string& out, bool bytes) {
    ++at_;
    const auto hex = [&](std::size_t digits) {
      std::uint32_t code = 0;
      const auto* first = text_.data() + at_ + 1;
      const auto* last = first + std::min(digits, text_.size() - std::min(text_.size(), at_ + 1));
      const auto end = std::from_chars(first, last, code, 16).ptr;
      at_ += static_cast<std::size_t>(end - first);
      if (bytes && digits == 2)
        out += static_cast<char>(code);
      else
        append_utf8(out, code);
    };
    switch (peek()) {
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'x':
        hex(2);
        break;
      case 'u':
        hex(4);
        break;
      case 'U':
        hex(8);
        break;
      case '\0':
        if (done()) break;
        [[fallthrough]];
      default:
        out += peek();
    }
  }

  /// A number, a name, or an object: everything up to the comma or bracket that ends it, with balanced brackets inside.
  repr_value word() {
    const auto start = at_;
    int open = 0;
    while (!done()) {
      const char c = peek();
      if (open == 0 && (c == ',' || c == ')' || c == ']' || c == '}' || (c == ':' && peek(1) == ' '))) break;
      if (c == '\'' || c == '"') {
        static_cast<void>(string(true));
        continue;
      }
      if (c == '<' || c == '(' || c == '[' || c == '{') ++open;
      if (open > 0 && (c == '>' || c == ')' || c == ']' || c == '}')) --open;
      ++at_;
    }
    if (at_ == start) ++at_;
    return classified(text_.substr(start, std::min(at_, text_.size()) - start));
  }

  static repr_value classified(std::string_view word) {
    repr_value out;
    if (word == "None") return out;
    if (word == "True" || word == "False") {
      out.what = repr_value::kind::number;
      out.number = word == "True";
    } else if (const auto digits = word.substr(word.starts_with('-') ? 1 : 0);
               !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos) {
      out.what = repr_value::kind::number;
      std::from_chars(word.data(), word.data() + word.size(), out.number);
    } else {
      out.what = repr_value::kind::opaque;
      out.text = word;
    }
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const repr_value& repr_value::operator[](std::size_t i) const noexcept {
  static const repr_value nothing;
  return i < items.size() ? items[i] : nothing;
}

std::vector<std::string> repr_value::texts() const {
  std::vector<std::string> out;
  for (const auto& item : items)
    if (item.is_text()) out.push_back(item.text);
  return out;
}

repr_value read_repr(std::string_view text) { return repr_reader{text}.value(); }

}  // namespace lazaret::analysis
