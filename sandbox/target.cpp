#include "sandbox/target.hpp"
#include "sandbox/open_resolved.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace lazaret::sandbox {
namespace {

constexpr std::size_t page = 4096;

std::string read_head(int fd, std::size_t most) {
  std::string text(most, '\0');
  const ssize_t size = ::read(fd, text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

std::string link_text(const std::string& path) {
  char text[4096];
  const ssize_t size = ::readlink(path.c_str(), text, sizeof text);
  return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

/// The interpreter that a script's first line names; for `#!/usr/bin/env [-S] NAME`, the name.
std::string interpreter_of(std::string_view head) {
  if (!head.starts_with("#!")) return {};
  head = head.substr(2, head.find('\n') - 2);
  std::string_view word;
  bool after_env = false;
  while (!head.empty()) {
    head.remove_prefix(std::min(head.find_first_not_of(" \t"), head.size()));
    word = head.substr(0, head.find_first_of(" \t"));
    head.remove_prefix(word.size());
    if (after_env && (word.starts_with('-') || word.find('=') != std::string_view::npos)) continue;
    if (after_env || word.substr(word.rfind('/') + 1) != "env") break;
    after_env = true;
  }
  return std::string{word};
}

}  // namespace

bool is_python_name(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.starts_with("python"))
    name.remove_prefix(6);
  else if (name.starts_with("pypy"))
    name.remove_prefix(4);
  else
    return false;
  name.remove_prefix(std::min(name.find_first_not_of("0123456789."), name.size()));
  return name.empty() || name == "d" || name == "t" || name == "td" || name == "-dbg" || name == "-c";
}

std::string target::status_field(std::string_view name) const {
  const unique_fd file{::open(("/proc/" + std::to_string(thread_) + "/status").c_str(), O_RDONLY | O_CLOEXEC)};
  const std::string text = "\n" + read_head(file.get(), 4096);
  const auto at = text.find("\n" + std::string{name} + ":");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 2;
  return text.substr(from, text.find('\n', from) - from);
}

int target::pid_inside() const {
  // `NStgid: 4711 12 1`: outermost first (proc(5)).
  const std::string ids = status_field("NStgid");
  const auto last = ids.find_last_of(" \t");
  return last == std::string::npos ? 0 : std::atoi(ids.c_str() + last + 1);
}

std::size_t target::read(std::uint64_t address, void* into, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {  // page by page: the next one may not be mapped
    const std::uint64_t from = address + done;
    const std::size_t some = std::min<std::size_t>(size - done, page - from % page);
    const iovec local{static_cast<char*>(into) + done, some};
    const iovec remote{reinterpret_cast<void*>(from), some};
    const ssize_t got = ::process_vm_readv(thread_, &local, 1, &remote, 1, 0);
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::optional<std::string> target::read_string(std::uint64_t address, std::size_t most) const {
  std::string text(most, '\0');
  // Up to the page's end first: nearly always enough.
  std::size_t size = read(address, text.data(), std::min<std::size_t>(most, page - address % page));
  if (size == 0) return std::nullopt;
  if (size < most && std::memchr(text.data(), 0, size) == nullptr)
    size += read(address + size, text.data() + size, most - size);
  text.resize(::strnlen(text.data(), size));
  return text;
}

std::vector<std::string> target::read_strings(std::uint64_t address, std::size_t most, std::size_t most_each) const {
  std::vector<std::uint64_t> pointers(most);
  pointers.resize(read(address, pointers.data(), most * sizeof(std::uint64_t)) / sizeof(std::uint64_t));
  std::vector<std::string> strings;
  for (const std::uint64_t pointer : pointers) {
    if (pointer == 0) break;
    strings.push_back(read_string(pointer, most_each).value_or(""));
  }
  return strings;
}

std::string target::link(const std::string& entry) const {
  return link_text("/proc/" + std::to_string(thread_) + "/" + entry);
}

std::string target::absolute(int directory, const std::string& path) const {
  if (path.starts_with('/')) return path;
  const std::string base = directory == AT_FDCWD ? link("cwd") : link("fd/" + std::to_string(directory));
  if (path.empty()) return base;  // AT_EMPTY_PATH: the fd itself
  return base == "/" ? base + path : base + "/" + path;
}

bool target::is_python(const std::string& path) const {
  if (is_python_name(path)) return true;
  const unique_fd root{
      ::open(("/proc/" + std::to_string(thread_) + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!root) return false;
  // The jail's links lead within the jail; its /proc/*/fd and the like lead nowhere.
  const auto file = open_resolved(root.get(), path.c_str(), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (!file) return errno == EAGAIN;  // somebody has something to hide
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  if (is_python_name(link_text(self))) return true;
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  const unique_fd text{::open(self.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  return text && is_python_name(interpreter_of(read_head(text.get(), 256)));
}

unique_fd target::take(int fd) const {
  const int process = std::atoi(status_field("Tgid").c_str());  // a pidfd is of a process, not of a thread
  if (process <= 0) return unique_fd{};
  const unique_fd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, process, 0))};
  return unique_fd{static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0))};
}

}  // namespace lazaret::sandbox
