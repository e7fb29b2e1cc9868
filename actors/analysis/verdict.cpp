#include "actors/analysis/verdict.hpp"

#include <cmath>

namespace lazaret::analysis {

int score_of(const std::vector<held_rule>& held) noexcept {
  double innocent = 1;
  for (const auto& h : held) innocent *= 1 - (h.confirmed ? 1.0 : 0.75) * h.what->weight / 100;
  return static_cast<int>(std::lround(100 * (1 - innocent)));
}

actors::verdict verdict_of(int score, bool watched) noexcept {
  if (score >= malicious_from) return actors::verdict::malicious;
  if (score >= suspicious_from) return actors::verdict::suspicious;
  return watched ? actors::verdict::benign : actors::verdict::inconclusive;
}

}  // namespace lazaret::analysis
