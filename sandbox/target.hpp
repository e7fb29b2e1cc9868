#pragma once
/// A look into a process that waits in a system call for its observer. Private to observer.cpp.
///
/// Everything read is hostile and bounded. Reading can't block: process_vm_readv(2) faults pages in, and a jail has
/// neither userfaultfd nor FUSE with which it could keep a page away; files are opened with O_PATH first, and for
/// reading only once they are known to be regular (a FIFO or a lease would wait).

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

class target {
 public:
  explicit target(pid_t thread) : thread_{thread} {}

  /// The process's id in its innermost pid namespace; 0 when it has gone.
  [[nodiscard]] int pid_inside() const;

  /// Copies up to `size` bytes; how many were readable, from the start on.
  std::size_t read(std::uint64_t address, void* into, std::size_t size) const;
  template <class T>
  [[nodiscard]] std::optional<T> read(std::uint64_t address) const {
    T value;
    if (read(address, &value, sizeof value) != sizeof value) return std::nullopt;
    return value;
  }
  /// A NUL-terminated string, cut at `most` bytes; nothing when not even its first byte can be read.
  [[nodiscard]] std::optional<std::string> read_string(std::uint64_t address, std::size_t most) const;
  /// A NULL-terminated array of strings, cut at `most` of at most `most_each` bytes.
  [[nodiscard]] std::vector<std::string> read_strings(std::uint64_t address, std::size_t most,
                                                      std::size_t most_each) const;

  /// What the kernel will take `path` for: made absolute by the working directory, or by `directory` (AT_FDCWD or an
  /// fd).
  [[nodiscard]] std::string absolute(int directory, const std::string& path) const;
  /// Whether running `path` starts a Python: by its own name, that of the file behind its symbolic links, or that of
  /// its `#!` interpreter.
  [[nodiscard]] bool is_python(const std::string& path) const;
  /// A copy of one of its fds; empty when it has gone.
  [[nodiscard]] unique_fd take(int fd) const;

 private:
  [[nodiscard]] std::string status_field(std::string_view name) const;
  [[nodiscard]] std::string link(const std::string& entry) const;
  pid_t thread_;
};

/// `python`, `python3`, `python3.11`, `python3.11d`, `pypy3`, with any directory in front; not `python3-config`.
[[nodiscard]] bool is_python_name(std::string_view path);

}  // namespace lazaret::sandbox
