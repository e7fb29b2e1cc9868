// That a shrunk program answers what it did before: compared by running both, as the kernel would.
#include "sandbox/bpf_shrink.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <set>

#include "sandbox/seccomp.hpp"

namespace {

using namespace lazaret::sandbox;
using program = std::vector<std::uint64_t>;

std::uint64_t instruction(unsigned code, std::uint32_t k, unsigned yes = 0, unsigned no = 0) {
  return std::bit_cast<std::uint64_t>(
      sock_filter{static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k});
}

std::uint32_t answer(const program& of, const seccomp_data& call) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < of.size(); ++at) {
    const auto now = std::bit_cast<sock_filter>(of[at]);
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (now.k % 4 != 0 || now.k + 4 > sizeof call) FAIL("a load at " << now.k);
        std::memcpy(&a, reinterpret_cast<const char*>(&call) + now.k, sizeof a);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= now.k;
        break;
      case BPF_JMP | BPF_JA:
        at += now.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == now.k ? now.jt : now.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > now.k ? now.jt : now.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= now.k ? now.jt : now.jf;
        break;
      case BPF_RET | BPF_K:
        return now.k;
      default:
        FAIL("instruction code " << now.code);
    }
  }
  FAIL("runs off its end");
  return 0;
}

/// Every number that the program compares with, and its neighbours: where an answer can change.
std::vector<std::uint32_t> edges(const program& of) {
  std::set<std::uint32_t> found{0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
  for (const auto raw : of) {
    const auto now = std::bit_cast<sock_filter>(raw);
    if (BPF_CLASS(now.code) != BPF_JMP && BPF_CLASS(now.code) != BPF_ALU) continue;
    for (const std::uint32_t value : {now.k - 1, now.k, now.k + 1, ~now.k}) found.insert(value);
  }
  return {found.begin(), found.end()};
}

}  // namespace

TEST_CASE("the filter that is installed answers as libseccomp's own does, and is much smaller", "[seccomp]") {
  const bool observe = GENERATE(false, true);
  const auto given = compile_rules({.observe = observe}).value();
  const auto shrunk = shrink_bpf(given);
  CHECK(shrunk.size() < given.size() / 3);
  CHECK(std::equal(shrunk.begin(), shrunk.end(),
                   seccomp_filter::compile({.observe = observe}).value().program().begin()));

  const auto values = edges(given);
  std::minstd_rand random{1};
  const auto pick = [&] { return values[random() % values.size()]; };
  std::size_t different = 0;
  for (std::uint32_t number = 0; number < 1100; ++number)
    for (int i = 0; i < 600; ++i) {
      seccomp_data call{};
      // One in fifty of a foreign table; x32's numbers; and arguments of which mostly one is of interest.
      call.arch = i % 50 == 0 ? (i % 100 == 0 ? AUDIT_ARCH_I386 : pick()) : AUDIT_ARCH_X86_64;
      call.nr = static_cast<int>(number < 600 ? number : number < 1000 ? number - 600 + 0x40000000 : pick());
      for (auto& argument : call.args) {
        const auto high = random() % 8 == 0 ? pick() : 0;
        argument = std::uint64_t{high} << 32 | (random() % 3 == 0 ? static_cast<std::uint32_t>(random()) : pick());
      }
      if (i < static_cast<int>(values.size())) call.args[i % 3] = values[static_cast<std::size_t>(i)];
      different += answer(given, call) != answer(shrunk, call);
    }
  CHECK(different == 0);
}

TEST_CASE("programs drawn at random answer the same when shrunk", "[seccomp]") {
  std::minstd_rand random{2};
  std::size_t different = 0, smaller = 0;
  for (int round = 0; round < 400; ++round) {
    program given;
    const auto length = 5 + random() % 300;
    for (std::uint32_t at = 0; at + 2 < length; ++at) {
      const auto reach = std::min<std::uint32_t>(length - at - 2, 20);  // jumps end before the last return
      const auto value = static_cast<std::uint32_t>(random() % 16 == 0 ? random() : random() % 12);
      switch (random() % 8) {
        case 0:
          given.push_back(instruction(BPF_RET | BPF_K, random() % 3));
          break;
        case 1:
          given.push_back(instruction(BPF_LD | BPF_W | BPF_ABS, random() % 4 * 4));
          break;
        case 2:
          given.push_back(
              instruction(BPF_ALU | BPF_AND | BPF_K, random() % 2 == 0 ? ~0U << random() % 5 : random() % 16));
          break;
        case 3:
          given.push_back(instruction(BPF_JMP | BPF_JA, random() % reach));
          break;
        default: {
          const unsigned tests[] = {BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE};
          given.push_back(
              instruction(BPF_JMP | BPF_K | tests[random() % 4], value, random() % reach, random() % reach));
        }
      }
    }
    given.insert(given.begin(), instruction(BPF_LD | BPF_W | BPF_ABS, 0));
    given.push_back(instruction(BPF_RET | BPF_K, 3));
    const auto shrunk = shrink_bpf(given);
    smaller += shrunk.size() < given.size();
    REQUIRE(shrunk.size() <= given.size());
    for (int i = 0; i < 300; ++i) {
      std::uint32_t words[sizeof(seccomp_data) / 4] = {};
      for (auto& one : words) one = static_cast<std::uint32_t>(random() % 8 == 0 ? random() * 2 : random() % 14);
      const auto call = std::bit_cast<seccomp_data>(words);
      different += answer(given, call) != answer(shrunk, call);
    }
  }
  CHECK(different == 0);
  CHECK(smaller > 300);
}

TEST_CASE("a program with an instruction that libseccomp does not write stays as it is", "[seccomp]") {
  const program odd{instruction(BPF_LD | BPF_W | BPF_ABS, 0), instruction(BPF_ALU | BPF_ADD | BPF_K, 1),
                    instruction(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 0), instruction(BPF_RET | BPF_K, 1)};
  CHECK(shrink_bpf(odd) == odd);
}
