#include "http/router.hpp"

#include <algorithm>

namespace lazaret::http {
namespace {

struct arguments {
  std::string_view first, second;
};

/// Does the path fit? If so `found` is what stands for the pattern's `{name}`s, segment by segment.
bool fits(std::string_view pattern, std::string_view path, arguments& found) {
  if (pattern.find('{') == pattern.npos) return pattern == path;
  found = {};
  while (!pattern.empty() && !path.empty()) {
    const auto ours = std::min(pattern.find('/', 1), pattern.size()), theirs = std::min(path.find('/', 1), path.size());
    if (pattern.substr(1, 1) == "{") {
      if (theirs < 2 || path.front() != '/') return false;
      (found.first.empty() ? found.first : found.second) = path.substr(1, theirs - 1);
    } else if (pattern.substr(0, ours) != path.substr(0, theirs)) {
      return false;
    }
    pattern.remove_prefix(ours);
    path.remove_prefix(theirs);
  }
  return pattern.empty() && path.empty();
}

void add_method(std::string& allow, std::string_view method) {
  allow += allow.empty() ? "" : ", ";
  allow += method;
  if (method == "GET") allow += ", HEAD";
}

}  // namespace

match find_route(std::span<const route> table, std::string_view method, std::string_view path) {
  auto wanted = method == "HEAD" ? std::string_view{"GET"} : method;
  match m;
  for (const auto& r : table) {
    arguments found;
    if (!fits(r.pattern, path, found)) continue;
    if (r.method == wanted) return {&r, nullptr, found.first, found.second, {}};
    m.beside = &r;
    add_method(m.allow, r.method);
  }
  if (!m.allow.empty()) m.allow += ", OPTIONS";
  return m;
}

target_parts split_target(std::string_view target) noexcept {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (target.substr(0, scheme.size()) != scheme) continue;
    auto slash = std::min(target.find('/', scheme.size()), target.size());
    target.remove_prefix(slash);
    if (target.empty()) target = "/";
    break;
  }
  if (target == "*") return {"*", {}};
  if (target.empty() || target.front() != '/') return {};
  target = target.substr(0, target.find('#'));
  auto mark = std::min(target.find('?'), target.size());
  return {target.substr(0, mark), mark < target.size() ? target.substr(mark + 1) : std::string_view{}};
}

std::string_view label(const match& m) noexcept { return m.found ? m.found->pattern : "other"; }

}  // namespace lazaret::http
