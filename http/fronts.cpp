#include "http/fronts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

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

response refuse_for_worker(unsigned status, std::string_view detail) {
  if (status != 404) return failed(status, detail);
  return failed(404, "no such resource here: this node is a worker (ROLE), send requests to a node that takes them");
}

constexpr manners worker_manners{refuse_for_worker};

std::vector<route> for_operators() {
  constexpr std::array<std::string_view, 7> served{"/healthz", "/health",    "/readyz",          "/metrics",
                                                   "/",        "/v1/stages", "/v1/stages/{name}"};
  std::vector<route> rows;
  for (const auto& r : api())
    if (std::ranges::find(served, r.pattern) != served.end()) rows.push_back(r);
  return rows;
}

}  // namespace

const front& worker_front() noexcept {
  static const auto rows = for_operators();
  static const front worker{"worker", rows, &worker_manners};
  return worker;
}

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
