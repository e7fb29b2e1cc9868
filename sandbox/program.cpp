#include "sandbox/program.hpp"

#include <unistd.h>

#include <cerrno>

namespace lazaret::sandbox {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (const auto& s : strings) all.push_back(const_cast<char*>(s.c_str()));
  all.push_back(nullptr);
  return all;
}

std::string_view path_of(const policy& what) {
  for (const std::string_view entry : what.environment)
    if (entry.starts_with("PATH=")) return entry.substr(5);
  return "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace

result<void> execute(const policy& what) {
  const auto argv = pointers(what.argv);
  const auto environment = pointers(what.environment);
  const std::string& name = what.argv.front();
  const auto attempt = [&](const std::string& file) {
    ::execve(file.c_str(), argv.data(), environment.data());
    return errno;
  };
  const auto refused = [&](int error) {
    return failure{"program", error, "execve " + name, error == ENOENT ? "does it exist inside, with its loader?" : ""};
  };
  if (name.find('/') != std::string::npos) return refused(attempt(name));
  int final = ENOENT;
  for (std::string_view path = path_of(what);;) {
    const auto directory = path.substr(0, path.find(':'));
    const int error = directory.starts_with('/') ? attempt(std::string{directory} + "/" + name) : ENOENT;
    if (error == EACCES)
      final = error;  // found, but perhaps another one further on may be run
    else if (error != ENOENT && error != ENOTDIR)
      return refused(error);
    if (directory.size() == path.size()) return refused(final);
    path.remove_prefix(directory.size() + 1);
  }
}

}  // namespace lazaret::sandbox
