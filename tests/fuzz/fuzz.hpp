#pragma once
/// What the fuzz targets share. A target feeds one input to a parser and checks what its header promises; the
/// sanitizers check the rest. Single-threaded.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sandbox/unique_fd.hpp"

namespace lazaret::fuzz {

/// libFuzzer takes the abort for a finding and writes the input down.
inline void must(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Where files of a moment go: memory when there is one to write to.
inline std::string scratch() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

/// The input as a file that has no name.
inline sandbox::unique_fd file_of(std::string_view bytes) {
  sandbox::unique_fd file{::memfd_create("input", MFD_CLOEXEC)};
  must(file.get() >= 0 && ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
       "the kernel gives a memfd");
  return file;
}

}  // namespace lazaret::fuzz
