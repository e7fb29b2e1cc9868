#pragma once
/// Makes a seccomp program smaller without changing any of its answers.
///
/// The kernel translates, checks and compiles a program each time it is installed, so every jail pays for its length:
/// 0.24 ms for the 1,450 instructions that libseccomp makes of our rules, a sixth of that for the 330 that are left.
///
/// How: a program is a function of a few 32-bit words (architecture, number, halves of the arguments), and each run of
/// tests of one word is a division of that word's range into intervals with one continuation each. libseccomp knows no
/// "everything else" and spells it as dozens of prefixes, which are intervals, too. So the program is read as a graph
/// of such divisions, neighbours with the same continuation become one, equal parts are kept once, and each division is
/// written as a binary search. What is tested under a mask that is not a prefix is a division of the masked word.

#include <cstdint>
#include <span>
#include <vector>

namespace lazaret::sandbox {

/// `program`: struct sock_filter each (linux/filter.h), of the instructions that libseccomp writes: absolute loads,
/// AND, jumps, returns. Returns it unchanged when it has any other, or when nothing would be gained.
[[nodiscard]] std::vector<std::uint64_t> shrink_bpf(std::span<const std::uint64_t> program);

}  // namespace lazaret::sandbox
