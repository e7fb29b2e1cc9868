// At build time: compiles both filters with libseccomp and prints them as C++, for seccomp_ready.cpp. Compiling takes
// 8 ms each, which is more than a whole jail, and depends on nothing that the running kernel knows.
#include <seccomp.h>

#include <cstdio>

#include "sandbox/seccomp.hpp"

namespace {

using lazaret::sandbox::seccomp_filter;

bool print(const char* name, const lazaret::sandbox::result<seccomp_filter>& filter) {
  if (!filter) {
    std::fprintf(stderr, "seccomp_generate: %s\n", filter.error().describe().c_str());
    return false;
  }
  std::printf("inline constexpr std::uint64_t %s[] = {", name);
  int column = 0;
  for (const std::uint64_t instruction : filter->program())
    std::printf("%s0x%llx,", column++ % 6 == 0 ? "\n    " : " ", static_cast<unsigned long long>(instruction));
  std::printf("\n};\n");
  return true;
}

}  // namespace

int main() {
  // libseccomp refuses to write rules that the kernel of the building machine lacks; this one is not where they run.
  seccomp_api_set(6);
  const bool done = print("plain_program", seccomp_filter::compile({.observe = false})) &&
                    print("observing_program", seccomp_filter::compile({.observe = true})) &&
                    print("no_set_ids_program", seccomp_filter::compile_no_set_ids());
  return done ? 0 : 1;
}
