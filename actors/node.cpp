#include "actors/node.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <random>
#include <thread>

namespace lazaret::actors {
namespace {

using sandbox::os_failure;

constexpr std::size_t longest_name = 64;
constexpr std::chrono::seconds leaving_time{2};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, is_word);
}

/// The host is for people who look at the store; the rest makes it nobody else's.
std::string made_up() {
  std::array<char, longest_name> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::string name;
  for (const char c : std::string_view{host.data()}.substr(0, 40)) name += is_word(c) ? c : '-';
  if (name.empty()) name = "node";
  name += '-';
  std::random_device source;  // the kernel's
  for (int digits = 0; digits < 12; ++digits) name += "0123456789abcdef"[source() % 16];
  return name;
}

bool lock(int fd) {
  const auto until = std::chrono::steady_clock::now() + leaving_time;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    if (std::chrono::steady_clock::now() > until) return errno = EWOULDBLOCK, false;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return true;
}

}  // namespace

sandbox::result<node_identity> node_identity::claim(const std::filesystem::path& data_dir) {
  const auto file = data_dir / "node";
  sandbox::unique_fd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return os_failure("node", "open " + file.string());
  if (!lock(fd.get())) {
    if (errno != EWOULDBLOCK) return os_failure("node", "flock " + file.string());
    return sandbox::failure{"node", 0, data_dir.string() + " is in use by another lazaretd",
                            "each node needs a DATA_DIR of its own; what they share is BLOB_DIR"};
  }
  std::array<char, longest_name + 2> text{};
  const auto size = ::pread(fd.get(), text.data(), text.size(), 0);
  if (size < 0) return os_failure("node", "read " + file.string());
  std::string name{text.data(), static_cast<std::size_t>(size)};
  if (name.ends_with('\n')) name.pop_back();
  if (is_name(name)) return node_identity{std::move(fd), std::move(name)};
  if (size > 0)
    return sandbox::failure{"node", 0, file.string() + " holds no node's name", "remove it: a new name is made up"};
  name = made_up();
  const auto line = name + '\n';
  if (::pwrite(fd.get(), line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()) || ::fsync(fd.get()) != 0)
    return os_failure("node", "write " + file.string());
  return node_identity{std::move(fd), std::move(name)};
}

}  // namespace lazaret::actors
