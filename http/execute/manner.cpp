#include "http/execute/manner.hpp"

#include <algorithm>

#include "http/listed.hpp"

namespace lazaret::http {
namespace {

/// `Prefer: wait=10, respond-async; x=y`: names in any case, parameters that nobody knows left aside (RFC 7240, section
/// 2).
bool prefers_async(std::string_view prefer) {
  constexpr std::string_view wanted = "respond-async";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  bool found = false;
  for_each_listed(prefer, [&](std::string_view one) {
    return found = std::ranges::equal(trimmed(one.substr(0, one.find(';'))), wanted, same);
  });
  return found;
}

}  // namespace

checked<execution_manner> take_manner(boost::json::object& body, std::string_view prefer) {
  const auto found = body.find("async");
  if (found == body.end()) {
    const bool preferred = prefers_async(prefer);
    return execution_manner{preferred, preferred};
  }
  const auto* later = found->value().if_bool();
  if (later == nullptr) return complaint{"async: must be true or false"};
  const execution_manner manner{*later, false};
  body.erase(found);
  return manner;
}

}  // namespace lazaret::http
