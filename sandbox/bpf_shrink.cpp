#include "sandbox/bpf_shrink.hpp"

#include <linux/filter.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <tuple>

namespace lazaret::sandbox {
namespace {

constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
using node = std::size_t;  ///< index into graph::nodes

/// What is in the accumulator: a word of struct seccomp_data, masked.
struct word {
  std::uint32_t offset = 0, mask = most;
  auto operator<=>(const word&) const = default;
};

/// From the end of the piece before up to `last`, go on at `next`.
struct piece {
  std::uint32_t last = most;
  node next = 0;
  auto operator<=>(const piece&) const = default;
};

/// A return (no pieces, the answer in `of.offset`) or a division of a word's whole range.
struct division {
  word of;
  std::vector<piece> pieces;
  auto operator<=>(const division&) const = default;
};

sock_filter decode(std::uint64_t instruction) { return std::bit_cast<sock_filter>(instruction); }

bool is_prefix(std::uint32_t mask) { return (~mask & (~mask + 1)) == 0; }

/// The program as a graph. Throws std::domain_error for what it does not know.
class graph {
 public:
  explicit graph(std::span<const std::uint64_t> program) : program_{program} { root = follow(0, {}); }

  std::vector<division> nodes;
  node root = 0;

 private:
  node keep(division what) {
    const auto [found, is_new] = known_.try_emplace(what, nodes.size());
    if (is_new) nodes.push_back(std::move(what));
    return found->second;
  }

  /// What the program answers from instruction `at` on.
  node follow(std::size_t at, word loaded) {
    if (const auto found = followed_.find({at, loaded}); found != followed_.end()) return found->second;
    if (at >= program_.size()) throw std::domain_error{"runs off its end"};
    const auto now = decode(program_[at]);
    node result = 0;
    switch (now.code) {
      case BPF_RET | BPF_K:
        result = keep({{now.k, 0}, {}});
        break;
      case BPF_LD | BPF_W | BPF_ABS:
        result = follow(at + 1, {now.k, most});
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        result = follow(at + 1, {loaded.offset, loaded.mask & now.k});
        break;
      case BPF_JMP | BPF_JA:
        result = follow(at + 1 + now.k, loaded);
        break;
      default:
        result = divide(now, loaded, follow(at + 1 + now.jt, loaded), follow(at + 1 + now.jf, loaded));
    }
    followed_[{at, loaded}] = result;
    return result;
  }

  node divide(const sock_filter& test, word loaded, node yes, node no) {
    switch (test.code) {
      case BPF_JMP | BPF_JEQ | BPF_K:
        if ((test.k & ~loaded.mask) != 0) return no;
        if (is_prefix(loaded.mask)) return choose({loaded.offset, most}, test.k, test.k | ~loaded.mask, yes, no);
        return choose(loaded, test.k, test.k, yes, no);
      case BPF_JMP | BPF_JGT | BPF_K:
        return test.k == most ? no : choose(loaded, test.k + 1, most, yes, no);
      case BPF_JMP | BPF_JGE | BPF_K:
        return choose(loaded, test.k, most, yes, no);
      default:
        throw std::domain_error{"an instruction that libseccomp does not write"};
    }
  }

  /// `inside` for first..last of a word, `outside` for the rest. Where these go on dividing the same word, their pieces
  /// become ours.
  node choose(word of, std::uint32_t first, std::uint32_t last, node inside, node outside) {
    division made{of, {}};
    if (first > 0) append(made, outside, 0, first - 1);
    append(made, inside, first, last);
    if (last < most) append(made, outside, last + 1, most);
    return made.pieces.size() == 1 ? made.pieces.front().next : keep(std::move(made));
  }

  void append(division& to, node from, std::uint32_t first, std::uint32_t last) const {
    const auto add = [&](std::uint32_t up_to, node next) {
      if (!to.pieces.empty() && to.pieces.back().next == next)
        to.pieces.back().last = up_to;
      else
        to.pieces.push_back({up_to, next});
    };
    const auto& source = nodes[from];
    if (source.pieces.empty() || source.of != to.of) return add(last, from);
    for (const auto& part : source.pieces) {
      if (part.last < first) continue;
      add(std::min(part.last, last), part.next);
      if (part.last >= last) return;
    }
  }

  std::span<const std::uint64_t> program_;
  std::map<division, node> known_;
  std::map<std::pair<std::size_t, word>, node> followed_;
};

/// Writes a graph from its end to its beginning: jumps go forward only, so targets are there first.
class assembler {
 public:
  explicit assembler(const graph& from) : from_{from}, placed_(from.nodes.size()) {}

  std::vector<std::uint64_t> assemble() {
    place(from_.root);
    std::vector<std::uint64_t> program;
    for (auto i = code_.rbegin(); i != code_.rend(); ++i) program.push_back(std::bit_cast<std::uint64_t>(*i));
    return program;
  }

 private:
  using position = std::size_t;  ///< counted from the end
  static constexpr position furthest = 255;

  position put(unsigned code, std::uint32_t k, unsigned yes = 0, unsigned no = 0) {
    code_.push_back(
        {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k});
    return code_.size() - 1;
  }

  /// Where `target` can be reached from by a conditional jump that is put down before `slack` more instructions.
  position near(position target, position slack) {
    if (code_.size() + slack - target <= furthest) return target;
    const auto& there = code_[target];
    if (there.code == (BPF_RET | BPF_K)) return put(there.code, there.k);
    return put(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code_.size() - target - 1));
  }

  position jump(unsigned test, std::uint32_t k, position yes, position no) {
    yes = near(yes, 1);
    no = near(no, 0);
    const auto offset = [&](position target) { return static_cast<unsigned>(code_.size() - target - 1); };
    return put(BPF_JMP | BPF_K | test, k, offset(yes), offset(no));
  }

  position place(node which) {
    if (placed_[which]) return *placed_[which];
    const auto& what = from_.nodes[which];
    if (what.pieces.empty()) {
      placed_[which] = put(BPF_RET | BPF_K, what.of.offset);
    } else {
      for (const auto& part : what.pieces) place(part.next);
      search(what.pieces);
      if (what.of.mask != most) put(BPF_ALU | BPF_AND | BPF_K, what.of.mask);
      placed_[which] = put(BPF_LD | BPF_W | BPF_ABS, what.of.offset);
    }
    return *placed_[which];
  }

  /// Must end with the first instruction to be run, so that what comes before it falls into it.
  position search(std::span<const piece> pieces) {
    if (pieces.size() == 1) return *placed_[pieces.front().next];
    const bool is_exception =
        pieces.size() == 3 && pieces[0].next == pieces[2].next && pieces[1].last - pieces[0].last == 1;
    if (is_exception) return jump(BPF_JEQ, pieces[1].last, *placed_[pieces[1].next], *placed_[pieces[0].next]);
    const auto middle = pieces.size() / 2;
    const auto high = search(pieces.subspan(middle));
    const auto low = search(pieces.first(middle));
    return jump(BPF_JGT, pieces[middle - 1].last, high, low);
  }

  const graph& from_;
  std::vector<sock_filter> code_;
  std::vector<std::optional<position>> placed_;
};

}  // namespace

std::vector<std::uint64_t> shrink_bpf(std::span<const std::uint64_t> program) try {
  const graph read{program};
  auto written = assembler{read}.assemble();
  if (written.size() < program.size()) return written;
  return {program.begin(), program.end()};
} catch (const std::domain_error&) {
  return {program.begin(), program.end()};
}

}  // namespace lazaret::sandbox
