// The filters as seccomp_generate.cpp compiled them when this was built.
#include <algorithm>

#include "sandbox/seccomp.hpp"
#include "seccomp_programs.inc"

namespace lazaret::sandbox {

result<seccomp_filter> seccomp_filter::ready(const seccomp_options& options) {
  seccomp_filter filter;
  if (options.observe)
    filter.program_.assign(std::begin(observing_program), std::end(observing_program));
  else
    filter.program_.assign(std::begin(plain_program), std::end(plain_program));
  auto flags = usable_flags();
  if (!flags) return flags.error();
  filter.flags_ = *flags;
  return filter;
}

seccomp_filter seccomp_filter::no_set_ids() {
  seccomp_filter filter;
  filter.program_.assign(std::begin(no_set_ids_program), std::end(no_set_ids_program));
  return filter;
}

}  // namespace lazaret::sandbox
