#include "actors/download/html.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace lazaret::download {
namespace {

constexpr std::size_t longest_tag = 64 << 10;

constexpr bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
constexpr bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = 0xFFFD;
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  }
}

/// Reads one tag from a cursor that stands behind `<`. Nothing when it does not end within the bound.
class tag_reader {
 public:
  explicit tag_reader(std::string_view rest) : rest_{rest.substr(0, longest_tag)} {}

  std::optional<html_tag> read() {
    html_tag tag{lowered(word()), {}};
    while (at_ < rest_.size()) {
      const char c = rest_[at_];
      if (c == '>') return ++at_, tag;
      if (space(c) || c == '/') {
        ++at_;
        continue;
      }
      read_attribute(tag);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::size_t consumed() const { return at_; }

 private:
  std::string_view word() {
    const auto from = at_;
    while (at_ < rest_.size() && !space(rest_[at_]) && rest_[at_] != '>' && rest_[at_] != '/') ++at_;
    return rest_.substr(from, at_ - from);
  }
  void skip_space() {
    while (at_ < rest_.size() && space(rest_[at_])) ++at_;
  }
  void read_attribute(html_tag& tag) {
    const auto from = at_++;  // whatever the first character is, it is consumed
    while (at_ < rest_.size() && !space(rest_[at_]) && rest_[at_] != '>' && rest_[at_] != '=' && rest_[at_] != '/')
      ++at_;
    auto key = lowered(rest_.substr(from, at_ - from));
    skip_space();
    std::string_view value;
    if (at_ < rest_.size() && rest_[at_] == '=') {
      ++at_;
      skip_space();
      if (at_ < rest_.size() && (rest_[at_] == '"' || rest_[at_] == '\'')) {
        const char quote = rest_[at_++];
        const auto end = std::min(rest_.find(quote, at_), rest_.size());
        value = rest_.substr(at_, end - at_);
        at_ = std::min(end + 1, rest_.size());
      } else {
        const auto begin = at_;
        while (at_ < rest_.size() && !space(rest_[at_]) && rest_[at_] != '>') ++at_;
        value = rest_.substr(begin, at_ - begin);
      }
    }
    if (tag.attributes.size() < 64) tag.attributes.emplace_back(std::move(key), decode_entities(value));
  }

  std::string_view rest_;
  std::size_t at_ = 0;
};

}  // namespace

const std::string* html_tag::find(std::string_view attribute) const noexcept {
  const auto it =
      std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == attribute; });
  return it == attributes.end() ? nullptr : &it->second;
}

void each_start_tag(std::string_view html, const std::function<bool(const html_tag&)>& seen) {
  for (std::size_t at = 0; (at = html.find('<', at)) != html.npos;) {
    ++at;
    if (html.substr(at).starts_with("!--")) {
      const auto end = html.find("-->", at);
      if (end == html.npos) return;
      at = end;
      continue;
    }
    if (at >= html.size() || !letter(html[at])) continue;
    tag_reader reader{html.substr(at)};
    const auto tag = reader.read();
    at += tag ? reader.consumed() : std::min(longest_tag, html.size() - at);
    if (!tag) continue;
    if (!seen(*tag)) return;
    if (tag->name == "script" || tag->name == "style") {
      at = html.find("</" + tag->name, at);
      if (at == html.npos) return;
    }
  }
}

std::string decode_entities(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> named{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto ampersand = std::min(text.find('&'), text.size());
    out += text.substr(0, ampersand);
    text.remove_prefix(ampersand);
    if (text.empty()) break;
    const auto semicolon = text.substr(0, 12).find(';');
    const auto body = semicolon == text.npos ? std::string_view{} : text.substr(1, semicolon - 1);
    bool decoded = false;
    if (body.starts_with('#')) {
      const bool hex = body.size() > 1 && (body[1] == 'x' || body[1] == 'X');
      const auto digits = body.substr(hex ? 2 : 1);
      std::uint32_t code = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
      if (!digits.empty() && error == std::errc{} && end == digits.data() + digits.size()) {
        append_utf8(out, code);
        decoded = true;
      }
    } else if (const auto it = std::find_if(named.begin(), named.end(), [&](auto& n) { return n.first == body; });
               it != named.end()) {
      out += it->second;
      decoded = true;
    }
    if (!decoded) out += '&';
    text.remove_prefix(decoded ? semicolon + 1 : 1);
  }
  return out;
}

}  // namespace lazaret::download
