#include "sandbox/host_facts.hpp"

#include <algorithm>

namespace lazaret::sandbox {
namespace {

bool names(const std::vector<std::string>& required, const layer& l) {
  return std::find(required.begin(), required.end(), l.name) != required.end();
}

}  // namespace

std::vector<layer_report> survey(const host_facts& host, const std::vector<std::string>& required) {
  std::vector<layer_report> reports;
  for (const auto& l : layers()) {
    const auto answer = l.ask(host);
    const bool wanted = !l.optional || (required.empty() ? answer.has_value() : names(required, l));
    reports.push_back({.name = std::string{l.name},
                       .state = answer ? layer_state::active : layer_state::unavailable,
                       .required = wanted,
                       .detail = answer ? *answer : answer.error().describe()});
  }
  return reports;
}

optional_layers available_layers(const host_facts& host) {
  const auto has = [&](std::string_view name) {
    const auto all = layers();
    const auto found = std::find_if(all.begin(), all.end(), [&](const layer& l) { return l.name == name; });
    return found != all.end() && found->ask(host).has_value();
  };
  return {.landlock_abi = has("landlock") ? host.landlock_abi : 0, .cgroup_namespace = has("cgroup")};
}

result<void> check_required(const host_facts& host, const std::vector<std::string>& required) {
  for (const auto& l : layers()) {
    if (!l.optional || !names(required, l)) continue;
    const auto answer = l.ask(host);
    if (answer) continue;
    auto why = answer.error();
    why.hint += (why.hint.empty() ? "" : "; ") + std::string{"JAIL_REQUIRE names "} + std::string{l.name};
    return why;
  }
  return {};
}

}  // namespace lazaret::sandbox
