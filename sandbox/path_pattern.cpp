#include "sandbox/path_pattern.hpp"

#include <algorithm>

namespace lazaret::sandbox {
namespace {

std::size_t index(char c) { return static_cast<unsigned char>(c); }

/// `[...]` at the beginning of `text`: its set, and how long it is; 0 when it is none.
std::size_t read_set(std::string_view text, std::bitset<256>& into) {
  const bool others = text.size() > 1 && (text[1] == '!' || text[1] == '^');
  const std::size_t first = others ? 2 : 1;
  const auto end = text.find(']', first + 1);  // one that comes first is a member
  if (end == text.npos) return 0;
  for (std::size_t i = first; i < end; ++i) {
    if (i + 2 < end && text[i + 1] == '-') {
      for (std::size_t c = index(text[i]); c <= index(text[i + 2]); ++c) into.set(c);
      i += 2;
    } else {
      into.set(index(text[i]));
    }
  }
  if (others) into.flip();
  into.reset('/');
  return end + 1;
}

}  // namespace

path_pattern::path_pattern(std::string_view text) {
  bool component_starts = true;
  while (!text.empty()) {
    step next;
    std::size_t used = 1;
    if (component_starts && text.starts_with("**/")) {
      next.what = kind::directories, used = 3;
    } else if (text.starts_with("**")) {
      next.what = kind::across, used = 2;
    } else if (text.front() == '*') {
      next.what = kind::within;
    } else if (text.front() == '?') {
      next.set.set().reset('/');
    } else if (text.front() != '[' || (used = read_set(text, next.set)) == 0) {
      next.set.set(index(text.front())), used = 1;
    }
    component_starts = text[used - 1] == '/';
    steps_.push_back(next);
    text.remove_prefix(used);
  }
}

/// What can be passed by without reading anything.
void path_pattern::spread(places& at, bool component_starts) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto what = steps_[i].what;
    if (at[i] != 0 && what != kind::one && (what != kind::directories || component_starts)) at[i + 1] = 1;
  }
}

path_pattern::places path_pattern::read(std::string_view path) const {
  places at(steps_.size() + 1, 0), next(steps_.size() + 1, 0);
  at[0] = 1;
  spread(at, true);
  for (const char c : path) {
    std::ranges::fill(next, 0);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (at[i] == 0) continue;
      const auto& s = steps_[i];
      if (s.what == kind::one) {
        if (s.set[index(c)]) next[i + 1] = 1;
      } else if (s.what != kind::within || c != '/') {
        next[i] = 1;
      }
    }
    spread(next, c == '/');
    at.swap(next);
  }
  return at;
}

bool path_pattern::matches(std::string_view path) const { return read(path).back() != 0; }

bool path_pattern::may_match_below(std::string_view directory) const {
  const auto at = read(std::string{directory} + "/");
  return std::any_of(at.begin(), at.end() - 1, [](char c) { return c != 0; });
}

}  // namespace lazaret::sandbox
