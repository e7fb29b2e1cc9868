// At build time: compiles both filters with libseccomp and prints them as C++, for seccomp_ready.cpp. Compiling takes
// 8 ms each, which is more than a whole jail, and depends on nothing that the running kernel knows.
#include <seccomp.h>

#include <cstdio>

#include "sandbox/seccomp.hpp"

namespace {

bool print(const char* name, bool observe) {
  const auto filter = lazaret::sandbox::seccomp_filter::compile({.observe = observe});
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
  return print("plain_program", false) && print("observing_program", true) ? 0 : 1;
}
