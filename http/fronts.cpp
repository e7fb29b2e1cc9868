#include "http/fronts.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/jobs/routes.hpp"
#include "http/quartermaster/routes.hpp"
#include "http/snekbox/routes.hpp"

namespace lazaret::http {
namespace {

/// The API on the main port, and those that may have a port of their own.
std::span<const front> fronts() noexcept {
  static const std::array all{front{"api", api()}, front{"snekbox", snekbox::own_port(), &snekbox::falcon},
                              front{"quartermaster", quartermaster::own_port(), &quartermaster::fastapi},
                              front{"jobs", jobs::own_port(), &jobs::fastapi}};
  return all;
}

}  // namespace

const front* find_front(std::string_view name) noexcept {
  const auto all = fronts();
  const auto found = std::ranges::find(all, name, &front::name);
  return found == all.end() ? nullptr : &*found;
}

std::optional<frontend_port> read_frontend(std::string_view entry) noexcept {
  const auto colon = std::min(entry.find(':'), entry.size());
  const auto digits = entry.substr(std::min(colon + 1, entry.size()));
  frontend_port read{find_front(entry.substr(0, colon))};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), read.port);
  const bool good = error == std::errc{} && end == digits.data() + digits.size();
  return good && read.stands_for != nullptr && read.stands_for != &fronts().front() ? std::optional{read}
                                                                                    : std::nullopt;
}

std::string check_frontend(std::string_view entry) {
  if (read_frontend(entry)) return {};
  std::string text = "must hold entries `name:port` with a name of";
  for (const auto& f : fronts().subspan(1)) text += " " + std::string{f.name};
  return text;
}

}  // namespace lazaret::http
