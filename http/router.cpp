#include "http/router.hpp"

#include <algorithm>

namespace lazaret::http {
namespace {

/// Does the path fit? If so `argument` is what stands for the pattern's `{name}`.
bool fits(std::string_view pattern, std::string_view path, std::string_view& argument) {
  auto open = pattern.find('{');
  if (open == pattern.npos) return pattern == path;
  auto after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= open + after.size()) return false;
  if (path.substr(0, open) != pattern.substr(0, open) || path.substr(path.size() - after.size()) != after) return false;
  argument = path.substr(open, path.size() - open - after.size());
  return argument.find('/') == argument.npos;
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
    std::string_view argument;
    if (!fits(r.pattern, path, argument)) continue;
    if (r.method == wanted) return {&r, nullptr, argument, {}};
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
