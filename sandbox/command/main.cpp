// lazaret: hands its words to what serves them. `lazaret jail` is served here, by a program that links nothing but
// sandbox/, so that a jail does not wait for libraries that only the client needs; all else by lazaret-client, beside
// it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "sandbox/command/jail_command.hpp"
#include "sandbox/command/pages.hpp"
#include "sandbox/command/render.hpp"
#include "sandbox/own_namespace.hpp"

namespace {

using namespace lazaret::sandbox;

/// Whatever is opened next must not become a standard stream by accident. Opened the wrong way round, so that who uses
/// a stream that the caller had closed is told so.
void hold_standard_streams() {
  for (const int stream : {0, 1, 2})
    if (::fcntl(stream, F_GETFD) < 0) ::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY);
}

int become_client(char** argv) {
  std::string path(4096, '\0');
  const auto length = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  path.resize(path.rfind('/') + 1);
  path += "lazaret-client";
  ::execv(path.c_str(), argv);
  command::say("lazaret: " + path + ": " + ::strerrordesc_np(errno));
  return 2;
}

int jail(char** argv) {
  std::size_t count = 0;
  while (argv[2 + count] != nullptr) ++count;
  const auto line = command::parse({argv + 2, count});
  if (!line) {
    command::say("lazaret jail: " + line.error().subject + ": " + line.error().hint);
    return command::no_jail;
  }
  switch (line->what) {
    case command::deed::help:
      return command::print(command::help_page());
    case command::deed::explain:
      return command::print(command::explain(*line));
    default:
      break;
  }
  if (auto root = ensure_root(argv); !root) {
    command::say(line->json ? command::to_json(root.error(), command::no_jail)
                            : "lazaret jail: " + root.error().describe());
    return command::no_jail;
  }
  return line->what == command::deed::self_test ? command::self_test() : command::run(*line);
}

}  // namespace

int main(int argc, char** argv) try {
  hold_standard_streams();
  return argc > 1 && std::string_view{argv[1]} == "jail" ? jail(argv) : become_client(argv);
} catch (const std::exception& e) {
  lazaret::sandbox::command::say(std::string{"lazaret jail: "} + e.what());
  return lazaret::sandbox::command::no_jail;
}
