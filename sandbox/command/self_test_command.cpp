#include <chrono>

#include "sandbox/command/jail_command.hpp"
#include "sandbox/command/own_jailer.hpp"
#include "sandbox/command/pages.hpp"
#include "sandbox/command/render.hpp"
#include "sandbox/jailer.hpp"

namespace lazaret::sandbox::command {

int self_test() {
  command_line alone;
  alone.policy.limits.wall = std::chrono::minutes{1};
  auto options = own_jailer::options_for(alone);
  auto served = options ? own_jailer::start(std::move(*options)) : result<own_jailer>{options.error()};
  if (!served) {
    say("lazaret jail: " + served.error().describe());
    return no_jail;
  }
  jailer mine{served->take_connection()};
  const auto reports = mine.self_test();
  if (!reports) {
    say("lazaret jail: " + reports.error().describe());
    return no_jail;
  }
  std::string table;
  for (const layer_report& one : *reports) {
    std::string line = one.name;
    line.resize(std::max<std::size_t>(line.size() + 1, 18), ' ');
    line += name(one.state);
    line.resize(std::max<std::size_t>(line.size() + 1, 31), ' ');
    table += line + (one.required ? "required  " : "          ") + one.detail + "\n";
  }
  const bool degraded = is_degraded(*reports);
  table += degraded ? "a required layer does not hold: no program runs\n" : "every required layer holds\n";
  const int printed = print(table);
  return printed != 0 ? printed : degraded ? layers_missing : 0;
}

}  // namespace lazaret::sandbox::command
