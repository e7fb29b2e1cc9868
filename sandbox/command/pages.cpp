#include "sandbox/command/pages.hpp"

#include <unistd.h>

#include <cerrno>

#include "sandbox/command/jail_command.hpp"

namespace lazaret::sandbox::command {

std::string help_page() { return "usage: lazaret jail [OPTION...] -- CMD [ARG...]\n"; }
std::string explain(const command_line&) { return ""; }

int print(const std::string& page) {
  for (std::string_view rest = page; !rest.empty();) {
    const auto n = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return no_jail;
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

int self_test() { return no_jail; }

}  // namespace lazaret::sandbox::command
