#include "actors/download/version.hpp"

#include <algorithm>
#include <array>

namespace lazaret::download {
namespace {

constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool letter(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool separator(char c) { return c == '.' || c == '-' || c == '_'; }

/// PEP 440, appendix B, by hand: std::regex recurses per character, and versions come from strangers.
class reader {
 public:
  explicit reader(std::string text) : text_{std::move(text)} {}

  std::optional<version> read() {
    version v;
    if (peek() == 'v') ++at_;
    auto first = number();
    if (!first) return std::nullopt;
    if (peek() == '!') {
      ++at_;
      v.epoch = *first;
      first = number();
      if (!first) return std::nullopt;
    }
    v.release.push_back(*first);
    while (peek() == '.' && digit(peek(1))) {
      ++at_;
      v.release.push_back(*number());
    }
    read_pre(v);
    read_post(v);
    read_dev(v);
    if (peek() == '+' && !read_local(v)) return std::nullopt;
    return at_ == text_.size() ? std::optional{v} : std::nullopt;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool word(std::string_view w) {
    if (!std::string_view{text_}.substr(at_).starts_with(w)) return false;
    at_ += w.size();
    return true;
  }
  std::optional<natural> number() {
    const auto from = at_;
    while (digit(peek())) ++at_;
    if (at_ == from) return std::nullopt;
    auto digits = text_.substr(from, at_ - from);
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    return natural{digits};
  }
  /// `[-_.]? N`, where no number means 0.
  natural implied_number() {
    const auto before = at_;
    if (separator(peek())) ++at_;
    if (auto n = number()) return *n;
    at_ = before;
    return {};
  }

  void read_pre(version& v) {
    using enum version::pre_phase;
    constexpr std::array<std::pair<std::string_view, version::pre_phase>, 8> words{{{"alpha", alpha},
                                                                                    {"a", alpha},
                                                                                    {"beta", beta},
                                                                                    {"b", beta},
                                                                                    {"preview", candidate},
                                                                                    {"pre", candidate},
                                                                                    {"c", candidate},
                                                                                    {"rc", candidate}}};
    const auto before = at_;
    if (separator(peek())) ++at_;
    for (const auto& [w, phase] : words) {
      if (!word(w)) continue;
      v.pre = {phase, implied_number()};
      return;
    }
    at_ = before;
  }
  void read_post(version& v) {
    const auto before = at_;
    if (peek() == '-' && digit(peek(1))) {
      ++at_;
      v.post = number();
      return;
    }
    if (separator(peek())) ++at_;
    if (word("post") || word("rev") || word("r"))
      v.post = implied_number();
    else
      at_ = before;
  }
  void read_dev(version& v) {
    const auto before = at_;
    if (separator(peek())) ++at_;
    if (word("dev"))
      v.dev = implied_number();
    else
      at_ = before;
  }
  bool read_local(version& v) {
    do {
      ++at_;
      const auto from = at_;
      while (digit(peek()) || letter(peek())) ++at_;
      auto part = text_.substr(from, at_ - from);
      if (part.empty()) return false;
      version::local_part p;
      p.numeric = std::all_of(part.begin(), part.end(), digit);
      if (p.numeric)
        p.number = *reader{part}.number();
      else
        p.text = std::move(part);
      v.local.push_back(std::move(p));
    } while (separator(peek()));
    return true;
  }

  std::string text_;
  std::size_t at_ = 0;
};

std::strong_ordering compare_local(const version& a, const version& b) {
  // No local sorts before any; a shorter one before a longer with the same beginning; text before number.
  return std::lexicographical_compare_three_way(
      a.local.begin(), a.local.end(), b.local.begin(), b.local.end(),
      [](const version::local_part& x, const version::local_part& y) -> std::strong_ordering {
        if (x.numeric != y.numeric) return x.numeric ? std::strong_ordering::greater : std::strong_ordering::less;
        return x.numeric ? x.number <=> y.number : x.text.compare(y.text) <=> 0;
      });
}

/// Where the part is absent it counts as `when_absent` (-1 before everything, 1 after everything).
template <class T>
std::strong_ordering compare_optional(const std::optional<T>& a, int absent_a, const std::optional<T>& b,
                                      int absent_b) {
  const int rank_a = a ? 0 : absent_a, rank_b = b ? 0 : absent_b;
  if (rank_a != rank_b || !a || !b) return rank_a <=> rank_b;
  return *a <=> *b;
}

}  // namespace

std::optional<version> parse_version(std::string_view text) {
  if (text.size() > 256) return std::nullopt;
  const auto from = text.find_first_not_of(" \t\r\n\f\v");
  if (from == text.npos) return std::nullopt;
  std::string lower{text.substr(from, text.find_last_not_of(" \t\r\n\f\v") - from + 1)};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return reader{std::move(lower)}.read();
}

std::string version::text() const {
  std::string out = epoch.digits == "0" ? "" : epoch.digits + "!";
  for (std::size_t i = 0; i < release.size(); ++i) out += (i ? "." : "") + release[i].digits;
  if (pre) out += std::array{"a", "b", "rc"}[static_cast<std::size_t>(pre->first)] + pre->second.digits;
  if (post) out += ".post" + post->digits;
  if (dev) out += ".dev" + dev->digits;
  for (std::size_t i = 0; i < local.size(); ++i)
    out += (i ? "." : "+") + (local[i].numeric ? local[i].number.digits : local[i].text);
  return out;
}

std::strong_ordering compare_release(const version& a, const version& b) {
  if (const auto c = a.epoch <=> b.epoch; c != 0) return c;
  static const natural zero;
  for (std::size_t i = 0; i < std::max(a.release.size(), b.release.size()); ++i) {
    const auto& x = i < a.release.size() ? a.release[i] : zero;
    const auto& y = i < b.release.size() ? b.release[i] : zero;
    if (const auto c = x <=> y; c != 0) return c;
  }
  return std::strong_ordering::equal;
}

std::strong_ordering compare_public(const version& a, const version& b) {
  if (const auto c = compare_release(a, b); c != 0) return c;
  // 1.0.dev1 < 1.0a1 < 1.0 < 1.0.post1: a development release of the final comes before its pre-releases.
  const auto absent_pre = [](const version& v) { return !v.post && v.dev ? -1 : 1; };
  if (const auto c = compare_optional(a.pre, absent_pre(a), b.pre, absent_pre(b)); c != 0) return c;
  if (const auto c = compare_optional(a.post, -1, b.post, -1); c != 0) return c;
  return compare_optional(a.dev, 1, b.dev, 1);
}

std::strong_ordering compare(const version& a, const version& b) {
  const auto c = compare_public(a, b);
  return c != 0 ? c : compare_local(a, b);
}

}  // namespace lazaret::download
