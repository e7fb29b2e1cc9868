#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>

#include "sandbox/cgroup_parts.hpp"
#include "sandbox/proc_text.hpp"

namespace lazaret::sandbox::cgroups {
namespace {

using clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::milliseconds{1000};

void pause_for(std::chrono::microseconds time) noexcept {
  const timespec wait{0, static_cast<long>(time.count()) * 1000};
  ::nanosleep(&wait, nullptr);
}

struct members {
  std::array<int, 64> pids{};
  std::size_t count = 0;
  [[nodiscard]] bool has(int pid) const noexcept {
    return std::find(pids.begin(), pids.begin() + count, pid) != pids.begin() + count;
  }
};

/// The first processes of a group; 0 stands for one of another pid namespace and is left out. No allocation.
members list_members(int directory) noexcept {
  members found;
  const unique_fd file{::openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC)};
  char text[1024];
  const ssize_t size = file ? ::read(file.get(), text, sizeof text) : 0;
  const char* at = text;
  const char* const end = text + std::max<ssize_t>(size, 0);
  while (at < end && found.count < found.pids.size()) {
    int pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error != std::errc{} || next == end) break;  // a number cut at the buffer's end is not a pid
    if (pid > 0) found.pids[found.count++] = pid;
    at = next + 1;
  }
  return found;
}

/// A cgroup refuses rmdir for a moment after its last process died (the exit is still being accounted).
bool remove_directory(int parent, const char* name) noexcept {
  for (const auto deadline = clock::now() + std::chrono::milliseconds{200};;) {
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY || clock::now() > deadline) return false;
    pause_for(std::chrono::microseconds{200});
  }
}

std::vector<std::string> subdirectories(int directory) {
  std::vector<std::string> names;
  const unique_fd fd{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  alignas(8) char buffer[4096];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, fd.get(), buffer, sizeof buffer);
    if (size <= 0) return names;
    for (long at = 0; at < size;) {  // struct linux_dirent64: u64 inode, s64 offset, u16 length, u8 type, name
      unsigned short length = 0;
      std::memcpy(&length, buffer + at + 16, sizeof length);
      const std::string_view name{buffer + at + 19};
      if (buffer[at + 18] == 4 /* DT_DIR */ && name != "." && name != "..") names.emplace_back(name);
      at += length;
    }
  }
}

/// `lazaret.123`, not `lazaret.self`.
bool is_home(std::string_view name) {
  constexpr std::string_view prefix = "lazaret.";
  return name.starts_with(prefix) && name.size() > prefix.size() &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

/// Removes the homes whose owners are dead, with all that still runs in them.
void sweep(int parent) {
  for (const std::string& name : subdirectories(parent)) {
    if (!is_home(name)) continue;
    const unique_fd fd{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;
    kill_members(fd.get());  // of a home that is itself a group
    for (const std::string& jail : subdirectories(fd.get())) {
      const unique_fd left{::openat(fd.get(), jail.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
      kill_members(left.get());
      remove_directory(fd.get(), jail.c_str());
    }
    remove_directory(parent, name.c_str());
  }
}

bool same_file(int parent, const std::string& name, int fd) {
  struct stat a {
  }, b{};
  return ::fstatat(parent, name.c_str(), &a, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &b) == 0 && a.st_ino == b.st_ino;
}

}  // namespace

result<void> write_at(int directory, const char* file, std::string_view text) noexcept {
  const unique_fd fd{::openat(directory, file, O_WRONLY | O_CLOEXEC)};
  if (!fd) return os_failure("cgroup", std::string{"open "} + file);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return os_failure("cgroup", std::string{"write "} + std::string{text} + " to " + file);
  return {};
}

std::optional<std::string> read_at(int directory, const char* file) {
  const unique_fd fd{::openat(directory, file, O_RDONLY | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  std::string text(4096, '\0');
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  if (size < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::vector<std::string> names_at(int directory, const char* file) {
  auto text = read_at(directory, file).value_or("");
  std::ranges::replace(text, '\n', ' ');
  const auto found = words(text);
  return {found.begin(), found.end()};
}

bool exists_at(int directory, const char* file) noexcept { return ::faccessat(directory, file, F_OK, 0) == 0; }

std::optional<std::uint64_t> number_at(int directory, const char* file, std::string_view key) {
  const auto text = read_at(directory, file);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  while (!key.empty() && !(rest.starts_with(key) && rest.substr(key.size()).starts_with(' '))) {
    const auto line_end = rest.find('\n');
    if (line_end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(line_end + 1);
  }
  if (!key.empty()) rest.remove_prefix(key.size() + 1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return error == std::errc{} ? std::optional{value} : std::nullopt;
}

std::uint64_t weight_of(std::uint32_t cpu_shares) noexcept {
  return 1 + (std::uint64_t{cpu_shares} - 2) * 9999 / 262142;
}

std::uint64_t quota_us(double cpus, std::uint64_t period) noexcept {
  return std::max<std::uint64_t>(1000, static_cast<std::uint64_t>(cpus * static_cast<double>(period)));
}

bool has_members(int directory) noexcept { return list_members(directory).count > 0; }

void kill_members(int directory) noexcept {
  const auto deadline = clock::now() + patience;
  for (;;) {
    const members before = list_members(directory);
    if (before.count == 0 || clock::now() > deadline) return;
    std::array<unique_fd, 64> owners;
    std::array<pollfd, 64> dying{};
    for (std::size_t i = 0; i < before.count; ++i)
      owners[i].reset(static_cast<int>(::syscall(SYS_pidfd_open, before.pids[i], 0)));
    // A pid that is still a member after the pidfd was opened is the process that the pidfd means.
    const members after = list_members(directory);
    nfds_t count = 0;
    for (std::size_t i = 0; i < before.count; ++i) {
      if (!owners[i] || !after.has(before.pids[i])) continue;
      ::syscall(SYS_pidfd_send_signal, owners[i].get(), SIGKILL, nullptr, 0);
      dying[count++] = {owners[i].get(), POLLIN, 0};
    }
    // One that ended is enough to look again; more than one round is for forks that were under way.
    if (count > 0)
      ::poll(dying.data(), count, 10);
    else
      pause_for(std::chrono::microseconds{200});
  }
}

home::home(unique_fd parent, unique_fd directory, std::string name, std::string path, bool is_group)
    : parent_{std::move(parent)},
      directory_{std::move(directory)},
      name_{std::move(name)},
      path_{std::move(path)},
      is_group_{is_group} {}

result<std::shared_ptr<home>> home::open(const std::string& parent_path, guardian* for_one) {
  unique_fd parent{::open(parent_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!parent) return os_failure("cgroup", "open " + parent_path);
  sweep(parent.get());
  const std::string name = "lazaret." + std::to_string(::getpid());
  const std::string path = parent_path + "/" + name;
  if (for_one != nullptr) for_one->guard(parent.get(), name);
  // Another jailer that starts at the same time may take the directory for a dead one's between mkdir and flock, and
  // hold the lock until it has removed it: then it is made again.
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (attempt > 0) pause_for(std::chrono::milliseconds{1});
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 && (attempt == 0 || errno != EEXIST))
      return os_failure("cgroup", "mkdir " + path, "is the hierarchy writable, or delegated to this user?");
    unique_fd directory{::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory || ::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (!same_file(parent.get(), name, directory.get())) continue;
    return std::shared_ptr<home>{new home{std::move(parent), std::move(directory), name, path, for_one != nullptr}};
  }
  return failure{"cgroup", EBUSY, path, "does another jailer sweep this hierarchy?"};
}

home::~home() {
  for (const std::string& name : leftovers_) remove_directory(directory_.get(), name.c_str());
  remove_directory(parent_.get(), name_.c_str());
}

result<unique_fd> home::make(const std::string& name) {
  if (is_group_) {
    unique_fd itself{::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!itself) return os_failure("cgroup", "open " + path_);
    return itself;
  }
  std::erase_if(leftovers_, [&](const std::string& old) {
    return ::unlinkat(directory_.get(), old.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
  });
  if (::mkdirat(directory_.get(), name.c_str(), 0755) != 0) return os_failure("cgroup", "mkdir " + path_ + "/" + name);
  unique_fd made{::openat(directory_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!made) {
    const failure why = os_failure("cgroup", "open " + path_ + "/" + name);
    remove(name);
    return why;
  }
  return made;
}

void home::remove(const std::string& name) noexcept {
  if (!is_group_ && !remove_directory(directory_.get(), name.c_str())) leftovers_.push_back(name);
}

}  // namespace lazaret::sandbox::cgroups
