#pragma once
/// openat2(2), which glibc has no function for: an open that says what the path may lead through.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

/// Through no link, not even one of /proc's.
inline constexpr std::uint64_t through_no_link = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
/// The same, and nowhere but below the directory.
inline constexpr std::uint64_t beneath_through_no_link = RESOLVE_BENEATH | through_no_link;

/// `flags` and `mode` as open(2) has them, with O_CLOEXEC; `resolve`: RESOLVE_*. Invalid and errno when it fails.
/// A lookup that must stay beneath its root fails with EAGAIN when something was mounted or renamed anywhere on the
/// host while it went through a `..`, which other jails do all the time; so that is tried again. EAGAIN from here means
/// that somebody sees to it that it never ceases, or (without O_PATH) that the file is leased.
[[nodiscard]] inline unique_fd open_resolved(int directory, const char* path, std::uint64_t flags,
                                             std::uint64_t resolve, std::uint64_t mode = 0) noexcept {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  long fd = -1;
  for (int tries = 0; tries < 256; ++tries) {
    fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return unique_fd{static_cast<int>(fd)};
}

}  // namespace lazaret::sandbox
