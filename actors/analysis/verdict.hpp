#pragma once
/// From findings to one verdict. Pure; any thread.
///
/// The arithmetic. Each rule that holds has a weight w of 0-100 (rules.cpp). A hint that only the hook gave although
/// the observer would have seen it counts three quarters of w. The score is what remains when each is read as the
/// independent chance that the package is hostile ("noisy or"; J. Pearl, Probabilistic Reasoning in Intelligent
/// Systems, 4.3.2):
///
///     score = round(100 * (1 - (1 - w1/100) * (1 - w2/100) * ...))
///
/// so that it rises with each finding, whatever their order, and never passes 100. From 65 the verdict is malicious,
/// from 25 suspicious. Nothing lowers a score, so that forged events can only raise it.
///
/// Below 25 the verdict is benign only when the run could be watched: every phase was, the install went well, and no
/// stage failed. Otherwise it is inconclusive. Fewer witnesses never turn suspicious into inconclusive.

#include <vector>

#include "actors/analysis/findings.hpp"
#include "actors/run.hpp"

namespace lazaret::analysis {

inline constexpr int suspicious_from = 25, malicious_from = 65;

[[nodiscard]] int score_of(const std::vector<held_rule>& held) noexcept;

[[nodiscard]] actors::verdict verdict_of(int score, bool watched) noexcept;

}  // namespace lazaret::analysis
