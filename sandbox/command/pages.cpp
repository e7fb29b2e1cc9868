#include "sandbox/command/pages.hpp"

#include <unistd.h>

#include <cerrno>

#include "sandbox/command/jail_command.hpp"
#include "sandbox/policy_fields.hpp"
#include "sandbox/seccomp_explain.hpp"

namespace lazaret::sandbox::command {

std::string explain(const command_line& line) {
  std::string page = "POLICY `" + std::string{line.from->name} + "`: " + std::string{line.from->purpose} + "\n\n";
  for (const policy_field& field : policy_fields()) {
    page += std::string{field.name} + ": " + field.value(line.policy) + "\n";
    page += "    loosening it: " + std::string{field.loosening} + "\n";
  }
  page += "\nSYSTEM CALLS (those in no group get ENOSYS; those of the i386 and x32 tables are killed)\n\n";
  for (const explained_calls& group : explain_calls()) {
    page += group.answer + ": " + group.why + "\n   ";
    for (const std::string& call : group.calls) page += " " + call;
    page += "\n";
  }
  return page;
}

int print(const std::string& page) {
  for (std::string_view rest = page; !rest.empty();) {
    const auto n = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return no_jail;
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace lazaret::sandbox::command
