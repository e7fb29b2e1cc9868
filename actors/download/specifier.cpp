#include "actors/download/specifier.hpp"

#include <algorithm>
#include <array>

namespace lazaret::download {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  return from == text.npos ? std::string_view{} : text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

/// `candidate` begins with the prefix: same epoch, the release padded with zeros, and then, when the prefix has a
/// pre-release and so on, exactly that.
bool has_prefix(const version& prefix, const version& candidate) {
  auto shortened = candidate;
  shortened.local.clear();
  shortened.release.resize(prefix.release.size());
  if (prefix.pre || prefix.post || prefix.dev) {
    if (!prefix.post && !prefix.dev) shortened.post.reset(), shortened.dev.reset();
    if (!prefix.dev) shortened.dev.reset();
  } else {
    shortened.pre.reset();
    shortened.post.reset();
    shortened.dev.reset();
  }
  return compare_public(prefix, shortened) == 0;
}

bool equals(const specifier& s, const version& candidate) {
  if (s.is_prefix) return has_prefix(*s.to, candidate);
  return (s.to->local.empty() ? compare_public(candidate, *s.to) : compare(candidate, *s.to)) == 0;
}

std::optional<specifier> parse_one(std::string_view text) {
  constexpr std::array<std::string_view, 8> operators{"===", "==", "!=", "<=", ">=", "~=", "<", ">"};
  text = trimmed(text);
  const auto op = std::find_if(operators.begin(), operators.end(), [&](auto o) { return text.starts_with(o); });
  if (op == operators.end()) return std::nullopt;
  specifier s{std::string{*op}, std::string{trimmed(text.substr(op->size()))}, {}, false};
  if (s.written.empty()) return std::nullopt;
  if (s.op == "===") {
    s.to = parse_version(s.written);
    return s;
  }
  std::string_view right = s.written;
  if ((s.op == "==" || s.op == "!=") && right.ends_with(".*")) {
    s.is_prefix = true;
    right.remove_suffix(2);
  }
  s.to = parse_version(right);
  if (!s.to || (s.is_prefix && (s.to->dev || !s.to->local.empty()))) return std::nullopt;
  if (s.op == "~=" && s.to->release.size() < 2) return std::nullopt;
  if (s.op != "==" && s.op != "!=" && !s.to->local.empty()) return std::nullopt;
  return s;
}

}  // namespace

std::optional<std::vector<specifier>> parse_specifiers(std::string_view text) {
  std::vector<specifier> all;
  for (text = trimmed(text); !text.empty();) {
    const auto comma = std::min(text.find(','), text.size());
    const auto part = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (part.empty()) continue;  // `>=3.6,` is written by many
    auto one = all.size() < 64 ? parse_one(part) : std::nullopt;
    if (!one) return std::nullopt;
    all.push_back(std::move(*one));
  }
  return all;
}

bool allows(const specifier& s, const version& candidate) {
  if (s.op == "===") {
    const auto lower = [](std::string text) {
      for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      return text;
    };
    return lower(s.written) == candidate.text();
  }
  if (s.op == "==") return equals(s, candidate);
  if (s.op == "!=") return !equals(s, candidate);
  if (s.op == "<=") return compare_public(candidate, *s.to) <= 0;
  if (s.op == ">=") return compare_public(candidate, *s.to) >= 0;
  if (s.op == "<") {
    if (compare(candidate, *s.to) >= 0) return false;
    return s.to->is_prerelease() || !candidate.is_prerelease() || compare_release(candidate, *s.to) != 0;
  }
  if (s.op == ">") {
    if (compare(candidate, *s.to) <= 0) return false;
    const bool same_base = compare_release(candidate, *s.to) == 0;
    if (!s.to->post && candidate.post && same_base) return false;
    return candidate.local.empty() || !same_base;
  }
  // ~=2.2.post3 means >=2.2.post3, ==2.*
  version prefix;
  prefix.epoch = s.to->epoch;
  prefix.release.assign(s.to->release.begin(), s.to->release.end() - 1);
  return compare_public(candidate, *s.to) >= 0 && has_prefix(prefix, candidate);
}

bool allows(const std::vector<specifier>& all, const version& candidate) {
  return std::all_of(all.begin(), all.end(), [&](const specifier& s) { return allows(s, candidate); });
}

}  // namespace lazaret::download
