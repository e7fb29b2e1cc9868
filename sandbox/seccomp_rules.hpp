#pragma once
/// What the checks of arguments are written with: rules for libseccomp, and the three files of checks. Private to
/// seccomp*.cpp; at build time and in tests only (seccomp_generate.cpp).

#include <seccomp.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <vector>

namespace lazaret::sandbox {

using argument = scmp_arg_cmp;

/// Gathers rules; remembers the first that libseccomp refused. Rules for one call must not overlap: libseccomp does not
/// say which of two matching ones wins.
class rule_book {
 public:
  explicit rule_book(scmp_filter_ctx context) : context_{context} {}

  void add(std::uint32_t action, int call, std::initializer_list<argument> when = {}) {
    if (call < 0 || error_ != 0) return;
    const int rc = seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(when.size()), std::data(when));
    if (rc == 0) return;
    error_ = -rc;
    call_ = call;
  }

  /// For every 32-bit value of an argument except `but`. libseccomp knows no "else", so the complement is spelled as
  /// prefixes: a value outside the set leaves the binary trie of the set at exactly one bit.
  void add_else(std::uint32_t action, int call, unsigned index, const std::vector<std::uint32_t>& but) {
    outside(action, call, index, but, 0, 0);
  }

  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] int call() const noexcept { return call_; }

 private:
  void outside(std::uint32_t action, int call, unsigned index, const std::vector<std::uint32_t>& inside, int depth,
               std::uint32_t prefix) {
    if (inside.empty()) {
      const std::uint64_t mask = depth == 0 ? 0 : 0xffffffffULL << (32 - depth) & 0xffffffffULL;
      add(action, call, {SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, prefix)});
      return;
    }
    if (depth == 32) return;
    const std::uint32_t bit = 1U << (31 - depth);
    std::vector<std::uint32_t> halves[2];
    for (const std::uint32_t value : inside) halves[(value & bit) != 0].push_back(value);
    outside(action, call, index, halves[0], depth + 1, prefix);
    outside(action, call, index, halves[1], depth + 1, prefix | bit);
  }

  scmp_filter_ctx context_;
  int error_ = 0;
  int call_ = 0;
};

/// The kernel looks at the low 32 bits of an int argument only, so the filter must too.
inline argument is(unsigned index, std::uint32_t value) {
  return SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, 0xffffffffULL, value);
}
inline argument masked(unsigned index, std::uint32_t mask, std::uint32_t value) {
  return SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, value);
}

inline constexpr std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);

/// Of the calls whose arguments matter. calls_with_checked_arguments (seccomp_calls.hpp) says the same for people.
void add_checks_of_processes(rule_book& rules);  ///< clone, prctl, personality, scheduling, limits, seccomp
void add_checks_of_files(rule_book& rules);      ///< socket, ioctl, mknod
/// What the observer wants to see, or else what becomes of it.
void add_observed(rule_book& rules, bool observe);
/// For the second filter: seccomp_filter::no_set_ids().
void add_set_ids(rule_book& rules);

}  // namespace lazaret::sandbox
